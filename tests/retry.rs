//! Responses that affect the next attempt: `Retry-After` and 410.

mod support;

use std::time::{Duration, Instant, SystemTime};

use resonate_webhooks::config::{Backoff, Endpoint};
use resonate_webhooks::telemetry::{Level, Outcome};
use support::node::{Node, endpoint, numbered};
use support::receiver::{Answer, Receiver};
use support::wait::eventually;

/// Returns the times of both attempts of one event. The first one gets 429 with `retry_after`.
fn attempts(retry_after: String, retry_after_max: Duration) -> [Instant; 2] {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::StatusWith(429, "Retry-After", retry_after)]);
    let node = Node::start(vec![Endpoint { retry_after_max, ..endpoint(0, receiver.url("/")) }]);
    node.accept("app", numbered(0..1));
    let posts = receiver.wait_for("/", 2);
    assert_eq!(posts[0].header("webhook-id"), posts[1].header("webhook-id"));
    assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 2, .. }));
    [posts[0].at, posts[1].at]
}

/// Returns the time between them.
fn waited(retry_after: String, retry_after_max: Duration) -> Duration {
    let [first, second] = attempts(retry_after, retry_after_max);
    second - first
}

const LONG: Duration = Duration::from_secs(300);

#[test]
fn retry_after_in_seconds_delays_the_next_attempt() {
    let waited = waited("4".to_owned(), LONG);
    assert!((4..60).contains(&waited.as_secs()), "{waited:?}");
}

#[test]
fn retry_after_as_a_date_delays_the_next_attempt() {
    let made = Instant::now();
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(5));
    let [_, second] = attempts(date, LONG);
    // A date has whole seconds. The time at which a busy machine receives the first attempt does not count.
    assert!((4..60).contains(&(second - made).as_secs()), "{:?}", second - made);
}

#[test]
fn retry_after_never_shortens_the_backoff_and_has_a_limit() {
    for (asked, cap) in [("0", LONG), ("86400", Duration::from_secs(1))] {
        let waited = waited(asked.to_owned(), cap);
        assert!((2..60).contains(&waited.as_secs()), "the backoff applies: {waited:?}");
    }
}

#[test]
fn a_410_disables_the_endpoint_and_is_logged_once() {
    let receiver = Receiver::start();
    receiver.always("/gone", Answer::Status(410));
    let node = Node::start(vec![endpoint(0, receiver.url("/gone")), endpoint(1, receiver.url("/here"))]);
    node.accept("app", numbered(0..2));
    receiver.wait_for("/here", 1);
    eventually("the disabled endpoint", || (node.telemetry.counters.batches_dropped.get() == 1).then_some(()));
    node.accept("app", numbered(2..3));
    node.accept("other", numbered(3..4));
    receiver.wait_for("/here", 3);
    eventually("every event to reach its end", || (node.delivery.queued() == 0).then_some(()));
    assert_eq!(receiver.received("/gone").len(), 1);

    let url = receiver.url("/gone");
    let warning = format!(
        "Endpoint {url} answered 410 Gone and is now disabled on all servers. To send again: php artisan \
         resonate-webhooks:resume 0"
    );
    let (mut dropped, mut warnings) = (Vec::new(), 0);
    for outcome in node.outcomes() {
        match outcome {
            Outcome::Dropped { url: dead, app_id, attempts, reason, .. } if dead == url => {
                dropped.push((app_id, attempts, reason));
            }
            Outcome::Log { level: Level::Warning, message } => warnings += usize::from(message == warning),
            _ => {}
        }
    }
    dropped.sort();
    let gone = |app: &str, attempts| (app.to_owned(), attempts, "HTTP 410".to_owned());
    assert_eq!(dropped, [gone("app", 0), gone("app", 1), gone("other", 0)]);
    assert_eq!(warnings, 1);
    assert_eq!(node.telemetry.counters.events_dropped.get(), 4);
}

#[test]
fn a_batch_is_dropped_when_its_retry_window_has_no_room_for_another_attempt() {
    let receiver = Receiver::start();
    receiver.always("/", Answer::Status(500));
    let window = Some(Duration::from_secs(5));
    let hasty = Endpoint { retry_for: window, max_attempts: u32::MAX, ..endpoint(0, receiver.url("/")) };
    let node = Node::start(vec![hasty]);
    node.accept("app", numbered(0..1));
    assert!(
        matches!(node.outcome(), Outcome::Dropped { attempts: 2, .. }),
        "the second attempt is at 2 s; a third would be at 6 s"
    );
}

#[test]
fn a_schedule_of_waits_replaces_the_default_backoff() {
    let receiver = Receiver::start();
    receiver.script("/", [500, 502, 503].map(Answer::Status));
    let backoff = Backoff::Schedule([100, 700].map(Duration::from_millis).into());
    let node = Node::start(vec![Endpoint { backoff, ..endpoint(0, receiver.url("/")) }]);
    let began = Instant::now();
    node.accept("app", numbered(0..1));
    assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 4, .. }));
    let posts = receiver.received("/");
    assert!(posts[3].at - began >= Duration::from_millis(100 + 2 * 700), "the last wait is repeated");
    assert!(posts[2].at - began < Duration::from_secs(6), "the default schedule would have waited 2 s and 4 s");
}

#[test]
fn requests_to_a_rate_limited_endpoint_keep_the_rate_and_others_do_not_wait() {
    let receiver = Receiver::start();
    receiver.script("/limited", [Answer::Status(500)]);
    let backoff = Backoff::Schedule([Duration::from_millis(100)].into());
    let interval = Duration::from_millis(250);
    let limited = Endpoint { request_interval: Some(interval), backoff, ..endpoint(0, receiver.url("/limited")) };
    let node = Node::start(vec![limited, endpoint(1, receiver.url("/open"))]);
    let began = Instant::now();
    for n in 0..6 {
        node.accept(&format!("app-{n}"), numbered(0..1));
    }
    receiver.wait_for("/open", 6);
    assert!(receiver.received("/limited").len() < 6, "the other endpoint is done first");
    // Seven requests, including the retry: the lanes wait, and nothing is dropped.
    let posts = receiver.wait_for("/limited", 7);
    for (n, post) in (0..).zip(&posts) {
        assert!(post.at - began >= n * interval, "request {n} after {:?}", post.at - began);
    }
    eventually("the delivery of all events", || (node.delivery.queued() == 0).then_some(()));
    assert_eq!(node.telemetry.counters.events_dropped.get(), 0);
}
