//! What becomes of the events for an endpoint that has answered 410 Gone, or was taken out of the configuration.

use std::time::Instant;

use super::super::retry::GONE;
use super::{Ending, Lanes, Passed, Plan, Ready};

impl Ending {
    /// Given up because nothing more is sent to the endpoint.
    pub(super) fn gone(why: &str) -> Self {
        Self::Dropped { reason: why.to_owned() }
    }
}

impl Lanes {
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
            let next = |ready: &mut Ready| ready.failing.pop_front().or_else(|| ready.healthy.pop_front());
            let Some((why, lane)) = gone.find_map(|(why, ready)| Some((why, next(ready)?))) else {
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

    /// Whether [`Lanes::next_unsent`] may have something.
    pub(crate) const fn has_unsent(&self) -> bool {
        self.unsent
    }
}
