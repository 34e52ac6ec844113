//! What Laravel is told of, while it does not listen and webhooks are sent as fast as their receiver answers.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its stage has failed")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use resonate_webhooks::delivery::Settings;
use resonate_webhooks::outbox::MemoryOutbox;
use resonate_webhooks::telemetry::{Level, Outcome};
use support::node::{Node, SETTINGS, endpoint, numbered};
use support::receiver::{Answer, Receiver};
use support::wait::eventually;

/// More POSTs than deliveries are kept.
const POSTS: usize = 10_000;

/// Applications, and so POSTs at the same time.
const LANES: usize = 16;

#[test]
fn a_drop_and_a_disabled_endpoint_outlast_ten_thousand_deliveries() {
    let receiver = Receiver::start();
    receiver.always("/broken", Answer::Status(500));
    receiver.always("/gone", Answer::Status(410));
    let mut broken = endpoint(1, receiver.url("/broken"));
    broken.max_attempts = 1;
    let endpoints = vec![endpoint(0, receiver.url("/ok")), broken, endpoint(2, receiver.url("/gone"))];
    let settings = Settings { batch_max_events: 1, flush_interval: Duration::ZERO, ..SETTINGS };
    let node = Node::over(Arc::new(MemoryOutbox::new(4 * POSTS)), settings, endpoints);
    let counters = node.telemetry.counters();
    node.accept("app", ["first".to_owned()]);
    eventually("two batches are given up", || (counters.batches_dropped.get() == 2).then_some(()));
    node.delivery.set_endpoints(vec![endpoint(0, receiver.url("/ok"))]).unwrap();

    for lane in 0..LANES {
        node.accept(&format!("app-{lane}"), numbered(0..POSTS / LANES));
    }
    eventually("the flood", || (counters.batches_delivered.get() > POSTS as u64).then_some(()));

    assert!(counters.outcomes_lost.get() > 0, "more was delivered than is kept");
    let outcomes = node.outcomes();
    let url = receiver.url("/gone");
    let disabled = |outcome: &Outcome| matches!(outcome, Outcome::EndpointDisabled { url: of, .. } if *of == url);
    assert!(outcomes.iter().any(disabled));
    let dropped = |outcome: &Outcome| matches!(outcome, Outcome::Dropped { reason, .. } if reason == "HTTP 500");
    assert_eq!(outcomes.iter().filter(|outcome| dropped(outcome)).count(), 1);
    let warned = |text: &str| {
        outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Log { level: Level::Warning, message } if message.contains(text)))
    };
    assert!(warned("Webhook dropped after 1 attempts (HTTP 500)") && warned("410 Gone"), "{outcomes:?}");
}
