//! Outcomes for Laravel: the POST and the dead letter that they name, and which of them are kept while Laravel does not
//! poll.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::Duration;

use redis::Commands;
use resonate_webhooks::config::{Batching, Config, Endpoint};
use resonate_webhooks::engine::Engine;
use resonate_webhooks::outbox::{DeadLetterId, DeadLetters};
use resonate_webhooks::telemetry::{Level, Outcome};
use serde_json::{Value, json};
use support::cluster::Cluster;
use support::engine::APP;
use support::memory_outbox::MemoryOutbox;
use support::node::{BATCHING, Node, endpoint, numbered};
use support::receiver::{Answer, Receiver};
use support::wait::eventually;

/// More POSTs than the deliveries that are kept.
const POSTS: usize = 10_000;

/// Number of applications, and so of parallel POSTs.
const LANES: usize = 16;

#[test]
fn a_drop_and_a_disabled_endpoint_stay_queued_during_ten_thousand_deliveries() {
    let receiver = Receiver::start();
    receiver.always("/broken", Answer::Status(500));
    receiver.always("/gone", Answer::Status(410));
    let mut broken = endpoint(1, receiver.url("/broken"));
    broken.max_attempts = 1;
    let endpoints = [endpoint(0, receiver.url("/ok")), broken, endpoint(2, receiver.url("/gone"))];
    let batching = Batching { max_events: 1, flush_interval: Duration::ZERO, ..BATCHING };
    let endpoints = endpoints.map(|endpoint| Endpoint { batching, ..endpoint });
    let node = Node::over(MemoryOutbox::new(4 * POSTS), endpoints.into());
    let counters = &node.telemetry.counters;
    node.accept("app", ["first".to_owned()]);
    eventually("two dropped batches", || (counters.batches_dropped.get() == 2).then_some(()));
    node.delivery.set_endpoints(vec![Endpoint { batching, ..endpoint(0, receiver.url("/ok")) }]).unwrap();

    for lane in 0..LANES {
        node.accept(&format!("app-{lane}"), numbered(0..POSTS / LANES));
    }
    eventually("the flood", || (counters.batches_delivered.get() > POSTS as u64).then_some(()));

    assert!(counters.outcomes_lost.get() > 0, "more deliveries than are kept");
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

/// Fields of a delivery or drop: `webhook-id`, endpoint, number of events, and the dead letter of a drop.
type PostOutcome = (String, String, u64, Option<String>);

/// Waits for the next delivery or drop.
fn next(node: &Engine, is_wanted: fn(&Outcome) -> bool) -> PostOutcome {
    match eventually("an outcome", || node.poll(1).pop().filter(is_wanted)) {
        Outcome::Delivered { webhook_id, endpoint, events, .. } => (webhook_id, endpoint, events, None),
        Outcome::Dropped { webhook_id, endpoint, events, dead_letter, .. } => {
            (webhook_id, endpoint, events, dead_letter)
        }
        other => panic!("{other:?}"),
    }
}

fn delivery(node: &Engine) -> PostOutcome {
    next(node, |outcome| matches!(outcome, Outcome::Delivered { .. }))
}

fn drop_of(node: &Engine) -> PostOutcome {
    next(node, |outcome| matches!(outcome, Outcome::Dropped { .. }))
}

/// Starts a cluster with a node whose endpoint `billing` gets one attempt per batch, and both members of a visit in one
/// batch.
fn billing(settings: &Value) -> (Cluster, Engine) {
    let cluster = Cluster::start();
    let endpoint = json!({ "billing": { "url": cluster.receiver.url("/hook"), "max_attempts": 1 } });
    let mut all = json!({ "endpoints": endpoint, "flush_interval": 0.2 });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let node = cluster.node_with(&all);
    (cluster, node)
}

fn dead_letters(cluster: &Cluster) -> DeadLetters {
    let config = json!({ "connection": { "host": cluster.redis.socket() } });
    DeadLetters::of(&Config::from_value(config).unwrap()).unwrap()
}

/// Returns the ids of the POSTs with the number of events in each.
fn posts(cluster: &Cluster) -> Vec<(String, u64)> {
    let post = |request: &support::receiver::Received| {
        (request.header("webhook-id").unwrap().to_owned(), request.events().len() as u64)
    };
    cluster.receiver.received("/hook").iter().map(post).collect()
}

#[test]
fn a_delivery_has_its_webhook_id_its_endpoint_and_its_number_of_events() {
    let (cluster, node) = billing(&json!({}));
    node.subscribed(APP, b"presence-a", b"1.1", Some(b"7"));
    let mut told = vec![delivery(&node)];
    while told.iter().map(|(_, _, events, _)| events).sum::<u64>() < 2 {
        told.push(delivery(&node));
    }
    let expected = |(id, events): (String, u64)| (id, "billing".to_owned(), events, None);
    assert_eq!(told, posts(&cluster).into_iter().map(expected).collect::<Vec<_>>());
}

#[test]
fn a_drop_and_the_drop_of_a_failed_retry_name_their_dead_letters() {
    let (cluster, node) = billing(&json!({}));
    cluster.receiver.always("/hook", Answer::Status(500));
    node.subscribed(APP, b"a", b"1.1", None);
    let mut dead_letters = dead_letters(&cluster);
    let mut earlier = None;
    for attempt in 0..2 {
        let (id, endpoint, events, dead_letter) = drop_of(&node);
        assert_eq!((&*endpoint, events), ("billing", 1));
        assert_eq!(id, posts(&cluster)[0].0, "a retry keeps the id");
        let dead_letter = DeadLetterId::parse(&dead_letter.expect("a dead letter")).unwrap();
        assert_ne!(Some(&dead_letter), earlier.as_ref(), "a failed retry makes another dead letter");
        assert_eq!(
            dead_letters.list(None, 10).unwrap().iter().map(|dead_letter| &dead_letter.id).collect::<Vec<_>>(),
            [&dead_letter]
        );
        assert_eq!(dead_letters.find(&dead_letter).unwrap().unwrap().webhook_id, id);
        if attempt == 0 {
            assert_eq!(dead_letters.retry(std::slice::from_ref(&dead_letter)).unwrap(), 1);
        }
        earlier = Some(dead_letter);
    }
}

#[test]
fn a_drop_names_no_dead_letter_if_none_is_kept() {
    let (cluster, node) = billing(&json!({ "dead_letter_max": 0 }));
    cluster.receiver.always("/hook", Answer::Status(500));
    node.subscribed(APP, b"a", b"1.1", None);
    let (id, endpoint, events, dead_letter) = drop_of(&node);
    assert_eq!((id, endpoint, events, dead_letter), (posts(&cluster)[0].0.clone(), "billing".to_owned(), 1, None));
}

#[test]
fn an_unreadable_entry_has_no_webhook_id_and_names_its_dead_letter() {
    let (cluster, node) = billing(&json!({}));
    for entry in ["z3:app1:a", "o3:ap"] {
        cluster.redis.connect().xadd::<_, _, _, _, ()>("wh:out:3", "*", &[("e", entry)]).unwrap();
        let (id, endpoint, events, dead_letter) = drop_of(&node);
        assert_eq!((&*id, &*endpoint, events), ("", "", 1));
        let dead_letter = DeadLetterId::parse(&dead_letter.expect("a dead letter")).unwrap();
        assert_eq!(dead_letters(&cluster).find(&dead_letter).unwrap().unwrap().body.as_deref(), Some(entry));
    }
}
