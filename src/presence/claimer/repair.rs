//! What a node does about holds that Redis has lost: all of them after a loss that was noticed, and a page now and then for
//! those that nobody noticed, as when a single key was deleted.

use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};

use super::super::scripts::{Keys, Refusal};
use super::{Claimer, Stuck, call, relieve};
use crate::names::NodeId;
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
    /// Tells Redis again what it has lost of this node. Until that is done, no edge is decided in the cluster.
    pub(super) fn put_holds_back(&mut self, now: Instant) -> Result<(), Stuck> {
        if !self.session.must_put_holds_back() {
            return Ok(());
        }
        let began = Instant::now();
        // What was told so lately may have waited for its announcement when it was lost.
        let since = now.checked_sub(self.keys.lease() + self.keys.count_interval()).unwrap_or(now);
        let (holds, answered) = self.ledger.lock().acknowledged(since);
        let epoch = self.session.epoch().unwrap_or_default().to_owned();
        let settle = self.session.settle_time(self.link.timeout());
        while !self.talk(|redis, keys, node| keys.forget(redis, node, &epoch, answered, REASSERT_PORTION, settle))? {
            self.keep_lease(now + began.elapsed(), &epoch)?;
        }
        for portion in holds.chunks(REASSERT_PORTION) {
            self.talk(|redis, keys, node| keys.reassert(redis, node, &epoch, answered, portion.iter()))?;
            self.keep_lease(now + began.elapsed(), &epoch)?;
        }
        let leavings = self.grace.leavings().to_vec();
        for portion in leavings.chunks(REASSERT_PORTION) {
            self.talk(|redis, keys, node| keys.put_leavings_back(redis, node, &epoch, answered, portion.iter()))?;
        }
        let (session, keys) = (&self.session, &self.keys);
        relieve(&mut self.link, |redis| keys.restored(redis, session.node(), &epoch))??;
        self.session.holds_are_back();
        self.telemetry.counters().reassertions.add(1);
        self.telemetry.log(
            Level::Warning,
            format_args!(
                "Redis had lost webhook data of this cluster: restored {} holds and {} pending departures",
                holds.len(),
                leavings.len()
            ),
        );
        Ok(())
    }

    /// Renews the lease while holds are put back, which may take longer than a lease. What Redis has answered to this node is
    /// no matter yet.
    fn keep_lease(&mut self, now: Instant, epoch: &str) -> Result<(), Stuck> {
        if self.session.must_renew(now) {
            let (session, keys) = (&self.session, &self.keys);
            let renewal = relieve(&mut self.link, |redis| keys.renew(redis, session.node(), epoch, 0))??;
            self.session.renewed(renewal.unbroken, now);
        }
        Ok(())
    }

    fn talk<T>(
        &mut self,
        talk: impl FnOnce(&mut Connection, &Keys, &NodeId) -> RedisResult<Result<T, Refusal>>,
    ) -> Result<T, Stuck> {
        let (session, keys) = (&self.session, &self.keys);
        Ok(call(&mut self.link, |redis| talk(redis, keys, session.node()))??)
    }

    /// Compares a page of what this node holds with Redis, and puts back what is missing there. Its edges were decided before:
    /// nothing is announced.
    pub(super) fn compare_holds(&mut self, now: Instant) -> Result<(), Stuck> {
        if !self.comparison.begins(now) {
            return Ok(());
        }
        let (holds, answered, next) =
            self.ledger.lock().acknowledged_page(self.comparison.cursor, PAGES, REASSERT_PORTION);
        let epoch = self.session.epoch().unwrap_or_default().to_owned();
        let mut missing = 0;
        for portion in holds.chunks(REASSERT_PORTION) {
            missing += self.talk(|redis, keys, node| keys.reassert(redis, node, &epoch, answered, portion.iter()))?;
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
