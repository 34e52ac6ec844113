//! The scripts as pure functions, on one channel and one user of it. The state is small enough to search exhaustively.
//!
//! [`super::script_conformance`] compares them with the real scripts.

mod settling;

pub(super) use settling::{Confirmation, Opening, Past};

/// Maximum number of incarnations in a search.
pub(super) const IDS: usize = 8;

/// Incarnation of a node.
pub(super) type Id = usize;

/// Something that a node can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Channel,
    User,
}

/// Both keys, in the order in which a reaper removes them.
pub(super) const KEYS: [Key; 2] = [Key::User, Key::Channel];

/// A set of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Holds {
    pub(super) channel: bool,
    pub(super) user: bool,
}

/// A change of one key: held or not.
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

/// Which changes of a batch were edges: one bit per change, after a leading 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Edges(u32);

/// The stored reply of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Reply {
    batch: u8,
    edges: Edges,
    /// Settling for which it last restored its holds; 0 for none.
    restored: u8,
    reaped: bool,
}

/// All data in Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Redis {
    /// Current epoch; 0 for none.
    pub(super) epoch: u8,
    /// Settling under way; 0 for none.
    pub(super) settling: u8,
    /// Nodes that the settling waits for.
    pub(super) unconfirmed: [bool; IDS],
    /// Process that the data is with; 0 if unknown.
    process: u8,
    /// Cluster that the data belongs to; 0 for none.
    cluster: u8,
    pub(super) leases: [Lease; IDS],
    replies: [Reply; IDS],
    /// The hold sets, and the list of each node's holds.
    pub(super) holds: [Holds; IDS],
    pub(super) held: [Holds; IDS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    /// Answer to `claim`.
    Decided(Edges),
    Lost,
    Behind,
    Reaped,
    Settling,
    /// Answer to `open`.
    Opened {
        epoch: u8,
        settling: u8,
    },
    /// The data belongs to another cluster.
    Foreign,
    /// Answer to `confirm`: the settling that waits for the node, 0 for none.
    Waits(u8),
    /// Answer to `reap`: the node is alive.
    Alive,
    /// Answer to `reap` and `forget`. `finished` is true if no hold of the node is left.
    Removed {
        finished: bool,
    },
}

/// A safeguard that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A repeated batch is carried out again.
    NoStoredReply,
    /// A reaped node may continue under its old id.
    NoFencing,
    /// A late batch is carried out.
    LateBatches,
    /// Late calls may restore holds.
    LateReassertion,
    /// A late `open` revives a reaped node.
    LateOpening,
    /// Edges are decided at once after Redis lost data.
    NoSettling,
    /// Edges are decided before every node has confirmed that Redis has its holds.
    NotAwaited,
    /// The node that finds no epoch confirms before the others could register.
    NotRegistered,
    /// A settling does not wait for a node whose lease lapsed only by a step of the clock.
    LapseEnds,
    /// No node checks whether the data is with another process.
    SameProcess,
    /// Holds that were restored and lost again count as restored.
    RestoredUnchecked,
    /// Nodes of another cluster may work on the data.
    NoIdentity,
    /// No node notices that Redis lost its last seconds.
    NotNoticed,
    /// Wrong holds are not removed from Redis before the right ones are restored.
    NotForgotten,
    /// A reaped node takes the next Redis for a new one.
    ForgottenEpoch,
    /// A reaped node drops its waiting claims.
    ClaimsDropped,
    /// A reaped node does not look up the reply to its last batch.
    ReplyNotLookedUp,
    /// A reaped node does not wait until its reaping is finished.
    ReapingNotAwaited,
}

impl Default for Edges {
    fn default() -> Self {
        Self(1)
    }
}

impl Edges {
    /// Reads the script's format: one `1` or `0` per change.
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

    /// Returns true if this is the last batch that was carried out for a node.
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
        published: &mut Vec<Change>,
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
                published.push(*change);
            }
        }
        self.replies[id] = Reply { batch, edges, ..self.replies[id] };
        Answer::Decided(edges)
    }

    /// `reassert.lua`. Without a settling it restores single holds.
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
            return Answer::Removed { finished: true };
        }
        let removed = KEYS.into_iter().filter(|key| self.held[id].has(*key)).take(portion);
        for key in removed.collect::<Vec<_>>() {
            self.holds[id].set(key, false);
            self.held[id].set(key, false);
        }
        let finished = self.held[id].is_empty();
        if finished {
            (self.replies[id].batch, self.replies[id].edges) = (answered, Edges::default());
        }
        Answer::Removed { finished }
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
        published: &mut Vec<Change>,
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
        let removed: Vec<Key> = KEYS.into_iter().filter(|key| self.held[dead].has(*key)).take(portion).collect();
        for key in removed {
            let before = self.holds[dead].has(key);
            self.holds[dead].set(key, false);
            self.held[dead].set(key, false);
            if before && !self.is_held(key) {
                published.push(Change { key, held: false });
            }
        }
        self.replies[dead].reaped = true;
        let finished = self.held[dead].is_empty();
        self.leases[dead] = if finished { Lease::None } else { Lease::Reaping };
        Answer::Removed { finished }
    }
}
