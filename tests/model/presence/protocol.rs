//! The scripts as pure functions, on one channel and one user of it: small enough to look at every state.
//!
//! [`super::script conformance`] holds them against the real scripts.

mod settling;

pub(super) use settling::{Confirmation, Opening, Past};

/// Incarnations that one search may need.
pub(super) const IDS: usize = 8;

/// An incarnation of a node.
pub(super) type Id = usize;

/// What can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Channel,
    User,
}

/// Both, in the order in which a reaper takes them.
pub(super) const KEYS: [Key; 2] = [Key::User, Key::Channel];

/// A set of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Holds {
    pub(super) channel: bool,
    pub(super) user: bool,
}

/// A change of one key: to `held` or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Change {
    pub(super) key: Key,
    pub(super) held: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Lease {
    #[default]
    None,
    Good,
    Lapsed,
    Reaping,
}

/// Which changes of a batch were edges: a bit for each, behind a leading one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Edges(u32);

/// The stored reply of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Reply {
    batch: u8,
    edges: Edges,
    /// The settling for which it last restored its holds; 0: none.
    restored: u8,
    reaped: bool,
}

/// Everything in Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Redis {
    /// 0: none.
    pub(super) epoch: u8,
    /// The settling under way; 0: none.
    pub(super) settling: u8,
    /// Whom it waits for.
    pub(super) unconfirmed: [bool; IDS],
    /// The process that the data is with; 0: unknown.
    process: u8,
    /// The cluster that the data belongs to; 0: none.
    cluster: u8,
    pub(super) leases: [Lease; IDS],
    replies: [Reply; IDS],
    /// The hold sets, and the lists of what each node holds.
    pub(super) holds: [Holds; IDS],
    pub(super) held: [Holds; IDS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    /// To a batch.
    Decided(Edges),
    Lost,
    Behind,
    Reaped,
    Settling,
    /// To a node that opens a session.
    Opened {
        epoch: u8,
        settling: u8,
    },
    /// The data belongs to another cluster.
    Foreign,
    /// To a node that confirms: the settling that waits for it, 0 for none.
    Waits(u8),
    /// To a reaper: there is nothing to reap.
    Alive,
    /// To a reaper, and to a node that puts back what is true: whether nothing is left.
    Taken {
        finished: bool,
    },
}

/// A way to break the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A batch that is sent again is carried out again.
    NoStoredReply,
    /// A node that was reaped may go on.
    NoFencing,
    /// A batch that comes late is carried out.
    LateBatches,
    /// Holds are put back however late.
    LateReassertion,
    /// A session opened late revives a node.
    LateOpening,
    /// Edges are decided at once after Redis has lost its data.
    NoSettling,
    /// Edges are decided while a node has not confirmed that Redis has its holds.
    NotAwaited,
    /// The node that finds no epoch confirms before the others have had the time to register.
    NotRegistered,
    /// A node whose lease has lapsed is not waited for, though only the clock was set forward.
    LapseEnds,
    /// Nobody looks whether another process has the data.
    SameProcess,
    /// What was restored, and is lost again, is taken for there.
    RestoredUnchecked,
    /// Nodes of another cluster may work on the data.
    NoIdentity,
    /// Redis loses its last seconds, and nobody notices.
    NotNoticed,
    /// What Redis holds wrongly is not taken away before holds are put back.
    NotForgotten,
    /// A node that was reaped takes the next Redis for a fresh one.
    ForgottenEpoch,
    /// A node that was reaped gives up what waits.
    GivenUp,
    /// A node that was reaped does not ask whether its last batch was carried out.
    NotAsked,
    /// A node that was reaped does not wait for the end of its reaping.
    NotBuried,
}

impl Default for Edges {
    fn default() -> Self {
        Self(1)
    }
}

impl Edges {
    /// Reads them as the script writes them: `1` or `0` each.
    pub(super) fn from_text(text: &[u8]) -> Self {
        Self(text.iter().fold(1, |edges, edge| edges << 1 | u32::from(*edge == b'1')))
    }
}

impl Holds {
    pub(super) const fn has(self, key: Key) -> bool {
        match key {
            Key::Channel => self.channel,
            Key::User => self.user,
        }
    }

    pub(super) fn set(&mut self, key: Key, held: bool) {
        match key {
            Key::Channel => self.channel = held,
            Key::User => self.user = held,
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl Redis {
    fn is_held(&self, key: Key) -> bool {
        self.holds.iter().any(|holds| holds.has(key))
    }

    /// Whether the last batch that was carried out for a node is this one.
    pub(super) fn has_answered(&self, id: Id, batch: u8) -> bool {
        self.replies[id].batch == batch
    }

    fn has_lease(&self, id: Id) -> bool {
        matches!(self.leases[id], Lease::Good | Lease::Lapsed)
    }

    /// `claim.lua`.
    pub(super) fn claim(
        &mut self,
        id: Id,
        epoch: u8,
        batch: u8,
        changes: &[Change],
        told: &mut Vec<Change>,
        flaw: Option<Flaw>,
    ) -> Answer {
        if epoch != self.epoch {
            return Answer::Lost;
        }
        let Reply { batch: last, .. } = self.replies[id];
        if last == batch && flaw != Some(Flaw::NoStoredReply) {
            return Answer::Decided(self.replies[id].edges);
        }
        if last + 1 < batch && flaw != Some(Flaw::NotNoticed) {
            return Answer::Behind;
        }
        if last > batch && flaw != Some(Flaw::LateBatches) {
            return Answer::Reaped;
        }
        if !self.has_lease(id) && flaw != Some(Flaw::NoFencing) {
            return Answer::Reaped;
        }
        if self.is_settling(flaw) {
            return Answer::Settling;
        }
        let mut edges = Edges::default();
        for change in changes {
            let before = self.is_held(change.key);
            self.holds[id].set(change.key, change.held);
            self.held[id].set(change.key, change.held);
            let is_edge = before != self.is_held(change.key);
            edges.0 = edges.0 << 1 | u32::from(is_edge);
            if is_edge {
                told.push(*change);
            }
        }
        self.replies[id] = Reply { batch, edges, ..self.replies[id] };
        Answer::Decided(edges)
    }

    /// `reassert.lua`; without a settling it repairs single holds.
    pub(super) fn reassert(
        &mut self,
        id: Id,
        epoch: u8,
        answered: u8,
        settling: u8,
        holds: Holds,
        flaw: Option<Flaw>,
    ) -> Answer {
        if epoch != self.epoch {
            return Answer::Lost;
        }
        let is_late = self.replies[id].batch > answered && flaw != Some(Flaw::LateReassertion);
        if is_late || !self.has_lease(id) {
            return Answer::Reaped;
        }
        if settling != 0 && !self.is_waited_for(id, settling) {
            return Answer::Behind;
        }
        for key in KEYS.into_iter().filter(|key| holds.has(*key)) {
            self.holds[id].set(key, true);
            self.held[id].set(key, true);
        }
        Answer::Done
    }

    /// `forget.lua`.
    pub(super) fn forget(
        &mut self,
        id: Id,
        epoch: u8,
        answered: u8,
        settling: u8,
        portion: usize,
        flaw: Option<Flaw>,
    ) -> Answer {
        if epoch != self.epoch {
            return Answer::Lost;
        }
        let last = self.replies[id].batch;
        let is_late = last > answered && flaw != Some(Flaw::LateReassertion);
        if is_late || !self.has_lease(id) {
            return Answer::Reaped;
        }
        if !self.is_waited_for(id, settling) {
            return Answer::Behind;
        }
        if last == answered {
            return Answer::Taken { finished: true };
        }
        let taken = KEYS.into_iter().filter(|key| self.held[id].has(*key)).take(portion);
        for key in taken.collect::<Vec<_>>() {
            self.holds[id].set(key, false);
            self.held[id].set(key, false);
        }
        let finished = self.held[id].is_empty();
        if finished {
            (self.replies[id].batch, self.replies[id].edges) = (answered, Edges::default());
        }
        Answer::Taken { finished }
    }

    /// `renew.lua`.
    pub(super) fn renew(&mut self, id: Id, epoch: u8, answered: u8, restored_for: u8, flaw: Option<Flaw>) -> Answer {
        if epoch != self.epoch {
            return Answer::Lost;
        }
        if self.is_behind(id, answered, restored_for, flaw) {
            return Answer::Behind;
        }
        let was_lost = self.leases[id] == Lease::None && !self.replies[id].reaped;
        if !was_lost && !self.has_lease(id) {
            return Answer::Reaped;
        }
        self.leases[id] = Lease::Good;
        Answer::Done
    }

    /// `reap.lua`.
    pub(super) fn reap(
        &mut self,
        dead: Id,
        epoch: u8,
        portion: usize,
        told: &mut Vec<Change>,
        flaw: Option<Flaw>,
    ) -> Answer {
        if epoch != self.epoch {
            return Answer::Lost;
        }
        let is_dead = !matches!(self.leases[dead], Lease::None | Lease::Good);
        if self.is_settling(flaw) {
            if is_dead {
                (self.leases[dead], self.replies[dead].reaped) = (Lease::Reaping, true);
            }
            return Answer::Settling;
        }
        if !is_dead {
            return Answer::Alive;
        }
        let taken: Vec<Key> = KEYS.into_iter().filter(|key| self.held[dead].has(*key)).take(portion).collect();
        for key in taken {
            let before = self.holds[dead].has(key);
            self.holds[dead].set(key, false);
            self.held[dead].set(key, false);
            if before && !self.is_held(key) {
                told.push(Change { key, held: false });
            }
        }
        self.replies[dead].reaped = true;
        let finished = self.held[dead].is_empty();
        self.leases[dead] = if finished { Lease::None } else { Lease::Reaping };
        Answer::Taken { finished }
    }
}
