//! What a node does for the others: it buries the dead, and looks for those who should be there and are not.

use std::time::{Duration, Instant};

use super::super::scripts::Fate;
use super::{Claimer, Stuck, call, stuck};
use crate::cluster::Refusal;
use crate::telemetry::Level;

/// Holds per call when a dead node is reaped.
const REAP_PORTION: usize = 256;

/// The time between two looks at a lapsed lease before its node is taken for dead, unless a third of a lease is shorter. A live node whose lease has lapsed because
/// Redis' clock was set forward finds that out within a second, and renews it.
const SECOND_LOOK: Duration = Duration::from_millis(2500);

impl Claimer {
    /// Notes nodes whose lease has lapsed, to be looked at again after a while.
    pub(super) fn suspect(&mut self, lapsed: Vec<String>, now: Instant) {
        for node in lapsed {
            if !self.lapsed.contains(&node) && self.suspects.iter().all(|(known, _)| *known != node) {
                self.suspects.push((node, now + SECOND_LOOK.min(self.keys.membership.lease() / 3)));
            }
        }
    }

    /// Takes away what nodes held whose lease has lapsed, but no more than a portion of a large one, so that this node's own
    /// claims do not wait for the end of that. Returns whether there is more to take.
    ///
    /// What this node held before it was reaped itself is taken first and whole: those departures lie before everything
    /// that waits.
    pub(super) fn reap_the_dead(&mut self, now: Instant) -> Result<bool, Stuck> {
        let began = Instant::now();
        // Before those known already, of which the last one is next: it may be this node's predecessor.
        let due: Vec<String> = self.suspects.extract_if(.., |(_, at)| *at <= now).map(|(node, _)| node).collect();
        self.lapsed.splice(0..0, due);
        while let Some(dead) = self.lapsed.last().cloned() {
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
        Ok(false)
    }

    /// Has no settling wait for the dead: as long as one does, to reap a node only ends its lease.
    fn end_leases(&mut self, now: Instant) -> Result<(), Stuck> {
        for dead in self.lapsed.clone() {
            match self.reap_portion(&dead, now) {
                Ok(_) | Err(Stuck::Refused(Refusal::Settling(_))) => {}
                Err(stuck) => return Err(stuck),
            }
        }
        Ok(())
    }

    /// Returns whether nothing is left.
    fn reap_portion(&mut self, dead: &String, now: Instant) -> Result<bool, Stuck> {
        let (session, keys) = (&self.session, &self.keys);
        let epoch = session.epoch().unwrap_or_default();
        let reaped = call(&mut self.link, |redis| keys.reap(redis, dead, epoch, REAP_PORTION))??;
        if reaped.waiting || !reaped.leaving.is_empty() {
            self.grace.ask_now(now);
        }
        reaped.leaving.into_iter().for_each(|hold| self.grace.began(hold, reaped.time_ms));
        self.telemetry.counters().edges.add(reaped.edges);
        self.telemetry.counters().events.add(reaped.edges + reaped.counted);
        match reaped.fate {
            Fate::Dead if reaped.finished => {
                self.telemetry.counters().nodes_reaped.add(1);
                self.telemetry.log(
                    Level::Warning,
                    format_args!("Node {dead} is dead: its lease lapsed, and what it held was taken from it"),
                );
                self.spared.remove(dead);
            }
            Fate::Spared if self.spared.insert(dead.clone()) => self.telemetry.log(
                Level::Warning,
                format_args!(
                    "Node {dead} does not renew its lease, but goes on refreshing the roster: it gets another lease"
                ),
            ),
            Fate::Dead | Fate::Alive | Fate::Spared => {}
        }
        Ok(reaped.finished)
    }

    /// Says which processes run the roster but not the webhooks.
    pub(super) fn audit_the_roster(&mut self, now: Instant) -> Result<(), Stuck> {
        let Some(audit) = &mut self.audit else { return Ok(()) };
        let (session, keys) = (&self.session, &self.keys);
        // Mostly reads; and what Redis refuses of it is not told here.
        let found = self.link.read(|redis| audit.advance(redis, &keys.membership, session.node(), now));
        for process in found.map_err(|_| stuck(&self.link))? {
            self.telemetry.log(
                Level::Warning,
                format_args!(
                    "{process} runs the roster but not the webhooks: who is connected to it is missing in them"
                ),
            );
        }
        Ok(())
    }
}
