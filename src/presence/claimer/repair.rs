//! What a node does about holds that Redis has lost: all of them after a loss that was noticed, and a page now and then for
//! those that nobody noticed, as when a single key was deleted.

use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};

use super::super::scripts::PresenceScripts;
use super::{Claimer, Stuck, known, relieve, stuck};
use crate::cluster::{Known, Refusal};
use crate::event::NodeId;
use crate::redis::LinkError;
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
    /// Tells Redis again what it has lost of this node. Until that is confirmed, no edge is decided in the cluster.
    pub(super) fn restore_holds(&mut self, now: Instant) -> Result<(), Stuck> {
        if !self.session.must_restore() {
            return Ok(());
        }
        let began = Instant::now();
        // What was told so lately may have waited for its announcement when it was lost.
        let since = now.checked_sub(self.keys.membership.lease() + self.keys.count_interval()).unwrap_or(now);
        let (holds, answered) = self.node_state.lock().acknowledged(since);
        let epoch = self.session.epoch().unwrap_or_default().to_owned();
        let settling = self.session.settling().to_owned();
        while !self.talk(|redis, keys, node| keys.forget(redis, node, &epoch, answered, REASSERT_PORTION, &settling))? {
            self.keep_lease(now + began.elapsed())?;
        }
        for portion in holds.chunks(REASSERT_PORTION) {
            self.talk(|redis, keys, node| keys.reassert(redis, node, &epoch, answered, &settling, portion.iter()))?;
            self.keep_lease(now + began.elapsed())?;
        }
        let leavings = self.grace.leavings().to_vec();
        for portion in leavings.chunks(REASSERT_PORTION) {
            self.talk(|redis, keys, node| {
                keys.put_leavings_back(redis, node, &epoch, answered, &settling, portion.iter())
            })?;
        }
        self.session.restored();
        self.telemetry.counters().hold_rebuilds.add(1);
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

    /// Renews the lease while holds are restored, which may take longer than a lease. What Redis has answered to this node
    /// does not matter yet.
    fn keep_lease(&mut self, now: Instant) -> Result<(), Stuck> {
        if self.session.must_renew(now) {
            let (session, keys) = (&self.session, &self.keys);
            let known = Known { answered: 0, ..known(session, &self.node_state) };
            let renewal = relieve(&mut self.link, |redis| keys.renew(redis, session.node(), &known))??;
            self.session.renewed(renewal.unbroken, now);
        }
        Ok(())
    }

    /// Confirms to a settling that Redis has all that this node holds; without one, looks now and then whether there is one.
    pub(super) fn confirm_holds(&mut self, now: Instant) -> Result<(), Stuck> {
        while let Some(settling) = self.session.confirms(now) {
            let (session, keys) = (&self.session, &self.keys);
            let known = known(session, &self.node_state);
            let restored = session.has_restored();
            let look = relieve(&mut self.link, |redis| {
                keys.membership.confirm(redis, session.node(), &known, settling, restored)
            })??;
            self.session.looked(look.settling, now);
            if look.lapsed {
                // Redis' clock was set forward, or the node stood still: who sees it lapsed looks once more before it reaps.
                self.renew_out_of_turn(now)?;
            }
        }
        Ok(())
    }

    fn talk<T>(
        &mut self,
        talk: impl FnOnce(&mut Connection, &PresenceScripts, &NodeId) -> RedisResult<Result<T, Refusal>>,
    ) -> Result<T, Stuck> {
        let (session, keys) = (&self.session, &self.keys);
        match self.link.with(|redis| talk(redis, keys, session.node())) {
            Ok(answer) => Ok(answer?),
            Err(LinkError::Rejected(_) | LinkError::WrongType { .. }) if self.session.is_hindered(Instant::now()) => {
                Err(Stuck::Hindered)
            }
            Err(_) => Err(stuck(&self.link)),
        }
    }

    /// Compares a page of what this node holds with Redis, and puts back what is missing there. Its edges were decided before:
    /// nothing is announced.
    pub(super) fn compare_holds(&mut self, now: Instant) -> Result<(), Stuck> {
        if !self.comparison.begins(now) {
            return Ok(());
        }
        let (holds, answered, next) =
            self.node_state.lock().acknowledged_page(self.comparison.cursor, PAGES, REASSERT_PORTION);
        let epoch = self.session.epoch().unwrap_or_default().to_owned();
        let mut missing = 0;
        for portion in holds.chunks(REASSERT_PORTION) {
            missing +=
                self.talk(|redis, keys, node| keys.reassert(redis, node, &epoch, answered, "", portion.iter()))?;
        }
        self.comparison.cursor = next;
        if missing > 0 {
            self.telemetry.counters().hold_rebuilds.add(1);
            self.telemetry.log(
                Level::Warning,
                format_args!("Redis had lost {missing} holds of this node: they were put back. Does something delete or evict its keys?"),
            );
        }
        Ok(())
    }
}
