//! A node of the search, and its next call to Redis.

use crate::presence::model::protocol::{Change, Confirmation, Holds, Id, Opening, Past};

/// State of a node, as claimer, session and pending queue have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Node {
    pub(super) id: Id,
    /// Cluster in the node's configuration.
    pub(super) cluster: u8,
    /// The data belongs to another cluster. If the data is lost, nodes of that cluster open a session first.
    pub(super) is_shut_out: bool,
    /// The node's client is connected.
    pub(super) connected: bool,
    /// Number of visits so far.
    pub(super) visits: u8,
    pub(super) waiting: Vec<Change>,
    /// Number of claims in the batch under way, and number of the last batch.
    pub(super) sent: usize,
    pub(super) batch: u8,
    /// Epoch of the session; 0 without a session.
    pub(super) epoch: u8,
    pub(super) past: Past,
    /// Redis process at the other end of the node's connection.
    pub(super) process: u8,
    /// Settling that waits for this node (0 for none), and the condition for confirming it.
    pub(super) settling: u8,
    pub(super) awaits: Awaits,
    /// Id for a new epoch or settling, until an `open` call is answered; 0 for none.
    pub(super) new_id: u8,
    pub(super) restoring: Restoring,
    /// Settling for which the node last restored its holds; 0 for none.
    pub(super) restored_for: u8,
    /// The node was reaped. It sends its last batch again to get the stored reply.
    pub(super) looks_up_reply: bool,
    /// Former id, whose reaping is not finished.
    pub(super) unfinished_reaping: Option<Id>,
    /// The node has a new id after being reaped, but no session yet.
    pub(super) has_new_id: bool,
}

/// Condition that the node that began a settling waits for before it confirms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Awaits {
    #[default]
    Nothing,
    /// All nodes with a session are registered.
    Registration,
    /// All nodes have noticed that there was no epoch.
    Notice,
}

/// Progress of a node that restores lost holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Restoring {
    #[default]
    No,
    /// Removes wrong holds from Redis.
    Forgets,
    Restores,
    /// Restored, but not confirmed.
    Done,
}

/// A call with its arguments.
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
        self.epoch != 0 && self.process == process && !is_restoring && !self.looks_up_reply
    }

    /// Returns true if the node may compare its holds with Redis. Lost ones are restored without an event.
    pub(super) fn may_compare(&self, process: u8) -> bool {
        self.may_renew(process) && self.restoring == Restoring::No
    }

    /// Returns the next call to this process of Redis, other than a renewal. `may_confirm` says that enough time has
    /// passed.
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
        match self.unfinished_reaping {
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

    /// Returns the number of the last batch that was answered.
    pub(super) fn answered_to(&self) -> u8 {
        self.batch - u8::from(self.sent > 0)
    }

    /// Keeps the length and number of a batch: a repeated call sends the same claims.
    pub(super) fn freeze(&mut self, call: &Call) {
        if let Call::Claim { batch, changes, .. } = call {
            (self.sent, self.batch) = (changes.len(), *batch);
        }
    }

    pub(super) fn answered(&mut self) {
        self.waiting.drain(..self.sent);
        self.sent = 0;
    }

    /// Ends the session after Redis lost data of this node.
    pub(super) fn lost(&mut self) {
        (self.epoch, self.restoring) = (0, Restoring::No);
    }

    /// Sets the settling that waits for this node; 0 for none.
    pub(super) fn set_settling(&mut self, settling: u8, awaits: Awaits) {
        self.awaits = match settling {
            0 => Awaits::Nothing,
            same if same == self.settling => self.awaits,
            _ => self.awaits.max(awaits),
        };
        self.settling = settling;
    }

    /// Records the answer of `open.lua`.
    pub(super) fn opened(&mut self, epoch: u8, forgets: bool) {
        if self.past == Past::Session {
            self.restoring = if forgets { Restoring::Forgets } else { Restoring::Restores };
            self.restored_for = 0;
        }
        (self.epoch, self.past, self.has_new_id) = (epoch, Past::Session, false);
    }

    /// Records the answer of `confirm.lua`.
    pub(super) fn apply_confirmation(&mut self, waiting: u8) {
        if waiting == 0 && self.settling != 0 && self.restoring == Restoring::Done {
            (self.restoring, self.restored_for) = (Restoring::No, self.settling);
        }
        self.set_settling(waiting, Awaits::Nothing);
    }

    /// Returns the holds that Redis has confirmed.
    pub(super) fn acknowledged(&self) -> Holds {
        let mut holds = Holds { channel: self.connected, user: self.connected };
        for change in self.waiting.iter().rev() {
            holds.set(change.key, !change.held);
        }
        holds
    }
}
