//! What becomes of the events for an endpoint that somebody has paused: they wait, and nothing of theirs runs out.

use std::time::Instant;

use super::{Lanes, Plan};
use crate::report::EndpointStates;

/// A pause that is on.
#[derive(Debug)]
pub(super) struct Pause {
    /// When this node heard of it.
    pub(super) began: Instant,
}

impl Lanes {
    /// Sends nothing more to endpoints that are paused or disabled, and to the others again. What is under way goes on.
    pub(crate) fn set_states(&mut self, states: EndpointStates, now: Instant) {
        self.states = states;
        self.apply_states(now);
    }

    pub(super) fn apply_states(&mut self, now: Instant) {
        self.apply_disabled(now);
        for (place, endpoint) in self.endpoints.iter().enumerate() {
            let ready = &mut self.ready[place];
            if self.states.paused.contains(endpoint.id.as_str()) {
                ready.paused.get_or_insert(Pause { began: now });
            } else if let Some(Pause { began }) = ready.paused.take() {
                for entry in self.entries.iter_mut().filter(|entry| entry.endpoint == place) {
                    entry.lane.excuse(began, now);
                }
            }
        }
    }

    /// Takes what is to be told of endpoints, by their place in the list.
    pub(crate) fn take_news(&mut self) -> Vec<(usize, super::News)> {
        std::mem::take(&mut self.news)
    }

    /// Whether nothing is left to wait for: what endpoints have that are paused goes out when it may.
    pub(crate) fn is_done(&self) -> bool {
        self.entries.iter().all(|entry| {
            let paused = self.ready[entry.endpoint].paused.is_some() && !matches!(entry.plan, Plan::Running { .. });
            paused || entry.lane.glance().depth == 0
        })
    }
}
