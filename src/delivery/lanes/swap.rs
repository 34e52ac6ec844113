//! Another list of endpoints, while everything goes on.
//!
//! An endpoint is the same one as before when its id is: its lanes, what waits in them, the batch that is backing off and
//! what is known of it stay, whatever else has changed. One that is not in the list any more gets nothing more.

use std::collections::HashMap;
use std::time::Instant;

use super::{Lanes, Ready};
use crate::config::{Endpoint, EndpointId};
use crate::delivery::health::Health;
use crate::telemetry::UNCONFIGURED;

impl Lanes {
    /// Goes by `endpoints` from now on. A batch that was frozen stays as it is, wherever it is sent now.
    pub(crate) fn set_endpoints(&mut self, endpoints: Vec<Endpoint>, now: Instant) {
        let known: HashMap<EndpointId, usize> =
            self.endpoints.iter().enumerate().map(|(place, endpoint)| (endpoint.id.clone(), place)).collect();
        let mut kept = vec![false; self.endpoints.len()];
        let count = endpoints.len();
        for endpoint in endpoints {
            if let Some(&place) = known.get(&endpoint.id) {
                kept[place] = true;
                self.renew(place, endpoint);
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
        self.slots.set_endpoints(count, self.endpoints.len());
        self.paced = super::paced(&self.endpoints);
        // They are made anew when their applications are seen again.
        self.routes.clear();
        self.apply_states(now);
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
