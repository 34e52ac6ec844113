//! What a node does about holds that Redis has lost: all of them after a loss that was noticed, and a page now and then for
//! those that nobody noticed, as when a single key was deleted.

use std::time::{Duration, Instant};

use super::{Claimer, Stuck, call};
use crate::telemetry::Level;

/// Holds per call when they are put back.
const REASSERT_PORTION: usize = 500;

/// The parts into which the holds are divided, one of which is compared at a time.
const PAGES: usize = 10;

/// How far the comparison of holds with Redis has come.
#[derive(Debug)]
pub(super) struct Comparison {
    every: Duration,
    due_at: Option<Instant>,
    cursor: usize,
}

impl Comparison {
    /// A comparison of one page in `every`.
    pub(super) const fn new(every: Duration) -> Self {
        Self { every, due_at: None, cursor: 0 }
    }

    /// Whether a page is to be compared at `now`; the first one is after a while.
    fn begins(&mut self, now: Instant) -> bool {
        let is_due = self.due_at.is_some_and(|at| at <= now);
        if is_due || self.due_at.is_none() {
            self.due_at = now.checked_add(self.every);
        }
        is_due
    }
}

impl Claimer {
    pub(super) fn put_holds_back(&mut self, now: Instant) -> Result<(), Stuck> {
        if !self.session.must_put_holds_back() {
            return Ok(());
        }
        // What was told so lately may have waited for its announcement when it was lost.
        let since = now.checked_sub(self.keys.lease() + self.keys.count_interval()).unwrap_or(now);
        let (holds, answered) = self.ledger.lock().acknowledged(since);
        let (session, keys) = (&self.session, &self.keys);
        let epoch = session.epoch().unwrap_or_default();
        let (portion, settle) = (REASSERT_PORTION, session.settle_time());
        while !call(&mut self.link, |redis| keys.forget(redis, session.node(), epoch, answered, portion, settle))?? {}
        for portion in holds.chunks(REASSERT_PORTION) {
            call(&mut self.link, |redis| keys.reassert(redis, session.node(), epoch, answered, portion.iter()))??;
        }
        let leavings = self.grace.leavings();
        for portion in leavings.chunks(REASSERT_PORTION) {
            call(&mut self.link, |redis| {
                keys.put_leavings_back(redis, session.node(), epoch, answered, portion.iter())
            })??;
        }
        let (holds, leavings) = (holds.len(), leavings.len());
        self.session.holds_are_back();
        self.telemetry.counters().reassertions.add(1);
        self.telemetry.log(
            Level::Warning,
            format_args!(
                "Redis had lost webhook data of this cluster: {holds} holds and {leavings} departures were put back"
            ),
        );
        Ok(())
    }

    /// Compares a page of what this node holds with Redis, and puts back what is missing there. Its edges were decided before:
    /// nothing is announced.
    pub(super) fn compare_holds(&mut self, now: Instant) -> Result<(), Stuck> {
        if !self.comparison.begins(now) {
            return Ok(());
        }
        let (holds, answered, next) =
            self.ledger.lock().acknowledged_page(self.comparison.cursor, PAGES, REASSERT_PORTION);
        let (session, keys) = (&self.session, &self.keys);
        let epoch = session.epoch().unwrap_or_default();
        let mut missing = 0;
        for portion in holds.chunks(REASSERT_PORTION) {
            missing +=
                call(&mut self.link, |redis| keys.reassert(redis, session.node(), epoch, answered, portion.iter()))??;
        }
        self.comparison.cursor = next;
        if missing > 0 {
            self.telemetry.counters().reassertions.add(1);
            self.telemetry.log(
                Level::Warning,
                format_args!("Redis had lost {missing} holds of this node: they were put back. Does something delete or evict its keys?"),
            );
        }
        Ok(())
    }
}
