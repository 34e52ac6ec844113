//! Closed endpoints: endpoints that have answered 410 Gone, and endpoints removed from the configuration.
//!
//! A 410 disables an endpoint on all nodes until it is resumed or its URL changes. The node that receives the 410 writes the
//! state to Redis, and every node follows Redis.

use std::collections::BTreeMap;
use std::time::Instant;

use super::super::retry::HTTP_GONE;
use super::{FinishedBatch, HealthTransition, Lanes, Plan};
use crate::config::Endpoint;
use crate::outbox::BatchOutcome;

impl Lanes {
    /// Disables an endpoint that has answered 410.
    pub(super) fn disable(&mut self, endpoint: usize, now: Instant) {
        self.close(endpoint, HTTP_GONE, now);
        self.transitions.push((endpoint, HealthTransition::Disabled));
        let Endpoint { id, target, .. } = &self.endpoints[endpoint];
        self.unreported.insert(id.to_string(), Some(target.to_string()));
    }

    /// Opens the endpoint at `place` after it was changed or added again. The changed endpoint has not answered 410.
    pub(super) fn reopen(&mut self, place: usize) {
        let id = self.endpoints[place].id.as_str();
        if self.health[place].disabled_since.is_some() || self.states.disabled.contains_key(id) {
            self.unreported.insert(id.to_owned(), None);
        }
        self.ready[place].closed = None;
        self.health[place].disabled_since = None;
    }

    /// Returns the disabled and enabled endpoints that are not in Redis yet.
    pub(crate) fn unreported(&self) -> BTreeMap<String, Option<String>> {
        self.unreported.clone()
    }

    /// Applies the state in Redis, except where this node has made a change that is not in Redis yet.
    pub(super) fn apply_disabled(&mut self, now: Instant) {
        let Self { unreported, states, .. } = self;
        unreported.retain(|id, url| states.disabled.get(id) != url.as_ref());
        for place in 0..self.endpoints.len() {
            let Endpoint { id, target, .. } = &self.endpoints[place];
            if self.is_removed(place) || self.unreported.contains_key(id.as_str()) {
                continue;
            }
            // Only the URL that answered 410 is disabled.
            let is_disabled = self.states.disabled.get(id.as_str()).is_some_and(|url| *url == target.to_string());
            match (is_disabled, self.ready[place].closed) {
                (true, None) => self.close(place, HTTP_GONE, now),
                (false, Some(HTTP_GONE)) => {
                    self.ready[place].closed = None;
                    self.health[place].disabled_since = None;
                }
                _ => {}
            }
        }
    }

    /// Stops sending to `endpoint`. Its lanes still accept events and drop them when they are due, so that each becomes a dead
    /// letter.
    pub(super) fn close(&mut self, endpoint: usize, why: &'static str, now: Instant) {
        self.ready[endpoint].closed = Some(why);
        self.undeliverable = true;
        if why == HTTP_GONE {
            self.health[endpoint].disabled_since = Some(now);
        }
        for lane in 0..self.entries.len() {
            if self.entries[lane].endpoint == endpoint {
                self.entries[lane].lane.make_due(now);
                self.plan(lane);
            }
        }
    }

    /// Drops the next due batch of a closed endpoint.
    pub(crate) fn next_undeliverable(&mut self, now: Instant) -> Option<FinishedBatch> {
        self.fire_timers(now);
        while self.undeliverable {
            let mut closed = self.ready.iter_mut().filter_map(|ready| Some((ready.closed?, ready)));
            let Some((why, lane)) = closed.find_map(|(why, ready)| Some((why, ready.take_any()?))) else {
                self.undeliverable = false;
                break;
            };
            let made = self.entries[lane].lane.attempts();
            let started = self.start(lane, now);
            self.entries[lane].plan = Plan::Nothing;
            let finished = started.and_then(|_| self.finish(lane, made, BatchOutcome::dropped(why)));
            self.plan(lane);
            if finished.is_some() {
                return finished;
            }
        }
        None
    }

    /// Returns `true` if [`Lanes::next_undeliverable`] or [`Lanes::take_withdrawn`] may return something.
    pub(crate) const fn has_undeliverable(&self) -> bool {
        self.undeliverable || !self.withdrawn.is_empty()
    }
}

#[cfg(test)]
mod tests {

    use super::super::tests::{endpoint, lanes, push, status};
    use super::*;
    use crate::delivery::Undelivered;
    use crate::report::EndpointStates;
    use crate::report::{EndpointState, WallClock};

    const URL: &str = "http://localhost/";

    fn follow(lanes: &mut Lanes, disabled: &[(&str, &str)]) {
        let disabled = disabled.iter().map(|(id, url)| ((*id).to_owned(), (*url).to_owned())).collect();
        lanes.set_states(EndpointStates { disabled, ..EndpointStates::default() }, Instant::now());
    }

    fn is_disabled(lanes: &Lanes) -> bool {
        let status = lanes.status(WallClock { at: Instant::now(), unix_ms: 1 });
        status.endpoints[0].state == EndpointState::Disabled
    }

    /// Makes the endpoint answer its next request with 410.
    fn answer_410(lanes: &mut Lanes, seq: u64) {
        push(lanes, "a", seq);
        let attempt = lanes.next(Instant::now()).unwrap();
        lanes.complete(attempt.lane, status(410).into(), Instant::now(), 0.0);
    }

    #[test]
    fn a_410_is_reported_until_it_is_in_redis_and_ends_when_redis_drops_it() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        answer_410(&mut lanes, 0);
        let disabled = BTreeMap::from([("0".to_owned(), Some(URL.to_owned()))]);
        assert_eq!(lanes.unreported(), disabled);
        follow(&mut lanes, &[]);
        assert!(is_disabled(&lanes), "it is not in Redis yet");
        assert_eq!(lanes.unreported(), disabled);
        follow(&mut lanes, &[("0", URL)]);
        assert!(is_disabled(&lanes) && lanes.unreported().is_empty());
        follow(&mut lanes, &[]);
        assert!(!is_disabled(&lanes), "an operator has resumed it");
        push(&mut lanes, "a", 1);
        assert!(lanes.next(Instant::now()).is_some());
    }

    #[test]
    fn a_410_received_by_another_node_applies_only_to_the_same_url() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        follow(&mut lanes, &[("0", "http://elsewhere/")]);
        assert!(!is_disabled(&lanes));
        follow(&mut lanes, &[("0", URL)]);
        push(&mut lanes, "a", 0);
        assert!(is_disabled(&lanes) && lanes.next(Instant::now()).is_none());
        assert!(lanes.next_undeliverable(Instant::now()).is_some());
    }

    #[test]
    fn changing_an_endpoint_enables_it_on_every_node() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        answer_410(&mut lanes, 0);
        follow(&mut lanes, &[("0", URL)]);
        lanes.set_endpoints(vec![endpoint(0)], Instant::now());
        assert!(is_disabled(&lanes), "the endpoint has not changed");
        lanes.set_endpoints(vec![Endpoint { max_attempts: 7, ..endpoint(0) }], Instant::now());
        assert!(!is_disabled(&lanes));
        follow(&mut lanes, &[("0", URL)]);
        assert!(!is_disabled(&lanes), "the change is not in Redis yet");
        assert_eq!(lanes.unreported(), BTreeMap::from([("0".to_owned(), None)]));
        follow(&mut lanes, &[]);
        assert!(lanes.unreported().is_empty());
        answer_410(&mut lanes, 1);
        assert!(is_disabled(&lanes));
    }

    #[test]
    fn a_changed_endpoint_is_reported_as_enabled_only_if_redis_has_it_as_disabled() {
        let changed = || vec![Endpoint { max_attempts: 7, ..endpoint(0) }];
        let mut here = lanes(vec![endpoint(0)], 8);
        answer_410(&mut here, 0);
        here.set_endpoints(changed(), Instant::now());
        let mut elsewhere = lanes(vec![endpoint(0)], 8);
        follow(&mut elsewhere, &[("0", "http://elsewhere/")]);
        elsewhere.set_endpoints(changed(), Instant::now());
        let mut open = lanes(vec![endpoint(0)], 8);
        open.set_endpoints(changed(), Instant::now());
        let enabled = BTreeMap::from([("0".to_owned(), None)]);
        let reported = [here, elsewhere, open].map(|lanes| lanes.unreported());
        assert_eq!(reported, [BTreeMap::new(), enabled, BTreeMap::new()], "Redis knows only of the second");
    }

    #[test]
    fn the_events_of_a_disabled_endpoint_are_dropped_batch_by_batch() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        assert!(!lanes.has_undeliverable());
        push(&mut lanes, "a", 0);
        let attempt = lanes.next(Instant::now()).unwrap();
        lanes.complete(attempt.lane, status(410).into(), Instant::now(), 0.0);
        lanes.set_flushing(false);
        for seq in 1..=3 {
            push(&mut lanes, "a", seq);
        }
        assert!(lanes.has_undeliverable());
        assert!(lanes.next_undeliverable(Instant::now()).is_none());
        assert!(!lanes.has_undeliverable(), "nothing is due");
        let due = lanes.next_due().unwrap();
        assert_eq!(lanes.next_undeliverable(due).unwrap().batch.events.len(), 3);
        assert_eq!(lanes.undelivered(), Undelivered::default());
    }
}
