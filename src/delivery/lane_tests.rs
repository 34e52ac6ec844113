use proptest::prelude::*;

use super::*;
use crate::event::{Event, EventKind, Shard};
use crate::outbox::{Item, Position};

const SECOND: Duration = Duration::from_secs(1);
pub(super) const LIMITS: Batching =
    Batching { flush_interval: SECOND, span: SECOND, max_events: 3, max_bytes: 100_000 };

pub(super) fn queued(seq: u64, time_ms: u64, arrived: Instant) -> Arc<Queued> {
    let event = Event { app: "a".into(), channel: "c".into(), time_ms, kind: EventKind::ChannelOccupied };
    Arc::new(Queued::new(Item::Event(event), Position { shard: Shard::FIRST, partition: 0, token: 0, seq }, arrived))
}

pub(super) fn make(events: Vec<Arc<Queued>>) -> Batch {
    Batch::new("a".into(), "msg_1".to_owned(), events)
}

pub(super) fn seqs(batch: &Batch) -> Vec<u64> {
    batch.events.iter().map(|queued| queued.position.seq).collect()
}

#[test]
fn a_lane_without_events_is_never_due() {
    let mut lane = Lane::new(LIMITS, Payload::Pusher);
    assert_eq!(lane.due(true), None);
    assert!(lane.start(Instant::now(), true, make).is_none());
}

#[test]
fn a_batch_is_due_when_its_first_event_has_waited_for_the_flush_interval() {
    let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    lane.push(queued(0, 0, now));
    lane.push(queued(1, 500, now + SECOND / 2));
    assert_eq!(lane.due(false), Some(now + SECOND));
    assert!(lane.start(now + SECOND / 2, false, make).is_none());
    let batch = lane.start(now + SECOND, false, make).unwrap();
    assert_eq!(seqs(&batch), [0, 1]);
}

#[test]
fn a_full_batch_is_due_at_once() {
    let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    for seq in 0..4 {
        lane.push(queued(seq, 0, now));
    }
    assert_eq!(lane.due(false), Some(now));
    assert_eq!(seqs(&lane.start(now, false, make).unwrap()), [0, 1, 2]);
}

#[test]
fn a_batch_never_exceeds_its_span_of_event_time() {
    let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    lane.push(queued(0, 5000, now));
    lane.push(queued(1, 6000, now));
    lane.push(queued(2, 6001, now));
    assert_eq!(lane.due(false), Some(now), "no further event can join");
    assert_eq!(seqs(&lane.start(now, false, make).unwrap()), [0, 1]);
}

#[test]
fn extended_events_share_a_batch_whatever_their_times() {
    let limits = Batching { span: Duration::MAX, ..LIMITS };
    let (mut lane, now) = (Lane::new(limits, Payload::Extended), Instant::now());
    for seq in 0..3 {
        lane.push(queued(seq, seq * 86_400_000, now));
    }
    assert_eq!(seqs(&lane.start(now, false, make).unwrap()), [0, 1, 2]);
}

#[test]
fn a_clock_that_was_set_back_counts_towards_the_span() {
    let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    lane.push(queued(0, 5000, now));
    lane.push(queued(1, 3999, now));
    assert_eq!(seqs(&lane.start(now, false, make).unwrap()), [0]);
}

#[test]
fn a_body_stays_within_its_limit_unless_a_single_event_is_longer() {
    let now = Instant::now();
    let two = FRAME_BYTES + 2 * (queued(0, 0, now).encoded_len + 1);
    for (max_bytes, expected) in [(two, vec![0, 1]), (two - 1, vec![0]), (1, vec![0])] {
        let mut lane = Lane::new(Batching { max_bytes, ..LIMITS }, Payload::Pusher);
        for seq in 0..3 {
            lane.push(queued(seq, 0, now));
        }
        let batch = lane.start(now, false, make).unwrap();
        assert_eq!(seqs(&batch), expected, "at most {max_bytes} bytes");
    }
}

#[test]
fn nothing_overtakes_a_batch_in_flight_or_backing_off() {
    let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    lane.push(queued(0, 0, now));
    let first = lane.start(now, true, make).unwrap();
    for seq in 1..5 {
        lane.push(queued(seq, 0, now));
    }
    assert_eq!(lane.due(true), None);
    lane.back_off(now + 2 * SECOND);
    assert_eq!(lane.due(true), Some(now + 2 * SECOND), "a flush does not shorten a backoff");
    assert!(lane.start(now + SECOND, true, make).is_none());
    let again = lane.start(now + 2 * SECOND, false, make).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(lane.attempts(), 2);
    assert!(lane.finish().is_some_and(|batch| Arc::ptr_eq(&batch, &first)));
    assert_eq!(lane.due(false), Some(now), "a backlog is due at once");
}

#[test]
fn drop_oldest_removes_the_oldest_waiting_events_and_leaves_the_batch_in_flight() {
    let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    lane.push(queued(0, 0, now));
    let in_flight = lane.start(now, true, make).unwrap();
    for seq in 1..=3 {
        lane.push(queued(seq, 0, now));
    }
    let dropped: Vec<u64> = lane.drop_oldest(2).iter().map(|queued| queued.position.seq).collect();
    assert_eq!(dropped, [1, 2]);
    assert_eq!((lane.waiting(), lane.in_flight()), (1, 1));
    assert!(lane.finish().is_some_and(|batch| Arc::ptr_eq(&batch, &in_flight)));
    assert_eq!(lane.due(false), Some(now + SECOND), "one event is not a full batch");
}

#[test]
fn drop_oldest_removes_at_most_one_batch() {
    let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    let limit = LIMITS.max_events as u64;
    for seq in 0..2 * limit {
        lane.push(queued(seq, 0, now));
    }
    lane.push(queued(2 * limit, 5000, now));
    let dropped: Vec<usize> = (0..4).map(|_| lane.drop_oldest(usize::MAX).len()).collect();
    assert_eq!(dropped, [LIMITS.max_events, LIMITS.max_events, 1, 0]);
}

#[derive(Clone, Debug)]
enum LaneStep {
    Push { time_ms: u64 },
    Start { flushing: bool },
    BackOff,
    Finish,
    Wait { ms: u64 },
}

fn step() -> impl Strategy<Value = LaneStep> {
    prop_oneof![
        4 => (0..5000u64).prop_map(|time_ms| LaneStep::Push { time_ms }),
        2 => any::<bool>().prop_map(|flushing| LaneStep::Start { flushing }),
        1 => Just(LaneStep::BackOff),
        2 => Just(LaneStep::Finish),
        1 => (0..2000u64).prop_map(|ms| LaneStep::Wait { ms }),
    ]
}

proptest! {
    #[test]
    fn every_event_leaves_once_in_order_and_within_the_limits(
        steps in prop::collection::vec(step(), 0..200),
        max_events in 1..6usize,
        max_bytes in 1..400usize,
    ) {
        let limits = Batching { max_events, max_bytes, ..LIMITS };
        let (mut lane, mut now) = (Lane::new(limits, Payload::Pusher), Instant::now());
        let (mut pushed, mut passed) = (0, Vec::new());
        let check = |batch: &Batch| {
            let times = || batch.events.iter().map(|queued| queued.event().unwrap().time_ms);
            let span = times().max().unwrap_or(0) - times().min().unwrap_or(0);
            let bytes = crate::outbox::body::encode(&batch.events, Payload::Pusher, 0).len();
            !batch.events.is_empty()
                && batch.events.len() <= max_events
                && (bytes <= max_bytes || batch.events.len() == 1)
                && span <= 1000
        };
        for step in steps {
            match step {
                LaneStep::Push { time_ms } => {
                    lane.push(queued(pushed, time_ms, now));
                    pushed += 1;
                }
                LaneStep::Start { flushing } => {
                    let batch = lane.start(now, flushing, make);
                    prop_assert!(batch.is_none_or(|batch| check(&batch)));
                }
                LaneStep::BackOff => lane.back_off(now + SECOND),
                LaneStep::Finish => passed.extend(lane.finish().iter().flat_map(|batch| seqs(batch))),
                LaneStep::Wait { ms } => now += Duration::from_millis(ms),
            }
            prop_assert_eq!(passed.len() + lane.waiting() + lane.in_flight() + lane.backing_off(), usize::try_from(pushed).unwrap());
        }
        now += 2 * SECOND;
        passed.extend(lane.finish().iter().flat_map(|batch| seqs(batch)));
        while lane.start(now, true, make).is_some() {
            passed.extend(lane.finish().iter().flat_map(|batch| seqs(batch)));
        }
        prop_assert_eq!(passed, (0..pushed).collect::<Vec<_>>());
    }
}

#[test]
fn the_time_of_a_batch_begins_with_its_first_sent_attempt() {
    let (mut lane, start) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    lane.push(queued(0, 0, start));
    lane.start(start, true, make).unwrap();
    lane.postpone(start + 60 * SECOND);
    lane.start(start + 60 * SECOND, true, make).unwrap();
    assert_eq!((lane.attempts(), lane.tried_for(start + 61 * SECOND)), (1, SECOND));
    lane.back_off(start + 62 * SECOND);
    lane.start(start + 62 * SECOND, true, make).unwrap();
    assert_eq!((lane.attempts(), lane.tried_for(start + 63 * SECOND)), (2, 3 * SECOND));
}

/// Returns an event of a partition owned with this fencing token.
fn owned(token: u64, seq: u64, arrived: Instant) -> Arc<Queued> {
    let mut queued = Arc::into_inner(queued(seq, 0, arrived)).unwrap();
    queued.position.token = token;
    Arc::new(queued)
}

fn flight(id: &str, events: Vec<Arc<Queued>>) -> Arc<Batch> {
    Arc::new(Batch::new("a".into(), id.to_owned(), events))
}

fn remade(events: Vec<Arc<Queued>>) -> Batch {
    Batch::new("a".into(), "msg_2".to_owned(), events)
}

#[test]
fn a_batch_that_lost_a_partition_is_sent_without_it_and_before_waiting_events() {
    let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    for (token, seq) in [(7, 0), (8, 1), (7, 2), (7, 3), (8, 4)] {
        lane.push(owned(token, seq, now));
    }
    lane.start(now, true, make).unwrap();
    lane.rebuild(|queued| queued.position.token == 8, remade, now);
    assert_eq!((lane.due(false), lane.waiting()), (Some(now), 2));
    let again = lane.start(now, false, make).unwrap();
    assert_eq!((seqs(&again), again.id.as_str()), (vec![0, 2], "msg_2"));
    assert_eq!(lane.attempts(), 1, "the first attempt was not sent");
    lane.finish().unwrap();
    assert_eq!(seqs(&lane.start(now, true, make).unwrap()), [3, 4]);
}

#[test]
fn a_batch_that_lost_all_its_partitions_is_removed() {
    let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    lane.push(owned(8, 0, now));
    lane.start(now, true, make).unwrap();
    lane.rebuild(|_| true, remade, now);
    assert!(!lane.has_batch());
    assert_eq!(lane.due(true), None);
}

#[test]
fn revoked_events_are_removed_from_every_batch_not_in_flight_and_the_others_keep_their_place() {
    let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    lane.push(owned(7, 9, now));
    lane.push(owned(8, 10, now));
    lane.start(now, true, make).unwrap();
    lane.back_off(now + SECOND);
    lane.inherit(flight("lost", vec![owned(8, 0, now)]), now);
    lane.inherit(flight("in part", vec![owned(7, 1, now), owned(8, 2, now), owned(7, 3, now)]), now);
    lane.inherit(flight("whole", vec![owned(7, 4, now)]), now);
    lane.push(owned(8, 11, now));
    lane.push(owned(7, 12, now));

    assert_eq!(lane.revoke(|queued| queued.position.token == 8, remade), 1);
    assert_eq!(lane.due(false), Some(now + SECOND), "the backoff continues");
    let mut sent = Vec::new();
    while let Some(batch) = lane.start(now + SECOND, true, make) {
        sent.push((batch.id.clone(), seqs(&batch)));
        lane.finish().unwrap();
    }
    let expected = [("msg_2", vec![9]), ("msg_2", vec![1, 3]), ("whole", vec![4]), ("msg_1", vec![12])];
    assert_eq!(sent, expected.map(|(id, seqs)| (id.to_owned(), seqs)));
}

#[test]
fn an_attempt_under_way_is_not_changed_and_its_retry_has_no_revoked_events() {
    let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
    lane.push(owned(7, 0, now));
    lane.push(owned(8, 1, now));
    let first = lane.start(now, true, make).unwrap();
    assert_eq!(lane.revoke(|queued| queued.position.token == 8, remade), 0);
    assert_eq!(lane.in_flight(), 2);
    lane.back_off(now);
    assert!(lane.start(now, true, make).is_some_and(|batch| Arc::ptr_eq(&batch, &first)));
    lane.rebuild(|queued| queued.position.token == 8, remade, now);
    let again = lane.start(now, true, make).unwrap();
    assert_eq!((seqs(&again), again.id.as_str(), lane.attempts()), (vec![0], "msg_2", 2));
}
