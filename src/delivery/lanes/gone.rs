//! What becomes of the events for an endpoint that has answered 410 Gone.

use std::time::Instant;

use super::super::retry::GONE;
use super::{Ending, Lanes, Passed, Plan};

impl Ending {
    /// Given up because the endpoint wants nothing more.
    pub(super) fn gone() -> Self {
        Self::Dropped { reason: GONE.to_owned() }
    }
}

impl Lanes {
    /// Sends nothing more to `endpoint`. Its lanes go on taking events, which are given up when they would be sent: an
    /// event that was accepted never disappears without a trace.
    pub(super) fn close(&mut self, endpoint: usize, now: Instant) {
        self.ready[endpoint].gone = true;
        self.health[endpoint].disabled_since = Some(now);
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
        loop {
            let mut gone = self.ready.iter_mut().filter(|ready| ready.gone);
            let lane = gone.find_map(|ready| ready.failing.pop_front().or_else(|| ready.healthy.pop_front()))?;
            let made = self.entries[lane].lane.attempts();
            let started = self.start(lane, now);
            self.entries[lane].plan = Plan::Nothing;
            let passed = started.and_then(|_| self.finish(lane, made, Ending::gone()));
            self.plan(lane);
            if passed.is_some() {
                return passed;
            }
        }
    }
}
