//! Another list of endpoints, while everything goes on.
//!
//! An endpoint is the same one as before when its id is: its lanes, what waits in them, the batch that is backing off and
//! what is known of it stay, whatever else has changed. One that is not in the list any more gets nothing more, and when
//! nothing of it waits, with the next list, others get its place and those of its lanes: memory does not grow with the lists.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use super::{Entry, Lanes, Plan, Ready};
use crate::config::{Endpoint, EndpointId};
use crate::delivery::health::Health;
use crate::delivery::lane::Lane;
use crate::telemetry::UNCONFIGURED;

/// Places that nothing uses any more. Nobody else knows their numbers.
#[derive(Debug, Default)]
pub(super) struct Free {
    endpoints: BTreeSet<usize>,
    lanes: Vec<usize>,
}

impl Free {
    /// Puts a lane where one was freed, or else behind all others. Returns its place.
    pub(super) fn put_lane(&mut self, entries: &mut Vec<Entry>, entry: Entry) -> usize {
        if let Some(place) = self.lanes.pop() {
            entries[place] = entry;
            return place;
        }
        entries.push(entry);
        entries.len() - 1
    }
}

impl Lanes {
    /// Goes by `endpoints` from now on. A batch that was frozen stays as it is, wherever it is sent now.
    pub(crate) fn set_endpoints(&mut self, endpoints: Vec<Endpoint>, now: Instant) {
        let known: HashMap<EndpointId, usize> = self
            .endpoints
            .iter()
            .enumerate()
            .filter(|(place, _)| !self.free.endpoints.contains(place))
            .map(|(place, endpoint)| (endpoint.id.clone(), place))
            .collect();
        let mut kept = vec![false; self.endpoints.len()];
        let removed: Vec<usize> = known.values().copied().filter(|place| self.is_removed(*place)).collect();
        let count = endpoints.len();
        for endpoint in endpoints {
            if let Some(&place) = known.get(&endpoint.id) {
                kept[place] = true;
                self.renew(place, endpoint);
            } else if let Some(place) = self.free.endpoints.pop_first() {
                kept[place] = true;
                (self.ready[place], self.health[place]) = (Ready::of(&endpoint), Health::default());
                self.endpoints[place] = endpoint;
            } else {
                self.ready.push(Ready::of(&endpoint));
                self.endpoints.push(endpoint);
                self.health.push(Health::default());
            }
        }
        for place in (0..kept.len()).filter(|place| !kept[*place]) {
            if !self.is_removed(place) {
                self.close(place, UNCONFIGURED, now);
            }
        }
        self.set_free(removed.into_iter().filter(|place| !kept[*place]).collect());
        self.slots.set_endpoints(count, self.endpoints.len());
        self.paced = super::paced(&self.endpoints);
        // They are made anew when their applications are seen again.
        self.routes.clear();
        self.apply_states(now);
    }

    /// Frees the places of those of the endpoints of which nothing waits or is under way, and those of their lanes.
    fn set_free(&mut self, mut places: BTreeSet<usize>) {
        for entry in &self.entries {
            if entry.plan != Plan::Nothing || entry.lane.glance().depth > 0 {
                places.remove(&entry.endpoint);
            }
        }
        for (lane, entry) in self.entries.iter_mut().enumerate() {
            let of_kind = if entry.redelivers { &mut self.redelivering } else { &mut self.places };
            // A place that was freed before may still name a lane that has another place now.
            if places.contains(&entry.endpoint) && of_kind.get(&entry.id) == Some(&lane) {
                of_kind.remove(&entry.id);
                entry.lane = Lane::new(self.limits);
                self.free.lanes.push(lane);
            }
        }
        self.free.endpoints.append(&mut places);
    }

    /// Whether the endpoint is not in the list any more.
    pub(super) fn is_removed(&self, place: usize) -> bool {
        self.ready[place].gone == Some(UNCONFIGURED)
    }

    /// The endpoint at `place` is this one now. One that was changed, or is back, may be sent to again.
    fn renew(&mut self, place: usize, endpoint: Endpoint) {
        if self.endpoints[place] == endpoint && !self.is_removed(place) {
            return;
        }
        self.reopen(place);
        self.ready[place].pace.renew(&endpoint);
        let limits = self.limits.of(&endpoint);
        self.endpoints[place] = endpoint;
        for lane in 0..self.entries.len() {
            if self.entries[lane].endpoint == place {
                self.entries[lane].lane.set_limits(limits);
                self.plan(lane);
            }
        }
    }
}
