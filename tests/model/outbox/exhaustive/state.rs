//! A state of the search, and the effect of each action on it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Budget;
use super::actions::{Action, Attempt};
use super::caller::{Call, EPOCH, Node, Outgoing, Step};
use crate::event::Shard;
use crate::outbox::Position;
use crate::outbox::redis::model::protocol::{Ack, BatchId, Flaw, Id, Lease, Redis, Refusal, Refused};
use crate::outbox::redis::ownership::OwnershipEnd;

/// Rounds after which two nodes have nothing left to do.
const ROUNDS: usize = 12;

/// Set of events: bit `n` is the event with sequence number `n`.
type Events = u16;

/// The cluster, its Redis, and what the endpoint received.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) redis: Redis<2>,
    pub(super) nodes: Vec<Node>,
    /// Calls whose nodes stopped waiting. Redis may still carry them out.
    pub(super) late: Vec<Call>,
    pub(super) left: Budget,
    /// The last save of Redis.
    pub(super) saved: Option<Redis<2>>,
    restored: bool,
    clock: u64,
    pub(super) next_id: Id,
    /// Partition of each event, by sequence number. The first event has number 1.
    partitions: Vec<u16>,
    delivered: Events,
    /// Events in dead letters.
    dead_lettered: Events,
    /// Events that Redis lost.
    lost: Events,
    /// Batches that the endpoint received, and the last batch in which it received each event.
    batches: BTreeMap<BatchId, Vec<u64>>,
    got_in: BTreeMap<u64, BatchId>,
    /// Batches whose events may come in other batches too: they lost some to another node, or could not be persisted.
    split: BTreeSet<BatchId>,
}

pub(super) type Broken = String;

enum Answer {
    Assigned(Result<(usize, BTreeMap<u16, u64>), Refusal>),
    Written(Refused, Refused),
    Done,
}

const fn bit(seq: u64) -> Events {
    1 << seq
}

impl State {
    /// The first node owns both partitions, with one event in each. The second node has no session yet.
    pub(super) fn new(left: Budget) -> Self {
        let mut redis = Redis::new(EPOCH);
        redis.leases[0] = Lease::Good;
        let mut state = Self {
            redis,
            nodes: vec![Node::new(0, true), Node::new(1, false)],
            late: Vec::new(),
            left: Budget { events: left.events + 2, ..left },
            saved: None,
            restored: false,
            clock: 0,
            next_id: 2,
            partitions: vec![0],
            delivered: 0,
            dead_lettered: 0,
            lost: 0,
            batches: BTreeMap::new(),
            got_in: BTreeMap::new(),
            split: BTreeSet::new(),
        };
        for action in [Action::Call(0, Step::Assign), Action::TakeOver(0), Action::Append(0), Action::Append(1)] {
            state.take(action, None).expect("an action that breaks no rule");
        }
        state
    }

    pub(super) fn take(&mut self, action: Action, flaw: Option<Flaw>) -> Result<(), Broken> {
        match action {
            Action::Append(partition) => {
                self.left.events -= 1;
                self.redis.part(partition).stream.push(self.partitions.len() as u64);
                self.partitions.push(partition);
            }
            Action::Join(n) => {
                self.nodes[n].joined = true;
                self.redis.leases[self.nodes[n].id] = Lease::Good;
            }
            Action::Call(n, step) => {
                if let Some(call) = self.nodes[n].start(step, &mut self.split, flaw) {
                    let answer = self.carry_out(&call, flaw)?;
                    self.apply(n, step, &call, answer, flaw);
                }
            }
            Action::GiveUp(n, step) => {
                self.left.delays -= 1;
                let node = &mut self.nodes[n];
                self.late.extend(node.start(step, &mut self.split, flaw));
                if matches!(step, Step::Acknowledge | Step::Trim) {
                    node.to_trim.clear();
                    node.ownership.restore_out_of_order(std::mem::take(&mut node.overtaken));
                }
            }
            Action::Late(call) => {
                let call = self.late.remove(call);
                self.carry_out(&call, flaw)?;
            }
            Action::TakeOver(n) => self.nodes[n].take_over(&self.redis, &mut self.split, flaw),
            Action::ReadFails(n) => {
                self.left.delays -= 1;
                self.nodes[n].fresh.clear();
            }
            Action::Read(n) => self.nodes[n].read(&self.redis),
            Action::Attempt(n, attempt) => self.attempt(n, attempt, flaw)?,
            Action::Unpersisted(n) => {
                self.left.unpersisted -= 1;
                let node = &mut self.nodes[n];
                let has_dead_letter = node.acks.iter().any(|ack| ack.dead_letter != 0);
                let is_new = node.next_batch(&mut self.split, flaw).is_some();
                if is_new && (!has_dead_letter || flaw == Some(Flaw::UnpersistedBeforeDeadLetter)) {
                    self.split.extend(node.trying.as_ref().map(|batch| batch.id));
                    node.begin_attempt();
                }
            }
            Action::Full(n) => {
                self.left.dead_letters -= 1;
                self.nodes[n].give_up(flaw);
            }
            Action::Lapse(n) => {
                self.left.lapses -= 1;
                self.redis.leases[self.nodes[n].id] = Lease::Lapsed;
            }
            Action::Renew(n) => self.redis.leases[self.nodes[n].id] = Lease::Good,
            Action::Reap(n) => {
                self.left.crashes -= 1;
                self.redis.leases[self.nodes[n].id] = Lease::None;
            }
            Action::Crash(n) => {
                self.left.crashes -= 1;
                self.redis.leases[self.nodes[n].id] = Lease::Lapsed;
                self.nodes[n] = Node::new(self.new_id(), true);
            }
            Action::Save => self.saved = Some(self.redis.clone()),
            Action::Restore => {
                self.left.restores -= 1;
                self.redis = self.saved.take().expect("a save to restore");
                self.restored = true;
                let remaining =
                    self.redis.parts.iter().flat_map(|part| &part.stream).fold(0, |all, seq| all | bit(*seq));
                self.lost |= (1..self.partitions.len() as u64).fold(0, |all, seq| all | bit(seq)) & !remaining;
            }
        }
        self.nothing_is_lost()
    }

    /// Returns a new incarnation with a lease.
    fn new_id(&mut self) -> Id {
        self.redis.leases[self.next_id] = Lease::Good;
        self.next_id += 1;
        self.next_id - 1
    }

    fn carry_out(&mut self, call: &Call, flaw: Option<Flaw>) -> Result<Answer, Broken> {
        let before = self.redis.parts.clone();
        let (answer, caller, places): (_, _, Vec<Position>) = match call {
            Call::Assign { caller, held } => {
                return Ok(Answer::Assigned(self.redis.assign(*caller, held, &mut self.clock, flaw)));
            }
            Call::Write { caller, acks, batches } => {
                let mut dead_letters = Vec::new();
                let written = self.redis.write(*caller, acks, batches, &mut dead_letters, flaw);
                let (refused_acks, refused_batches) = written.expect("the only epoch");
                self.dead_lettered |= dead_letters.into_iter().fold(0, |all, number| all | acks[number].dead_letter);
                let places =
                    acks.iter().flat_map(|ack| &ack.places).chain(batches.iter().flat_map(|batch| &batch.last));
                (Answer::Written(refused_acks, refused_batches), *caller, places.copied().collect())
            }
            Call::Trim { caller, to_trim } => {
                self.redis.trim(*caller, to_trim, flaw);
                (Answer::Done, *caller, to_trim.clone())
            }
            Call::Remove { caller, token, seqs } => {
                self.redis.remove(*caller, *token, seqs, flaw);
                (
                    Answer::Done,
                    *caller,
                    vec![Position { shard: Shard::FIRST, partition: token.0, token: token.1, seq: 0 }],
                )
            }
            Call::Release { caller, places } => {
                for place in places {
                    self.redis.release(caller.id, *place, flaw);
                }
                (Answer::Done, *caller, places.clone())
            }
        };
        for (partition, (before, now)) in (0..).zip(before.iter().zip(&self.redis.parts)) {
            let is_owner =
                |place: &Position| place.partition == partition && before.owner == Some((place.token, caller.id));
            if before != now && !places.iter().any(is_owner) {
                return Err(format!("fencing: {call:?} changed partition {partition}"));
            }
            if now.cursors[0] < before.cursors[0] && matches!(call, Call::Write { .. }) {
                return Err(format!("{call:?} moved a cursor of partition {partition} back"));
            }
        }
        Ok(answer)
    }

    fn apply(&mut self, n: usize, step: Step, call: &Call, answer: Answer, flaw: Option<Flaw>) {
        let (node, split) = (&mut self.nodes[n], &mut self.split);
        match (call, answer) {
            (_, Answer::Assigned(Ok((share, owned)))) => node.assigned(share, &owned, split, flaw),
            (_, Answer::Assigned(Err(_))) => {
                let ended = node.ownership.end_all(OwnershipEnd::Fenced);
                node.revoke(&ended, split, flaw);
                node.fresh.clear();
                let id = self.new_id();
                self.nodes[n].id = id;
            }
            (Call::Write { acks, .. }, Answer::Written(refused_acks, refused_batches)) => {
                let is_partial = |(ack, refused): (&_, &Vec<Position>)| partial(ack, refused.len());
                split.extend(acks.iter().zip(&refused_acks).filter_map(is_partial));
                node.acks.drain(..acks.len());
                if refused_batches.first().is_some_and(Vec::is_empty) {
                    node.begin_attempt();
                }
                let tokens: Vec<u64> = refused_batches.iter().flatten().map(|place| place.token).collect();
                node.rebuild(&tokens, split, flaw);
                if flaw != Some(Flaw::RefusalForgotten) {
                    node.fenced(refused_acks.iter().chain(&refused_batches).flatten(), split, flaw);
                }
            }
            (Call::Trim { to_trim, .. }, _) => {
                node.ownership.trimmed(to_trim);
                node.to_trim.clear();
            }
            (Call::Remove { .. }, _) => drop(node.overtaken.remove(0)),
            (Call::Release { places, .. }, _) => {
                for place in places {
                    node.ownership.end(place.partition, OwnershipEnd::Fenced);
                }
            }
            (call, _) => unreachable!("{step:?}: {call:?}"),
        }
    }

    fn attempt(&mut self, n: usize, attempt: Attempt, flaw: Option<Flaw>) -> Result<(), Broken> {
        if !matches!(attempt, Attempt::Fails | Attempt::TooLarge | Attempt::GivenUp { arrived: false }) {
            let batch = self.nodes[n].trying.clone().expect("a batch under way");
            self.deliver(&batch)?;
        }
        let (node, split) = (&mut self.nodes[n], &mut self.split);
        match attempt {
            Attempt::TooLarge => {
                self.left.halves -= 1;
                node.halve(split, flaw);
            }
            Attempt::Succeeds => node.finish(false, flaw),
            Attempt::GivenUp { .. } => {
                self.left.dead_letters -= 1;
                node.finish(true, flaw);
            }
            Attempt::ReplyLost | Attempt::Fails => {
                self.left.failures -= 1;
                node.sending = false;
            }
        }
        Ok(())
    }

    /// Delivers a batch to the endpoint.
    fn deliver(&mut self, batch: &Outgoing) -> Result<(), Broken> {
        let seqs: Vec<u64> = batch.events.iter().map(|place| place.seq).collect();
        let known = self.batches.entry(batch.id).or_insert_with(|| seqs.clone());
        if *known != seqs {
            return Err(format!("D3: batch {:?} changed from {known:?} to {seqs:?}", batch.id));
        }
        for Position { partition, seq, .. } in batch.events.iter().copied() {
            let is_late = (0..)
                .zip(&self.partitions)
                .any(|(other, home)| other > seq && *home == partition && self.delivered & bit(other) != 0);
            let excused = self.restored && self.dead_lettered & bit(seq) != 0;
            if self.delivered & bit(seq) == 0 && is_late && !excused {
                return Err(format!("D2: event {seq} came for the first time after a later one"));
            }
            self.delivered |= bit(seq);
            let before = self.got_in.insert(seq, batch.id);
            let in_another = before.filter(|id| *id != batch.id && !self.restored);
            if in_another.is_some_and(|id| [id, batch.id].iter().all(|id| !self.split.contains(id))) {
                return Err(format!("D3: event {seq} came in batch {:?} after batch {before:?}", batch.id));
            }
        }
        Ok(())
    }

    /// Checks that each event has reached its end, or is in its stream beyond the cursor.
    fn nothing_is_lost(&self) -> Result<(), Broken> {
        for (seq, partition) in (0..).zip(&self.partitions).skip(1) {
            let part = &self.redis.parts[usize::from(*partition)];
            let waits = part.stream.contains(&seq) && part.cursors[0] < seq;
            if !waits && (self.delivered | self.dead_lettered | self.lost) & bit(seq) == 0 {
                return Err(format!("D1: event {seq} is lost"));
            }
        }
        Ok(())
    }

    /// Ends all faults: late calls are lost, leases are renewed, the endpoint answers. Then checks that each event has
    /// reached its end and that Redis keeps nothing.
    pub(super) fn comes_to_rest(&self, flaw: Option<Flaw>) -> Result<(), Broken> {
        let mut rest = self.clone();
        rest.late.clear();
        for _ in 0..ROUNDS {
            for step in rest.steps() {
                // An earlier step of this round may have made it unnecessary.
                if rest.steps().contains(&step) {
                    rest.take(step, flaw)?;
                }
            }
        }
        let ended = rest.delivered | rest.dead_lettered | rest.lost;
        if let Some(seq) = (1..rest.partitions.len() as u64).find(|seq| ended & bit(*seq) == 0) {
            return Err(format!("D1: at rest event {seq} has not reached its end"));
        }
        let left = rest.redis.parts.iter().any(|part| !part.stream.is_empty() || part.in_flight[0].is_some());
        if left && !rest.restored {
            return Err(format!("at rest Redis still has {:?}", rest.redis.parts));
        }
        Ok(())
    }

    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// Returns the batch of an acknowledgement that Redis refused in part.
fn partial(ack: &Ack, refused: usize) -> Option<BatchId> {
    (refused > 0 && refused < ack.places.len()).then_some(ack.id)
}
