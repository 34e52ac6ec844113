//! Tests of the number of workers that lanes need, of limits, and of what an endpoint's state changes.

use serde_json::json;

use super::tests::{begun, endpoint, lanes, pause, place, push, status};
use super::*;
use crate::config::{Batching, Config};
use crate::delivery::attempt::{AttemptResult, EndedAttempt};
use crate::event::{CustomEvent, CustomName, Event, EventKind, Shard};
use crate::outbox::{BatchOutcome, Item, Position, Resume};
use crate::report::WallClock;
use crate::telemetry::{AnswerExcerpt, Sight};

const SECOND: Duration = Duration::from_secs(1);

fn limited(index: usize) -> Endpoint {
    Endpoint { request_interval: Some(SECOND), ..endpoint(index) }
}

#[test]
fn an_endpoint_needs_a_worker_while_it_has_due_lanes_that_may_send() {
    let mut lanes = lanes(vec![endpoint(0), endpoint(1), endpoint(2), limited(3)], 64);
    let now = Instant::now();
    assert_eq!(lanes.due_endpoints(now), 0);
    push(&mut lanes, "a", 0);
    push(&mut lanes, "b", 1);
    let now = Instant::now().max(now);
    assert_eq!(lanes.due_endpoints(now), 4);
    pause(&mut lanes, &["1"], now);
    assert_eq!(lanes.due_endpoints(now), 3, "one is paused");
    lanes.set_endpoints(vec![endpoint(0), endpoint(1), limited(3)], now);
    assert_eq!(lanes.due_endpoints(now), 2, "one was removed");
    assert_eq!(begun(&mut lanes, now).len(), 3);
    assert_eq!(lanes.due_endpoints(now), 0, "a lane waits for its rate limit");
    assert_eq!(lanes.next_due(), Some(now + SECOND));
}

#[test]
fn a_limit_of_workers_holds_until_it_is_removed() {
    let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 64);
    for (seq, app) in (0..).zip(["a", "b", "c"]) {
        push(&mut lanes, app, seq);
    }
    assert!(!lanes.limited);
    lanes.limit_workers(Some(2));
    assert!(lanes.limited);
    let now = Instant::now();
    assert_eq!(begun(&mut lanes, now).len(), 1, "of two workers, one stays free for endpoints that answer");
    lanes.limit_workers(None);
    assert!(!lanes.limited);
    assert_eq!(begun(&mut lanes, now).len(), 5);
}

#[test]
fn only_an_endpoint_without_an_answer_gets_less_time_and_only_while_workers_are_limited() {
    let mut lanes = lanes(vec![endpoint(0)], 64);
    let mut next = |limit: Option<usize>, seq| {
        push(&mut lanes, "a", seq);
        lanes.limit_workers(limit);
        let now = Instant::now();
        let attempt = lanes.next(now).unwrap();
        lanes.complete(attempt.lane, status(200).into(), now, 0.0);
        attempt.limit
    };
    assert_eq!(next(None, 0), None);
    assert_eq!(next(Some(2), 1), None, "it has answered");
    let mut unproven = super::tests::lanes(vec![endpoint(0)], 64);
    push(&mut unproven, "a", 0);
    unproven.limit_workers(Some(2));
    assert_eq!(unproven.next(Instant::now()).unwrap().limit, Some(Duration::from_millis(250)));
}

#[test]
fn the_longest_lane_is_not_prompt_while_it_may_not_send_or_fails_itself() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    let now = Instant::now();
    for seq in 0..3 {
        push(&mut lanes, "failing", seq);
    }
    let attempt = lanes.next(Instant::now()).unwrap();
    for seq in 3..5 {
        push(&mut lanes, "failing", seq);
    }
    lanes.complete(attempt.lane, status(500).into(), now, 0.0);
    push(&mut lanes, "healthy", 5);
    let attempt = lanes.next(Instant::now()).unwrap();
    lanes.complete(attempt.lane, status(200).into(), now, 0.0);
    assert!(!lanes.longest_is_prompt(now), "the endpoint answers, but the lane fails");

    let mut lanes = super::tests::lanes(vec![endpoint(0)], 8);
    push(&mut lanes, "a", 0);
    assert!(lanes.longest_is_prompt(now));
    pause(&mut lanes, &["0"], now);
    assert!(!lanes.longest_is_prompt(now), "it is paused");
    pause(&mut lanes, &[], now);
    lanes.set_endpoints(vec![], now);
    assert!(!lanes.longest_is_prompt(now), "it was removed");
}

#[test]
fn a_new_limit_applies_to_waiting_events_of_that_endpoint_only() {
    let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 8);
    for seq in 0..4 {
        push(&mut lanes, "a", seq);
    }
    let batching = Batching { max_events: 3, ..endpoint(0).batching };
    let now = Instant::now();
    lanes.set_endpoints(vec![Endpoint { batching, ..endpoint(0) }, endpoint(1)], now);
    let mut sizes: Vec<_> =
        begun(&mut lanes, now).iter().map(|attempt| (place(attempt), attempt.batch.events.len())).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [(0, 3), (1, 4)]);
}

#[test]
fn a_rate_limit_that_was_removed_delays_nothing_more() {
    let mut lanes = lanes(vec![limited(0)], 8);
    push(&mut lanes, "a", 0);
    push(&mut lanes, "b", 1);
    let now = Instant::now();
    assert_eq!(begun(&mut lanes, now).len(), 1);
    lanes.set_endpoints(vec![endpoint(0)], now);
    assert_eq!(begun(&mut lanes, now).len(), 1);
}

#[test]
fn a_batch_that_could_not_be_persisted_is_due_after_a_pause() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    push(&mut lanes, "a", 0);
    let now = Instant::now();
    let attempt = lanes.next(now).unwrap();
    assert!(lanes.complete(attempt.lane, AttemptResult::NotPersisted.into(), now, 0.0).is_none());
    assert_eq!(lanes.next_due(), Some(now + Duration::from_millis(250)));
    assert_eq!(lanes.take_transitions(), [], "nothing was sent");
}

#[test]
fn a_single_event_that_is_too_large_is_dropped_and_two_are_halved() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    push(&mut lanes, "a", 0);
    push(&mut lanes, "a", 1);
    let now = Instant::now();
    let both = lanes.next(now).unwrap();
    assert!(lanes.complete(both.lane, status(413).into(), now, 0.0).is_none());
    let one = lanes.next(now).unwrap();
    assert_eq!(one.batch.events.len(), 1);
    let finished = lanes.complete(one.lane, status(413).into(), now, 0.0).unwrap();
    assert_eq!(finished.outcome, BatchOutcome::dropped("HTTP 413"));
}

#[test]
fn an_endpoint_is_reported_as_failing_when_a_batch_is_given_up_but_not_when_it_is_disabled() {
    let mut lanes = lanes(vec![Endpoint { max_attempts: 1, ..endpoint(0) }, endpoint(1)], 8);
    push(&mut lanes, "a", 0);
    let now = Instant::now();
    for attempt in begun(&mut lanes, now) {
        let code = if place(&attempt) == 0 { 500 } else { 410 };
        lanes.complete(attempt.lane, status(code).into(), now, 0.0);
    }
    let mut transitions = lanes.take_transitions().into_iter();
    assert!(matches!(transitions.next(), Some((0, HealthTransition::Failing { .. }))));
    assert_eq!((transitions.next(), transitions.next()), (Some((1, HealthTransition::Disabled)), None));
}

#[test]
fn a_batch_that_is_dropped_unsent_does_not_report_its_endpoint_as_failing() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    push(&mut lanes, "fails", 0);
    push(&mut lanes, "unknown", 1);
    let now = Instant::now();
    for attempt in begun(&mut lanes, now) {
        let is_unknown = attempt.id.app == "unknown".into();
        let (result, at) =
            if is_unknown { (AttemptResult::UnknownApplication, now + 120 * SECOND) } else { (status(500), now) };
        let finished = lanes.complete(attempt.lane, result.into(), at, 0.0);
        assert_eq!(finished.is_some(), is_unknown);
    }
    assert_eq!(lanes.take_transitions(), []);
}

#[test]
fn an_endpoint_that_is_not_paused_is_not_done_while_events_wait() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    assert!(lanes.is_done());
    push(&mut lanes, "a", 0);
    assert!(!lanes.is_done());
    pause(&mut lanes, &["0"], Instant::now());
    assert!(lanes.is_done());
    pause(&mut lanes, &[], Instant::now());
    let attempt = lanes.next(Instant::now()).unwrap();
    pause(&mut lanes, &["0"], Instant::now());
    assert!(!lanes.is_done(), "its attempt is under way");
    lanes.complete(attempt.lane, status(200).into(), Instant::now(), 0.0);
    assert!(lanes.is_done());
}

#[test]
fn undelivered_events_are_those_of_all_lanes() {
    let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 8);
    push(&mut lanes, "fails", 0);
    push(&mut lanes, "hangs", 1);
    let now = Instant::now();
    for attempt in begun(&mut lanes, now).iter().filter(|attempt| attempt.id.app == "fails".into()) {
        lanes.complete(attempt.lane, status(500).into(), now, 0.0);
    }
    push(&mut lanes, "hangs", 2);
    let expected = Undelivered { waiting: 2, in_flight: 2, backing_off: 2, unread: false };
    assert_eq!(lanes.undelivered(), expected);
}

#[test]
fn events_of_an_ended_ownership_no_longer_wait() {
    let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 8);
    for seq in 0..2 {
        push(&mut lanes, "a", seq);
    }
    assert_eq!(lanes.waiting, 4);
    lanes.revoke(&[Position { shard: Shard::FIRST, partition: 0, token: 0, seq: 0 }.shard_token()]);
    assert_eq!((lanes.waiting, lanes.undelivered()), (0, Undelivered::default()));
}

/// Returns the places of the endpoints that get an event.
fn receivers(lanes: &mut Lanes, channel: &str, kind: EventKind, resume: Option<Resume>) -> Vec<String> {
    let event = Event { app: "app".into(), channel: channel.into(), time_ms: 0, kind };
    let position = Position { shard: Shard::FIRST, partition: 0, token: 0, seq: 5 };
    let mut queued = Queued::new(Item::Event(event), position, Instant::now());
    queued.resume = resume.map(Arc::new);
    lanes.push(&Arc::new(queued)).ids.iter().map(|id| id.endpoint.to_string()).collect()
}

#[test]
fn an_event_goes_to_the_endpoints_whose_filter_admits_it_and_that_have_not_had_it() {
    let endpoints = json!({
        "all": { "url": "http://localhost/" },
        "some": { "url": "http://localhost/", "filter": { "channel_prefix": "some-" } },
        "own": { "url": "http://localhost/", "events": ["order.*"] },
    });
    let endpoints = Config::from_value(json!({ "endpoints": endpoints })).unwrap().endpoints;
    let mut lanes = lanes(endpoints, 8);
    assert_eq!(receivers(&mut lanes, "other", EventKind::ChannelOccupied, None), ["all"]);
    assert_eq!(receivers(&mut lanes, "some-a", EventKind::ChannelOccupied, None), ["all", "some"]);
    let custom = |name| EventKind::Custom(CustomEvent::new(&CustomName::parse(name).unwrap(), None));
    assert_eq!(receivers(&mut lanes, "", custom("order.paid"), None), ["own"]);
    assert_eq!(receivers(&mut lanes, "", custom("invoice.paid"), None), [""; 0]);
    let id = lanes.entries.iter().find(|entry| entry.id.endpoint.as_str() == "all").unwrap().id.clone();
    let acked = |seq| Some(Resume { cursors: [(id.clone(), seq)].into(), ..Resume::default() });
    assert_eq!(receivers(&mut lanes, "some-a", EventKind::ChannelOccupied, acked(5)), ["some"]);
    assert_eq!(receivers(&mut lanes, "other", EventKind::ChannelOccupied, acked(4)), ["all"]);
}

#[test]
fn a_filter_applies_even_if_every_endpoint_has_one() {
    let some = json!({ "url": "http://localhost/", "filter": { "channel_prefix": "some-" } });
    let mut lanes = lanes(Config::from_value(json!({ "endpoints": { "some": some } })).unwrap().endpoints, 8);
    assert_eq!(receivers(&mut lanes, "other", EventKind::ChannelOccupied, None), [""; 0]);
    assert_eq!(receivers(&mut lanes, "some-a", EventKind::ChannelOccupied, None), ["some"]);
}

#[test]
fn the_status_has_lanes_with_events_only() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    push(&mut lanes, "a", 0);
    let now = Instant::now();
    let attempt = lanes.next(now).unwrap();
    let finished = lanes.complete(attempt.lane, status(200).into(), now, 0.0).unwrap();
    assert_eq!(finished.outcome, BatchOutcome::Delivered { status: 200 });
    assert_eq!(lanes.status(WallClock { at: now, unix_ms: 0 }).lanes.len(), 0);
}

#[test]
fn the_status_truncates_only_what_exceeds_its_limit() {
    let mut lanes = lanes((0..200).map(endpoint).collect(), 8);
    push(&mut lanes, "a", 0);
    let status = lanes.status(WallClock { at: Instant::now(), unix_ms: 0 });
    let ids: Vec<_> = status.endpoints.iter().map(|endpoint| endpoint.id.parse::<usize>().unwrap()).collect();
    assert_eq!((ids, status.lanes.len()), ((0..200).collect(), 200));
}

#[test]
fn a_removed_endpoint_is_in_the_status_while_events_wait_and_never_in_the_hash() {
    let clock = WallClock { at: Instant::now(), unix_ms: 0 };
    let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 8);
    push(&mut lanes, "a", 0);
    let two = lanes.status(clock);
    lanes.set_endpoints(vec![endpoint(0)], Instant::now());
    let removed = lanes.status(clock);
    assert_eq!(removed.endpoints.len(), 2);
    while lanes.next_undeliverable(Instant::now()).is_some() {}
    let one = super::tests::lanes(vec![endpoint(0)], 8).status(clock);
    assert_eq!((lanes.status(clock).endpoints.len(), &removed.endpoints_hash), (1, &one.endpoints_hash));
    assert_ne!(two.endpoints_hash, one.endpoints_hash);
}

#[test]
fn watchers_see_an_attempt_with_its_answer_and_its_duration_in_tenths_of_milliseconds() {
    let mut lanes = lanes(vec![endpoint(0)], 8);
    push(&mut lanes, "a", 0);
    let attempt = lanes.next(Instant::now()).unwrap();
    let answer = Some(AnswerExcerpt { status: Some(500), text: "oops".to_owned(), time_ms: 0 });
    let ended = EndedAttempt { took: Duration::from_micros(12_345), answer, ..status(500).into() };
    let seen = Sight {
        endpoint: "0".to_owned(),
        label: "http://localhost/".to_owned(),
        app_id: "a".to_owned(),
        id: attempt.batch.id.clone(),
        events: 1,
        attempt: 1,
        status: Some(500),
        error: Some("HTTP 500".to_owned()),
        answer: Some("oops".to_owned()),
        took_ms: 12.3,
        ..Sight::default()
    };
    assert_eq!(lanes.sight(attempt.lane, &ended), Some(seen));
    assert!(lanes.sight(attempt.lane, &AttemptResult::NotPersisted.into()).is_none());
}
