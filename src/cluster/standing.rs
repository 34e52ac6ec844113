//! Where this node stands in the cluster, for the threads that do not look after it themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::event::NodeId;

/// A node in an epoch. Another incarnation or another epoch is another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The incarnation.
    pub(crate) node: NodeId,
    /// The epoch of the data.
    pub(crate) epoch: Arc<str>,
}

/// The place that the claimer's session has, while it has one.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    place: Mutex<Option<Place>>,
    doubted: AtomicBool,
}

impl Standing {
    /// The place, if there is one now.
    pub(crate) fn place(&self) -> Option<Place> {
        self.place.lock().clone()
    }

    /// Takes a place, or none.
    pub(crate) fn set(&self, place: Option<Place>) {
        *self.place.lock() = place;
    }

    /// Has the claimer ask whether the node may still work on the data.
    pub(crate) fn doubt(&self) {
        self.doubted.store(true, Ordering::Release);
    }

    /// Whether somebody doubts that, and has not been answered.
    pub(crate) fn take_doubt(&self) -> bool {
        self.doubted.swap(false, Ordering::AcqRel)
    }
}
