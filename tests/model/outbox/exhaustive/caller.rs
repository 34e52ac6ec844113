//! A node of the search: reader, acknowledgements and the only lane. Ownership is the real `Ownership`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::event::Shard;
use crate::outbox::Position;
use crate::outbox::redis::ack_queue::last_positions;
use crate::outbox::redis::model::protocol::{Ack, Batch, BatchId, Caller, Flaw, Freeze, Id, Redis, Takeover};
use crate::outbox::redis::ownership::{OutOfOrder, Ownership, OwnershipEnd};

/// The only epoch of the search.
pub(super) const EPOCH: u8 = 1;

/// Maximum number of events in a batch.
const BATCH: usize = 2;

/// A batch to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Outgoing {
    pub(super) id: BatchId,
    pub(super) events: Vec<Position>,
    /// Id and events do not change any more.
    pub(super) frozen: bool,
}

/// Data that a takeover has read about one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Resume {
    pub(super) cursor: u64,
    pub(super) in_flight: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) id: Id,
    /// The node has a session.
    pub(super) joined: bool,
    pub(super) ownership: Ownership,
    /// New partitions whose takeover has not read anything yet.
    pub(super) fresh: Vec<(u16, u64)>,
    pub(super) resumes: BTreeMap<u64, Resume>,
    pub(super) inherited: VecDeque<Outgoing>,
    pub(super) waiting: Vec<Position>,
    pub(super) trying: Option<Outgoing>,
    /// An attempt is under way.
    pub(super) sending: bool,
    pub(super) acks: Vec<Ack>,
    /// Positions of dead letters. Their cursors move when the lane has no earlier batch left.
    pub(super) waiting_cursors: Vec<Position>,
    /// Positions to trim from the streams. Their acknowledgements are being written.
    pub(super) to_trim: Vec<Position>,
    pub(super) overtaken: Vec<OutOfOrder>,
    made: u8,
}

/// A kind of call to Redis. Reads are not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Assign,
    /// Writes the acknowledgements, and persists the lane's next batch.
    Persist,
    /// Writes the acknowledgements.
    Acknowledge,
    Trim,
    Release,
}

pub(super) const STEPS: [Step; 5] = [Step::Assign, Step::Persist, Step::Acknowledge, Step::Trim, Step::Release];

/// A call with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Assign { caller: Caller, held: BTreeMap<u16, u64> },
    Write { caller: Caller, acks: Vec<Ack>, batches: Vec<Freeze> },
    Trim { caller: Caller, to_trim: Vec<Position> },
    Remove { caller: Caller, token: (u16, u64), seqs: Vec<u64> },
    Release { caller: Caller, places: Vec<Position> },
}

impl Node {
    pub(super) fn new(id: Id, joined: bool) -> Self {
        Self {
            id,
            joined,
            ownership: Ownership::new(1),
            fresh: Vec::new(),
            resumes: BTreeMap::new(),
            inherited: VecDeque::new(),
            waiting: Vec::new(),
            trying: None,
            sending: false,
            acks: Vec::new(),
            waiting_cursors: Vec::new(),
            to_trim: Vec::new(),
            overtaken: Vec::new(),
            made: 0,
        }
    }

    pub(super) const fn caller(&self) -> Caller {
        Caller { id: self.id, epoch: EPOCH }
    }

    fn is_removing(&self) -> bool {
        !(self.to_trim.is_empty() && self.overtaken.is_empty())
    }

    pub(super) fn may(&self, step: Step) -> bool {
        let has_trimmable =
            || !self.ownership.trimmable().is_empty() || !self.ownership.clone().take_out_of_order().is_empty();
        match step {
            _ if !self.joined => false,
            Step::Assign => self.fresh.is_empty(),
            Step::Persist if self.trying.is_some() => !self.sending,
            Step::Persist => !(self.inherited.is_empty() && self.waiting.is_empty()),
            Step::Acknowledge => !self.is_removing() && (!self.acks.is_empty() || has_trimmable()),
            Step::Trim => self.is_removing(),
            Step::Release => {
                let written = self.acks.is_empty() && !self.is_removing() && !has_trimmable();
                written && !self.ownership.releasable().is_empty()
            }
        }
    }

    /// Builds the call of a step, or returns `None` if Redis has nothing to do. Adds the batches that lose events to
    /// `split`.
    pub(super) fn start(&mut self, step: Step, split: &mut BTreeSet<BatchId>, flaw: Option<Flaw>) -> Option<Call> {
        let caller = self.caller();
        Some(match step {
            Step::Assign => Call::Assign { caller, held: self.ownership.held() },
            Step::Persist => {
                let freeze = self.next_batch(split, flaw)?;
                let acks = if flaw == Some(Flaw::PersistedFirst) { Vec::new() } else { self.acks_to_write() };
                Call::Write { caller, acks, batches: vec![freeze] }
            }
            Step::Acknowledge => {
                // Read before the acknowledgements: a stream is trimmed only up to positions whose acknowledgements are
                // written.
                (self.overtaken, self.to_trim) = (self.ownership.take_out_of_order(), self.ownership.trimmable());
                let acks = if flaw == Some(Flaw::TrimmedFirst) { Vec::new() } else { self.acks_to_write() };
                Call::Write { caller, acks, batches: Vec::new() }
            }
            Step::Trim => match (&self.to_trim[..], self.overtaken.first()) {
                ([], Some(OutOfOrder { partition, token, seqs })) => {
                    Call::Remove { caller, token: (*partition, *token), seqs: seqs.clone() }
                }
                (to_trim, _) => Call::Trim { caller, to_trim: to_trim.to_vec() },
            },
            Step::Release => {
                let place = |(partition, token)| Position { shard: Shard::FIRST, partition, token, seq: 0 };
                Call::Release { caller, places: self.ownership.releasable().into_iter().map(place).collect() }
            }
        })
    }

    /// Returns the acknowledgements, without the positions that now belong to another node.
    fn acks_to_write(&mut self) -> Vec<Ack> {
        for ack in &mut self.acks {
            ack.places.retain(|place| self.ownership.ended(*place).is_none());
        }
        self.acks.retain(|ack| !ack.places.is_empty());
        self.acks.clone()
    }

    /// Returns the lane's next batch if it must be persisted first. Starts the attempt of one that is persisted.
    pub(super) fn next_batch(&mut self, split: &mut BTreeSet<BatchId>, flaw: Option<Flaw>) -> Option<Freeze> {
        if self.trying.is_none() {
            let inherited = self.inherited.pop_front();
            self.trying = inherited.or_else(|| {
                let events = self.waiting.drain(..self.waiting.len().min(BATCH)).collect();
                Some(Outgoing { id: self.next_id(), events, frozen: false })
            });
        }
        let batch = self.trying.clone()?;
        match self.ownership.live(batch.events.iter().copied()) {
            Err(fenced) => {
                self.rebuild(&fenced, split, flaw);
                None
            }
            Ok(_) if batch.frozen || flaw == Some(Flaw::NotPersisted) => {
                self.begin_attempt();
                None
            }
            Ok(live) => {
                let events = live.iter().map(|place| (place.partition, place.seq)).collect();
                let last = last_positions(live.into_iter());
                Some(Freeze { lane: 0, batch: Batch { id: batch.id, events }, last })
            }
        }
    }

    pub(super) fn begin_attempt(&mut self) {
        self.sending = true;
        if let Some(batch) = &mut self.trying {
            batch.frozen = true;
        }
    }

    /// Returns a new batch id. Numbers start at 1; 0 stands for an acknowledgement without a batch.
    fn next_id(&mut self) -> BatchId {
        self.made += 1;
        (self.id, self.made)
    }

    /// Removes the events of these tokens from the batch that is sent next.
    pub(super) fn rebuild(&mut self, gone: &[u64], split: &mut BTreeSet<BatchId>, flaw: Option<Flaw>) {
        if let Some(batch) = self.trying.take() {
            self.trying = self.without(batch, gone, split, flaw);
        }
    }

    /// Returns the rest of a batch without the events of these tokens, if any is left.
    fn without(
        &mut self,
        batch: Outgoing,
        gone: &[u64],
        split: &mut BTreeSet<BatchId>,
        flaw: Option<Flaw>,
    ) -> Option<Outgoing> {
        let events: Vec<Position> = batch.events.iter().filter(|place| !gone.contains(&place.token)).copied().collect();
        if events.len() == batch.events.len() {
            return Some(batch);
        }
        if events.is_empty() || flaw == Some(Flaw::DroppedWhole) {
            return None;
        }
        split.insert(batch.id);
        let id = if flaw == Some(Flaw::SameId) { batch.id } else { self.next_id() };
        Some(Outgoing { id, events, frozen: false })
    }

    /// Takes over the new partitions, with the in-flight batches and cursors of their former owners.
    pub(super) fn take_over(&mut self, redis: &Redis<2>, split: &mut BTreeSet<BatchId>, flaw: Option<Flaw>) {
        let fresh: BTreeMap<u16, u64> = std::mem::take(&mut self.fresh).into_iter().collect();
        let Takeover { cursors, batches, in_part } = redis.take_over(0, &fresh, flaw);
        split.extend(in_part);
        for (partition, token) in fresh {
            let places = batches.iter().flat_map(|(_, events)| events).filter(|place| place.token == token);
            let resume = Resume { cursor: cursors[&partition], in_flight: places.map(|place| place.seq).collect() };
            let mut ahead = BTreeMap::new();
            for seq in &resume.in_flight {
                *ahead.entry(*seq).or_default() += 1;
            }
            self.ownership.begin(partition, token, ahead);
            self.resumes.insert(token, resume);
        }
        self.inherited.extend(batches.into_iter().map(|(id, events)| Outgoing { id, events, frozen: true }));
        let held = self.ownership.held();
        self.resumes.retain(|token, _| held.values().any(|held| held == token));
    }

    /// Reads the next events of its partitions.
    pub(super) fn read(&mut self, redis: &Redis<2>) {
        let mut found = Vec::new();
        for Position { partition, token, seq: last, .. } in self.ownership.readable() {
            let unread = redis.parts[usize::from(partition)].stream.iter().filter(|seq| **seq > last);
            found.extend(unread.map(|seq| Position { shard: Shard::FIRST, partition, token, seq: *seq }));
        }
        found.sort_by_key(|place| place.seq);
        for place in found {
            self.ownership.read(place);
            let resume = &self.resumes[&place.token];
            let has = resume.cursor >= place.seq || resume.in_flight.contains(&place.seq);
            self.ownership.routed(place, u32::from(!has));
            self.waiting.extend((!has).then_some(place));
        }
    }

    /// Applies the answer of `assign.lua`.
    pub(super) fn assigned(
        &mut self,
        share: usize,
        owned: &BTreeMap<u16, u64>,
        split: &mut BTreeSet<BatchId>,
        flaw: Option<Flaw>,
    ) {
        let held = self.ownership.held();
        let fenced = held.iter().filter(|(partition, token)| owned.get(partition) != Some(token));
        let ended: Vec<u64> =
            fenced.filter_map(|(partition, _)| self.ownership.end(*partition, OwnershipEnd::Fenced)).collect();
        self.revoke(&ended, split, flaw);
        self.fresh = owned
            .iter()
            .filter(|(partition, token)| held.get(partition) != Some(token))
            .map(|(p, t)| (*p, *t))
            .collect();
        if self.fresh.is_empty() {
            // Ages matter only while a partition retires.
            if self.ownership.readable().len() < self.ownership.held().len() {
                self.ownership.age();
            }
            self.ownership.retire_beyond(share);
        }
    }

    /// Ends the ownerships whose tokens Redis has refused.
    pub(super) fn fenced<'a>(
        &mut self,
        places: impl Iterator<Item = &'a Position>,
        split: &mut BTreeSet<BatchId>,
        flaw: Option<Flaw>,
    ) {
        let ended = self.ownership.fence(places.copied());
        self.revoke(&ended, split, flaw);
    }

    /// Drops the events of ended ownerships, except those of an attempt under way.
    pub(super) fn revoke(&mut self, ended: &[u64], split: &mut BTreeSet<BatchId>, flaw: Option<Flaw>) {
        self.waiting.retain(|place| !ended.contains(&place.token));
        for batch in std::mem::take(&mut self.inherited) {
            let staying = self.without(batch, ended, split, flaw);
            self.inherited.extend(staying);
        }
        if !self.sending {
            self.rebuild(ended, split, flaw);
        }
        // These batches are sent or acknowledged already. If only a part of one has lost its owner, that part comes
        // again in another batch.
        let is_over = |places: &[Position]| places.iter().filter(|place| ended.contains(&place.token)).count();
        let sent = self.trying.iter().map(|batch| (batch.id, &batch.events));
        for (id, places) in sent.chain(self.acks.iter().map(|ack| (ack.id, &ack.places))) {
            split.extend((1..places.len()).contains(&is_over(places)).then_some(id));
        }
    }

    /// Replaces the batch under way with its halves.
    pub(super) fn halve(&mut self, split: &mut BTreeSet<BatchId>, flaw: Option<Flaw>) {
        self.sending = false;
        let Some(Outgoing { id, events, .. }) = self.trying.take() else { return };
        split.insert(id);
        let (first, second) = events.split_at(events.len() / 2);
        let order = if flaw == Some(Flaw::HalvesSwapped) { [first, second] } else { [second, first] };
        for half in order {
            let id = if flaw == Some(Flaw::SameIdForHalves) { id } else { self.next_id() };
            self.inherited.push_front(Outgoing { id, events: half.to_vec(), frozen: false });
        }
    }

    /// Acknowledges the batch under way.
    pub(super) fn finish(&mut self, given_up: bool, flaw: Option<Flaw>) {
        self.sending = false;
        let Some(batch) = self.trying.take() else { return };
        let moves_all = self.inherited.is_empty() || flaw == Some(Flaw::InheritedOvertaken);
        self.ack(batch.id, &batch.events, given_up, true);
        if moves_all {
            self.move_waiting_cursors();
        }
    }

    /// Makes a dead letter of the oldest waiting event, because the outbox is full.
    pub(super) fn give_up(&mut self, flaw: Option<Flaw>) {
        let (id, event) = (self.next_id(), self.waiting.remove(0));
        let moves = (self.trying.is_none() && self.inherited.is_empty()) || flaw == Some(Flaw::CursorsOvertake);
        if moves {
            self.ack(id, &[event], true, true);
            self.move_waiting_cursors();
        } else {
            self.waiting_cursors = last_positions(self.waiting_cursors.iter().copied().chain([event]));
            self.ack(id, &[event], true, false);
        }
    }

    /// Moves the cursors that waited, one acknowledgement each.
    fn move_waiting_cursors(&mut self) {
        for place in std::mem::take(&mut self.waiting_cursors) {
            self.acks.push(Ack { lane: 0, id: (self.id, 0), dead_letter: 0, places: vec![place], moves: true });
        }
    }

    fn ack(&mut self, id: BatchId, events: &[Position], given_up: bool, moves: bool) {
        let dead_letter = if given_up { events.iter().fold(0, |all, place| all | 1 << place.seq) } else { 0 };
        self.acks.push(Ack { lane: 0, id, dead_letter, places: last_positions(events.iter().copied()), moves });
        for event in events {
            self.ownership.acked(*event);
        }
    }
}
