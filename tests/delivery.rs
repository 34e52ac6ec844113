//! Delivery over real sockets: what arrives, in which order, and what happens when the endpoint fails.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use resonate_webhooks::config::{AppScope, Batching, Endpoint};
use resonate_webhooks::delivery::Undelivered;
use resonate_webhooks::telemetry::{Level, Outcome};
use support::memory_outbox::MemoryOutbox;
use support::node::{BATCHING, Node, endpoint, numbered};
use support::receiver::{Answer, Received, Receiver};
use support::wait::{PATIENCE, eventually};

#[test]
fn events_that_happen_together_share_a_batch() {
    let receiver = Receiver::start();
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    let accepted = Instant::now();
    for n in 0..5 {
        node.accept("app", numbered(n..n + 1));
    }
    let posts = receiver.wait_for("/", 1);
    assert_eq!(posts[0].channels(), ["c0", "c1", "c2", "c3", "c4"]);
    assert!(posts[0].at - accepted >= BATCHING.flush_interval, "the batch waited for more events");
}

#[test]
fn a_full_batch_does_not_wait() {
    let receiver = Receiver::start();
    let batching = Batching { max_events: 10, flush_interval: Duration::from_secs(3600), ..BATCHING };
    let node = Node::start(vec![Endpoint { batching, ..endpoint(0, receiver.url("/")) }]);
    node.accept("app", numbered(0..25));
    let posts = receiver.wait_for("/", 2);
    assert_eq!(posts.iter().map(|post| post.channels().len()).collect::<Vec<_>>(), [10, 10]);
    eventually("both responses to be processed", || (node.delivery.queued() == 5).then_some(()));
}

#[test]
fn a_retry_repeats_body_and_id_has_its_own_timestamp_and_is_not_overtaken() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(500)]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", ["first".to_owned()]);
    let failed = receiver.wait_for("/", 1).remove(0);
    node.accept("app", ["second".to_owned()]);
    let posts = receiver.wait_for("/", 3);
    let fixed = |post: &Received| {
        let names = ["x-pusher-key", "x-pusher-signature", "webhook-id"];
        (post.body.clone(), names.map(|name| post.header(name).map(str::to_owned)))
    };
    let signed = |post: &Received| post.header("webhook-timestamp").unwrap().parse::<u64>().unwrap();
    assert_eq!(fixed(&posts[1]), fixed(&failed));
    assert!(posts[1].at - failed.at >= Duration::from_secs(2), "the backoff after one failed attempt");
    assert!(signed(&posts[1]) >= signed(&failed) + 2, "the timestamp is that of the attempt");
    assert_ne!(posts[1].header("webhook-signature"), failed.header("webhook-signature"));
    assert_eq!(posts[2].channels(), ["second"]);
    assert_ne!(posts[2].header("webhook-id"), failed.header("webhook-id"));
    let attempts: Vec<u32> = (0..2)
        .map(|_| match node.outcome() {
            Outcome::Delivered { attempts, .. } => attempts,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(attempts, [2, 1]);
}

#[test]
fn a_batch_is_dropped_with_a_log_line_after_its_last_attempt_and_the_lane_continues() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(500), Answer::Status(503)]);
    let node = Node::start(vec![Endpoint { max_attempts: 2, ..endpoint(0, receiver.url("/")) }]);
    node.accept("app", numbered(0..3));
    receiver.wait_for("/", 1);
    node.accept("app", ["next".to_owned()]);
    let posts = receiver.wait_for("/", 3);
    assert_eq!(posts[2].channels(), ["next"]);
    let url = receiver.url("/");
    let mut outcomes = eventually("the end of both batches", || (node.delivery.queued() == 0).then(|| node.outcomes()));
    let of_the_endpoint = |outcome: &Outcome| match outcome {
        Outcome::Log { message, .. } => message.starts_with("Endpoint "),
        other => matches!(other, Outcome::EndpointFailing { .. } | Outcome::EndpointRecovered { .. }),
    };
    assert_eq!(outcomes.iter().filter(|outcome| of_the_endpoint(outcome)).count(), 4, "{outcomes:?}");
    outcomes.retain(|outcome| !of_the_endpoint(outcome));
    let (reason, app_id) = ("HTTP 503".to_owned(), "app".to_owned());
    let id = |post: &Received| post.header("webhook-id").unwrap().to_owned();
    let (first, last) = (id(&posts[0]), id(&posts[2]));
    assert_eq!(
        outcomes,
        [
            Outcome::Dropped {
                url: url.clone(),
                app_id: app_id.clone(),
                attempts: 2,
                reason,
                webhook_id: first,
                endpoint: "0".to_owned(),
                events: 3,
                dead_letter: None,
            },
            Outcome::Log {
                level: Level::Warning,
                message: format!("Webhook dropped after 2 attempts (HTTP 503): {url}")
            },
            Outcome::Delivered {
                url,
                status: 200,
                app_id,
                attempts: 1,
                webhook_id: last,
                endpoint: "0".to_owned(),
                events: 1,
            },
        ]
    );
    let counters = &node.telemetry.counters;
    assert_eq!(counters.attempts.get(), 3);
    assert_eq!((counters.batches_dropped.get(), counters.events_dropped.get()), (1, 3));
    assert_eq!((counters.batches_delivered.get(), counters.events_delivered.get()), (1, 1));
}

#[test]
fn a_hanging_endpoint_with_many_applications_does_not_delay_another() {
    let (dead, healthy) = (Receiver::start(), Receiver::start());
    dead.always("/", Answer::Hang);
    let node = Node::start(vec![endpoint(0, dead.url("/")), endpoint(1, healthy.url("/"))]);
    for app in 0..300 {
        node.accept(&format!("app-{app}"), numbered(0..1));
    }
    // The healthy endpoint gets every event while all requests to the other one are still open.
    assert_eq!(healthy.wait_for("/", 300).len(), 300);
    let hanging = dead.received("/").len();
    assert!((1..=128).contains(&hanging), "{hanging} requests hang");
    eventually("the responses to be processed", || (node.delivery.queued() == 300).then_some(()));
    assert_eq!(node.telemetry.counters.batches_dropped.get(), 0);
}

#[test]
fn an_endpoint_with_a_late_first_event_does_not_wait_for_hanging_ones() {
    let (dead, healthy) = (Receiver::start(), Receiver::start());
    dead.always("/", Answer::Hang);
    let late = Endpoint { apps: AppScope::Only("app".into()), ..endpoint(1, healthy.url("/")) };
    let node = Node::start(vec![endpoint(0, dead.url("/")), late]);
    for app in 0..300 {
        node.accept(&format!("app-{app}"), numbered(0..1));
    }
    dead.wait_for("/", 128);
    node.accept("app", numbered(0..1));
    healthy.wait_for("/", 1);
    assert_eq!(node.telemetry.counters.batches_dropped.get(), 0);
    assert_eq!(dead.received("/").len(), 128, "no request to the dead endpoint has ended yet");
}

#[test]
fn a_failing_endpoint_does_not_delay_another() {
    let receiver = Receiver::start();
    receiver.always("/dead", Answer::Status(500));
    let node = Node::start(vec![endpoint(0, receiver.url("/dead")), endpoint(1, receiver.url("/healthy"))]);
    node.accept("app", numbered(0..1));
    receiver.wait_for("/healthy", 1);
    receiver.wait_for("/dead", 1);
    node.accept("app", numbered(1..2));
    let healthy = receiver.wait_for("/healthy", 2).remove(1);
    let dead = receiver.wait_for("/dead", 2);
    assert!(healthy.at < dead[1].at, "the second event arrived before the first was even retried");
    assert_eq!(dead[1].channels(), ["c0"]);
}

#[test]
fn applications_never_share_a_batch_and_each_signs_with_its_own_secret() {
    let receiver = Receiver::start();
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    for n in 0..6 {
        let app = if n % 2 == 0 { "app" } else { "other" };
        node.accept(app, [format!("{app}-{n}")]);
    }
    let posts = receiver.wait_for("/", 2);
    for post in posts {
        let key = post.header("x-pusher-key").unwrap().to_owned();
        let app = key.trim_end_matches("-key");
        assert!(post.channels().iter().all(|channel| channel.starts_with(app)), "{key} {:?}", post.channels());
        assert_eq!(post.channels().len(), 3);
    }
}

#[test]
fn two_endpoints_with_the_same_url_are_independent() {
    let receiver = Receiver::start();
    let node = Node::start(vec![endpoint(0, receiver.url("/")), endpoint(1, receiver.url("/"))]);
    node.accept("app", ["a".to_owned()]);
    let posts = receiver.wait_for("/", 2);
    assert_eq!(posts[0].body, posts[1].body);
    assert_ne!(posts[0].header("webhook-id"), posts[1].header("webhook-id"));
}

#[test]
fn a_flush_sends_waiting_events_at_once() {
    let receiver = Receiver::start();
    let batching = Batching { flush_interval: Duration::from_secs(3600), ..BATCHING };
    let node = Node::start(vec![Endpoint { batching, ..endpoint(0, receiver.url("/")) }]);
    node.accept("app", numbered(0..3));
    assert_eq!(node.delivery.flush(Instant::now() + PATIENCE), Undelivered::default());
    assert_eq!(receiver.received("/")[0].channels(), ["c0", "c1", "c2"]);
}

#[test]
fn a_flush_ends_at_its_deadline_and_reports_what_is_left() {
    let receiver = Receiver::start();
    receiver.always("/hangs", Answer::Hang);
    receiver.always("/fails", Answer::Status(500));
    let node = Node::start(vec![endpoint(0, receiver.url("/hangs")), endpoint(1, receiver.url("/fails"))]);
    node.accept("app", numbered(0..2));
    receiver.wait_for("/hangs", 1);
    receiver.wait_for("/fails", 1);
    node.accept("app", numbered(2..3));
    let started = Instant::now();
    let left = node.delivery.flush(started + Duration::from_millis(500));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(left, Undelivered { waiting: 2, in_flight: 2, backing_off: 2, unread: false });
    assert_eq!(left.total(), node.delivery.queued());
    assert_eq!(receiver.received("/fails").len(), 1, "the flush respects the backoff");
}

#[test]
fn events_of_an_application_without_credentials_wait_without_a_request() {
    let receiver = Receiver::start();
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    node.accept("stranger", ["a".to_owned()]);
    let left = node.delivery.flush(Instant::now() + Duration::from_secs(1));
    assert_eq!(left.total(), 1, "the event waits between two lookups of the application or during one: {left:?}");
    assert!(receiver.received("/").is_empty());
    assert_eq!(node.telemetry.counters.attempts.get(), 0);
}

#[test]
fn events_that_no_endpoint_wants_are_counted_and_removed() {
    for endpoints in [
        vec![],
        vec![Endpoint { apps: AppScope::Only("other".into()), ..endpoint(0, "http://127.0.0.1:9/".to_owned()) }],
    ] {
        let node = Node::start(endpoints);
        node.accept("app", numbered(0..3));
        eventually("the events to leave the outbox", || (node.delivery.queued() == 0).then_some(()));
        assert_eq!(node.telemetry.counters.events_unwanted.get(), 3);
        assert_eq!(node.delivery.flush(Instant::now() + PATIENCE), Undelivered::default());
    }
}

#[test]
fn a_full_outbox_drops_its_oldest_events_with_a_log_line_and_keeps_the_in_flight_batch() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(500)]);
    let node = Node::over(MemoryOutbox::new(10), vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", ["in flight".to_owned()]);
    receiver.wait_for("/", 1);
    node.accept("app", numbered(0..15));
    let outcome = node.outcome();
    assert!(
        matches!(
            &outcome,
            Outcome::Dropped { url, attempts: 0, reason, webhook_id, events: 5, dead_letter: None, .. }
                if *url == receiver.url("/") && reason == "outbox full" && webhook_id.starts_with("msg_")
        ),
        "{outcome:?}"
    );
    let posts = receiver.wait_for("/", 3);
    assert_eq!(posts[1].channels(), ["in flight"]);
    assert_eq!(posts[2].channels(), numbered(5..15).collect::<Vec<_>>());
    assert_eq!(node.telemetry.counters.events_dropped.get(), 5);
}

#[test]
fn thousands_of_events_arrive_once_and_in_order_through_failures() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(200), Answer::Close, Answer::Status(500), Answer::Status(200)]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    for n in (0..5000).step_by(50) {
        node.accept("app", numbered(n..n + 50));
    }
    assert_eq!(node.delivery.flush(Instant::now() + PATIENCE), Undelivered::default());
    let mut posts = receiver.received("/");
    posts.dedup_by(|next, first| next.header("webhook-id") == first.header("webhook-id"));
    let channels: Vec<String> = posts.iter().flat_map(Received::channels).collect();
    assert_eq!(channels, numbered(0..5000).collect::<Vec<_>>());
}

#[test]
fn a_panic_of_the_dispatcher_loses_no_event() {
    let receiver = Receiver::start();
    let (routed, passed) = (AtomicBool::new(false), AtomicBool::new(false));
    let outbox = MemoryOutbox::new(1000)
        .after_routed(move || assert!(routed.swap(true, Ordering::Relaxed), "on purpose"))
        .after_acked(move || assert!(passed.swap(true, Ordering::Relaxed), "on purpose"));
    let batching = Batching { max_events: 4, ..BATCHING };
    let node = Node::over(outbox, vec![Endpoint { batching, ..endpoint(0, receiver.url("/")) }]);
    node.accept("app", numbered(0..10));
    assert_eq!(receiver.wait_for_channels("/", 10), numbered(0..10).collect::<Vec<_>>());
    eventually("the last response to be processed", || (node.delivery.queued() == 0).then_some(()));
    assert_eq!(node.telemetry.counters.thread_panics.get(), 2);
}

#[test]
fn workers_take_the_next_batch_without_the_dispatcher() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Late(Duration::from_millis(500))]);
    let held = Arc::new(Mutex::new(()));
    let outbox = MemoryOutbox::new(1000).before_take(wait_while_held(&held));
    let batching = Batching { max_events: 1, ..BATCHING };
    let node = Node::over(outbox, vec![Endpoint { batching, ..endpoint(0, receiver.url("/")) }]);
    node.accept("app", numbered(0..20));
    receiver.wait_for("/", 1);
    let _held = held.lock().unwrap_or_else(PoisonError::into_inner);
    node.delivery.wake();
    assert_eq!(receiver.wait_for_channels("/", 20), numbered(0..20).collect::<Vec<_>>());
    eventually("the last response to be processed", || (node.delivery.queued() == 0).then_some(()));
    assert_eq!(node.telemetry.counters.batches_delivered.get(), 20);
}

/// Returns a function that waits until the lock is free.
fn wait_while_held(held: &Arc<Mutex<()>>) -> impl Fn() + Send + Sync + use<> {
    let held = Arc::clone(held);
    move || drop(held.lock().unwrap_or_else(PoisonError::into_inner))
}

#[test]
fn events_that_arrive_during_routing_are_routed_without_another_wakeup() {
    /// Number of events that the dispatcher routes before it checks for anything else.
    const ROUND: usize = 1000;

    let receiver = Receiver::start();
    let (gate, routed) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
    let wait = wait_while_held(&gate);
    let outbox = MemoryOutbox::new(10_000).after_routed({
        let routed = Arc::clone(&routed);
        move || {
            routed.store(true, Ordering::Relaxed);
            wait();
        }
    });
    let batching = Batching { max_events: ROUND, flush_interval: Duration::from_secs(3600), ..BATCHING };
    let node = Node::over(outbox, vec![Endpoint { batching, ..endpoint(0, receiver.url("/")) }]);
    let held = gate.lock().unwrap();
    node.accept("app", numbered(0..2 * ROUND));
    eventually("the first event to be routed", || routed.load(Ordering::Relaxed).then_some(()));
    node.accept("app", numbered(2 * ROUND..3 * ROUND));
    drop(held);
    assert_eq!(receiver.wait_for_channels("/", 3 * ROUND), numbered(0..3 * ROUND).collect::<Vec<_>>());
}
