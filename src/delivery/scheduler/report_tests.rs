//! Tests of what is acknowledged and reported.

use std::sync::Arc;
use std::time::Instant;

use super::tests::Fixture;
use crate::delivery::attempt::AttemptResult;
use crate::delivery::lanes::tests::{dead_letter_for, status};
use crate::outbox::{Outbox, Resume};
use crate::telemetry::Outcome;

const URL: &str = "http://localhost/";

/// Completes the next attempt with `result`.
fn complete(fixture: &Fixture, result: AttemptResult) {
    let attempt = fixture.scheduler.lock().next(Instant::now()).unwrap();
    fixture.scheduler.complete(attempt.lane, result.into());
}

/// Takes the log lines.
fn logged(fixture: &Fixture) -> Vec<String> {
    let outcomes = fixture.telemetry.outcomes.take(100).into_iter();
    outcomes
        .filter_map(|outcome| if let Outcome::Log { message, .. } = outcome { Some(message) } else { None })
        .collect()
}

#[test]
fn a_delivery_is_acknowledged_counted_and_reported() {
    let fixture = Fixture::new(1);
    for _ in 0..2 {
        let queued = fixture.taken("a");
        fixture.scheduler.lock().route(queued);
    }
    complete(&fixture, status(204));
    let outcomes = fixture.outcomes();
    assert!(
        matches!(&outcomes[..], [Outcome::Delivered { url, status: 204, app_id, attempts: 1, endpoint, events: 2, .. }]
            if url == URL && app_id == "a" && endpoint == "0"),
        "{outcomes:?}"
    );
    let counters = &fixture.telemetry.counters;
    assert_eq!((counters.batches_delivered.get(), counters.events_delivered.get()), (1, 2));
    assert_eq!(fixture.outbox.queued(), 0);
}

#[test]
fn the_oldest_events_are_dropped_with_a_report() {
    let fixture = Fixture::new(1);
    for _ in 0..3 {
        let queued = fixture.taken("a");
        fixture.scheduler.lock().route(queued);
    }
    let mut guard = fixture.scheduler.lock();
    assert_eq!([2, 2, 2].map(|count| guard.drop_oldest(count)), [2, 1, 0]);
    assert_eq!(fixture.outbox.queued(), 0);
    let outcomes = fixture.outcomes();
    let [first, second] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(matches!(first, Outcome::Dropped { events: 2, reason, .. } if reason == "outbox full"), "{first:?}");
    assert!(matches!(second, Outcome::Dropped { events: 1, url, .. } if url == URL), "{second:?}");
}

#[test]
fn the_dead_letters_of_an_ended_retry_are_acknowledged_and_stay() {
    let fixture = Fixture::new(1);
    for seq in 0..3 {
        fixture.taken("a");
        fixture.scheduler.lock().route(dead_letter_for(0, "run", "a", seq));
    }
    complete(&fixture, status(500));
    assert_eq!((fixture.outbox.queued(), fixture.outcomes().len()), (2, 2), "a drop, and the endpoint is failing");
    fixture.scheduler.lock().ack_withdrawn();
    assert_eq!((fixture.outbox.queued(), fixture.outcomes()), (0, vec![]));
}

#[test]
fn a_disabled_endpoint_is_reported() {
    let fixture = Fixture::new(1);
    fixture.push("a");
    complete(&fixture, status(410));
    let disabled =
        Outcome::EndpointDisabled { url: URL.to_owned(), endpoint: "0".to_owned(), reason: "HTTP 410".to_owned() };
    assert_eq!(fixture.outcomes()[0], disabled);
}

#[test]
fn attempts_are_shown_only_to_watchers() {
    let fixture = Fixture::new(1);
    let watch = &fixture.telemetry.watch;
    for is_watched in [false, true] {
        watch.set(is_watched);
        fixture.push("a");
        complete(&fixture, status(200));
        assert_eq!(watch.take().len(), usize::from(is_watched));
    }
}

#[test]
fn an_event_that_no_lane_wants_is_counted_unless_an_earlier_owner_may_have_delivered_it() {
    let fixture = Fixture::new(0);
    let mut resumed = fixture.taken("a");
    resumed.resume = Some(Arc::new(Resume::default()));
    let new = fixture.taken("a");
    for (queued, counted) in [(resumed, 0), (new, 1)] {
        fixture.scheduler.lock().route(queued);
        assert_eq!(fixture.telemetry.counters.events_unwanted.get(), counted);
    }
    assert_eq!(fixture.outbox.queued(), 0);
}

#[test]
fn a_dead_letter_that_is_not_sent_is_logged_with_the_reason() {
    let fixture = Fixture::new(1);
    let route = |index, seq| {
        fixture.scheduler.lock().route(dead_letter_for(index, "run", "a", seq));
        logged(&fixture)
    };
    assert_eq!(route(0, 0), [""; 0]);
    complete(&fixture, status(503));
    logged(&fixture);
    let ended = format!(
        "Endpoint {URL} refused a dead letter (HTTP 503). The other dead letters of this retry are kept. Retry them when the \
         endpoint answers again"
    );
    assert_eq!(route(0, 1), [ended]);
    assert_eq!(route(0, 2), [""; 0], "logged once");
    assert_eq!(route(1, 3), ["Webhook msg_3 stays a dead letter: the endpoint is not configured any more"]);
}
