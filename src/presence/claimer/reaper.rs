//! Work for the whole cluster: reaping dead nodes, and the audit of the roster.

use std::time::{Duration, Instant};

use super::super::scripts::Fate;
use super::{Claimer, Stuck, call, stuck};
use crate::cluster::Refusal;

/// Most holds per call when a dead node is reaped.
const REAP_PORTION: usize = 256;

/// Pause before a lapsed lease is checked again and its node declared dead, at most a third of a lease. A live node whose
/// lease has lapsed because Redis' clock was set forward notices that within a second and renews it.
const SECOND_LOOK: Duration = Duration::from_millis(2500);

impl Claimer {
    /// Notes nodes whose lease has lapsed, to be checked again after a pause.
    pub(super) fn suspect(&mut self, lapsed: Vec<String>, now: Instant) {
        for node in lapsed {
            if !self.lapsed.contains(&node) && self.suspects.iter().all(|(known, _)| *known != node) {
                self.suspects.push((node, now + SECOND_LOOK.min(self.keys.lease / 3)));
            }
        }
    }

    /// Reaps the nodes whose lease has lapsed. Of a large node it reaps one portion, so that this node's own claims do not
    /// wait for the rest. Returns `true` if there is more to reap.
    ///
    /// The holds of this node's predecessor come first and are reaped completely: those departures come before everything
    /// that waits.
    pub(super) fn reap_the_dead(&mut self, now: Instant) -> Result<bool, Stuck> {
        let began = Instant::now();
        // Inserted in front: the last entry is reaped next, and it may be this node's predecessor.
        let due: Vec<String> = self.suspects.extract_if(.., |(_, at)| *at <= now).map(|(node, _)| node).collect();
        self.lapsed.splice(0..0, due);
        loop {
            if !self.session.may_reap() {
                // The others may have been cut off like this node. A renewal lists those that are dead again.
                self.suspects.clear();
                self.lapsed.retain(|dead| self.predecessor.as_ref() == Some(dead));
            }
            let Some(dead) = self.lapsed.last().cloned() else { return Ok(false) };
            let is_predecessor = self.predecessor.as_ref() == Some(&dead);
            let finished = match self.reap_portion(&dead, now) {
                Err(settling @ Stuck::Refused(Refusal::Settling(_))) => {
                    self.end_leases(now)?;
                    return Err(settling);
                }
                finished => finished?,
            };
            if finished {
                self.lapsed.pop();
                self.predecessor = self.predecessor.take().filter(|_| !is_predecessor);
            } else if !is_predecessor {
                return Ok(true);
            }
            self.renew_lease(now + began.elapsed())?;
        }
    }

    /// Ends the leases of all dead nodes. While a settling waits, reaping a node does only that; the settling then no longer
    /// waits for the node.
    fn end_leases(&mut self, now: Instant) -> Result<(), Stuck> {
        for dead in self.lapsed.clone() {
            match self.reap_portion(&dead, now) {
                Ok(_) | Err(Stuck::Refused(Refusal::Settling(_))) => {}
                Err(stuck) => return Err(stuck),
            }
        }
        Ok(())
    }

    /// Reaps one portion. Returns `true` if nothing is left.
    fn reap_portion(&mut self, dead: &String, now: Instant) -> Result<bool, Stuck> {
        let (session, keys) = (&self.session, &self.keys);
        let epoch = session.epoch().unwrap_or_default();
        let reaped = call(&mut self.link, |redis| keys.reap(redis, dead, epoch, REAP_PORTION))??;
        if reaped.waiting || !reaped.leaving.is_empty() {
            self.grace.ask_now(now);
        }
        reaped.leaving.into_iter().for_each(|hold| self.grace.began(hold, reaped.time_ms));
        self.telemetry.counters.edges.add(reaped.edges);
        self.telemetry.counters.events.add(reaped.edges + reaped.counted);
        // A node that dies is reaped in every shard, and reported once.
        let reports = self.others.is_first_shard();
        match reaped.fate {
            Fate::Dead if reaped.finished => {
                self.spared.remove(dead);
                if reports {
                    self.telemetry.counters.nodes_reaped.add(1);
                    self.telemetry
                        .log_warning(format_args!("Node {dead} is dead: its lease lapsed and its holds were removed"));
                }
            }
            Fate::Spared if self.spared.insert(dead.clone()) && reports => self.telemetry.log_warning(format_args!(
                "Node {dead} does not renew its lease, but still refreshes the roster: its lease is extended once"
            )),
            Fate::Dead | Fate::Alive | Fate::Spared => {}
        }
        Ok(reaped.finished)
    }

    /// Logs processes that run the roster but not the webhooks.
    pub(super) fn audit_the_roster(&mut self, now: Instant) -> Result<(), Stuck> {
        let Some(audit) = &mut self.audit else { return Ok(()) };
        let (session, keys) = (&self.session, &self.keys);
        // The audit mostly reads, so `read` is used: a refusal by Redis is not logged here.
        let found = self.link.read(|redis| audit.advance(redis, &keys.membership, &session.node, now));
        for process in found.map_err(|_| stuck(&self.link))? {
            self.telemetry.log_warning(format_args!(
                "{process} runs the roster but not the webhooks: events of its clients are missing"
            ));
        }
        Ok(())
    }
}
