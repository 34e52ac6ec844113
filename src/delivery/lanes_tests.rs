#[path = "lanes/paused_tests.rs"]
mod paused;
#[path = "lanes/reload_tests.rs"]
mod reload;

use std::time::Duration;

use super::*;
use crate::config::{
    AddressRules, AppScope, Backoff, Batching, CustomNames, EndpointId, EventSet, Filter, Payload, Target, TlsFiles,
};
use crate::delivery::attempt::{AttemptResult, EndedAttempt};
use crate::event::{AppId, Event, EventKind, EventName, Shard};
use crate::outbox::{BatchOutcome, DeadLetterId, Item, Position, Redelivery};
use crate::report::{EndpointState, WallClock};
use crate::telemetry::AnswerExcerpt;

const LIMITS: Batching = Batching {
    flush_interval: Duration::from_secs(1),
    span: Duration::from_secs(1),
    max_events: 10,
    max_bytes: 100_000,
};

pub(crate) fn endpoint(index: usize) -> Endpoint {
    Endpoint {
        secret: None,
        id: EndpointId::new(&index.to_string()),
        key: format!("endpoints.{index}"),
        target: Target::Url("http://localhost/".to_owned().try_into().unwrap()),
        apps: AppScope::Every,
        name: None,
        events: EventSet::usual(),
        custom: CustomNames::default(),
        filter: Filter::default(),
        payload: Payload::default(),
        batching: LIMITS,
        headers: Vec::new(),
        timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(5),
        max_attempts: 2,
        retry_for: None,
        retry_after_max: Duration::from_secs(300),
        backoff: Backoff::default(),
        keep_answers: 512,
        request_interval: None,
        tls: TlsFiles::default(),
        proxy: None,
        addresses: AddressRules::default(),
    }
}

pub(crate) fn lanes(endpoints: Vec<Endpoint>, max_workers: usize) -> Lanes {
    let mut lanes = Lanes::new(endpoints, BatchIds::new(0), max_workers);
    lanes.set_flushing(true);
    lanes
}

/// Returns the endpoint's place in the list.
pub(super) fn place(attempt: &Attempt) -> usize {
    attempt.id.endpoint.as_str().parse().unwrap()
}

pub(crate) fn status(status: u16) -> AttemptResult {
    AttemptResult::Status { status, retry_after: None }
}

/// Returns the attempts that may begin.
pub(super) fn begun(lanes: &mut Lanes, now: Instant) -> Vec<Attempt> {
    std::iter::from_fn(|| lanes.next(now)).collect()
}

pub(crate) fn push(lanes: &mut Lanes, app: &str, seq: u64) -> Vec<String> {
    let event = Event { app: app.into(), channel: "c".into(), time_ms: 0, kind: EventKind::ChannelOccupied };
    let queued =
        Queued::new(Item::Event(event), Position { shard: Shard::FIRST, partition: 0, token: 0, seq }, Instant::now());
    lanes.push(&Arc::new(queued)).ids.iter().map(|id| id.endpoint.to_string()).collect()
}

/// Returns a dead letter of `app` for the endpoint with this index, in the retry `run`.
pub(crate) fn dead_letter_for(index: usize, run: &str, app: &str, seq: u64) -> Queued {
    let lane = LaneId { endpoint: endpoint(index).id, app: app.into(), shard: Shard::FIRST };
    let dead_letter = DeadLetterId::parse(&format!("1-{seq}")).unwrap();
    let redelivery =
        Redelivery { lane, dead_letter, id: format!("msg_{seq}"), events: 2, attempts: 5, run: run.into() };
    let position = Position { shard: Shard::FIRST, partition: 0, token: 0, seq };
    Queued::new(Item::Redelivery(Box::new(redelivery)), position, Instant::now())
}

#[test]
fn an_event_goes_to_the_endpoints_that_want_it() {
    let mine = Endpoint { apps: AppScope::Only("mine".into()), ..endpoint(3) };
    let vacated = Endpoint { events: [EventName::ChannelVacated].into_iter().collect(), ..endpoint(5) };
    let mut lanes = lanes(vec![mine, vacated, endpoint(7)], 8);
    assert_eq!(push(&mut lanes, "mine", 0), ["3", "7"]);
    assert_eq!(push(&mut lanes, "other", 1), ["7"]);
    assert_eq!(lanes.waiting, 3);
}

#[test]
fn a_truncated_status_keeps_failing_endpoints_and_the_longest_lanes() {
    let mut lanes = lanes((0..300).map(endpoint).collect(), 600);
    push(&mut lanes, "app", 0);
    let now = Instant::now();
    while let Some(attempt) = lanes.next(now) {
        if place(&attempt) == 299 {
            lanes.complete(
                attempt.lane,
                EndedAttempt { took: Duration::from_millis(30), ..status(500).into() },
                now,
                0.0,
            );
        }
    }
    push(&mut lanes, "app", 1);
    lanes.complete(7, status(200).into(), now, 0.0);
    let status = lanes.status(WallClock { at: now, unix_ms: 1_000_000 });
    assert_eq!((status.endpoints.len(), status.endpoints_truncated), (200, 100));
    assert_eq!((status.lanes.len(), status.lanes_truncated), (200, 100));
    let (first, failing) = (&status.endpoints[0], status.endpoints.last().unwrap());
    assert_eq!((first.id.as_str(), first.state, first.depth, first.oldest_ms), ("0", EndpointState::Ok, 2, Some(0)));
    assert_eq!(
        (failing.id.as_str(), failing.state, failing.since_ms),
        ("299", EndpointState::Failing, Some(1_000_000))
    );
    assert_eq!((failing.last_status, failing.last_error.as_deref()), (Some(500), Some("HTTP 500")));
    assert!(status.lanes.iter().all(|lane| lane.depth == 2), "the lane that has delivered a batch is shorter");
}

pub(super) fn pause(lanes: &mut Lanes, paused: &[&str], now: Instant) {
    let paused = paused.iter().map(|id| (*id).to_owned()).collect();
    lanes.set_states(EndpointStates { paused, ..EndpointStates::default() }, now);
}

#[test]
fn without_endpoints_no_lane_wants_an_event() {
    let mut lanes = lanes(vec![], 8);
    assert!(push(&mut lanes, "a", 0).is_empty());
    assert!(lanes.next(Instant::now()).is_none());
    assert_eq!(lanes.undelivered(), Undelivered::default());
}

#[test]
fn applications_never_share_a_batch() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    for seq in 0..4 {
        push(&mut lanes, if seq % 2 == 0 { "a" } else { "b" }, seq);
    }
    let batches = begun(&mut lanes, Instant::now());
    assert_eq!(batches.len(), 2);
    for attempt in batches {
        let app = &lanes.entries[attempt.lane].id.app;
        assert!(attempt.batch.events.iter().all(|queued| queued.item.app() == app));
        assert_eq!(attempt.batch.events.len(), 2);
    }
}

#[test]
fn failing_lanes_leave_half_of_the_workers_to_a_healthy_endpoint() {
    let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 4);
    push(&mut lanes, "a", 0);
    for _ in 0..2 {
        let attempt = lanes.next(Instant::now()).unwrap();
        let result = if place(&attempt) == 0 { AttemptResult::Failed("refused".to_owned()) } else { status(200) };
        lanes.complete(attempt.lane, result.into(), Instant::now(), 0.0);
    }
    for app in 0..10 {
        push(&mut lanes, &format!("app {app}"), 1);
    }
    let started: Vec<usize> =
        std::iter::from_fn(|| lanes.next(Instant::now())).map(|attempt| place(&attempt)).collect();
    assert_eq!(started.iter().filter(|endpoint| **endpoint == 0).count(), 2);
    assert_eq!(started.iter().filter(|endpoint| **endpoint == 1).count(), 2);
}

#[test]
fn a_failed_batch_is_retried_and_then_dropped_with_its_number_of_attempts_and_the_last_answer() {
    let mut lanes = lanes(vec![endpoint(0)], 4);
    push(&mut lanes, "a", 0);
    let now = Instant::now();
    let attempt = lanes.next(now).unwrap();
    assert!(lanes.complete(attempt.lane, status(500).into(), now, 0.0).is_none());
    assert_eq!(lanes.undelivered(), Undelivered { backing_off: 1, ..Undelivered::default() });
    assert_eq!(lanes.next_due(), Some(now + Duration::from_secs(2)));
    assert!(lanes.next(now + Duration::from_secs(1)).is_none());
    let attempt = lanes.next(now + Duration::from_secs(2)).unwrap();
    let answer = Some(AnswerExcerpt { status: Some(301), text: "moved".to_owned(), time_ms: 0 });
    let last = EndedAttempt { answer: answer.clone(), ..status(301).into() };
    let finished = lanes.complete(attempt.lane, last, now, 0.0).unwrap();
    assert_eq!((finished.attempts, finished.outcome, finished.answer), (2, BatchOutcome::dropped("HTTP 301"), answer));
    assert_eq!(lanes.undelivered(), Undelivered::default());
}

#[test]
fn a_batch_of_an_unknown_application_is_finally_dropped_without_an_attempt_or_a_suspect_lane() {
    let mut lanes = lanes(vec![endpoint(0)], 4);
    push(&mut lanes, "a", 0);
    let attempt = lanes.next(Instant::now()).unwrap();
    let now = Instant::now();
    assert!(
        lanes.complete(attempt.lane, AttemptResult::UnknownApplication.into(), now, 0.0).is_none(),
        "it may still be registered"
    );
    let later = now + Duration::from_secs(120);
    let attempt = lanes.next(later).unwrap();
    let finished = lanes.complete(attempt.lane, AttemptResult::UnknownApplication.into(), later, 0.0).unwrap();
    assert_eq!((finished.attempts, finished.outcome), (0, BatchOutcome::dropped("unknown application")));
    assert!(!lanes.entries[attempt.lane].failing);
}

#[test]
fn a_full_outbox_cuts_the_longest_lane() {
    let mut lanes = lanes(vec![endpoint(0)], 4);
    push(&mut lanes, "short", 0);
    for seq in 1..=5 {
        push(&mut lanes, "long", seq);
    }
    let dropped = lanes.drop_oldest(2).unwrap();
    assert_eq!(dropped.lane.app, "long".into());
    let seqs: Vec<u64> = dropped.batch.events.iter().map(|queued| queued.position.seq).collect();
    assert_eq!(seqs, [1, 2]);
    assert_eq!(lanes.waiting, 4);
}

#[test]
fn the_longest_lane_is_prompt_while_its_endpoint_answers_quickly_and_successfully() {
    let mut lanes = lanes(vec![endpoint(0)], 4);
    let now = Instant::now();
    push(&mut lanes, "a", 0);
    assert!(lanes.longest_is_prompt(now), "no attempt was made yet");
    let attempt = lanes.next(Instant::now()).unwrap();
    lanes.complete(attempt.lane, status(200).into(), now, 0.0);
    push(&mut lanes, "a", 1);
    assert!(lanes.longest_is_prompt(now));
    let attempt = lanes.next(Instant::now()).unwrap();
    push(&mut lanes, "a", 2);
    assert!(!lanes.longest_is_prompt(Instant::now() + PROMPT), "it is slow");
    lanes.complete(attempt.lane, status(500).into(), now, 0.0);
    assert!(!lanes.longest_is_prompt(now), "it fails");
}

#[test]
fn the_longest_lane_is_not_prompt_while_its_application_is_unknown() {
    let mut lanes = lanes(vec![endpoint(0)], 4);
    let now = Instant::now();
    push(&mut lanes, "known", 0);
    let attempt = lanes.next(Instant::now()).unwrap();
    lanes.complete(attempt.lane, status(200).into(), now, 0.0);
    push(&mut lanes, "unknown", 1);
    let attempt = lanes.next(Instant::now()).unwrap();
    push(&mut lanes, "unknown", 2);
    lanes.complete(attempt.lane, AttemptResult::UnknownApplication.into(), Instant::now(), 0.0);
    assert!(!lanes.longest_is_prompt(Instant::now()));
}

#[test]
fn a_lane_whose_events_were_dropped_while_it_waited_takes_no_worker() {
    let mut lanes = lanes(vec![endpoint(0)], 2);
    push(&mut lanes, "a", 0);
    push(&mut lanes, "b", 1);
    let busy = lanes.next(Instant::now()).unwrap();
    assert!(
        lanes.next(Instant::now()).is_none(),
        "an endpoint that has not answered yet gets at most half of the workers"
    );
    while lanes.drop_oldest(10).is_some() {}
    lanes.complete(busy.lane, status(200).into(), Instant::now(), 0.0);
    assert!(lanes.next(Instant::now()).is_none());
    assert_eq!(lanes.undelivered(), Undelivered::default());
    assert_eq!(lanes.entries.iter().filter(|entry| entry.plan != Plan::Nothing).count(), 0, "no lane holds a worker");
}

#[test]
fn an_endpoint_that_answered_410_gets_no_more_events_and_they_are_all_dropped() {
    let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 32);
    for (seq, app) in (0..).zip(["answers 410", "backs off", "waits", "in flight"]) {
        push(&mut lanes, app, seq);
    }
    let now = Instant::now();
    let attempts: Vec<Attempt> = std::iter::from_fn(|| lanes.next(now)).filter(|attempt| place(attempt) == 0).collect();
    assert_eq!(attempts.len(), 4);
    assert!(lanes.complete(attempts[1].lane, status(500).into(), now, 0.0).is_none());
    assert!(matches!(
        lanes.complete(attempts[2].lane, status(200).into(), now, 0.0),
        Some(FinishedBatch { outcome: BatchOutcome::Delivered { status: 200 }, .. })
    ));
    push(&mut lanes, "waits", 10);
    let finished = lanes.complete(attempts[0].lane, status(410).into(), now, 0.0).unwrap();
    assert_eq!((finished.attempts, finished.outcome), (1, BatchOutcome::dropped("HTTP 410")));
    assert!(lanes.take_transitions().contains(&(0, HealthTransition::Disabled)));

    let now = Instant::now();
    let mut undelivered: Vec<(AppId, u32)> = std::iter::from_fn(|| lanes.next_undeliverable(now))
        .inspect(|finished| assert_eq!(finished.outcome, BatchOutcome::dropped("HTTP 410")))
        .map(|finished| (finished.lane.app, finished.attempts))
        .collect();
    undelivered.sort();
    assert_eq!(undelivered, [("backs off".into(), 1), ("waits".into(), 0)]);

    let late = lanes.complete(attempts[3].lane, status(500).into(), now, 0.0).unwrap();
    assert_eq!((late.attempts, late.outcome), (1, BatchOutcome::dropped("HTTP 410")));
    assert!(!lanes.take_transitions().contains(&(0, HealthTransition::Disabled)), "reported once");
    push(&mut lanes, "waits", 11);
    let sent: Vec<usize> = std::iter::from_fn(|| lanes.next(Instant::now())).map(|attempt| place(&attempt)).collect();
    assert!(sent.iter().all(|endpoint| *endpoint == 1), "{sent:?}");
    let finished = lanes.next_undeliverable(Instant::now()).unwrap();
    assert_eq!((finished.endpoint, finished.batch.events.len()), (0, 1));
    assert!(lanes.next_undeliverable(Instant::now()).is_none());
}

#[test]
fn a_batch_is_dropped_when_its_retry_window_is_over() {
    let patient = Endpoint { max_attempts: u32::MAX, retry_for: Some(Duration::from_secs(5)), ..endpoint(0) };
    let mut lanes = lanes(vec![patient], 4);
    push(&mut lanes, "a", 0);
    let began = Instant::now();
    let mut now = began;
    let finished = loop {
        let attempt = lanes.next(now).unwrap();
        if let Some(finished) = lanes.complete(attempt.lane, status(500).into(), now, 0.0) {
            break finished;
        }
        now = lanes.next_due().unwrap();
    };
    assert_eq!((finished.attempts, now - began), (2, Duration::from_secs(2)));
}

#[test]
fn a_batch_that_another_node_owns_entirely_leaves_its_lane() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    let now = Instant::now() + Duration::from_secs(1);
    push(&mut lanes, "app", 0);
    let attempt = lanes.next(now).unwrap();
    assert!(lanes.complete(attempt.lane, AttemptResult::Fenced { tokens: vec![0] }.into(), now, 0.0).is_none());
    assert!(lanes.next(now).is_none() && lanes.is_done());
}

#[test]
fn cursors_that_wait_for_a_batch_also_wait_for_inherited_batches() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    let now = Instant::now() + Duration::from_secs(1);
    push(&mut lanes, "app", 0);
    let first = lanes.next(now).unwrap();
    let events = first.batch.events.clone();
    lanes
        .inherit(InFlightBatch { lane: first.id.clone(), id: "msg".to_owned(), body: Vec::new(), events }, now)
        .unwrap();
    push(&mut lanes, "app", 1);
    assert_eq!(lanes.drop_oldest(1).unwrap().moves, Moves::Nothing);
    let moves = |lanes: &mut Lanes| lanes.complete(first.lane, status(200).into(), now, 0.0).unwrap().moves;
    assert_eq!(moves(&mut lanes), Moves::Own);
    lanes.next(now).unwrap();
    assert_eq!(moves(&mut lanes), Moves::All);
}
