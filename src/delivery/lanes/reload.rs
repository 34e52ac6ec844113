//! Replaces the list of endpoints at run time.
//!
//! An endpoint with the same id is the same endpoint: it keeps its lanes, their events and batches, and its health, even if
//! its other settings have changed. An endpoint that is no longer in the list is closed. Once nothing waits for it, the next
//! reload frees its place and the places of its lanes, so that memory does not grow with the number of reloads.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use super::{LaneEntry, Lanes, Plan, Ready};
use crate::config::{Endpoint, EndpointId};
use crate::delivery::health::Health;
use crate::delivery::lane::Lane;
use crate::outbox::LaneId;
use crate::telemetry::UNCONFIGURED;

/// Unused places.
#[derive(Debug, Default)]
pub(super) struct FreePlaces {
    endpoints: BTreeSet<usize>,
    lanes: Vec<usize>,
}

impl Lanes {
    /// Returns the place of a lane. Adds the lane in a free place if it does not exist.
    pub(super) fn get_or_add_lane(&mut self, id: LaneId, endpoint: usize, redelivers: bool) -> usize {
        let key = (id, redelivers);
        if let Some(&lane) = self.places.get(&key) {
            return lane;
        }
        let Endpoint { batching, payload, .. } = &self.endpoints[endpoint];
        let (id, of_entry) = (key.0.clone(), Lane::new(*batching, *payload));
        let entry = LaneEntry { id, endpoint, lane: of_entry, redelivers, failing: false, plan: Plan::Nothing };
        let lane = if let Some(place) = self.free.lanes.pop() {
            self.entries[place] = entry;
            place
        } else {
            self.entries.push(entry);
            self.entries.len() - 1
        };
        self.places.insert(key, lane);
        lane
    }

    /// Replaces the endpoints. A frozen batch does not change, even if it now goes to another URL.
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
                self.update(place, endpoint);
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
        self.free_places(removed.into_iter().filter(|place| !kept[*place]).collect());
        self.permits.set_endpoints(count, self.endpoints.len());
        self.paced = super::paced(&self.endpoints);
        // The next event of each application rebuilds them.
        self.routes.clear();
        self.apply_states(now);
    }

    /// Frees the places of the given endpoints if none of their lanes has a plan, and the places of those lanes.
    fn free_places(&mut self, mut places: BTreeSet<usize>) {
        for entry in &self.entries {
            // A lane with events always has a plan.
            if entry.plan != Plan::Nothing {
                places.remove(&entry.endpoint);
            }
        }
        for (lane, entry) in self.entries.iter_mut().enumerate() {
            let key = (entry.id.clone(), entry.redelivers);
            // A free place may still have the id of a lane that now has another place.
            if places.contains(&entry.endpoint) && self.places.get(&key) == Some(&lane) {
                self.places.remove(&key);
                let Endpoint { batching, payload, .. } = &self.endpoints[entry.endpoint];
                entry.lane = Lane::new(*batching, *payload);
                self.free.lanes.push(lane);
            }
        }
        self.free.endpoints.append(&mut places);
    }

    /// Returns `true` if the endpoint was removed from the list.
    pub(super) fn is_removed(&self, place: usize) -> bool {
        self.ready[place].closed == Some(UNCONFIGURED)
    }

    /// Replaces the endpoint at `place`. Opens it if it was changed or added again.
    fn update(&mut self, place: usize, endpoint: Endpoint) {
        if self.endpoints[place] == endpoint && !self.is_removed(place) {
            return;
        }
        self.reopen(place);
        self.ready[place].pace.update(&endpoint);
        let Endpoint { batching, payload, .. } = endpoint;
        self.endpoints[place] = endpoint;
        for lane in 0..self.entries.len() {
            if self.entries[lane].endpoint == place {
                self.entries[lane].lane.set_limits(batching, payload);
                self.plan(lane);
            }
        }
    }
}
