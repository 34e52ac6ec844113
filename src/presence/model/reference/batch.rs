//! A batch, from the node's side.

use super::Node;
use crate::presence::model::kinds::What;

impl Node {
    /// A batch is put together, unless one is under way.
    pub(super) fn send(&mut self) {
        if self.sent == 0 {
            self.sent = self.waiting.len();
        }
    }

    /// Redis has answered the batch.
    pub(super) fn answered(&mut self) {
        for told in self.waiting.drain(..self.sent) {
            match told.what {
                What::Came => drop(self.held.insert(told.key)),
                What::Went => drop(self.held.remove(&told.key)),
                What::Whispered(_) => {}
            }
        }
        (self.sent, self.carried_out) = (0, false);
    }
}
