//! A node of the search: what it says to Redis next.

use crate::presence::model::protocol::{Change, Confirmation, Holds, Id, Opening, Past};

/// What a node does, as claimer, session and pending queue do it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "facts of their own")]
pub(super) struct Node {
    pub(super) id: Id,
    /// The cluster that it is configured for.
    pub(super) cluster: u8,
    /// The data belongs to another one. Should it be lost, those who had it come first.
    pub(super) is_shut_out: bool,
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
    pub(super) past: Past,
    /// The process that its connection leads to.
    pub(super) process: u8,
    /// The settling that waits for it, 0 for none, and what has to be over before it may confirm.
    pub(super) settling: u8,
    pub(super) awaits: Awaits,
    /// The id for a new epoch or settling, while no answer to a session that is opened has come; 0: none.
    pub(super) new_id: u8,
    pub(super) restoring: Restoring,
    /// The settling for which it last restored its holds; 0: none.
    pub(super) restored_for: u8,
    /// It was told that it was reaped, and asks for the reply to the batch under way.
    pub(super) asks: bool,
    /// Its old id, whose reaping is to be finished.
    pub(super) buries: Option<Id>,
    /// It has started over, and has no session yet.
    pub(super) reborn: bool,
}

/// What the node that began a settling waits for before it confirms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Awaits {
    #[default]
    Nothing,
    /// All nodes with a session are registered.
    Registration,
    /// All nodes have noticed that there was no epoch.
    Notice,
}

/// How far a node has come that Redis has lost holds of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Restoring {
    #[default]
    No,
    /// What Redis holds wrongly is to be taken away.
    Forgets,
    Restores,
    /// That is to be confirmed.
    Done,
}

/// A call on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Open(Opening),
    Claim { id: Id, epoch: u8, batch: u8, changes: Vec<Change> },
    Forget { id: Id, epoch: u8, answered: u8, settling: u8 },
    Reassert { id: Id, epoch: u8, answered: u8, settling: u8, holds: Holds },
    Confirm(Confirmation),
    Reap { dead: Id, epoch: u8 },
}

impl Node {
    pub(super) fn may_renew(&self, process: u8) -> bool {
        let is_restoring = matches!(self.restoring, Restoring::Forgets | Restoring::Restores);
        self.epoch != 0 && self.process == process && !is_restoring && !self.asks
    }

    /// Whether it compares its holds with Redis: what is lost of them is restored in silence.
    pub(super) fn may_compare(&self, process: u8) -> bool {
        self.may_renew(process) && self.restoring == Restoring::No
    }

    /// What it says next to the process of Redis, renewals apart; it `may_confirm` when enough time has passed.
    pub(super) fn next_call(&self, process: u8, may_confirm: bool) -> Option<Call> {
        let (id, epoch, settling, answered) = (self.id, self.epoch, self.settling, self.answered_to());
        let new_id = self.new_id;
        if epoch == 0 || self.process != process {
            let lost = epoch == 0 || self.restoring != Restoring::No;
            let past = if lost { self.past } else { Past::Epoch };
            return Some(Call::Open(Opening { id, new_id, process, past, cluster: self.cluster }));
        }
        match self.restoring {
            Restoring::Forgets => return Some(Call::Forget { id, epoch, answered, settling }),
            Restoring::Restores => {
                let holds = self.acknowledged();
                return Some(Call::Reassert { id, epoch, answered, settling, holds });
            }
            Restoring::Done | Restoring::No => {}
        }
        if settling != 0 && may_confirm {
            return Some(Call::Confirm(self.confirmation()));
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

    pub(super) fn confirmation(&self) -> Confirmation {
        Confirmation {
            id: self.id,
            epoch: self.epoch,
            answered: self.answered_to(),
            restored_for: self.restored_for,
            settling: self.settling,
            restored: self.restoring == Restoring::Done,
        }
    }

    pub(super) fn comparison(&self) -> Call {
        let (answered, holds) = (self.answered_to(), self.acknowledged());
        Call::Reassert { id: self.id, epoch: self.epoch, answered, settling: 0, holds }
    }

    /// The number of the last batch that was answered.
    pub(super) fn answered_to(&self) -> u8 {
        self.batch - u8::from(self.sent > 0)
    }

    /// A batch stays the same from now on.
    pub(super) fn freeze(&mut self, call: &Call) {
        if let Call::Claim { batch, changes, .. } = call {
            (self.sent, self.batch) = (changes.len(), *batch);
        }
    }

    pub(super) fn answered(&mut self) {
        self.waiting.drain(..self.sent);
        self.sent = 0;
    }

    /// Redis has lost data of it: it opens a session anew.
    pub(super) fn lost(&mut self) {
        (self.epoch, self.restoring) = (0, Restoring::No);
    }

    /// A settling waits for it, or none.
    pub(super) fn settles(&mut self, settling: u8, awaits: Awaits) {
        self.awaits = match settling {
            0 => Awaits::Nothing,
            same if same == self.settling => self.awaits,
            _ => self.awaits.max(awaits),
        };
        self.settling = settling;
    }

    /// It has opened a session.
    pub(super) fn opened(&mut self, epoch: u8, forgets: bool) {
        if self.past == Past::Session {
            self.restoring = if forgets { Restoring::Forgets } else { Restoring::Restores };
            self.restored_for = 0;
        }
        (self.epoch, self.past, self.reborn) = (epoch, Past::Session, false);
    }

    /// It has confirmed, or looked.
    pub(super) fn looked(&mut self, waiting: u8) {
        if waiting == 0 && self.settling != 0 && self.restoring == Restoring::Done {
            (self.restoring, self.restored_for) = (Restoring::No, self.settling);
        }
        self.settles(waiting, Awaits::Nothing);
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
