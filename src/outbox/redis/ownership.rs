//! The partitions that this node owns, and which of their events are not acknowledged yet. Pure.
//!
//! An ownership of a partition lasts from its assignment to its end. Every event carries the fencing token under which
//! it was read, so an event of a lost partition is recognised wherever it is.

use std::collections::{BTreeMap, VecDeque};

use crate::event::Shard;
use crate::outbox::Position;

/// Why an ownership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(crate) enum OwnershipEnd {
    /// Another node owns the partition, or has owned it since. Its events are delivered there, or read again.
    Fenced,
    /// Redis lost the data. Its events exist only on this node, which still delivers them.
    Lost,
}

/// Acknowledged events of a partition that come after unacknowledged ones in the stream.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct OutOfOrder {
    /// The partition.
    pub(crate) partition: u16,
    /// The fencing token.
    pub(crate) token: u64,
    /// The numbers of the events.
    pub(crate) seqs: Vec<u64>,
}

/// A partition that this node owns.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
struct OwnedPartition {
    token: u64,
    /// The last event read.
    read_to: u64,
    /// Events that were read and not removed from this list, in order.
    outstanding: VecDeque<Outstanding>,
    /// Events of inherited batches that were not read yet, with the number of lanes that have not acknowledged them.
    ahead: BTreeMap<u64, u32>,
    /// Every lane has acknowledged all events up to this one.
    acked_to: u64,
    /// The stream was trimmed up to this event.
    trimmed: u64,
    /// Acknowledged events in `outstanding`, which come after an unacknowledged one.
    acked_out_of_order: usize,
    /// Acknowledged events that were removed from `outstanding` and are still in the stream.
    out_of_order: Vec<u64>,
    /// Nothing more is read. The partition is released once all its events are acknowledged.
    retiring: bool,
    /// The last event known at each of the last two ages, the newer one first.
    aged: [u64; 2],
}

/// An event that was read.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
struct Outstanding {
    seq: u64,
    /// Known lanes that have not acknowledged the event.
    lanes: u32,
    /// All lanes are known.
    routed: bool,
}

impl Outstanding {
    const fn is_acked(&self) -> bool {
        self.routed && self.lanes == 0
    }
}

/// All partitions that this node owns or has owned.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
pub(crate) struct Ownership {
    /// Acknowledged events of a partition that may stay after an unacknowledged one, or half of the outstanding ones if
    /// that is more. Removing events one by one costs Redis as much as they have cost before; once the first one is
    /// acknowledged, a trim removes them for almost nothing.
    min_out_of_order: usize,
    held: BTreeMap<u16, OwnedPartition>,
    ended: BTreeMap<u64, OwnershipEnd>,
}

impl Ownership {
    /// Creates an empty ownership, in which at least `min_out_of_order` acknowledged events may stay after an
    /// unacknowledged one.
    pub(crate) fn new(min_out_of_order: usize) -> Self {
        Self { min_out_of_order: min_out_of_order.max(1), held: BTreeMap::new(), ended: BTreeMap::new() }
    }

    /// Begins the ownership of `partition` with the fencing token from Redis. `ahead` has the events of inherited
    /// batches, each with its number of lanes.
    pub(crate) fn begin(&mut self, partition: u16, token: u64, ahead: BTreeMap<u64, u32>) {
        self.held.insert(partition, OwnedPartition { token, ahead, ..OwnedPartition::default() });
    }

    /// Ends the ownership of `partition`. Returns its fencing token.
    pub(crate) fn end(&mut self, partition: u16, end: OwnershipEnd) -> Option<u64> {
        let owned = self.held.remove(&partition)?;
        self.ended.insert(owned.token, end);
        Some(owned.token)
    }

    /// Ends the current ownership of each position, after Redis refused the positions. Returns the fencing tokens.
    ///
    /// Ends it even if Redis is about to give it back after losing it for a while: what was refused does not belong to
    /// this node any more and has to be read again.
    pub(crate) fn fence(&mut self, positions: impl Iterator<Item = Position>) -> Vec<u64> {
        let is_held = |held: &BTreeMap<u16, OwnedPartition>, position: Position| {
            held.get(&position.partition).is_some_and(|owned| owned.token == position.token)
        };
        positions
            .filter_map(|position| {
                if is_held(&self.held, position) { self.end(position.partition, OwnershipEnd::Fenced) } else { None }
            })
            .collect()
    }

    /// Ends all ownership. Returns the fencing tokens.
    pub(crate) fn end_all(&mut self, end: OwnershipEnd) -> Vec<u64> {
        let partitions: Vec<u16> = self.held.keys().copied().collect();
        partitions.into_iter().filter_map(|partition| self.end(partition, end)).collect()
    }

    /// Returns how the ownership of a position ended, if it has.
    pub(crate) fn ended(&self, position: Position) -> Option<OwnershipEnd> {
        self.ended.get(&position.token).copied()
    }

    /// Returns the positions whose events Redis has not lost.
    ///
    /// # Errors
    /// If other nodes own some of the partitions: their fencing tokens.
    pub(crate) fn live(&self, positions: impl Iterator<Item = Position>) -> Result<Vec<Position>, Vec<u64>> {
        let (mut live, mut fenced) = (Vec::new(), Vec::new());
        for position in positions {
            match self.ended(position) {
                None => live.push(position),
                Some(OwnershipEnd::Fenced) if !fenced.contains(&position.token) => fenced.push(position.token),
                Some(_) => {}
            }
        }
        if fenced.is_empty() { Ok(live) } else { Err(fenced) }
    }

    /// Returns the owned partitions with their fencing tokens.
    pub(crate) fn held(&self) -> BTreeMap<u16, u64> {
        self.held.iter().map(|(partition, owned)| (*partition, owned.token)).collect()
    }

    /// Returns the partitions to continue reading, each as the position of the last event read.
    pub(crate) fn readable(&self) -> Vec<Position> {
        let reading = self.held.iter().filter(|(_, owned)| !owned.retiring);
        reading.map(|(partition, owned)| owned.position(*partition, owned.read_to)).collect()
    }

    /// Records an event that was read.
    pub(crate) fn read(&mut self, position: Position) {
        if let Some(owned) = self.owned(position) {
            owned.read_to = owned.read_to.max(position.seq);
            let lanes = owned.ahead.remove(&position.seq).unwrap_or_default();
            owned.outstanding.push_back(Outstanding { seq: position.seq, lanes, routed: false });
        }
    }

    /// Records how many lanes want the event, besides those that have it in an inherited batch.
    pub(crate) fn routed(&mut self, position: Position, lanes: u32) {
        let out_of_order = self.min_out_of_order;
        if let Some(owned) = self.owned(position) {
            owned.change(position.seq, out_of_order, |event| {
                event.lanes += lanes;
                event.routed = true;
            });
        }
    }

    /// Records that a lane has acknowledged the event. It may not be read yet if the lane inherited it in a batch.
    pub(crate) fn acked(&mut self, position: Position) {
        let out_of_order = self.min_out_of_order;
        if let Some(owned) = self.owned(position) {
            if let Some(lanes) = owned.ahead.get_mut(&position.seq) {
                *lanes -= 1;
                if *lanes == 0 {
                    owned.ahead.remove(&position.seq);
                }
                return;
            }
            owned.change(position.seq, out_of_order, |event| event.lanes = event.lanes.saturating_sub(1));
        }
    }

    /// Begins a new age. Events that were known at the one before last are old.
    ///
    /// Retiring partitions with old events are read again: what waits for one endpoint must not hold back the others.
    pub(crate) fn age(&mut self) {
        for owned in self.held.values_mut() {
            let known = owned.ahead.last_key_value().map_or(owned.read_to, |(seq, _)| owned.read_to.max(*seq));
            owned.aged = [known, owned.aged[0]];
            owned.retiring &= !owned.has_old_events();
        }
    }

    /// Retires partitions beyond `share`, those with the fewest outstanding events first. They are not read any more.
    /// Partitions with old events stay, because it is unknown when these are acknowledged.
    pub(crate) fn retire_beyond(&mut self, share: usize) {
        let staying = self.held.values().filter(|owned| !owned.retiring).count();
        let may_retire = |owned: &&mut OwnedPartition| !owned.retiring && !owned.has_old_events();
        let mut candidates: Vec<&mut OwnedPartition> = self.held.values_mut().filter(may_retire).collect();
        candidates.sort_by_key(|owned| owned.outstanding.len() + owned.ahead.len());
        for owned in candidates.into_iter().take(staying.saturating_sub(share)) {
            owned.retiring = true;
        }
    }

    /// Returns the retiring partitions without outstanding events, which can be released, with their fencing tokens.
    pub(crate) fn releasable(&self) -> Vec<(u16, u64)> {
        let is_done = |owned: &OwnedPartition| owned.retiring && owned.outstanding.is_empty() && owned.ahead.is_empty();
        let done = self.held.iter().filter(|(_, owned)| is_done(owned));
        done.map(|(partition, owned)| (*partition, owned.token)).collect()
    }

    /// Returns the end of the acknowledged part of each partition where it has grown since the last trim.
    pub(crate) fn trimmable(&self) -> Vec<Position> {
        let grown = self.held.iter().filter(|(_, owned)| owned.acked_to > owned.trimmed);
        grown.map(|(partition, owned)| owned.position(*partition, owned.acked_to)).collect()
    }

    /// Records that the streams were trimmed up to these positions.
    pub(crate) fn trimmed(&mut self, acked_to: &[Position]) {
        for position in acked_to {
            if let Some(owned) = self.owned(*position) {
                owned.trimmed = owned.trimmed.max(position.seq);
            }
        }
    }

    /// Takes acknowledged events that come after unacknowledged ones, to be removed one by one. Those with no
    /// unacknowledged event before them any more are trimmed instead.
    pub(crate) fn take_out_of_order(&mut self) -> Vec<OutOfOrder> {
        for owned in self.held.values_mut() {
            let first = owned.outstanding.front().map_or(u64::MAX, |event| event.seq);
            let acked_to = owned.out_of_order.extract_if(.., |seq| *seq < first).max();
            owned.acked_to = owned.acked_to.max(acked_to.unwrap_or_default());
        }
        let held = self.held.iter_mut().filter(|(_, owned)| !owned.out_of_order.is_empty());
        held.map(|(partition, owned)| OutOfOrder {
            partition: *partition,
            token: owned.token,
            seqs: std::mem::take(&mut owned.out_of_order),
        })
        .collect()
    }

    /// Returns events that could not be removed.
    pub(crate) fn restore_out_of_order(&mut self, out_of_order: Vec<OutOfOrder>) {
        for OutOfOrder { partition, token, seqs } in out_of_order {
            if let Some(owned) = self.held.get_mut(&partition).filter(|owned| owned.token == token) {
                owned.out_of_order.extend(seqs);
            }
        }
    }

    /// Returns the number of events that were read and not acknowledged.
    pub(crate) fn outstanding(&self) -> usize {
        self.held.values().map(|owned| owned.outstanding.len() - owned.acked_out_of_order).sum()
    }

    fn owned(&mut self, position: Position) -> Option<&mut OwnedPartition> {
        self.held.get_mut(&position.partition).filter(|owned| owned.token == position.token)
    }
}

impl OwnedPartition {
    fn position(&self, partition: u16, seq: u64) -> Position {
        Position { shard: Shard::FIRST, partition, token: self.token, seq }
    }

    fn has_old_events(&self) -> bool {
        let outstanding = self.outstanding.front().map(|event| event.seq);
        let ahead = self.ahead.first_key_value().map(|(seq, _)| *seq);
        outstanding.into_iter().chain(ahead).any(|seq| seq <= self.aged[1])
    }

    fn change(&mut self, seq: u64, min_out_of_order: usize, change: impl FnOnce(&mut Outstanding)) {
        if let Ok(at) = self.outstanding.binary_search_by_key(&seq, |event| event.seq) {
            let event = &mut self.outstanding[at];
            let before = event.is_acked();
            change(event);
            self.acked_out_of_order += usize::from(!before && event.is_acked());
        }
        while let Some(event) = self.outstanding.front().filter(|event| event.is_acked()) {
            self.acked_to = event.seq;
            self.acked_out_of_order -= 1;
            self.outstanding.pop_front();
        }
        if self.outstanding.is_empty() {
            // The events that were removed one by one came after the last outstanding one.
            self.acked_to = self.acked_to.max(self.read_to);
        }
        // Often enough that this list and the stream stay in proportion to the unacknowledged events, rarely enough
        // that the scan costs little per event.
        if self.acked_out_of_order >= min_out_of_order.max(self.outstanding.len() / 2) {
            let out_of_order = &mut self.out_of_order;
            self.outstanding.retain(|event| {
                out_of_order.extend(event.is_acked().then_some(event.seq));
                !event.is_acked()
            });
            self.acked_out_of_order = 0;
        }
    }
}

#[cfg(test)]
#[path = "ownership_tests.rs"]
mod tests;
