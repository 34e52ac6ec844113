//! What becomes of the events for an endpoint that has answered 410 Gone, or was taken out of the configuration.
//!
//! A 410 disables the endpoint on all nodes until it is resumed or its URL changes. The node that gets the 410 reports it to
//! Redis; every node follows what Redis has.

use std::collections::BTreeMap;
use std::time::Instant;

use super::super::retry::GONE;
use super::{Ending, Lanes, Passed, Plan};
use crate::config::Endpoint;

impl Ending {
    /// Given up because nothing more is sent to the endpoint.
    pub(super) fn gone(why: &str) -> Self {
        Self::Dropped { reason: why.to_owned() }
    }
}

impl Lanes {
    /// Disables an endpoint that has answered 410.
    pub(super) fn disable(&mut self, endpoint: usize, now: Instant) {
        self.close(endpoint, GONE, now);
        let Endpoint { id, target, .. } = &self.endpoints[endpoint];
        self.unreported.insert(id.to_string(), Some(target.to_string()));
    }

    /// Sends again to the endpoint at `place`, which was changed or is back: it has not answered 410 as it is now.
    pub(super) fn reopen(&mut self, place: usize) {
        let id = self.endpoints[place].id.as_str();
        if self.health[place].disabled_since.is_some() || self.states.disabled.contains_key(id) {
            self.unreported.insert(id.to_owned(), None);
        }
        self.ready[place].gone = None;
        self.health[place].disabled_since = None;
    }

    /// The changes that Redis does not have yet.
    pub(crate) fn unreported(&self) -> BTreeMap<String, Option<String>> {
        self.unreported.clone()
    }

    /// Follows what Redis has, apart from changes that it does not have yet.
    pub(super) fn apply_disabled(&mut self, now: Instant) {
        let Self { unreported, states, .. } = self;
        unreported.retain(|id, url| states.disabled.get(id) != url.as_ref());
        for place in 0..self.endpoints.len() {
            let Endpoint { id, target, .. } = &self.endpoints[place];
            if self.is_removed(place) || self.unreported.contains_key(id.as_str()) {
                continue;
            }
            // The 410 was the answer of that URL.
            let is_disabled = self.states.disabled.get(id.as_str()).is_some_and(|url| *url == target.to_string());
            match (is_disabled, self.ready[place].gone) {
                (true, None) => self.close(place, GONE, now),
                (false, Some(GONE)) => {
                    self.ready[place].gone = None;
                    self.health[place].disabled_since = None;
                }
                _ => {}
            }
        }
    }

    /// Sends nothing more to `endpoint`. Its lanes go on taking events, which are given up when they would be sent: an
    /// event that was accepted never disappears without a trace.
    pub(super) fn close(&mut self, endpoint: usize, why: &'static str, now: Instant) {
        self.ready[endpoint].gone = Some(why);
        self.unsent = true;
        if why == GONE {
            self.health[endpoint].disabled_since = Some(now);
        }
        for lane in 0..self.entries.len() {
            if self.entries[lane].endpoint == endpoint {
                self.entries[lane].lane.hurry(now);
                self.plan(lane);
            }
        }
    }

    /// The next batch that is given up unsent, because its endpoint is gone.
    pub(crate) fn next_unsent(&mut self, now: Instant) -> Option<Passed> {
        self.ring(now);
        while self.unsent {
            let mut gone = self.ready.iter_mut().filter_map(|ready| Some((ready.gone?, ready)));
            let Some((why, lane)) = gone.find_map(|(why, ready)| Some((why, ready.take_any()?))) else {
                self.unsent = false;
                break;
            };
            let made = self.entries[lane].lane.attempts();
            let started = self.start(lane, now);
            self.entries[lane].plan = Plan::Nothing;
            let passed = started.and_then(|_| self.finish(lane, made, Ending::gone(why)));
            self.plan(lane);
            if passed.is_some() {
                return passed;
            }
        }
        None
    }

    /// Whether [`Lanes::next_unsent`] or [`Lanes::take_withdrawn`] may have something.
    pub(crate) const fn has_unsent(&self) -> bool {
        self.unsent || !self.withdrawn.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{endpoint, lanes, push, status};
    use super::*;
    use crate::delivery::Left;
    use crate::report::EndpointStates;
    use crate::report::{EndpointState, WallClock};

    const URL: &str = "http://localhost/";

    fn told(lanes: &mut Lanes, disabled: &[(&str, &str)]) {
        let disabled = disabled.iter().map(|(id, url)| ((*id).to_owned(), (*url).to_owned())).collect();
        lanes.set_states(EndpointStates { disabled, ..EndpointStates::default() }, Instant::now());
    }

    fn is_disabled(lanes: &Lanes) -> bool {
        let status = lanes.status(WallClock { at: Instant::now(), unix_ms: 1 });
        status.endpoints[0].state == EndpointState::Disabled
    }

    /// The endpoint answers its next request with 410.
    fn say_gone(lanes: &mut Lanes, seq: u64) {
        push(lanes, "a", seq);
        let job = lanes.next(Instant::now()).unwrap();
        lanes.settle(job.lane, status(410), Duration::ZERO, Instant::now(), 0.0);
    }

    #[test]
    fn a_410_is_reported_until_redis_has_it_and_ends_when_redis_has_it_no_more() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        say_gone(&mut lanes, 0);
        let told_so = BTreeMap::from([("0".to_owned(), Some(URL.to_owned()))]);
        assert_eq!(lanes.unreported(), told_so);
        told(&mut lanes, &[]);
        assert!(is_disabled(&lanes), "Redis does not have it yet");
        assert_eq!(lanes.unreported(), told_so);
        told(&mut lanes, &[("0", URL)]);
        assert!(is_disabled(&lanes) && lanes.unreported().is_empty());
        told(&mut lanes, &[]);
        assert!(!is_disabled(&lanes), "somebody has resumed it");
        push(&mut lanes, "a", 1);
        assert!(lanes.next(Instant::now()).is_some());
    }

    #[test]
    fn what_another_node_got_counts_unless_it_was_of_another_url() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        told(&mut lanes, &[("0", "http://elsewhere/")]);
        assert!(!is_disabled(&lanes));
        told(&mut lanes, &[("0", URL)]);
        push(&mut lanes, "a", 0);
        assert!(is_disabled(&lanes) && lanes.next(Instant::now()).is_none());
        assert!(lanes.next_unsent(Instant::now()).is_some());
    }

    #[test]
    fn an_endpoint_that_is_changed_is_not_disabled_any_more_on_any_node() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        say_gone(&mut lanes, 0);
        told(&mut lanes, &[("0", URL)]);
        lanes.set_endpoints(vec![endpoint(0)], Instant::now());
        assert!(is_disabled(&lanes), "it is the same");
        lanes.set_endpoints(vec![Endpoint { max_attempts: 7, ..endpoint(0) }], Instant::now());
        assert!(!is_disabled(&lanes));
        told(&mut lanes, &[("0", URL)]);
        assert!(!is_disabled(&lanes), "the cluster has not heard of it");
        assert_eq!(lanes.unreported(), BTreeMap::from([("0".to_owned(), None)]));
        told(&mut lanes, &[]);
        assert!(lanes.unreported().is_empty());
        say_gone(&mut lanes, 1);
        assert!(is_disabled(&lanes));
    }

    #[test]
    fn the_events_for_an_endpoint_that_is_gone_are_given_up_at_the_pace_of_batches() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        push(&mut lanes, "a", 0);
        let job = lanes.next(Instant::now()).unwrap();
        lanes.settle(job.lane, status(410), Duration::ZERO, Instant::now(), 0.0);
        lanes.set_flushing(false);
        for seq in 1..=3 {
            push(&mut lanes, "a", seq);
        }
        assert!(lanes.next_unsent(Instant::now()).is_none());
        let due = lanes.next_due().unwrap();
        assert_eq!(lanes.next_unsent(due).unwrap().batch.events().len(), 3);
        assert_eq!(lanes.left(), Left::default());
    }
}
