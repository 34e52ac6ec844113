//! A node of the stage: its intake and claimer, without their threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cluster::SharedMembership;
use crate::presence::batch::ClaimBatch;
use crate::presence::{Claimer, Intake, Intent, IntentQueue, SharedNodeState};
use crate::telemetry::Telemetry;

/// Longer than a step takes, and negligible compared to a lease.
const MOMENT: Duration = Duration::from_secs(1);

/// Turns after which a node that still has something to send will never come to rest.
const TURNS: usize = 20;

/// A node without threads. The test calls what they would.
pub(super) struct Node {
    pub(super) queue: Arc<IntentQueue>,
    pub(super) intake: Intake,
    pub(super) claimer: Claimer,
    pub(super) state: Arc<SharedNodeState>,
    pub(super) membership: Arc<SharedMembership>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) now: Instant,
}

impl Node {
    pub(super) fn take_in(&mut self, intent: Intent) {
        self.queue.push(intent, &self.telemetry.counters);
        self.intake.take_portion(None);
    }

    /// Returns the batch that the node would send a moment later, and freezes the batch after it, as the claimer does.
    pub(super) fn batch(&mut self) -> Option<Arc<ClaimBatch>> {
        self.now += MOMENT;
        let mut node_state = self.state.lock();
        let batch = node_state.batch(false, self.now);
        node_state.pending.next_batch();
        batch
    }

    /// Talks to Redis until there is nothing left to send, or until Redis decides nothing for now.
    pub(super) fn step(&mut self) {
        self.claimer.look_next();
        for _ in 0..TURNS {
            let is_held_up = self.claimer.step(self.now).is_some();
            let is_silent = || {
                let state = self.state.lock();
                !state.pending.has_batch() && !state.table.has_counts(self.now)
            };
            if is_held_up || (self.membership.current().is_some() && is_silent()) {
                return;
            }
        }
        panic!("the node still has something to send after {TURNS} turns");
    }

    pub(super) fn end(&mut self) {
        {
            let mut node_state = self.state.lock();
            let mut claims = Vec::new();
            node_state.table.close_all(&mut claims);
            node_state.pending.push_claims(claims);
        }
        self.step();
        self.claimer.leave_cluster();
    }
}
