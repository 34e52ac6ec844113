//! A node of the search: what it says to Redis next.

use crate::presence::model::protocol::{Change, Holds, Id};

/// What a node does, as claimer, session and pending queue do it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "facts of their own")]
pub(super) struct Node {
    pub(super) id: Id,
    /// Whether its client is there.
    pub(super) there: bool,
    /// How often one came.
    pub(super) comes: u8,
    pub(super) waiting: Vec<Change>,
    /// The length of the batch under way, and the number of the last batch.
    pub(super) sent: usize,
    pub(super) batch: u8,
    /// 0: no session.
    pub(super) epoch: u8,
    pub(super) had_epoch: bool,
    pub(super) had_session: bool,
    pub(super) must_forget: bool,
    pub(super) must_put_back: bool,
    /// It has put everything back, and nobody knows yet.
    pub(super) must_say_so: bool,
    /// It was told that it was reaped, and asks for the reply to the batch under way.
    pub(super) asks: bool,
    /// Its old id, whose reaping is to be finished.
    pub(super) buries: Option<Id>,
    /// It has started over, and has no session yet.
    pub(super) reborn: bool,
}

/// A call on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Open { id: Id, new_epoch: u8, settles: bool, restores: bool },
    Claim { id: Id, epoch: u8, batch: u8, changes: Vec<Change> },
    Forget { id: Id, epoch: u8, answered: u8 },
    Reassert { id: Id, epoch: u8, answered: u8, holds: Holds },
    Restored { id: Id, epoch: u8 },
    Reap { dead: Id, epoch: u8 },
}

impl Node {
    pub(super) fn may_renew(&self) -> bool {
        self.epoch != 0 && !self.must_put_back && !self.asks
    }

    /// What it says next to Redis, renewals apart.
    pub(super) fn next_call(&self, new_epoch: u8) -> Option<Call> {
        let (id, epoch) = (self.id, self.epoch);
        if epoch == 0 {
            return Some(Call::Open { id, new_epoch, settles: self.had_epoch, restores: self.had_session });
        }
        if self.must_forget {
            return Some(Call::Forget { id, epoch, answered: self.answered_to() });
        }
        if self.must_put_back {
            return Some(Call::Reassert { id, epoch, answered: self.answered_to(), holds: self.acknowledged() });
        }
        if self.must_say_so {
            return Some(Call::Restored { id, epoch });
        }
        match self.buries {
            Some(dead) => Some(Call::Reap { dead, epoch }),
            None if self.waiting.is_empty() => None,
            None => {
                let (sent, batch) =
                    if self.sent == 0 { (self.waiting.len(), self.batch + 1) } else { (self.sent, self.batch) };
                Some(Call::Claim { id, epoch, batch, changes: self.waiting[..sent].to_vec() })
            }
        }
    }

    /// The number of the last batch that was answered.
    pub(super) fn answered_to(&self) -> u8 {
        self.batch - u8::from(self.sent > 0)
    }

    /// Puts the call together; a batch stays the same from now on.
    pub(super) fn start_call(&mut self, new_epoch: u8) -> Call {
        let call = self.next_call(new_epoch).expect("something to say");
        if let Call::Claim { batch, changes, .. } = &call {
            (self.sent, self.batch) = (changes.len(), *batch);
        }
        call
    }

    pub(super) fn answered(&mut self) {
        self.waiting.drain(..self.sent);
        self.sent = 0;
    }

    /// What it holds, as far as Redis has answered.
    pub(super) fn acknowledged(&self) -> Holds {
        let mut holds = Holds { channel: self.there, user: self.there };
        for change in self.waiting.iter().rev() {
            holds.set(change.key, !change.held);
        }
        holds
    }
}
