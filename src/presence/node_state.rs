//! Node state: what this node serves, and which changes Redis has not answered yet.
//!
//! Two threads share it. The intake writes short portions. The claimer takes batches and never holds the lock during a
//! call to Redis, so a Redis that hangs does not stop the intake.

use std::sync::Arc;
use std::time::Instant;

use derive_more::Deref;
use parking_lot::{Condvar, Mutex};

use super::batch::ClaimBatch;
use super::claim::Hold;
use super::pending::Pending;
use super::table::LocalTable;

/// The local table and the pending queue. Both are changed under one lock.
#[derive(Debug)]
pub(crate) struct NodeState {
    /// This node's sockets.
    pub(crate) table: LocalTable,
    /// Changes that Redis has not answered yet.
    pub(crate) pending: Pending,
}

impl NodeState {
    /// Returns the batch to send. With `even_empty`, returns an empty batch when there is nothing to send.
    pub(crate) fn batch(&mut self, even_empty: bool, now: Instant) -> Option<Arc<ClaimBatch>> {
        let Self { table, pending } = self;
        if even_empty || table.has_counts(now) {
            Some(pending.batch_with(|| table.take_counts(now)))
        } else {
            pending.batch()
        }
    }

    /// Returns the holds that Redis has confirmed, and the number of the last batch that was answered. Each hold has the
    /// connection count that was sent last, negated if it may not have been announced: it was sent after `since`.
    pub(crate) fn acknowledged(&self, since: Instant) -> (Vec<(Hold, i64)>, u64) {
        let holds = self.pending.acknowledged(&self.table).into_iter();
        (holds.map(|hold| self.with_count(hold, since)).collect(), self.pending.last_answered())
    }

    /// Returns one of `pages` pages of the holds that Redis has confirmed, starting at `cursor`; the number of the last
    /// batch that was answered; and the cursor of the next page. A page has at least `least` holds, each with the connection
    /// count that was sent last. Holds that come or go between pages may be missed or returned twice; the next round
    /// corrects that.
    pub(crate) fn acknowledged_page(
        &self,
        cursor: usize,
        pages: usize,
        least: usize,
    ) -> (Vec<(Hold, i64)>, u64, usize) {
        let size = self.table.holds().count().div_ceil(pages).max(least);
        let page: Vec<Hold> = self.table.holds().skip(cursor).take(size).collect();
        let next = if page.len() < size { 0 } else { cursor + size };
        // Here a recent count is taken as announced: there is no sign that Redis has lost it.
        let with_count = |hold: Hold| {
            let (hold, count) = self.with_count(hold, Instant::now());
            (hold, count.abs())
        };
        let holds = self.pending.untouched(page).map(with_count).collect();
        (holds, self.pending.last_answered(), next)
    }

    fn with_count(&self, hold: Hold, since: Instant) -> (Hold, i64) {
        let (count, lately) = match hold.user {
            None => self.table.confirmed_count(&hold.app, &hold.channel, since),
            Some(_) => (0, false),
        };
        (hold, if lately { -i64::from(count) } else { i64::from(count) })
    }

    /// Continues under a new node id that has no holds in Redis yet.
    pub(crate) fn start_over(&mut self) {
        self.pending.start_over(&self.table);
        self.table.resend_counts();
    }

    /// Discards all pending changes and claims what is served now. Used when Redis has received none of them.
    pub(crate) fn reset(&mut self) {
        self.pending.clear();
        self.start_over();
    }

    /// Returns `true` if nothing is served and Redis has confirmed it.
    pub(crate) fn is_done(&self) -> bool {
        self.pending.is_empty() && self.table.is_empty()
    }
}

/// The node state with its lock.
#[derive(Debug, Deref)]
pub(crate) struct SharedNodeState {
    #[deref]
    node_state: Mutex<NodeState>,
    changed: Condvar,
}

impl SharedNodeState {
    /// Returns an empty node state that keeps up to `limit` claims while Redis is unreachable; see [`Pending::new`].
    pub(crate) fn new(limit: usize) -> Self {
        let node_state = NodeState { table: LocalTable::default(), pending: Pending::new(limit) };
        Self { node_state: Mutex::new(node_state), changed: Condvar::new() }
    }

    /// Wakes the threads in [`Self::wait_until`].
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits until `ready` returns `true` or `deadline` passes. Returns `true` if it was ready.
    pub(crate) fn wait_until(&self, deadline: Instant, mut ready: impl FnMut(&NodeState) -> bool) -> bool {
        let mut node_state = self.node_state.lock();
        !self.changed.wait_while_until(&mut node_state, |node_state| !ready(node_state), deadline).timed_out()
    }
}
