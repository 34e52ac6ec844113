//! Node state: what this node serves, and what it has not told Redis yet.
//!
//! Two threads share it. The intake writes short portions. The claimer takes batches and never holds the lock during a
//! call to Redis, so a Redis that hangs does not stop the intake.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::batch::ClaimBatch;
use super::claim::Hold;
use super::pending::Pending;
use super::table::LocalTable;
use crate::event::AppId;

/// Both halves, always changed together.
#[derive(Debug)]
pub(crate) struct NodeState {
    /// This node's sockets.
    pub(crate) table: LocalTable,
    /// What their coming and going has yet to tell Redis.
    pub(crate) pending: Pending,
}

impl NodeState {
    /// The batch to send; with `even_empty` there is one also when there is nothing to tell.
    pub(crate) fn batch(&mut self, even_empty: bool, now: Instant) -> Option<Arc<ClaimBatch>> {
        let Self { table, pending } = self;
        if even_empty || table.has_counts(now) {
            Some(pending.batch_with(|| table.take_counts(now)))
        } else {
            pending.batch()
        }
    }

    /// Whether there is something to tell at this time.
    #[cfg(test)]
    pub(crate) fn has_batch(&self, now: Instant) -> bool {
        self.pending.has_batch() || self.table.has_counts(now)
    }

    /// What this node holds in Redis as far as Redis has answered, with how many connections it had told of: negative where
    /// that was after `since`. And the number of the last batch that was answered.
    pub(crate) fn acknowledged(&self, since: Instant) -> (Vec<(Hold, i64)>, u64) {
        let holds = self.pending.acknowledged(&self.table).into_iter();
        (holds.map(|hold| self.with_count(hold, since)).collect(), self.pending.last_answered())
    }

    /// One of `pages` parts of what this node holds in Redis, from `cursor` on and of `least` holds at least, each with how
    /// many connections it has told of; the number of the last batch that was answered; and where the next page begins.
    /// Holds that come or go meanwhile may be missed or seen twice: the next round finds them.
    pub(crate) fn acknowledged_page(
        &self,
        cursor: usize,
        pages: usize,
        least: usize,
    ) -> (Vec<(Hold, i64)>, u64, usize) {
        let size = self.table.holds().count().div_ceil(pages).max(least);
        let page: Vec<Hold> = self.table.holds().skip(cursor).take(size).collect();
        let next = if page.len() < size { 0 } else { cursor + size };
        // What was told lately counts as announced: nothing of that is known to be lost.
        let with_count = |hold: Hold| {
            let (hold, count) = self.with_count(hold, Instant::now());
            (hold, count.abs())
        };
        let holds = self.pending.untouched(page).map(with_count).collect();
        (holds, self.pending.last_answered(), next)
    }

    fn with_count(&self, hold: Hold, since: Instant) -> (Hold, i64) {
        let (count, lately) = match hold.user {
            None => self.table.told_count(&hold.app, &hold.channel, since),
            Some(_) => (0, false),
        };
        (hold, if lately { -i64::from(count) } else { i64::from(count) })
    }

    /// Goes on under a new node id, of which Redis knows nothing.
    pub(crate) fn start_over(&mut self) {
        self.pending.start_over(&self.table);
        self.table.tell_counts_again();
    }

    /// Claims what is served now, and nothing that was before: of all this, Redis has been told nothing.
    pub(crate) fn begin_anew(&mut self) {
        self.pending.clear();
        self.start_over();
    }

    /// Whether nothing is served and Redis knows it.
    pub(crate) fn is_done(&self) -> bool {
        self.pending.is_empty() && self.table.is_empty()
    }
}

/// The node state behind its lock.
#[derive(Debug)]
pub(crate) struct SharedNodeState {
    node_state: Mutex<NodeState>,
    changed: Condvar,
}

impl SharedNodeState {
    /// An empty node state that keeps up to `limit` claims while Redis is away; see [`Pending::new`].
    pub(crate) fn new(limit: usize) -> Self {
        let node_state = NodeState { table: LocalTable::default(), pending: Pending::new(limit) };
        Self { node_state: Mutex::new(node_state), changed: Condvar::new() }
    }

    /// The same for a node that tells how many sockets are on a channel, once per `pause`, of `only` these applications, or
    /// of all.
    pub(crate) fn counting(mut self, pause: Duration, only: Option<HashSet<AppId>>) -> Self {
        self.node_state.get_mut().table.count_sockets(pause, only, Instant::now());
        self
    }

    /// The same for a node that says again after `pause` that a cache channel is empty.
    pub(crate) fn repeating_misses_after(mut self, pause: Duration) -> Self {
        self.node_state.get_mut().table.repeat_misses_after(pause);
        self
    }

    /// The same with so many entries in a batch at most.
    #[cfg(test)]
    pub(crate) fn in_batches_of(mut self, entries: usize) -> Self {
        self.node_state.get_mut().pending.set_portion(entries);
        self
    }

    /// The node state, to read or to write.
    pub(crate) fn lock(&self) -> MutexGuard<'_, NodeState> {
        self.node_state.lock()
    }

    /// The node state, unless another thread has it just now.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, NodeState>> {
        self.node_state.try_lock()
    }

    /// Wakes whoever waits for a change.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits until `ready` holds, at most until `deadline`. Returns whether it holds.
    pub(crate) fn wait_until(&self, deadline: Instant, mut ready: impl FnMut(&NodeState) -> bool) -> bool {
        let mut node_state = self.node_state.lock();
        !self.changed.wait_while_until(&mut node_state, |node_state| !ready(node_state), deadline).timed_out()
    }
}
