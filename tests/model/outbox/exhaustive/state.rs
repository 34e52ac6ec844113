//! A state of the search, and what can happen in it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Budget;
use super::actions::{Action, Attempt};
use super::caller::{Call, EPOCH, Node, Outgoing, Step};
use crate::outbox::Position;
use crate::outbox::redis::model::protocol::{Ack, BatchId, Flaw, Id, Lease, Redis, Refusal, Refused};
use crate::outbox::redis::ownership::End;

/// Rounds in which two nodes have done everything.
const ROUNDS: usize = 12;

/// Events by their place, a bit each.
type Events = u16;

/// The cluster, its Redis, and what the endpoint got.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) redis: Redis<2>,
    pub(super) nodes: Vec<Node>,
    /// Calls that were given up, and may still be carried out.
    pub(super) late: Vec<Call>,
    pub(super) left: Budget,
    /// What Redis wrote down.
    pub(super) saved: Option<Redis<2>>,
    restored: bool,
    clock: u64,
    pub(super) next_id: Id,
    /// The partition of each event. The first event is at place 1.
    homes: Vec<u16>,
    delivered: Events,
    /// In dead letters.
    lettered: Events,
    /// By Redis.
    lost: Events,
    /// The batches that the endpoint got, and in which it got each event last.
    batches: BTreeMap<BatchId, Vec<u64>>,
    got_in: BTreeMap<u64, BatchId>,
    /// Batches of which the events may come in others: they lost some to another node, or could not be persisted.
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
    /// The first node owns both partitions, with an event in each; the second one has not come yet.
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
            homes: vec![0],
            delivered: 0,
            lettered: 0,
            lost: 0,
            batches: BTreeMap::new(),
            got_in: BTreeMap::new(),
            split: BTreeSet::new(),
        };
        for action in [Action::Call(0, Step::Assign), Action::TakeOver(0), Action::Append(0), Action::Append(1)] {
            state.take(action, None).expect("a beginning");
        }
        state
    }

    pub(super) fn take(&mut self, action: Action, flaw: Option<Flaw>) -> Result<(), Broken> {
        match action {
            Action::Append(partition) => {
                self.left.events -= 1;
                self.redis.part(partition).stream.push(self.homes.len() as u64);
                self.homes.push(partition);
            }
            Action::Join(n) => {
                self.nodes[n].joined = true;
                self.redis.leases[self.nodes[n].id] = Lease::Good;
            }
            Action::Call(n, step) => {
                if let Some(call) = self.nodes[n].start(step, &mut self.split, flaw) {
                    let answer = self.carry_out(&call, flaw)?;
                    self.hear(n, step, &call, answer, flaw);
                }
            }
            Action::GiveUp(n, step) => {
                self.left.delays -= 1;
                let node = &mut self.nodes[n];
                self.late.extend(node.start(step, &mut self.split, flaw));
                if matches!(step, Step::Settle | Step::Trim) {
                    node.settled.clear();
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
            Action::Unkept(n) => {
                self.left.unkept -= 1;
                let node = &mut self.nodes[n];
                let has_letter = node.acks.iter().any(|ack| ack.letter != 0);
                let is_new = node.next_batch(&mut self.split, flaw).is_some();
                if is_new && (!has_letter || flaw == Some(Flaw::UnkeptBehindLetter)) {
                    self.split.extend(node.trying.as_ref().map(|batch| batch.id));
                    node.begin_attempt();
                }
            }
            Action::Full(n) => {
                self.left.letters -= 1;
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
                self.redis = self.saved.take().expect("something saved");
                self.restored = true;
                let kept = self.redis.parts.iter().flat_map(|part| &part.stream).fold(0, |all, seq| all | bit(*seq));
                self.lost |= (1..self.homes.len() as u64).fold(0, |all, seq| all | bit(seq)) & !kept;
            }
        }
        self.nothing_is_lost()
    }

    /// An incarnation with a lease.
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
                let mut letters = Vec::new();
                let written = self.redis.write(*caller, acks, batches, &mut letters, flaw);
                let (passed, kept) = written.expect("the epoch does not end");
                self.lettered |= letters.into_iter().fold(0, |all, number| all | acks[number].letter);
                let places =
                    acks.iter().flat_map(|ack| &ack.places).chain(batches.iter().flat_map(|batch| &batch.last));
                (Answer::Written(passed, kept), *caller, places.copied().collect())
            }
            Call::Trim { caller, settled } => {
                self.redis.trim(*caller, settled, flaw);
                (Answer::Done, *caller, settled.clone())
            }
            Call::Remove { caller, token, seqs } => {
                self.redis.remove(*caller, *token, seqs, flaw);
                (Answer::Done, *caller, vec![Position { partition: token.0, token: token.1, seq: 0 }])
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

    fn hear(&mut self, n: usize, step: Step, call: &Call, answer: Answer, flaw: Option<Flaw>) {
        let (node, split) = (&mut self.nodes[n], &mut self.split);
        match (call, answer) {
            (_, Answer::Assigned(Ok((share, owned)))) => node.assigned(share, &owned, split, flaw),
            (_, Answer::Assigned(Err(_))) => {
                let ended = node.ownership.end_all(End::Fenced);
                node.revoke(&ended, split, flaw);
                node.fresh.clear();
                let id = self.new_id();
                self.nodes[n].id = id;
            }
            (Call::Write { acks, .. }, Answer::Written(passed, kept)) => {
                let is_partial = |(ack, refused): (&_, &Vec<Position>)| partial(ack, refused.len());
                split.extend(acks.iter().zip(&passed).filter_map(is_partial));
                node.acks.drain(..acks.len());
                if kept.first().is_some_and(Vec::is_empty) {
                    node.begin_attempt();
                }
                let tokens: Vec<u64> = kept.iter().flatten().map(|place| place.token).collect();
                node.rebuild(&tokens, split, flaw);
                if flaw != Some(Flaw::RefusalForgotten) {
                    node.fenced(passed.iter().chain(&kept).flatten(), split, flaw);
                }
            }
            (Call::Trim { settled, .. }, _) => {
                node.ownership.trimmed(settled);
                node.settled.clear();
            }
            (Call::Remove { .. }, _) => drop(node.overtaken.remove(0)),
            (Call::Release { places, .. }, _) => {
                for place in places {
                    node.ownership.end(place.partition, End::Fenced);
                }
            }
            (call, _) => unreachable!("{step:?}: {call:?}"),
        }
    }

    fn attempt(&mut self, n: usize, attempt: Attempt, flaw: Option<Flaw>) -> Result<(), Broken> {
        if !matches!(attempt, Attempt::Fails | Attempt::TooLarge | Attempt::GivenUp { arrived: false }) {
            let batch = self.nodes[n].trying.clone().expect("a batch");
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
                self.left.letters -= 1;
                node.finish(true, flaw);
            }
            Attempt::Unheard | Attempt::Fails => {
                self.left.failures -= 1;
                node.sending = false;
            }
        }
        Ok(())
    }

    /// The endpoint gets a batch.
    fn deliver(&mut self, batch: &Outgoing) -> Result<(), Broken> {
        let seqs: Vec<u64> = batch.events.iter().map(|place| place.seq).collect();
        let known = self.batches.entry(batch.id).or_insert_with(|| seqs.clone());
        if *known != seqs {
            return Err(format!("D3: batch {:?} was {known:?} and is {seqs:?}", batch.id));
        }
        for Position { partition, seq, .. } in batch.events.iter().copied() {
            let is_behind = (0..)
                .zip(&self.homes)
                .any(|(other, home)| other > seq && *home == partition && self.delivered & bit(other) != 0);
            let excused = self.restored && self.lettered & bit(seq) != 0;
            if self.delivered & bit(seq) == 0 && is_behind && !excused {
                return Err(format!("D2: event {seq} came first behind a later one"));
            }
            self.delivered |= bit(seq);
            let before = self.got_in.insert(seq, batch.id);
            let in_another = before.filter(|id| *id != batch.id && !self.restored);
            if in_another.is_some_and(|id| [id, batch.id].iter().all(|id| !self.split.contains(id))) {
                return Err(format!("D3: event {seq} came in batch {:?} after {before:?}", batch.id));
            }
        }
        Ok(())
    }

    /// Each event is in its stream and not behind the cursor, unless it has reached its end.
    fn nothing_is_lost(&self) -> Result<(), Broken> {
        for (seq, partition) in (0..).zip(&self.homes).skip(1) {
            let part = &self.redis.parts[usize::from(*partition)];
            let waits = part.stream.contains(&seq) && part.cursors[0] < seq;
            if !waits && (self.delivered | self.lettered | self.lost) & bit(seq) == 0 {
                return Err(format!("D1: event {seq} is gone"));
            }
        }
        Ok(())
    }

    /// Everything heals: what is late is lost, leases are renewed, the endpoint answers. Then each event has reached its end,
    /// and Redis keeps nothing.
    pub(super) fn comes_to_rest(&self, flaw: Option<Flaw>) -> Result<(), Broken> {
        let mut rest = self.clone();
        rest.late.clear();
        for _ in 0..ROUNDS {
            for step in rest.steps() {
                // What came before may have made it needless.
                if rest.steps().contains(&step) {
                    rest.take(step, flaw)?;
                }
            }
        }
        let ended = rest.delivered | rest.lettered | rest.lost;
        if let Some(seq) = (1..rest.homes.len() as u64).find(|seq| ended & bit(*seq) == 0) {
            return Err(format!("D1: at rest event {seq} has not reached its end"));
        }
        let left = rest.redis.parts.iter().any(|part| !part.stream.is_empty() || part.in_flight[0].is_some());
        if left && !rest.restored {
            return Err(format!("at rest Redis keeps {:?}", rest.redis.parts));
        }
        Ok(())
    }

    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// The batch of an acknowledgement, if that was refused in part.
fn partial(ack: &Ack, refused: usize) -> Option<BatchId> {
    (refused > 0 && refused < ack.places.len()).then_some(ack.id)
}
