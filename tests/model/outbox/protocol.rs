//! The scripts of the outbox as pure functions, on events without content. The state is small enough to search
//! exhaustively.
//!
//! [`super::conformance`] compares them with the real scripts.

use std::collections::BTreeMap;

use crate::event::Shard;
use crate::outbox::Position;

/// Maximum number of incarnations in a search.
pub(super) const IDS: usize = 6;

/// Number of lanes.
pub(super) const LANES: usize = 2;

/// Incarnation of a node.
pub(super) type Id = usize;

/// Incarnation that made a batch, and the batch's number there.
pub(super) type BatchId = (Id, u8);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Lease {
    #[default]
    None,
    Good,
    Lapsed,
}

/// A batch as Redis stores it: partition and sequence number of each event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Batch {
    pub(super) id: BatchId,
    pub(super) events: Vec<(u16, u64)>,
}

/// Arguments of `ack`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ack {
    pub(super) lane: usize,
    pub(super) id: BatchId,
    /// Events of its dead letter, one bit each; 0 without a dead letter.
    pub(super) dead_letter: u16,
    pub(super) places: Vec<Position>,
    pub(super) moves: bool,
}

/// Arguments of `persist`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Freeze {
    pub(super) lane: usize,
    pub(super) batch: Batch,
    pub(super) last: Vec<Position>,
}

/// All data of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) owner: Option<(u64, Id)>,
    pub(super) stream: Vec<u64>,
    /// Acknowledged position of each lane; 0 without one.
    pub(super) cursors: [u64; LANES],
    /// Position that all lanes had acknowledged when the stream was last empty.
    pub(super) floor: u64,
    pub(super) in_flight: [Option<Batch>; LANES],
}

/// All data in Redis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Redis<const PARTS: usize> {
    pub(super) epoch: u8,
    pub(super) leases: [Lease; IDS],
    /// Last fencing token that was given out.
    pub(super) last_token: u64,
    pub(super) parts: [Part; PARTS],
}

/// Identity of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Caller {
    pub(super) id: Id,
    pub(super) epoch: u8,
}

/// Reason why a script changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Lost,
    Reaped,
}

/// Data that the former owners of partitions left for one lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Takeover {
    /// Cursor of each partition; 0 without one.
    pub(super) cursors: BTreeMap<u16, u64>,
    /// Complete batches, under the new tokens.
    pub(super) batches: Vec<(BatchId, Vec<Position>)>,
    /// Batches that are partly acknowledged or removed.
    pub(super) in_part: Vec<BatchId>,
}

/// Answer of `commit.lua`: the positions that were refused, for each acknowledgement and for each batch.
pub(super) type Refused = Vec<Vec<Position>>;

/// A safeguard that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Scripts: any node may write to a partition.
    NoFencing,
    /// Scripts: an owner may write with an expired token.
    ExpiredTokens,
    /// Scripts: an acknowledgement may move a cursor back.
    CursorsGoBack,
    /// Scripts: a batch is persisted even when the call is late.
    LateFreeze,
    /// Scripts: an empty partition forgets the cursors of its lanes.
    NoFloor,
    /// Scripts: the partitions of one dead node go to several successors.
    SplitTakeover,
    /// Nodes: a batch is sent before it is persisted.
    NotPersisted,
    /// Nodes: a successor does not read the in-flight batches.
    InFlightNotRead,
    /// Nodes: a successor does not read the cursors.
    CursorsNotRead,
    /// Nodes: a batch is persisted before those ahead of it are acknowledged.
    PersistedFirst,
    /// Nodes: a stream is trimmed before its acknowledgements are written.
    TrimmedFirst,
    /// Nodes: a cursor moves past a batch that is under way.
    CursorsOvertake,
    /// Nodes: waiting cursors move although an inherited batch is left.
    InheritedOvertaken,
    /// Nodes: a batch that loses one of its partitions is dropped as a whole.
    DroppedWhole,
    /// Nodes: the rest of a batch that lost events keeps its id.
    SameId,
    /// Nodes: the second half of a batch is sent first.
    HalvesSwapped,
    /// Nodes: the halves of a batch keep its id.
    SameIdForHalves,
    /// Nodes: an ownership continues after Redis has refused one of its writes. Redis may have lost the ownership for a
    /// while only.
    RefusalForgotten,
    /// Nodes: a batch is sent without being persisted while a dead letter of its lane is not written.
    UnpersistedBeforeDeadLetter,
}

impl<const PARTS: usize> Redis<PARTS> {
    pub(super) fn new(epoch: u8) -> Self {
        let parts = std::array::from_fn(|_| Part::default());
        Self { epoch, leases: [Lease::None; IDS], last_token: 0, parts }
    }

    pub(super) fn part(&mut self, partition: u16) -> &mut Part {
        &mut self.parts[usize::from(partition)]
    }

    pub(super) fn owns(&self, id: Id, place: Position, flaw: Option<Flaw>) -> bool {
        let owner = self.parts[usize::from(place.partition)].owner;
        match flaw {
            Some(Flaw::NoFencing) => true,
            Some(Flaw::ExpiredTokens) => owner.is_some_and(|(_, owner)| owner == id),
            _ => owner == Some((place.token, id)),
        }
    }

    fn has_acked(&self, lane: usize, place: Position) -> bool {
        let part = &self.parts[usize::from(place.partition)];
        part.cursors[lane].max(part.floor) >= place.seq
    }

    /// `assign.lua`. `clock` is the largest token so far. Returns the share, and the partitions of the node.
    pub(super) fn assign(
        &mut self,
        caller: Caller,
        held: &BTreeMap<u16, u64>,
        clock: &mut u64,
        flaw: Option<Flaw>,
    ) -> Result<(usize, BTreeMap<u16, u64>), Refusal> {
        if caller.epoch != self.epoch {
            return Err(Refusal::Lost);
        }
        if self.leases[caller.id] == Lease::None {
            return Err(Refusal::Reaped);
        }
        let live = self.leases.iter().filter(|lease| **lease == Lease::Good).count().max(1);
        let share = PARTS.div_ceil(live);
        let (known, mut last) = (self.last_token, self.last_token);
        let (mut owned, mut free) = (BTreeMap::new(), Vec::new());
        let mut take = |part: &mut Part, token: Option<u64>| {
            let token = token.unwrap_or_else(|| (*clock + 1).max(last + 1));
            last = last.max(token);
            *clock = (*clock).max(token);
            part.owner = Some((token, caller.id));
            token
        };
        for (partition, part) in (0..).zip(&mut self.parts) {
            let held = held.get(&partition).copied();
            let is_torn = flaw == Some(Flaw::SplitTakeover) && owned.len() >= share;
            match part.owner {
                None if held.is_none_or(|held| held <= known) => free.push(partition),
                Some((token, id)) if id == caller.id && held == Some(token) && token <= known => {
                    owned.insert(partition, token);
                }
                Some((_, id)) if id != caller.id => {
                    if self.leases[id] != Lease::Good && !is_torn {
                        owned.insert(partition, take(part, None));
                    }
                }
                _ => {
                    owned.insert(partition, take(part, held.filter(|held| *held > known)));
                }
            }
        }
        for partition in free {
            if owned.len() >= share {
                break;
            }
            owned.insert(partition, take(&mut self.parts[usize::from(partition)], None));
        }
        self.last_token = last;
        Ok((share, owned))
    }

    /// `release.lua`.
    pub(super) fn release(&mut self, id: Id, place: Position, flaw: Option<Flaw>) {
        if self.owns(id, place, flaw) {
            self.part(place.partition).owner = None;
        }
    }

    /// `commit.lua`. Adds to `dead_letters` the indexes of the acknowledgements whose dead letter was written.
    pub(super) fn write(
        &mut self,
        caller: Caller,
        acks: &[Ack],
        batches: &[Freeze],
        dead_letters: &mut Vec<usize>,
        flaw: Option<Flaw>,
    ) -> Result<(Refused, Refused), Refusal> {
        if caller.epoch != self.epoch {
            return Err(Refusal::Lost);
        }
        let refused_acks = acks.iter().enumerate().map(|(number, ack)| {
            let (written, refused) = self.ack(caller.id, ack, flaw);
            dead_letters.extend((written && ack.dead_letter != 0).then_some(number));
            refused
        });
        let refused_acks = refused_acks.collect();
        let refused_batches = batches.iter().map(|batch| self.freeze(caller.id, batch, flaw)).collect();
        Ok((refused_acks, refused_batches))
    }

    /// `ack.lua`. Returns whether it wrote anything, and the refused positions.
    fn ack(&mut self, id: Id, ack: &Ack, flaw: Option<Flaw>) -> (bool, Vec<Position>) {
        let (owned, refused): (Vec<_>, Vec<_>) = ack.places.iter().partition(|place| self.owns(id, **place, flaw));
        if owned.is_empty() && !refused.is_empty() {
            return (false, refused);
        }
        let is_late = owned.first().is_some_and(|oldest: &Position| ack.moves && self.has_acked(ack.lane, *oldest));
        if is_late && flaw != Some(Flaw::CursorsGoBack) {
            return (false, refused);
        }
        for place in owned.into_iter().filter(|_| ack.moves) {
            let part = self.part(place.partition);
            part.cursors[ack.lane] = place.seq;
            part.in_flight[ack.lane].take_if(|batch| batch.id == ack.id);
        }
        (true, refused)
    }

    /// `persist.lua`.
    fn freeze(&mut self, id: Id, freeze: &Freeze, flaw: Option<Flaw>) -> Vec<Position> {
        let is_late = |place: &Position| self.has_acked(freeze.lane, *place) && flaw != Some(Flaw::LateFreeze);
        let refused: Vec<Position> =
            freeze.last.iter().filter(|place| !self.owns(id, **place, flaw) || is_late(place)).copied().collect();
        if refused.is_empty() {
            self.part(freeze.last[0].partition).in_flight[freeze.lane] = Some(freeze.batch.clone());
        }
        refused
    }

    /// `trim.lua`.
    pub(super) fn trim(&mut self, caller: Caller, to_trim: &[Position], flaw: Option<Flaw>) {
        for place in to_trim {
            if caller.epoch == self.epoch && self.owns(caller.id, *place, flaw) {
                let part = self.part(place.partition);
                part.stream.retain(|seq| *seq > place.seq);
                if part.stream.is_empty() {
                    let floor = if flaw == Some(Flaw::NoFloor) { 0 } else { part.floor.max(place.seq) };
                    *part = Part { owner: part.owner, floor, ..Part::default() };
                }
            }
        }
    }

    /// `remove.lua`.
    pub(super) fn remove(&mut self, caller: Caller, token: (u16, u64), seqs: &[u64], flaw: Option<Flaw>) {
        let place = Position { shard: Shard::FIRST, partition: token.0, token: token.1, seq: 0 };
        if caller.epoch == self.epoch && self.owns(caller.id, place, flaw) {
            self.part(token.0).stream.retain(|seq| !seqs.contains(seq));
        }
    }

    /// Reads what the former owners left, as `Takeover` does. `fresh` has the new partitions with their tokens.
    pub(super) fn take_over(&self, lane: usize, fresh: &BTreeMap<u16, u64>, flaw: Option<Flaw>) -> Takeover {
        let part = |partition: u16| &self.parts[usize::from(partition)];
        let cursor =
            |partition: u16| if flaw == Some(Flaw::CursorsNotRead) { 0 } else { part(partition).cursors[lane] };
        let cursors = fresh.keys().map(|partition| (*partition, cursor(*partition))).collect();
        let (mut batches, mut in_part) = (Vec::new(), Vec::new());
        let in_flight = fresh.keys().filter_map(|partition| part(*partition).in_flight[lane].clone());
        for Batch { id, events } in in_flight.filter(|_| flaw != Some(Flaw::InFlightNotRead)) {
            let given: Option<Vec<Position>> = events
                .iter()
                .map(|(partition, seq)| {
                    Some(Position {
                        shard: Shard::FIRST,
                        partition: *partition,
                        token: *fresh.get(partition)?,
                        seq: *seq,
                    })
                })
                .collect();
            let is_there =
                |(partition, seq): &(u16, u64)| cursor(*partition) < *seq && part(*partition).stream.contains(seq);
            let is_whole = events.iter().filter(|(partition, _)| fresh.contains_key(partition)).all(is_there);
            match given {
                Some(events) if is_whole => batches.push((id, events)),
                _ if !is_whole => in_part.push(id),
                _ => {}
            }
        }
        Takeover { cursors, batches, in_part }
    }
}
