//! The due lanes of one endpoint, and the choice of the one that sends next. Pure.

use std::collections::VecDeque;
use std::time::Instant;

use super::pace::Pace;
use super::{LaneEntry, Ready};
use crate::config::Endpoint;

impl Ready {
    /// Creates empty queues for `endpoint`.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self { pace: Pace::of(endpoint), ..Self::default() }
    }

    /// Returns the queue in which a lane waits.
    pub(super) const fn queue_of(&mut self, entry: &LaneEntry) -> &mut VecDeque<usize> {
        match entry {
            LaneEntry { redelivers: true, .. } => &mut self.redelivering,
            LaneEntry { failing: true, .. } => &mut self.failing,
            LaneEntry { failing: false, .. } => &mut self.healthy,
        }
    }

    /// Takes any waiting lane.
    pub(super) fn take_any(&mut self) -> Option<usize> {
        self.failing.pop_front().or_else(|| self.healthy.pop_front()).or_else(|| self.redelivering.pop_front())
    }

    /// Takes the next lane, if a request may begin at `now` and `acquire` returns a permit. Also returns `true` if the lane is
    /// a suspect.
    pub(super) fn take(&mut self, now: Instant, mut acquire: impl FnMut(bool) -> bool) -> Option<(usize, bool)> {
        let is_empty = self.healthy.is_empty() && self.failing.is_empty() && self.redelivering.is_empty();
        if self.closed.is_some() || self.paused.is_some() || is_empty {
            self.pace.clear_waiting();
            return None;
        }
        if !self.pace.admits(now) {
            return None;
        }
        let unproven = self.proven != Some(true);
        if self.pace.prefers_failing() && !self.failing.is_empty() && acquire(true) {
            return Some((self.failing.pop_front()?, true));
        }
        if !self.healthy.is_empty() && acquire(unproven) {
            return Some((self.healthy.pop_front()?, unproven));
        }
        if !self.failing.is_empty() && acquire(true) {
            return Some((self.failing.pop_front()?, true));
        }
        if self.healthy.is_empty() && self.failing.is_empty() && acquire(unproven) {
            return Some((self.redelivering.pop_front()?, unproven));
        }
        None
    }
}
