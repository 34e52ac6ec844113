//! Which partitions this node owns, and what of them is still to be passed. Pure.
//!
//! One ownership of one partition lasts from its assignment to its end. Every event carries its fencing token, under which it
//! was read, so that an event of a lost partition is known for what it is wherever it has got to.

use std::collections::{BTreeMap, VecDeque};

use crate::outbox::Position;

/// Why an ownership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(crate) enum End {
    /// Another node has the partition, or has had it since: its events are delivered there, or read anew.
    Fenced,
    /// Redis lost the data: its events exist here only, and are delivered all the same.
    Lost,
}

/// Settled events of a partition that stand behind others which are not.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Overtaken {
    /// The partition.
    pub(crate) partition: u16,
    /// Under which ownership.
    pub(crate) token: u64,
    /// Their places.
    pub(crate) seqs: Vec<u64>,
}

/// One ownership of a partition.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
struct Tenure {
    id: u64,
    /// The last event read.
    read_to: u64,
    /// Events read and not settled, in order.
    outstanding: VecDeque<Outstanding>,
    /// Events in inherited batches that are not read yet, with the number of lanes that have yet to pass them there.
    ahead: BTreeMap<u64, u32>,
    /// Everything up to here has been passed by every lane.
    settled: u64,
    /// Up to where the stream has been trimmed.
    trimmed: u64,
    /// How many of the outstanding are settled, standing behind one that is not.
    settled_behind: usize,
    /// Settled events that were taken out of the outstanding, and are still in the stream.
    overtaken: Vec<u64>,
    /// Nothing more is read: the partition is given up once all is passed.
    retiring: bool,
}

/// An event that was read.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
struct Outstanding {
    seq: u64,
    /// Lanes that have yet to pass it, as far as they are known.
    lanes: u32,
    /// They are all known.
    routed: bool,
}

impl Outstanding {
    const fn is_settled(&self) -> bool {
        self.routed && self.lanes == 0
    }
}

/// All ownership of this node.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
pub(crate) struct Ownership {
    /// How many settled events of a partition may stand behind one that is not, if they are not more than those that are
    /// not: to remove them costs Redis as much as they cost it before, and they go for nothing when that one is settled.
    overtaken_at_least: usize,
    held: BTreeMap<u16, Tenure>,
    ended: BTreeMap<u64, End>,
}

impl Ownership {
    /// None yet; `overtaken` settled events of a partition, or as many as are not settled, may wait for one before them.
    pub(crate) fn new(overtaken: usize) -> Self {
        Self { overtaken_at_least: overtaken.max(1), held: BTreeMap::new(), ended: BTreeMap::new() }
    }

    /// Begins the ownership of `partition` under the fencing token that Redis gave it, with nothing read yet. `ahead` are the events that
    /// are in inherited batches, with the number of those.
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

    /// Ends those ownership that are held of the positions: Redis has refused something of them. Returns their numbers.
    ///
    /// Also when Redis is about to give one back, having lost it for a while: what was refused is not this node's any more,
    /// and has to be read anew.
    pub(crate) fn fence(&mut self, positions: impl Iterator<Item = Position>) -> Vec<u64> {
        let is_held = |held: &BTreeMap<u16, Tenure>, place: Position| {
            held.get(&place.partition).is_some_and(|token| token.id == place.token)
        };
        positions
            .filter_map(|place| if is_held(&self.held, place) { self.end(place.partition, End::Fenced) } else { None })
            .collect()
    }

    /// Ends all ownership. Returns their numbers.
    pub(crate) fn end_all(&mut self, end: End) -> Vec<u64> {
        let partitions: Vec<u16> = self.held.keys().copied().collect();
        partitions.into_iter().filter_map(|partition| self.end(partition, end)).collect()
    }

    /// How the ownership of a position ended, if it has.
    pub(crate) fn ended(&self, position: Position) -> Option<End> {
        self.ended.get(&position.token).copied()
    }

    /// Those of the positions whose events Redis has not lost.
    ///
    /// # Errors
    /// When another node has the partitions of some: their ownership.
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

    /// The partitions held, with their ownership.
    pub(crate) fn held(&self) -> BTreeMap<u16, u64> {
        self.held.iter().map(|(partition, token)| (*partition, token.id)).collect()
    }

    /// The partitions to read on, each as the position of the last event read.
    pub(crate) fn readable(&self) -> Vec<Position> {
        let reading = self.held.iter().filter(|(_, token)| !token.retiring);
        reading
            .map(|(partition, token)| Position { partition: *partition, token: token.id, seq: token.read_to })
            .collect()
    }

    /// An event was read.
    pub(crate) fn read(&mut self, position: Position) {
        if let Some(token) = self.token(position) {
            token.read_to = token.read_to.max(position.seq);
            let lanes = token.ahead.remove(&position.seq).unwrap_or_default();
            token.outstanding.push_back(Outstanding { seq: position.seq, lanes, routed: false });
        }
    }

    /// It turned out that `lanes` lanes want the event, beside those that have it in an inherited batch.
    pub(crate) fn routed(&mut self, position: Position, lanes: u32) {
        let overtaken = self.overtaken_at_least;
        if let Some(token) = self.token(position) {
            token.change(position.seq, overtaken, |event| {
                event.lanes += lanes;
                event.routed = true;
            });
        }
    }

    /// A lane has passed the event. One that inherited it in a batch may have done so before it was read.
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

    /// Gives up partitions beyond `share`, those with the least outstanding first: nothing more is read of them.
    pub(crate) fn retire_beyond(&mut self, share: usize) {
        let staying = self.held.values().filter(|token| !token.retiring).count();
        let mut candidates: Vec<&mut Tenure> = self.held.values_mut().filter(|token| !token.retiring).collect();
        candidates.sort_by_key(|token| token.outstanding.len() + token.ahead.len());
        for token in candidates.into_iter().take(staying.saturating_sub(share)) {
            token.retiring = true;
        }
    }

    /// Retiring partitions with nothing outstanding, and their ownership: they can be released.
    pub(crate) fn releasable(&self) -> Vec<(u16, u64)> {
        let is_done = |token: &Tenure| token.retiring && token.outstanding.is_empty() && token.ahead.is_empty();
        let done = self.held.iter().filter(|(_, token)| is_done(token));
        done.map(|(partition, token)| (*partition, token.id)).collect()
    }

    /// Partitions whose settled part has grown since it was last trimmed, each as the position of its end.
    pub(crate) fn trimmable(&self) -> Vec<Position> {
        let grown = self.held.iter().filter(|(_, token)| token.settled > token.trimmed);
        grown
            .map(|(partition, token)| Position { partition: *partition, token: token.id, seq: token.settled })
            .collect()
    }

    /// The streams were trimmed up to there.
    pub(crate) fn trimmed(&mut self, settled: &[Position]) {
        for position in settled {
            if let Some(token) = self.token(*position) {
                token.trimmed = token.trimmed.max(position.seq);
            }
        }
    }

    /// Takes the settled events that stand behind others which are not, to remove them one by one. Those that do not any
    /// more are trimmed with the rest.
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

    /// They could not be removed.
    pub(crate) fn put_back_overtaken(&mut self, overtaken: Vec<Overtaken>) {
        for Overtaken { partition, token: id, seqs } in overtaken {
            if let Some(token) = self.held.get_mut(&partition).filter(|token| token.id == id) {
                token.overtaken.extend(seqs);
            }
        }
    }

    /// Events read and not settled.
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
            // Those that were removed one by one stood behind the last.
            self.settled = self.settled.max(self.read_to);
        }
        // Often enough that neither this list nor the stream is much longer than what is not settled, seldom enough that
        // the walk through the list costs an event next to nothing.
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
