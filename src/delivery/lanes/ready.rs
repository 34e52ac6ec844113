//! The lanes of one endpoint that are due, and which of them may begin a request. Pure.

use std::collections::VecDeque;
use std::time::Instant;

use super::pace::Pace;
use super::{Entry, Ready};
use crate::config::Endpoint;

impl Ready {
    /// Nothing is due to `endpoint`.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self { pace: Pace::of(endpoint), ..Self::default() }
    }

    /// Where a lane waits for its turn.
    pub(super) const fn queue_of(&mut self, entry: &Entry) -> &mut VecDeque<usize> {
        match entry {
            Entry { redelivers: true, .. } => &mut self.redelivering,
            Entry { failing: true, .. } => &mut self.failing,
            Entry { failing: false, .. } => &mut self.healthy,
        }
    }

    /// Takes any lane that waits.
    pub(super) fn take_any(&mut self) -> Option<usize> {
        self.failing.pop_front().or_else(|| self.healthy.pop_front()).or_else(|| self.redelivering.pop_front())
    }

    /// Takes the lane whose turn it is, if a request may begin `now` and `may` gives it a worker; and whether it got that as a
    /// suspect.
    pub(super) fn take(&mut self, now: Instant, mut may: impl FnMut(bool) -> bool) -> Option<(usize, bool)> {
        let is_empty = self.healthy.is_empty() && self.failing.is_empty() && self.redelivering.is_empty();
        if self.gone.is_some() || self.paused.is_some() || is_empty {
            self.pace.rest();
            return None;
        }
        if !self.pace.admits(now) {
            return None;
        }
        let unproven = self.proven != Some(true);
        if self.pace.prefers_failing() && !self.failing.is_empty() && may(true) {
            return Some((self.failing.pop_front()?, true));
        }
        if !self.healthy.is_empty() && may(unproven) {
            return Some((self.healthy.pop_front()?, unproven));
        }
        if !self.failing.is_empty() && may(true) {
            return Some((self.failing.pop_front()?, true));
        }
        if self.healthy.is_empty() && self.failing.is_empty() && may(unproven) {
            return Some((self.redelivering.pop_front()?, unproven));
        }
        None
    }
}
