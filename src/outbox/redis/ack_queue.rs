//! Acknowledgements that have not been written to Redis yet.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::ownership::OwnershipEnd;
use super::scripts::{AckRequest, Load};
use super::{dead_letters, in_flight};
use crate::outbox::{Acked, BatchOutcome, DropReport, LaneId, Moves, Position};
use crate::sync::{Condvar, Mutex};

/// The queue of acknowledgements. Also records that the outbox was stopped.
#[derive(Debug, Default)]
pub(super) struct AckQueue {
    waiting: Mutex<WaitingAcks>,
    changed: Condvar,
    written: Condvar,
}

/// An acknowledgement that has not been written yet.
#[derive(Debug)]
pub(super) struct PendingAck {
    pub(super) ack: AckRequest,
    /// Redis has lost some of its events, so no other node will deliver them.
    lost: bool,
    /// Published once the acknowledgement is written: from then on no node sends the events again.
    pub(super) report: Option<DropReport>,
}

#[derive(Debug, Default)]
struct WaitingAcks {
    /// Oldest first.
    acks: VecDeque<PendingAck>,
    /// Acknowledgements that were taken and are being written.
    under_way: usize,
    /// Cursors of events that were dropped while an earlier batch of the lane was in flight. They move after that
    /// batch's cursors.
    postponed: HashMap<LaneId, Vec<Position>>,
    stopped: bool,
}

/// Returns the last position in each partition, the partitions in the order of their first positions.
pub(super) fn last_positions(positions: impl Iterator<Item = Position>) -> Vec<Position> {
    let mut last: Vec<Position> = Vec::new();
    for position in positions {
        match last.iter_mut().find(|known| (known.partition, known.token) == (position.partition, position.token)) {
            Some(known) => known.seq = known.seq.max(position.seq),
            None => last.push(position),
        }
    }
    last
}

impl PendingAck {
    /// Creates an acknowledgement that moves one cursor, without a batch.
    fn cursor(lane: Vec<u8>, position: Position) -> Self {
        let (id, dead_letter, positions) = (String::new(), Vec::new(), vec![position]);
        let ack = AckRequest { lane, id, redelivered: None, dead_letter, positions, moves: true };
        Self { ack, lost: false, report: None }
    }

    /// Removes the positions whose ownership has ended, as `ended` returns it.
    pub(super) fn remove_ended(&mut self, ended: impl Fn(Position) -> Option<OwnershipEnd>) {
        let lost = &mut self.lost;
        self.ack.positions.retain(|position| {
            let end = ended(*position);
            *lost |= end == Some(OwnershipEnd::Lost);
            end.is_none()
        });
    }

    /// Returns `true` if Redis has to know of it. If all its events are lost, only its dead letter matters.
    pub(super) fn must_be_written(&self) -> bool {
        !self.ack.positions.is_empty() || (self.lost && !self.ack.dead_letter.is_empty())
    }

    /// Returns `true` if this node reports the outcome, after `refused` of the positions were refused: some events were
    /// still this node's. Otherwise the successor sends all of them again and reports them.
    pub(super) const fn is_ours(&self, refused: usize) -> bool {
        self.lost || refused < self.ack.positions.len()
    }
}

impl AckQueue {
    /// Adds the acknowledgement of events from the outbox `origin`.
    pub(super) fn add(&self, acked: Acked<'_>, origin: u64) {
        let Some(first) = acked.events.first() else { return };
        let dead_letter =
            acked.report.as_ref().map_or_else(Vec::new, |report| dead_letters::fields(&acked, report, origin));
        let positions = last_positions(acked.events.iter().map(|event| event.position));
        let lane = in_flight::lane_field(acked.lane);
        let mut waiting = self.waiting.lock();
        let postponed = match acked.moves {
            Moves::All => waiting.postponed.remove(acked.lane).unwrap_or_default(),
            Moves::Own | Moves::Never => Vec::new(),
            Moves::Nothing => {
                let postponed = waiting.postponed.entry(acked.lane.clone()).or_default();
                *postponed = last_positions(postponed.iter().chain(&positions).copied());
                Vec::new()
            }
        };
        let replaced = matches!(acked.outcome, BatchOutcome::Delivered { .. }) || !dead_letter.is_empty();
        let moves = !matches!(acked.moves, Moves::Nothing | Moves::Never);
        let ack = AckRequest {
            lane: lane.clone(),
            id: acked.id.to_owned(),
            redelivered: first.redelivery().filter(|_| replaced).map(|redelivery| redelivery.dead_letter),
            dead_letter,
            positions,
            moves,
        };
        let before = first.redelivery().filter(|_| ack.dead_letter.is_empty()).map(|before| before.dead_letter);
        let report = acked.report.map(|report| report.with_dead_letter(before));
        waiting.acks.push_back(PendingAck { ack, lost: false, report });
        // Each cursor on its own: another node may own its partition by now, which does not concern the batch.
        waiting.acks.extend(postponed.into_iter().map(|position| PendingAck::cursor(lane.clone(), position)));
        drop(waiting);
        self.changed.notify_all();
    }

    /// Takes the oldest acknowledgements that are `wanted`, as many as one call writes. Returns `true` if there are
    /// more.
    pub(super) fn take(&self, wanted: impl Fn(&AckRequest) -> bool) -> (Vec<PendingAck>, bool) {
        let mut waiting = self.waiting.lock();
        let (mut taken, mut load, mut at) = (Vec::new(), Load::default(), 0);
        let more = loop {
            let Some(next) = waiting.acks.get(at) else { break false };
            if !wanted(&next.ack) {
                at += 1;
                continue;
            }
            if !load.add(next.ack.dead_letter_bytes()) {
                break true;
            }
            taken.extend(waiting.acks.remove(at));
        };
        waiting.under_way += taken.len();
        (taken, more)
    }

    /// Returns `true` if a dead letter of this lane waits to be written.
    pub(super) fn has_dead_letter_of(&self, lane: &[u8]) -> bool {
        let waiting = self.waiting.lock();
        waiting.acks.iter().any(|pending| pending.ack.lane == lane && !pending.ack.dead_letter.is_empty())
    }

    /// Puts acknowledgements that could not be written back at the front of the queue.
    pub(super) fn requeue(&self, pending: Vec<PendingAck>) {
        let mut waiting = self.waiting.lock();
        waiting.under_way -= pending.len();
        for pending in pending.into_iter().rev() {
            waiting.acks.push_front(pending);
        }
    }

    /// Records that `count` of the taken acknowledgements were written and reported.
    pub(super) fn done(&self, count: usize) {
        self.waiting.lock().under_way -= count;
        self.written.notify_all();
    }

    /// Waits until every acknowledgement is written and reported, or until `deadline`.
    pub(super) fn wait_until_written(&self, deadline: Instant) {
        let pending = |waiting: &mut WaitingAcks| !waiting.acks.is_empty() || waiting.under_way > 0;
        self.written.wait_while_until(&mut self.waiting.lock(), pending, deadline);
    }

    /// Waits for up to `time` until there is something to write. Returns `true` if the outbox was stopped.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let mut waiting = self.waiting.lock();
        if !waiting.stopped && waiting.acks.is_empty() {
            self.changed.wait_for(&mut waiting, time);
        }
        waiting.stopped
    }

    /// Stops the writer.
    pub(super) fn stop(&self) {
        self.waiting.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Returns `true` if the outbox was stopped.
    pub(super) fn stopped(&self) -> bool {
        self.waiting.lock().stopped
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::{EndpointId, Payload};
    use crate::event::{Event, EventKind, Shard};
    use crate::outbox::redis::scripts::commit::BYTES_AT_ONCE;
    use crate::outbox::{Item, Queued};

    const POSITION: Position = Position { shard: Shard::FIRST, partition: 0, token: 1, seq: 1 };

    /// A queue of acknowledgements of these lanes, with dead letters of these sizes in bytes.
    fn acks(waiting: impl IntoIterator<Item = (u8, usize)>) -> AckQueue {
        let acks = AckQueue::default();
        acks.waiting.lock().acks.extend(waiting.into_iter().map(|(lane, bytes)| {
            let dead_letter = vec![("body", vec![b'x'; bytes])];
            let mut pending = PendingAck::cursor(vec![lane], POSITION);
            pending.ack.dead_letter = dead_letter;
            pending
        }));
        acks
    }

    fn lanes(taken: &[PendingAck]) -> Vec<u8> {
        taken.iter().flat_map(|pending| pending.ack.lane.clone()).collect()
    }

    #[test]
    fn acks_of_the_wanted_lanes_are_taken_in_order() {
        let acks = acks([1, 2, 1, 3, 2].map(|lane| (lane, 1)));
        let (taken, more) = acks.take(|ack| ack.lane != [1]);
        assert_eq!((lanes(&taken), more), (vec![2, 3, 2], false));
        acks.requeue(taken);
        assert_eq!(lanes(&acks.take(|_| true).0), [2, 3, 2, 1, 1]);
    }

    #[test]
    fn a_call_is_limited_in_requests_and_bytes_but_takes_at_least_one() {
        for (sizes, portions) in [
            (vec![1; 130], vec![(64, true), (64, true), (2, false), (0, false)]),
            (vec![1; 64], vec![(64, false)]),
            (vec![BYTES_AT_ONCE / 2, BYTES_AT_ONCE / 2, 1], vec![(2, true), (1, false)]),
            (vec![BYTES_AT_ONCE * 2, BYTES_AT_ONCE * 2], vec![(1, true), (1, false)]),
        ] {
            let acks = acks(sizes.into_iter().map(|bytes| (0, bytes)));
            for expected in portions {
                let (taken, more) = acks.take(|_| true);
                assert_eq!((taken.len(), more), expected);
            }
        }
    }

    fn at(partition: u16, token: u64, seq: u64) -> Position {
        Position { shard: Shard::FIRST, partition, token, seq }
    }

    /// Takes all acknowledgements. Returns the positions of each, and `true` if cursors move there.
    fn positions(acks: &AckQueue) -> Vec<(Vec<Position>, bool)> {
        let (taken, _) = acks.take(|_| true);
        taken.into_iter().map(|pending| (pending.ack.positions, pending.ack.moves)).collect()
    }

    #[test]
    fn cursors_after_an_in_flight_batch_wait_until_no_batch_is_left_and_then_move_one_by_one() {
        let acks = AckQueue::default();
        let lane = LaneId { endpoint: EndpointId::new("e"), app: "app".into(), shard: Shard::FIRST };
        let ack = |position: Position, moves: Moves| {
            let event = Event { app: "app".into(), channel: "c".into(), time_ms: 1, kind: EventKind::ChannelOccupied };
            let events = [Arc::new(Queued::new(Item::Event(event), position, Instant::now()))];
            let (id, payload, outcome) = ("msg_1", Payload::default(), &BatchOutcome::Delivered { status: 200 });
            acks.add(Acked { lane: &lane, events: &events, id, body: None, payload, moves, outcome, report: None }, 0);
        };
        ack(at(1, 7, 5), Moves::Nothing);
        ack(at(2, 8, 6), Moves::Nothing);
        ack(at(1, 7, 7), Moves::Nothing);
        ack(at(1, 7, 3), Moves::Own);
        let waited = [(vec![at(1, 7, 5)], false), (vec![at(2, 8, 6)], false), (vec![at(1, 7, 7)], false)];
        assert_eq!(positions(&acks), [&waited[..], &[(vec![at(1, 7, 3)], true)]].concat());
        ack(at(3, 9, 1), Moves::All);
        ack(at(3, 9, 2), Moves::All);
        let moved = [at(3, 9, 1), at(1, 7, 7), at(2, 8, 6), at(3, 9, 2)];
        assert_eq!(positions(&acks), moved.map(|position| (vec![position], true)));
    }

    #[test]
    fn an_ack_is_written_and_reported_according_to_the_positions_that_remain() {
        let (ours, fenced, lost) = (at(1, 7, 1), at(2, 8, 1), at(3, 9, 1));
        let ended = |position: Position| match position.token {
            8 => Some(OwnershipEnd::Fenced),
            9 => Some(OwnershipEnd::Lost),
            _ => None,
        };
        for (positions, dead_letter, [must_be_written, is_ours]) in [
            (vec![ours], false, [true, true]),
            (vec![fenced, ours], true, [true, true]),
            (vec![lost, ours], true, [true, true]),
            (vec![fenced], true, [false, false]),
            (vec![lost], true, [true, true]),
            (vec![lost], false, [false, true]),
        ] {
            let mut pending = PendingAck::cursor(vec![1], POSITION);
            pending.ack.dead_letter = dead_letter.then(|| ("body", Vec::new())).into_iter().collect();
            pending.ack.positions = positions.clone();
            pending.remove_ended(ended);
            // Again, as after an attempt to write it that failed.
            pending.remove_ended(ended);
            assert_eq!([pending.must_be_written(), pending.is_ours(0)], [must_be_written, is_ours], "{positions:?}");
        }
        let pending = PendingAck::cursor(vec![1], ours);
        assert!(!pending.is_ours(1), "Redis reported that another node owns it");
    }
}
