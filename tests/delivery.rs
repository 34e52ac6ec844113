//! Delivery over real sockets.

// Clippy knows test functions, not the functions they share: here too a panic is how a test fails.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use resonate_webhooks::apps::{AppDirectory, Credentials};
use resonate_webhooks::delivery::{Delivery, Endpoint, Left, Settings};
use resonate_webhooks::event::{Event, EventKind, EventName};
use resonate_webhooks::outbox::{Fate, LaneId, MemoryOutbox, Outbox, Queued};
use resonate_webhooks::secret::Secret;
use resonate_webhooks::telemetry::{Level, Outcome, Telemetry};
use support::receiver::{Answer, Received, Receiver};
use support::wait::{PATIENCE, eventually};

const SETTINGS: Settings = Settings {
    flush_interval: Duration::from_millis(200),
    batch_max_events: 100,
    batch_max_bytes: 100_000,
    outbox_max_events: 10_000,
};

/// A delivery under test. It is stopped when dropped.
struct Node {
    delivery: Delivery,
    telemetry: Arc<Telemetry>,
}

impl Node {
    fn start(endpoints: Vec<Endpoint>) -> Self {
        Self::with(SETTINGS, endpoints)
    }

    fn with(settings: Settings, endpoints: Vec<Endpoint>) -> Self {
        Self::over(Arc::new(MemoryOutbox::new(settings.outbox_max_events)), settings, endpoints)
    }

    fn over(outbox: Arc<dyn Outbox>, settings: Settings, endpoints: Vec<Endpoint>) -> Self {
        let apps = AppDirectory::default();
        for app in ["app", "other"] {
            let credentials = Credentials { key: format!("{app}-key"), secret: Secret::new(format!("{app}-secret")) };
            apps.register(app.into(), credentials);
        }
        for n in 0..300 {
            let credentials = Credentials { key: format!("key-{n}"), secret: Secret::new("secret") };
            apps.register(format!("app-{n}").as_str().into(), credentials);
        }
        let telemetry = Arc::new(Telemetry::default());
        let delivery =
            Delivery::start_with(outbox, settings, endpoints, Arc::new(apps), Arc::clone(&telemetry)).unwrap();
        Self { delivery, telemetry }
    }

    /// Accepts one event of `app` for each of `channels`.
    fn accept(&self, app: &str, channels: impl IntoIterator<Item = String>) {
        self.delivery.accept(channels.into_iter().map(|channel| occupied(app, &channel)).collect());
    }

    /// Waits for an outcome that is no log line.
    fn outcome(&self) -> Outcome {
        eventually("an outcome", || {
            self.telemetry.outcomes().take(1).pop().filter(|outcome| !matches!(outcome, Outcome::Log { .. }))
        })
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.telemetry.outcomes().take(10_000)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.delivery.stop(Instant::now() + Duration::from_secs(1));
    }
}

fn endpoint(index: usize, url: String) -> Endpoint {
    Endpoint {
        index,
        url,
        userinfo: None,
        app: None,
        events: EventName::ALL.to_vec(),
        timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(5),
        max_attempts: 5,
    }
}

fn occupied(app: &str, channel: &str) -> Event {
    Event { app: app.into(), channel: channel.into(), time_ms: 1_700_000_000_000, kind: EventKind::ChannelOccupied }
}

fn numbered(range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    range.map(|n| format!("c{n}"))
}

fn soon(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[test]
fn a_post_carries_pushers_headers_and_those_of_standard_webhooks() {
    let receiver = Receiver::start();
    let node = Node::start(vec![endpoint(0, receiver.url("/hook?a=b"))]);
    node.accept("app", ["private-a/b".to_owned()]);
    let post = receiver.wait_for("/hook?a=b", 1).remove(0);
    assert_eq!(post.method, "POST");
    assert_eq!(
        post.body,
        br#"{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"private-a/b"}]}"#
    );
    assert_eq!(post.header("content-type"), Some("application/json"));
    assert_eq!(post.header("user-agent"), Some(concat!("resonate-webhooks/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(post.header("x-pusher-key"), Some("app-key"));
    // printf '%s' '{"time_ms":...}' | openssl dgst -sha256 -hmac app-secret
    assert_eq!(
        post.header("x-pusher-signature"),
        Some("e182ebfb95288d9930641106008e3aa1172180798d4096d27d1cbe228a79f49a")
    );
    assert!(post.header("webhook-id").is_some_and(|id| id.starts_with("msg_")));
    assert!(post.header("webhook-timestamp").is_some_and(|time| time.parse::<u64>().is_ok()));
    assert!(post.header("webhook-signature").is_some_and(|signature| signature.starts_with("v1,")));
    assert_eq!(post.header("authorization"), None);
    let delivered =
        Outcome::Delivered { url: receiver.url("/hook?a=b"), status: 200, app_id: "app".to_owned(), attempts: 1 };
    assert_eq!(node.outcome(), delivered);
}

#[test]
fn events_that_happen_together_travel_together() {
    let receiver = Receiver::start();
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    let accepted = Instant::now();
    for n in 0..5 {
        node.accept("app", numbered(n..n + 1));
    }
    let posts = receiver.wait_for("/", 1);
    assert_eq!(posts[0].channels(), ["c0", "c1", "c2", "c3", "c4"]);
    assert!(posts[0].at - accepted >= SETTINGS.flush_interval, "it waited for company");
}

#[test]
fn a_full_batch_does_not_wait() {
    let receiver = Receiver::start();
    let settings = Settings { batch_max_events: 10, flush_interval: Duration::from_secs(3600), ..SETTINGS };
    let node = Node::with(settings, vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", numbered(0..25));
    let posts = receiver.wait_for("/", 2);
    assert_eq!(posts.iter().map(|post| post.channels().len()).collect::<Vec<_>>(), [10, 10]);
    eventually("both answers to be taken", || (node.delivery.queued() == 5).then_some(()));
}

#[test]
fn a_retry_repeats_body_id_and_signatures_and_nothing_overtakes_it() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(500)]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", ["first".to_owned()]);
    let failed = receiver.wait_for("/", 1).remove(0);
    node.accept("app", ["second".to_owned()]);
    let posts = receiver.wait_for("/", 3);
    let fixed = |post: &Received| {
        let names = ["x-pusher-key", "x-pusher-signature", "webhook-id", "webhook-timestamp", "webhook-signature"];
        (post.body.clone(), names.map(|name| post.header(name).map(str::to_owned)))
    };
    assert_eq!(fixed(&posts[1]), fixed(&failed));
    assert!(posts[1].at - failed.at >= Duration::from_secs(2), "the backoff after one failed attempt");
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
fn a_redirect_is_a_failure_and_is_not_followed() {
    let receiver = Receiver::start();
    for status in [301, 302, 307, 308] {
        let path = format!("/{status}");
        receiver.always(&path, Answer::StatusWith(status, "Location", receiver.url("/elsewhere")));
        let node = Node::start(vec![Endpoint { max_attempts: 1, ..endpoint(0, receiver.url(&path)) }]);
        node.accept("app", ["a".to_owned()]);
        let dropped = Outcome::Dropped {
            url: receiver.url(&path),
            app_id: "app".to_owned(),
            attempts: 1,
            reason: format!("HTTP {status}"),
        };
        assert_eq!(node.outcome(), dropped);
    }
    assert!(receiver.received("/elsewhere").is_empty());
}

#[test]
fn a_batch_is_dropped_loudly_after_its_last_attempt_and_the_lane_goes_on() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(500), Answer::Status(503)]);
    let node = Node::start(vec![Endpoint { max_attempts: 2, ..endpoint(0, receiver.url("/")) }]);
    node.accept("app", numbered(0..3));
    receiver.wait_for("/", 1);
    node.accept("app", ["next".to_owned()]);
    assert_eq!(receiver.wait_for("/", 3)[2].channels(), ["next"]);
    let url = receiver.url("/");
    let outcomes = eventually("both batches to be settled", || (node.delivery.queued() == 0).then(|| node.outcomes()));
    let reason = "HTTP 503".to_owned();
    assert_eq!(
        outcomes,
        [
            Outcome::Dropped { url: url.clone(), app_id: "app".to_owned(), attempts: 2, reason },
            Outcome::Log {
                level: Level::Warning,
                message: format!("Webhook dropped after 2 attempts (HTTP 503): {url}")
            },
            Outcome::Delivered { url, status: 200, app_id: "app".to_owned(), attempts: 1 },
        ]
    );
    let counters = node.telemetry.counters();
    assert_eq!((counters.attempts.get(), counters.events.get()), (3, 4));
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
    // The healthy endpoint gets all of it while every request to the other one is still open.
    assert_eq!(healthy.wait_for("/", 300).len(), 300);
    let hanging = dead.received("/").len();
    assert!((1..=128).contains(&hanging), "{hanging} requests hang");
    eventually("the answers to be taken", || (node.delivery.queued() == 300).then_some(()));
    assert_eq!(node.telemetry.counters().batches_dropped.get(), 0);
}

#[test]
fn an_endpoint_whose_first_event_comes_late_does_not_wait_for_those_that_hang() {
    let (dead, healthy) = (Receiver::start(), Receiver::start());
    dead.always("/", Answer::Hang);
    let late = Endpoint { app: Some("app".into()), ..endpoint(1, healthy.url("/")) };
    let node = Node::start(vec![endpoint(0, dead.url("/")), late]);
    for app in 0..300 {
        node.accept(&format!("app-{app}"), numbered(0..1));
    }
    dead.wait_for("/", 128);
    node.accept("app", numbered(0..1));
    healthy.wait_for("/", 1);
    assert_eq!(node.telemetry.counters().batches_dropped.get(), 0);
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
fn two_endpoints_with_the_same_url_are_two() {
    let receiver = Receiver::start();
    let node = Node::start(vec![endpoint(0, receiver.url("/")), endpoint(1, receiver.url("/"))]);
    node.accept("app", ["a".to_owned()]);
    let posts = receiver.wait_for("/", 2);
    assert_eq!(posts[0].body, posts[1].body);
    assert_ne!(posts[0].header("webhook-id"), posts[1].header("webhook-id"));
}

#[test]
fn a_connection_is_kept_alive_also_after_an_error_status() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(200), Answer::Status(500)]);
    let node = Node::start(vec![Endpoint { max_attempts: 1, ..endpoint(0, receiver.url("/")) }]);
    for n in 0..3 {
        node.accept("app", numbered(n..n + 1));
        node.outcome();
    }
    let connections: Vec<usize> = receiver.received("/").iter().map(|post| post.connection).collect();
    assert_eq!(connections, [0, 0, 0]);
}

#[test]
fn a_connection_that_was_closed_while_idle_costs_no_attempt() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::ThenClose]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    for n in 0..2 {
        node.accept("app", numbered(n..n + 1));
        assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 1, .. }));
    }
    assert_eq!(receiver.received("/")[1].connection, 1);
}

#[test]
fn a_kept_connection_that_closes_under_a_request_is_replaced_at_once() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(200), Answer::Close]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    for n in 0..2 {
        node.accept("app", numbered(n..n + 1));
        assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 1, .. }));
    }
    let posts = receiver.received("/");
    assert_eq!(posts.iter().map(|post| post.connection).collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!(posts[1].body, posts[2].body);
    assert_eq!(posts[1].header("webhook-id"), posts[2].header("webhook-id"));
}

#[test]
fn a_new_connection_that_closes_without_an_answer_is_a_failed_attempt() {
    let receiver = Receiver::start();
    receiver.always("/", Answer::Close);
    let node = Node::start(vec![Endpoint { max_attempts: 1, ..endpoint(0, receiver.url("/")) }]);
    node.accept("app", ["a".to_owned()]);
    assert!(matches!(node.outcome(), Outcome::Dropped { attempts: 1, .. }));
    assert_eq!(receiver.received("/").len(), 1);
}

#[test]
fn an_answer_that_drips_counts_by_its_status_and_does_not_hold_up_the_lane() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Drip]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", ["a".to_owned()]);
    let posts = receiver.wait_for("/", 1);
    assert!(matches!(node.outcome(), Outcome::Delivered { status: 200, attempts: 1, .. }));
    assert!(posts[0].at.elapsed() < Duration::from_secs(9), "well within the endpoint's timeout");
}

#[test]
fn an_endpoint_that_does_not_answer_in_time_is_a_failed_attempt_with_a_readable_reason() {
    let receiver = Receiver::start();
    receiver.always("/", Answer::Hang);
    let impatient = Endpoint { timeout: Duration::from_millis(300), max_attempts: 1, ..endpoint(0, receiver.url("/")) };
    let node = Node::start(vec![impatient]);
    node.accept("app", ["a".to_owned()]);
    let Outcome::Dropped { reason, .. } = node.outcome() else { panic!("it was delivered") };
    assert_eq!(reason, "no answer within 300ms");
}

#[test]
fn a_flush_sends_what_waits_at_once() {
    let receiver = Receiver::start();
    let settings = Settings { flush_interval: Duration::from_secs(3600), ..SETTINGS };
    let node = Node::with(settings, vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", numbered(0..3));
    assert_eq!(node.delivery.flush(Instant::now() + PATIENCE), Left::default());
    assert_eq!(receiver.received("/")[0].channels(), ["c0", "c1", "c2"]);
}

#[test]
fn a_flush_ends_at_its_deadline_and_says_what_is_left() {
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
    assert_eq!(left, Left { waiting: 2, in_flight: 2, backing_off: 2 });
    assert_eq!(left.total(), node.delivery.queued());
    assert_eq!(receiver.received("/fails").len(), 1, "the backoff was kept");
}

#[test]
fn a_stop_breaks_off_a_hanging_request() {
    let receiver = Receiver::start();
    receiver.always("/", Answer::Hang);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", ["a".to_owned()]);
    receiver.wait_for("/", 1);
    let started = Instant::now();
    assert!(node.delivery.stop(soon(5)), "every thread ended");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    node.accept("app", ["b".to_owned()]);
    assert_eq!(node.delivery.queued(), 1, "nothing is taken in any more");
}

#[test]
fn userinfo_of_a_url_is_sent_as_basic_authorization_and_never_reported() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(200), Answer::Status(401)]);
    let secretive =
        Endpoint { userinfo: Some(Secret::new("user:hunter2")), max_attempts: 1, ..endpoint(0, receiver.url("/")) };
    let node = Node::start(vec![secretive]);
    for n in 0..2 {
        node.accept("app", numbered(n..n + 1));
        eventually("the batch to be settled", || (node.delivery.queued() == 0).then_some(()));
    }
    let posts = receiver.received("/");
    assert_eq!(posts[0].header("authorization"), Some("Basic dXNlcjpodW50ZXIy"));
    let reported = format!("{:?}", node.outcomes());
    assert!(reported.contains("HTTP 401"), "{reported}");
    for hidden in ["hunter2", "dXNlcjpodW50ZXIy", "app-secret"] {
        assert!(!reported.contains(hidden), "{reported}");
        assert!(!format!("{:?}", node.delivery).contains(hidden));
    }
}

#[test]
fn an_application_without_credentials_is_dropped_without_a_request() {
    let receiver = Receiver::start();
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    node.accept("stranger", ["a".to_owned()]);
    let dropped = Outcome::Dropped {
        url: receiver.url("/"),
        app_id: "stranger".to_owned(),
        attempts: 0,
        reason: "unknown application".to_owned(),
    };
    assert_eq!(node.outcome(), dropped);
    assert!(receiver.received("/").is_empty());
    assert_eq!(node.telemetry.counters().attempts.get(), 0);
}

#[test]
fn events_that_no_endpoint_wants_are_counted_and_forgotten() {
    for endpoints in
        [vec![], vec![Endpoint { app: Some("other".into()), ..endpoint(0, "http://127.0.0.1:9/".to_owned()) }]]
    {
        let node = Node::start(endpoints);
        node.accept("app", numbered(0..3));
        eventually("the events to be forgotten", || (node.delivery.queued() == 0).then_some(()));
        assert_eq!(node.telemetry.counters().events_unwanted.get(), 3);
        assert_eq!(node.delivery.flush(Instant::now() + PATIENCE), Left::default());
    }
}

#[test]
fn a_full_outbox_gives_up_its_oldest_events_loudly_and_keeps_the_batch_in_flight() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(500)]);
    let settings = Settings { outbox_max_events: 10, ..SETTINGS };
    let node = Node::with(settings, vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", ["in flight".to_owned()]);
    receiver.wait_for("/", 1);
    node.accept("app", numbered(0..15));
    let dropped = Outcome::Dropped {
        url: receiver.url("/"),
        app_id: "app".to_owned(),
        attempts: 0,
        reason: "outbox full".to_owned(),
    };
    assert_eq!(node.outcome(), dropped);
    let posts = receiver.wait_for("/", 3);
    assert_eq!(posts[1].channels(), ["in flight"]);
    assert_eq!(posts[2].channels(), numbered(5..15).collect::<Vec<_>>());
    assert_eq!(node.telemetry.counters().events_dropped.get(), 5);
}

#[test]
fn thousands_of_events_arrive_once_and_in_order_through_failures() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(200), Answer::Close, Answer::Status(500), Answer::Status(200)]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    for n in (0..5000).step_by(50) {
        node.accept("app", numbered(n..n + 50));
    }
    assert_eq!(node.delivery.flush(Instant::now() + PATIENCE), Left::default());
    let mut posts = receiver.received("/");
    posts.dedup_by(|next, first| next.header("webhook-id") == first.header("webhook-id"));
    let channels: Vec<String> = posts.iter().flat_map(Received::channels).collect();
    assert_eq!(channels, numbered(0..5000).collect::<Vec<_>>());
}

/// An outbox whose first answer of each kind is a panic, after it has done its work.
#[derive(Debug)]
struct Panicking {
    memory: MemoryOutbox,
    routed: AtomicBool,
    passed: AtomicBool,
}

impl Outbox for Panicking {
    fn accept(&self, events: Vec<Event>) {
        self.memory.accept(events);
    }

    fn take(&self, waiting: usize) -> Vec<Queued> {
        self.memory.take(waiting)
    }

    fn excess(&self, waiting: usize) -> usize {
        self.memory.excess(waiting)
    }

    fn routed(&self, event: &Queued, lanes: &[LaneId]) {
        self.memory.routed(event, lanes);
        assert!(self.routed.swap(true, Ordering::Relaxed), "on purpose");
    }

    fn passed(&self, lane: &LaneId, events: &[Arc<Queued>], fate: Fate<'_>) {
        self.memory.passed(lane, events, fate);
        assert!(self.passed.swap(true, Ordering::Relaxed), "on purpose");
    }

    fn queued(&self) -> usize {
        self.memory.queued()
    }
}

#[test]
fn a_panic_of_the_dispatcher_loses_no_event() {
    let receiver = Receiver::start();
    let outbox = Panicking { memory: MemoryOutbox::new(1000), routed: false.into(), passed: false.into() };
    let settings = Settings { batch_max_events: 4, ..SETTINGS };
    let node = Node::over(Arc::new(outbox), settings, vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", numbered(0..10));
    assert_eq!(receiver.wait_for_channels("/", 10), numbered(0..10).collect::<Vec<_>>());
    eventually("the last answer to be taken", || (node.delivery.queued() == 0).then_some(()));
    assert_eq!(node.telemetry.counters().thread_panics.get(), 2);
}
