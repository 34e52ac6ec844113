//! Paused endpoints: their events wait, and their deadlines are extended by the pause.

use std::time::Instant;

use super::{Lanes, Plan};
use crate::report::EndpointStates;

/// A pause that lasts.
#[derive(Debug)]
pub(super) struct Pause {
    /// When this node learned of it.
    pub(super) began: Instant,
}

impl Lanes {
    /// Stops sending to endpoints that are paused or disabled, and resumes the others. Attempts under way continue.
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
                    entry.lane.extend_deadlines(began, now);
                }
            }
        }
    }

    /// Takes the changes to report, by the places of their endpoints.
    pub(crate) fn take_transitions(&mut self) -> Vec<(usize, super::HealthTransition)> {
        std::mem::take(&mut self.transitions)
    }

    /// Returns whether all lanes are empty, except for those of paused endpoints without an attempt under way.
    pub(crate) fn is_done(&self) -> bool {
        self.entries.iter().all(|entry| {
            let paused = self.ready[entry.endpoint].paused.is_some() && !matches!(entry.plan, Plan::Running { .. });
            paused || entry.lane.snapshot().depth == 0
        })
    }
}
