//! The `rate_limit` of an endpoint. Pure.

use std::time::{Duration, Instant};

use crate::config::Endpoint;

/// Spaces the requests to one endpoint. First attempts and retries count alike.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// `None` without a limit.
    interval: Option<Duration>,
    /// The earliest time of the next request.
    next: Option<Instant>,
    /// `true` if a lane waits for the next request.
    is_awaited: bool,
    /// `true` if the last request was from a failing lane.
    was_failing: bool,
}

impl Pace {
    /// Creates the pace of `endpoint`.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self { interval: endpoint.request_interval, ..Self::default() }
    }

    /// Updates the limit after `endpoint` has changed.
    pub(super) fn update(&mut self, endpoint: &Endpoint) {
        self.interval = endpoint.request_interval;
        if self.interval.is_none() {
            self.next = None;
        }
    }

    /// Returns `true` if a request may begin now. Otherwise records that a lane waits.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        self.is_awaited = self.next.is_some_and(|next| now < next);
        !self.is_awaited
    }

    /// Records that no lane waits.
    pub(super) const fn clear_waiting(&mut self) {
        self.is_awaited = false;
    }

    /// Records that a lane begins a request. `failing` is `true` for a failing lane.
    pub(super) fn begin(&mut self, now: Instant, failing: bool) {
        self.next = self.interval.map(|interval| now + interval);
        self.was_failing = failing;
    }

    /// Returns `true` if a failing lane goes first. With a limit, failing and healthy lanes alternate, so that neither kind
    /// starves the other.
    pub(super) const fn prefers_failing(&self) -> bool {
        self.interval.is_some() && !self.was_failing
    }

    /// Returns the time at which the waiting lane may begin, if a lane waits.
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
    fn requests_are_spaced_and_idle_time_does_not_allow_a_burst() {
        let interval = Duration::from_millis(100);
        let (mut pace, now) = (Pace { interval: Some(interval), ..Pace::default() }, Instant::now());
        assert!(pace.admits(now));
        pace.begin(now, false);
        assert_eq!(pace.due(), None, "no lane waits");
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
    fn lanes_take_turns_and_retries_get_their_share() {
        let limited = Endpoint { request_interval: Some(Duration::from_secs(1)), max_attempts: 100, ..endpoint(0) };
        let mut lanes = lanes(vec![limited, endpoint(1)], 8);
        for (seq, app) in (0..).zip(["failing", "b", "c", "d", "e"]) {
            push(&mut lanes, app, seq);
        }
        let (mut now, mut begun) = (Instant::now(), Vec::new());
        for _ in 0..7 {
            let attempts: Vec<_> = std::iter::from_fn(|| lanes.next(now)).collect();
            let (own, others): (Vec<_>, Vec<_>) = attempts.into_iter().partition(|attempt| place(attempt) == 0);
            assert_eq!(own.len(), 1, "one per second, independently of the other endpoint");
            for attempt in others {
                lanes.complete(attempt.lane, status(200).into(), now, 0.0);
            }
            let app = own[0].id.app.as_text().into_owned();
            let code = if app == "failing" { 500 } else { 200 };
            lanes.complete(own[0].lane, status(code).into(), now, 0.0);
            begun.push(app);
            now = lanes.next_due().unwrap();
        }
        assert_eq!(begun[..4], ["failing", "b", "failing", "c"], "its wait of 2 s is over");
        assert_eq!(begun.iter().filter(|app| *app == "failing").count(), 3);
    }

    #[test]
    fn a_lane_that_waits_for_a_request_sets_no_timer_while_its_endpoint_is_paused() {
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
