//! The membership of this node in the cluster, shared with threads other than the claimer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::event::NodeId;

/// A node in an epoch. Another incarnation or another epoch is another membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) node: NodeId,
    pub(crate) epoch: Arc<str>,
}

/// The membership of the claimer's session, while it has one.
#[derive(Debug, Default)]
pub(crate) struct SharedMembership {
    current: Mutex<Option<Membership>>,
    doubted: AtomicBool,
}

impl SharedMembership {
    /// The membership, if there is one now.
    pub(crate) fn current(&self) -> Option<Membership> {
        self.current.lock().clone()
    }

    /// Replaces the membership.
    pub(crate) fn set(&self, membership: Option<Membership>) {
        *self.current.lock() = membership;
    }

    /// Asks the claimer to check whether the node may still work on the data.
    pub(crate) fn doubt(&self) {
        self.doubted.store(true, Ordering::Release);
    }

    /// Returns whether the membership was doubted since the last call.
    pub(crate) fn take_doubt(&self) -> bool {
        self.doubted.swap(false, Ordering::AcqRel)
    }
}
