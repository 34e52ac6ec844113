//! A batch, from the node's side.

use super::Node;
use crate::presence::model::kinds::What;

impl Node {
    /// A batch is put together, unless one is under way. Returns how much is in it, beside numbers of connections.
    pub(super) fn send(&mut self) -> usize {
        if self.sent.is_none() {
            self.counted.clear();
        }
        *self.sent.get_or_insert(self.waiting.len())
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
