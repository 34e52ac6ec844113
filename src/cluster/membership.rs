//! The node's membership in the cluster, shared with threads other than the claimer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::event::NodeId;
use crate::redis::Mismatch;

/// A node in an epoch. A new incarnation or a new epoch makes a new membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) node: NodeId,
    pub(crate) epoch: Arc<str>,
}

/// The membership of the claimer's session, while one is open.
#[derive(Debug, Default)]
pub(crate) struct SharedMembership {
    current: Mutex<Option<Membership>>,
    doubted: AtomicBool,
    /// Why the node may not work on the data.
    refused: Mutex<Option<Mismatch>>,
}

impl SharedMembership {
    /// Returns the current membership, if any.
    pub(crate) fn current(&self) -> Option<Membership> {
        self.current.lock().clone()
    }

    /// Replaces the membership.
    pub(crate) fn set(&self, membership: Option<Membership>) {
        *self.current.lock() = membership;
    }

    /// Returns why the node may not work on the data, if it may not.
    pub(crate) fn refused(&self) -> Option<Mismatch> {
        self.refused.lock().clone()
    }

    /// Sets why the node may not work on the data.
    pub(crate) fn refuse(&self, mismatch: Option<Mismatch>) {
        *self.refused.lock() = mismatch;
    }

    /// Makes the claimer check whether the node may still work on the data.
    pub(crate) fn doubt(&self) {
        self.doubted.store(true, Ordering::Release);
    }

    /// Returns `true` if the membership was doubted since the last call.
    pub(crate) fn take_doubt(&self) -> bool {
        self.doubted.swap(false, Ordering::AcqRel)
    }
}
