//! Paused endpoints. Their events wait, and their deadlines are extended by the length of the pause.

use std::time::Instant;

use super::{Lanes, Plan};
use crate::report::EndpointStates;

impl Lanes {
    /// Stops sending to endpoints that are paused or disabled in `states`, and resumes the others. Attempts under way continue.
    pub(crate) fn set_states(&mut self, states: EndpointStates, now: Instant) {
        self.states = states;
        self.apply_states(now);
    }

    pub(super) fn apply_states(&mut self, now: Instant) {
        self.apply_disabled(now);
        for (place, endpoint) in self.endpoints.iter().enumerate() {
            let ready = &mut self.ready[place];
            if self.states.paused.contains(endpoint.id.as_str()) {
                ready.paused.get_or_insert(now);
            } else if let Some(began) = ready.paused.take() {
                for entry in self.entries.iter_mut().filter(|entry| entry.endpoint == place) {
                    entry.lane.extend_deadlines(began, now);
                }
            }
        }
    }

    /// Takes the changes to report, with the places of their endpoints.
    pub(crate) fn take_transitions(&mut self) -> Vec<(usize, super::HealthTransition)> {
        std::mem::take(&mut self.transitions)
    }

    /// Returns `true` if all lanes are empty. Ignores the lanes of paused endpoints that have no attempt under way.
    pub(crate) fn is_done(&self) -> bool {
        self.entries.iter().all(|entry| {
            let paused = self.ready[entry.endpoint].paused.is_some() && !matches!(entry.plan, Plan::Running { .. });
            paused || entry.lane.snapshot().depth == 0
        })
    }
}
