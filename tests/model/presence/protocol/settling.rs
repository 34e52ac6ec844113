//! Sessions, and settling after Redis has lost data.

use super::{Answer, Flaw, IDS, Id, Lease, Redis};

/// Past of a node that opens a session: no epoch, an epoch without a session, or a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) enum Past {
    #[default]
    None,
    Epoch,
    Session,
}

/// Arguments of `open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Opening {
    pub(in super::super) id: Id,
    pub(in super::super) new_id: u8,
    pub(in super::super) process: u8,
    pub(in super::super) past: Past,
    pub(in super::super) cluster: u8,
}

/// Arguments of `confirm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Confirmation {
    pub(in super::super) id: Id,
    pub(in super::super) epoch: u8,
    pub(in super::super) answered: u8,
    pub(in super::super) restored_for: u8,
    pub(in super::super) settling: u8,
    pub(in super::super) restored: bool,
}

impl Redis {
    /// Returns true if the data is with this process, as far as any node has noticed.
    pub(in super::super) fn is_with(&self, process: u8) -> bool {
        [0, process].contains(&self.process)
    }

    /// Returns true if nodes of this cluster may work on the data.
    pub(in super::super) fn is_of(&self, cluster: u8) -> bool {
        [0, cluster].contains(&self.cluster)
    }

    pub(in super::super) fn is_reaped(&self, id: Id) -> bool {
        self.replies[id].reaped
    }

    /// Returns true if no edge may be decided yet.
    pub(super) fn is_settling(&mut self, flaw: Option<Flaw>) -> bool {
        let is_waited_for = |id: Id| match flaw {
            Some(Flaw::NotAwaited) => false,
            Some(Flaw::LapseEnds) => self.leases[id] == Lease::Good,
            _ => self.has_lease(id),
        };
        let is_settling = self.settling != 0 && (0..IDS).any(|id| self.unconfirmed[id] && is_waited_for(id));
        if self.settling != 0 && !is_settling {
            (self.settling, self.unconfirmed) = (0, [false; IDS]);
        }
        is_settling
    }

    pub(super) fn is_waited_for(&self, id: Id, settling: u8) -> bool {
        self.settling == settling && self.unconfirmed[id]
    }

    /// `open.lua`.
    pub(in super::super) fn open(&mut self, opening: Opening, flaw: Option<Flaw>) -> Answer {
        let Opening { id, new_id, process, mut past, cluster } = opening;
        if !self.is_of(cluster) && flaw != Some(Flaw::NoIdentity) {
            return Answer::Foreign;
        }
        let registered = |redis: &Self| (0..IDS).filter(|id| redis.has_lease(*id)).collect::<Vec<_>>();
        let reaped = self.replies[id].reaped && flaw != Some(Flaw::LateOpening);
        if reaped {
            past = Past::None;
        }
        let is_other_process = process != 0 && self.process != 0 && self.process != process;
        let begins = if self.epoch == 0 {
            past > Past::None || !registered(self).is_empty()
        } else {
            (past == Past::Session && self.settling == 0) || (is_other_process && flaw != Some(Flaw::SameProcess))
        };
        let begins = begins && flaw != Some(Flaw::NoSettling);
        if begins {
            self.settling = new_id;
            for id in registered(self) {
                self.unconfirmed[id] = true;
            }
        }
        if !reaped && (begins || past == Past::Session) {
            self.unconfirmed[id] = true;
        }
        if self.epoch == 0 {
            self.epoch = new_id;
        }
        if process != 0 {
            self.process = process;
        }
        self.cluster = cluster;
        let goes_on = past == Past::Epoch && self.has_lease(id);
        if !reaped && !goes_on {
            self.leases[id] = Lease::Good;
        }
        let settling = if self.unconfirmed[id] { self.settling } else { 0 };
        Answer::Opened { epoch: self.epoch, settling }
    }

    /// `confirm.lua`.
    pub(in super::super) fn confirm(&mut self, confirmation: Confirmation, flaw: Option<Flaw>) -> Answer {
        let Confirmation { id, epoch, answered, restored_for, settling, restored } = confirmation;
        if epoch != self.epoch {
            return Answer::Lost;
        }
        if !restored && self.is_behind(id, answered, restored_for, flaw) {
            return Answer::Behind;
        }
        if !self.has_lease(id) {
            return Answer::Reaped;
        }
        if self.settling == 0 || !self.unconfirmed[id] {
            return Answer::Waits(0);
        }
        if self.settling != settling {
            return Answer::Waits(self.settling);
        }
        if restored {
            self.replies[id].restored = settling;
        }
        self.unconfirmed[id] = false;
        Answer::Waits(0)
    }

    pub(super) fn is_behind(&self, id: Id, answered: u8, restored_for: u8, flaw: Option<Flaw>) -> bool {
        let unrestored = restored_for != 0 && self.replies[id].restored != restored_for;
        let has_lost = self.replies[id].batch < answered || (unrestored && flaw != Some(Flaw::RestoredUnchecked));
        has_lost && flaw != Some(Flaw::NotNoticed)
    }
}
