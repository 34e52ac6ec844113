//! The partitions that this node owns, and which of their events are not acknowledged yet. Pure.
//!
//! An ownership of a partition lasts from its assignment to its end. Every event carries the fencing token under which
//! it was read, so an event of a lost partition is recognised wherever it is.

use std::collections::{BTreeMap, VecDeque};

use crate::outbox::Position;

/// Why an ownership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(crate) enum End {
    /// Another node owns the partition, or has owned it since. Its events are delivered there, or read again.
    Fenced,
    /// Redis lost the data. Its events exist only on this node, which still delivers them.
    Lost,
}

/// Acknowledged events of a partition that come after unacknowledged ones in the stream.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Overtaken {
    /// The partition.
    pub(crate) partition: u16,
    /// The fencing token.
    pub(crate) token: u64,
    /// The numbers of the events.
    pub(crate) seqs: Vec<u64>,
}

/// A partition that this node owns.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
struct Tenure {
    id: u64,
    /// The last event read.
    read_to: u64,
    /// Events that were read and not removed from this list, in order.
    outstanding: VecDeque<Outstanding>,
    /// Events of inherited batches that were not read yet, with the number of lanes that have not acknowledged them.
    ahead: BTreeMap<u64, u32>,
    /// Every lane has acknowledged all events up to this one.
    settled: u64,
    /// The stream was trimmed up to this event.
    trimmed: u64,
    /// Acknowledged events in `outstanding`, which come after an unacknowledged one.
    settled_behind: usize,
    /// Acknowledged events that were removed from `outstanding` and are still in the stream.
    overtaken: Vec<u64>,
    /// Nothing more is read. The partition is released once all its events are acknowledged.
    retiring: bool,
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
    const fn is_settled(&self) -> bool {
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
    overtaken_at_least: usize,
    held: BTreeMap<u16, Tenure>,
    ended: BTreeMap<u64, End>,
}

impl Ownership {
    /// Creates an empty ownership, in which at least `min_out_of_order` acknowledged events may stay after an
    /// unacknowledged one.
    pub(crate) fn new(overtaken: usize) -> Self {
        Self { overtaken_at_least: overtaken.max(1), held: BTreeMap::new(), ended: BTreeMap::new() }
    }

    /// Begins the ownership of `partition` with the fencing token from Redis. `ahead` has the events of inherited
    /// batches, each with its number of lanes.
    pub(crate) fn begin(&mut self, partition: u16, id: u64, ahead: BTreeMap<u64, u32>) {
        let token = Tenure {
            id,
            read_to: 0,
            outstanding: VecDeque::new(),
            ahead,
            settled: 0,
            trimmed: 0,
            settled_behind: 0,
            overtaken: Vec::new(),
            retiring: false,
        };
        self.held.insert(partition, token);
    }

    /// Ends the ownership of `partition`. Returns its fencing token.
    pub(crate) fn end(&mut self, partition: u16, end: End) -> Option<u64> {
        let token = self.held.remove(&partition)?;
        self.ended.insert(token.id, end);
        Some(token.id)
    }

    /// Ends the current ownership of each position, after Redis refused the positions. Returns the fencing tokens.
    ///
    /// Ends it even if Redis is about to give it back after losing it for a while: what was refused does not belong to
    /// this node any more and has to be read again.
    pub(crate) fn fence(&mut self, positions: impl Iterator<Item = Position>) -> Vec<u64> {
        let is_held = |held: &BTreeMap<u16, Tenure>, place: Position| {
            held.get(&place.partition).is_some_and(|token| token.id == place.token)
        };
        positions
            .filter_map(|place| if is_held(&self.held, place) { self.end(place.partition, End::Fenced) } else { None })
            .collect()
    }

    /// Ends all ownership. Returns the fencing tokens.
    pub(crate) fn end_all(&mut self, end: End) -> Vec<u64> {
        let partitions: Vec<u16> = self.held.keys().copied().collect();
        partitions.into_iter().filter_map(|partition| self.end(partition, end)).collect()
    }

    /// Returns how the ownership of a position ended, if it has.
    pub(crate) fn ended(&self, position: Position) -> Option<End> {
        self.ended.get(&position.token).copied()
    }

    /// Returns the positions whose events Redis has not lost.
    ///
    /// # Errors
    /// When other nodes own some of the partitions: their fencing tokens.
    pub(crate) fn live(&self, positions: impl Iterator<Item = Position>) -> Result<Vec<Position>, Vec<u64>> {
        let (mut live, mut fenced) = (Vec::new(), Vec::new());
        for position in positions {
            match self.ended(position) {
                None => live.push(position),
                Some(End::Fenced) if !fenced.contains(&position.token) => fenced.push(position.token),
                Some(_) => {}
            }
        }
        if fenced.is_empty() { Ok(live) } else { Err(fenced) }
    }

    /// Returns the owned partitions with their fencing tokens.
    pub(crate) fn held(&self) -> BTreeMap<u16, u64> {
        self.held.iter().map(|(partition, token)| (*partition, token.id)).collect()
    }

    /// Returns the partitions to continue reading, each as the position of the last event read.
    pub(crate) fn readable(&self) -> Vec<Position> {
        let reading = self.held.iter().filter(|(_, token)| !token.retiring);
        reading
            .map(|(partition, token)| Position { partition: *partition, token: token.id, seq: token.read_to })
            .collect()
    }

    /// Records an event that was read.
    pub(crate) fn read(&mut self, position: Position) {
        if let Some(token) = self.token(position) {
            token.read_to = token.read_to.max(position.seq);
            let lanes = token.ahead.remove(&position.seq).unwrap_or_default();
            token.outstanding.push_back(Outstanding { seq: position.seq, lanes, routed: false });
        }
    }

    /// Records how many lanes want the event, besides those that have it in an inherited batch.
    pub(crate) fn routed(&mut self, position: Position, lanes: u32) {
        let overtaken = self.overtaken_at_least;
        if let Some(token) = self.token(position) {
            token.change(position.seq, overtaken, |event| {
                event.lanes += lanes;
                event.routed = true;
            });
        }
    }

    /// Records that a lane has acknowledged the event. It may not be read yet if the lane inherited it in a batch.
    pub(crate) fn passed(&mut self, position: Position) {
        let overtaken = self.overtaken_at_least;
        if let Some(token) = self.token(position) {
            if let Some(lanes) = token.ahead.get_mut(&position.seq) {
                *lanes -= 1;
                if *lanes == 0 {
                    token.ahead.remove(&position.seq);
                }
                return;
            }
            token.change(position.seq, overtaken, |event| event.lanes = event.lanes.saturating_sub(1));
        }
    }

    /// Retires partitions beyond `share`, those with the fewest outstanding events first. They are not read any more.
    pub(crate) fn retire_beyond(&mut self, share: usize) {
        let staying = self.held.values().filter(|token| !token.retiring).count();
        let mut candidates: Vec<&mut Tenure> = self.held.values_mut().filter(|token| !token.retiring).collect();
        candidates.sort_by_key(|token| token.outstanding.len() + token.ahead.len());
        for token in candidates.into_iter().take(staying.saturating_sub(share)) {
            token.retiring = true;
        }
    }

    /// Returns the retiring partitions without outstanding events, which can be released, with their fencing tokens.
    pub(crate) fn releasable(&self) -> Vec<(u16, u64)> {
        let is_done = |token: &Tenure| token.retiring && token.outstanding.is_empty() && token.ahead.is_empty();
        let done = self.held.iter().filter(|(_, token)| is_done(token));
        done.map(|(partition, token)| (*partition, token.id)).collect()
    }

    /// Returns the end of the acknowledged part of each partition where it has grown since the last trim.
    pub(crate) fn trimmable(&self) -> Vec<Position> {
        let grown = self.held.iter().filter(|(_, token)| token.settled > token.trimmed);
        grown
            .map(|(partition, token)| Position { partition: *partition, token: token.id, seq: token.settled })
            .collect()
    }

    /// Records that the streams were trimmed up to these positions.
    pub(crate) fn trimmed(&mut self, settled: &[Position]) {
        for position in settled {
            if let Some(token) = self.token(*position) {
                token.trimmed = token.trimmed.max(position.seq);
            }
        }
    }

    /// Takes acknowledged events that come after unacknowledged ones, to be removed one by one. Those with no
    /// unacknowledged event before them any more are trimmed instead.
    pub(crate) fn take_overtaken(&mut self) -> Vec<Overtaken> {
        for token in self.held.values_mut() {
            let first = token.outstanding.front().map_or(u64::MAX, |event| event.seq);
            let settled = token.overtaken.extract_if(.., |seq| *seq < first).max();
            token.settled = token.settled.max(settled.unwrap_or_default());
        }
        let held = self.held.iter_mut().filter(|(_, token)| !token.overtaken.is_empty());
        held.map(|(partition, token)| Overtaken {
            partition: *partition,
            token: token.id,
            seqs: std::mem::take(&mut token.overtaken),
        })
        .collect()
    }

    /// Returns events that could not be removed.
    pub(crate) fn put_back_overtaken(&mut self, overtaken: Vec<Overtaken>) {
        for Overtaken { partition, token: id, seqs } in overtaken {
            if let Some(token) = self.held.get_mut(&partition).filter(|token| token.id == id) {
                token.overtaken.extend(seqs);
            }
        }
    }

    /// Returns the number of events that were read and not acknowledged.
    pub(crate) fn outstanding(&self) -> usize {
        self.held.values().map(|token| token.outstanding.len() - token.settled_behind).sum()
    }

    fn token(&mut self, position: Position) -> Option<&mut Tenure> {
        self.held.get_mut(&position.partition).filter(|token| token.id == position.token)
    }
}

impl Tenure {
    fn change(&mut self, seq: u64, overtaken_at_least: usize, change: impl FnOnce(&mut Outstanding)) {
        if let Ok(at) = self.outstanding.binary_search_by_key(&seq, |event| event.seq) {
            let event = &mut self.outstanding[at];
            let before = event.is_settled();
            change(event);
            self.settled_behind += usize::from(!before && event.is_settled());
        }
        while let Some(event) = self.outstanding.front().filter(|event| event.is_settled()) {
            self.settled = event.seq;
            self.settled_behind -= 1;
            self.outstanding.pop_front();
        }
        if self.outstanding.is_empty() {
            // The events that were removed one by one came after the last outstanding one.
            self.settled = self.settled.max(self.read_to);
        }
        // Often enough that this list and the stream stay in proportion to the unacknowledged events, rarely enough
        // that the scan costs little per event.
        if self.settled_behind >= overtaken_at_least.max(self.outstanding.len() / 2) {
            let overtaken = &mut self.overtaken;
            self.outstanding.retain(|event| {
                overtaken.extend(event.is_settled().then_some(event.seq));
                !event.is_settled()
            });
            self.settled_behind = 0;
        }
    }
}

#[cfg(test)]
#[path = "ownership_tests.rs"]
mod tests;
