//! A batch, from the node's side.

use super::Node;
use crate::presence::model::kinds::What;

/// The most that is in a batch, beside numbers of connections: so little that more waits behind it.
pub(in crate::presence::model) const BATCH: usize = 4;

impl Node {
    /// A batch is put together, unless one is under way. Returns how much is in it, beside numbers of connections.
    pub(super) fn send(&mut self) -> usize {
        if self.sent.is_none() {
            self.is_split = self.waiting.len() > BATCH;
            if !self.is_split {
                self.counted.clear();
            }
        }
        *self.sent.get_or_insert(self.waiting.len().min(BATCH))
    }

    /// Whether it is known what is in the batch under way, or would be. Of much that happens at once, as when a socket
    /// closes, the order is the node's own, and so is what comes first.
    pub(super) fn knows_batch(&self) -> bool {
        if self.sent.is_some() { !self.is_split } else { self.waiting.len() <= BATCH }
    }

    /// Whether there is something to send.
    pub(super) fn has_batch(&self) -> bool {
        self.sent.is_some() || !self.waiting.is_empty()
    }

    /// Redis has answered the batch.
    pub(super) fn answered(&mut self) {
        for told in self.waiting.drain(..self.sent.take().unwrap_or_default()) {
            match told.what {
                What::Came => drop(self.held.insert(told.key)),
                What::Went => drop(self.held.remove(&told.key)),
                What::Whispered(_) | What::Counted(_) => {}
            }
        }
        self.leavings.extend(self.carried_out.take().unwrap_or_default());
    }
}
