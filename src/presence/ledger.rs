//! The ledger: what this node serves, and what Redis has yet to be told of it.
//!
//! Two threads share it. The intake writes, in portions short enough that nobody waits; the claimer takes batches and
//! never holds the lock while it talks to Redis. That is why a Redis that hangs stops neither of them from taking in
//! what happens meanwhile.

use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::pending::Pending;
use super::table::LocalTable;

/// Both halves, always changed together.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// This node's sockets.
    pub(crate) table: LocalTable,
    /// What their coming and going has yet to tell Redis.
    pub(crate) pending: Pending,
}

impl Ledger {
    /// Whether nothing is served and Redis knows it.
    pub(crate) fn is_done(&self) -> bool {
        self.pending.is_empty() && self.table.is_empty()
    }
}

/// The ledger behind its lock.
#[derive(Debug)]
pub(crate) struct SharedLedger {
    ledger: Mutex<Ledger>,
    changed: Condvar,
}

impl SharedLedger {
    /// An empty ledger that keeps up to `limit` claims while Redis is away; see [`Pending::new`].
    pub(crate) fn new(limit: usize, whispers_travel: bool) -> Self {
        let ledger = Ledger { table: LocalTable::default(), pending: Pending::new(limit, whispers_travel) };
        Self { ledger: Mutex::new(ledger), changed: Condvar::new() }
    }

    /// The ledger, to read or to write.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// The ledger, unless another thread has it just now.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, Ledger>> {
        self.ledger.try_lock()
    }

    /// Wakes whoever waits for a change.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits until `ready` holds, at most until `deadline`. Returns whether it holds.
    pub(crate) fn wait_until(&self, deadline: Instant, mut ready: impl FnMut(&Ledger) -> bool) -> bool {
        let mut ledger = self.ledger.lock();
        !self.changed.wait_while_until(&mut ledger, |ledger| !ready(ledger), deadline).timed_out()
    }
}
