//! Batches of a node.

use super::Node;
use crate::presence::model::kinds::What;

/// Maximum number of entries in a batch, without numbers of connections. Small enough that often more are waiting.
pub(in crate::presence::model) const BATCH: usize = 4;

impl Node {
    /// Builds a batch unless one is under way. Returns its number of entries, without numbers of connections.
    pub(super) fn send(&mut self) -> usize {
        if self.sent.is_none() {
            self.is_split = self.waiting.len() > BATCH;
            if !self.is_split {
                self.counted.clear();
            }
        }
        *self.sent.get_or_insert(self.waiting.len().min(BATCH))
    }

    /// Returns true if the reference can predict the content of the batch. It can't when a batch takes only a part of
    /// changes that happen at once, such as when a socket closes: their order is up to the node.
    pub(super) fn knows_batch(&self) -> bool {
        if self.sent.is_some() { !self.is_split } else { self.waiting.len() <= BATCH }
    }

    /// Returns true if there is something to send.
    pub(super) fn has_batch(&self) -> bool {
        self.sent.is_some() || !self.waiting.is_empty()
    }

    /// Applies the answer to the batch.
    pub(super) fn answered(&mut self) {
        for event in self.waiting.drain(..self.sent.take().unwrap_or_default()) {
            match event.what {
                What::Came => drop(self.held.insert(event.key)),
                What::Went => drop(self.held.remove(&event.key)),
                What::Whispered(_) | What::Counted(_) => {}
            }
        }
        self.departures.extend(self.carried_out.take().unwrap_or_default());
    }
}
