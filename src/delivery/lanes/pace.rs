//! The `rate_limit` of an endpoint. Pure.

use std::time::{Duration, Instant};

use crate::config::Endpoint;

/// Spaces the requests of one endpoint, first attempts and retries alike.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// `None` without a limit.
    interval: Option<Duration>,
    /// When the next request may begin.
    next: Option<Instant>,
    /// A lane waits for the next request.
    is_awaited: bool,
    /// The last request was of a failing lane.
    was_failing: bool,
}

impl Pace {
    /// The pace of `endpoint`.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self { interval: endpoint.request_interval, ..Self::default() }
    }

    /// Takes over the limit of the changed `endpoint`.
    pub(super) fn update(&mut self, endpoint: &Endpoint) {
        self.interval = endpoint.request_interval;
        if self.interval.is_none() {
            self.next = None;
        }
    }

    /// Returns whether a request may begin now. If not, records that a lane waits.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        self.is_awaited = self.next.is_some_and(|next| now < next);
        !self.is_awaited
    }

    /// Records that no lane waits.
    pub(super) const fn clear_waiting(&mut self) {
        self.is_awaited = false;
    }

    /// Records that a request begins, of a `failing` lane or another one.
    pub(super) fn begin(&mut self, now: Instant, failing: bool) {
        self.next = self.interval.map(|interval| now + interval);
        self.was_failing = failing;
    }

    /// Returns whether a failing lane goes first. Under a limit the two kinds alternate, so that neither starves the other.
    pub(super) const fn prefers_failing(&self) -> bool {
        self.interval.is_some() && !self.was_failing
    }

    /// When the waiting lane may begin.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next.filter(|_| self.is_awaited)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, lanes, place, push, status};
    use super::*;
    use crate::report::EndpointStates;

    #[test]
    fn requests_keep_their_distance_and_an_idle_time_earns_no_burst() {
        let interval = Duration::from_millis(100);
        let (mut pace, now) = (Pace { interval: Some(interval), ..Pace::default() }, Instant::now());
        assert!(pace.admits(now));
        pace.begin(now, false);
        assert_eq!(pace.due(), None, "nobody waits");
        assert!(!pace.admits(now + interval / 2));
        assert_eq!(pace.due(), Some(now + interval));
        let later = now + 100 * interval;
        assert!(pace.admits(later));
        pace.begin(later, false);
        assert!(!pace.admits(later));
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.begin(now, false);
        assert!(pace.admits(now) && !pace.prefers_failing());
    }

    #[test]
    fn a_lane_waits_for_its_turn_and_a_retry_has_its_share() {
        let limited = Endpoint { request_interval: Some(Duration::from_secs(1)), max_attempts: 100, ..endpoint(0) };
        let mut lanes = lanes(vec![limited, endpoint(1)], 8);
        for (seq, app) in (0..).zip(["failing", "b", "c", "d", "e"]) {
            push(&mut lanes, app, seq);
        }
        let (mut now, mut begun) = (Instant::now(), Vec::new());
        for _ in 0..7 {
            let attempts: Vec<_> = std::iter::from_fn(|| lanes.next(now)).collect();
            let (own, others): (Vec<_>, Vec<_>) = attempts.into_iter().partition(|attempt| place(attempt) == 0);
            assert_eq!(own.len(), 1, "one a second, whatever the other endpoint gets");
            for attempt in others {
                lanes.complete(attempt.lane, status(200), Duration::ZERO, now, 0.0);
            }
            let app = own[0].id.app.as_text().into_owned();
            let code = if app == "failing" { 500 } else { 200 };
            lanes.complete(own[0].lane, status(code), Duration::ZERO, now, 0.0);
            begun.push(app);
            now = lanes.next_due().unwrap();
        }
        assert_eq!(begun[..4], ["failing", "b", "failing", "c"], "its wait of two seconds is over");
        assert_eq!(begun.iter().filter(|app| *app == "failing").count(), 3);
    }

    #[test]
    fn what_waits_for_a_request_wakes_nobody_while_its_endpoint_is_paused() {
        let mut lanes = lanes(vec![Endpoint { request_interval: Some(Duration::from_secs(1)), ..endpoint(0) }], 8);
        push(&mut lanes, "a", 0);
        push(&mut lanes, "b", 1);
        let now = Instant::now();
        assert!(lanes.next(now).is_some() && lanes.next(now).is_none());
        assert_eq!(lanes.next_due(), Some(now + Duration::from_secs(1)));
        let paused = ["0".to_owned()].into();
        lanes.set_states(EndpointStates { paused, ..EndpointStates::default() }, now);
        assert!(lanes.next(now).is_none());
        assert_eq!(lanes.next_due(), None);
    }
}
