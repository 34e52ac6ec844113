//! Repair of holds that Redis has lost: all of them after a loss that was noticed, and one page at a time to find losses
//! that were not, such as a deleted key.

use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};

use super::super::scripts::PresenceScripts;
use super::{Claimer, Stuck, call_while_full, known, stuck};
use crate::cluster::{Acknowledged, Refusal};
use crate::event::NodeId;
use crate::redis::LinkError;

/// Most holds per call when they are restored.
const REASSERT_PORTION: usize = 500;

/// Number of pages into which the holds are divided. One page is compared at a time.
const PAGES: usize = 10;

/// Progress of the comparison of holds with Redis.
#[derive(Debug)]
pub(super) struct Comparison {
    every: Duration,
    due_at: Option<Instant>,
    cursor: usize,
}

impl Comparison {
    /// Returns a comparison of one page per `every`.
    pub(super) const fn new(every: Duration) -> Self {
        Self { every, due_at: None, cursor: 0 }
    }

    /// Returns `true` if a page must be compared at `now`. The first one is due after `every`.
    fn begins(&mut self, now: Instant) -> bool {
        let is_due = self.due_at.is_some_and(|at| at <= now);
        if is_due || self.due_at.is_none() {
            self.due_at = now.checked_add(self.every);
        }
        is_due
    }
}

impl Claimer {
    /// Sends what Redis has lost of this node. No edge is decided in the cluster until the node has confirmed that.
    pub(super) fn restore_holds(&mut self, now: Instant) -> Result<(), Stuck> {
        if !self.session.must_restore() {
            return Ok(());
        }
        let began = Instant::now();
        // Counts sent after this may have been lost before they were announced.
        let since = now.checked_sub(self.keys.lease + self.keys.count_interval).unwrap_or(now);
        let (holds, answered) = self.node_state.lock().acknowledged(since);
        let epoch = self.session.epoch().unwrap_or_default().to_owned();
        let settling = self.session.settling().to_owned();
        while !self
            .restore_call(|redis, keys, node| keys.forget(redis, node, &epoch, answered, REASSERT_PORTION, &settling))?
        {
            self.keep_lease(now + began.elapsed())?;
        }
        for portion in holds.chunks(REASSERT_PORTION) {
            self.restore_call(|redis, keys, node| {
                keys.reassert(redis, node, &epoch, answered, &settling, portion.iter())
            })?;
            self.keep_lease(now + began.elapsed())?;
        }
        let departures = self.grace.departures();
        for portion in departures.chunks(REASSERT_PORTION) {
            self.restore_call(|redis, keys, node| {
                keys.restore_departures(redis, node, &epoch, answered, &settling, portion.iter())
            })?;
        }
        self.session.restored();
        self.telemetry.counters.hold_rebuilds.add(1);
        self.telemetry.log_warning(format_args!(
            "Redis had lost webhook data of this cluster{}: restored {} holds and {} pending departures",
            self.link.settings.in_shard(),
            holds.len(),
            departures.len()
        ));
        Ok(())
    }

    /// Renews the lease while holds are restored, which may take longer than a lease. `answered` is 0, since Redis may have
    /// lost its replies to this node.
    fn keep_lease(&mut self, now: Instant) -> Result<(), Stuck> {
        if self.session.must_renew(now) {
            let (session, keys) = (&self.session, &self.keys);
            let known = Acknowledged { answered: 0, ..known(session, &self.node_state) };
            let renewal = call_while_full(&mut self.link, |redis| keys.renew(redis, &session.node, &known))??;
            self.session.renewed(renewal.unbroken, now);
        }
        Ok(())
    }

    /// Confirms to a settling that Redis has all holds of this node. Without a settling, checks from time to time for one.
    pub(super) fn confirm_holds(&mut self, now: Instant) -> Result<(), Stuck> {
        while let Some(settling) = self.session.confirms(now) {
            let (session, keys) = (&self.session, &self.keys);
            let known = known(session, &self.node_state);
            let restored = session.has_restored();
            let status = call_while_full(&mut self.link, |redis| {
                keys.membership.confirm(redis, &session.node, &known, settling, restored)
            })??;
            self.session.polled(status.settling, now);
            if status.lapsed {
                // Redis' clock was set forward, or the node was paused. Other nodes check again before they reap it.
                self.renew_out_of_turn(now)?;
            }
        }
        Ok(())
    }

    /// Calls Redis to restore holds. Returns [`Stuck::Hindered`] if Redis has rejected such calls for a whole lease.
    fn restore_call<T>(
        &mut self,
        call: impl FnOnce(&mut Connection, &PresenceScripts, &NodeId) -> RedisResult<Result<T, Refusal>>,
    ) -> Result<T, Stuck> {
        let (session, keys) = (&self.session, &self.keys);
        match self.link.with(|redis| call(redis, keys, &session.node)) {
            Ok(answer) => Ok(answer?),
            Err(LinkError::Rejected(_) | LinkError::WrongType { .. }) if self.session.is_blocked(Instant::now()) => {
                Err(Stuck::Hindered)
            }
            Err(_) => Err(stuck(&self.link)),
        }
    }

    /// Compares a page of this node's holds with Redis, and its departures in their grace. Restores missing ones. The edges of
    /// the holds were decided before, so nothing is announced.
    pub(super) fn compare_holds(&mut self, now: Instant) -> Result<(), Stuck> {
        if !self.comparison.begins(now) {
            return Ok(());
        }
        let (holds, answered, next) =
            self.node_state.lock().acknowledged_page(self.comparison.cursor, PAGES, REASSERT_PORTION);
        let epoch = self.session.epoch().unwrap_or_default().to_owned();
        let mut missing = 0;
        for portion in holds.chunks(REASSERT_PORTION) {
            missing += self
                .restore_call(|redis, keys, node| keys.reassert(redis, node, &epoch, answered, "", portion.iter()))?;
        }
        self.comparison.cursor = next;
        let mut departures = 0;
        for portion in self.grace.departures().chunks(REASSERT_PORTION) {
            let lost = self.restore_call(|redis, keys, node| {
                keys.restore_departures(redis, node, &epoch, answered, "", portion.iter())
            })?;
            departures += lost;
            // They are in one key, which is lost as a whole.
            if lost == 0 {
                break;
            }
        }
        if departures > 0 {
            self.grace.ask_now(now);
        }
        if missing + departures > 0 {
            self.telemetry.counters.hold_rebuilds.add(1);
            let in_shard = self.link.settings.in_shard();
            self.telemetry.log_warning(format_args!(
                "Restored {missing} holds and {departures} pending departures of this node{in_shard} that Redis had lost. \
                     Check whether something deletes or evicts keys in Redis"
            ));
        }
        Ok(())
    }
}
