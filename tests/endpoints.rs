//! Changes of the endpoint list while a node is running.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use resonate_webhooks::config::{Config, Endpoint, Header, Target};
use resonate_webhooks::outbox::DeadLetters;
use resonate_webhooks::telemetry::Outcome;
use serde_json::json;
use support::engine::{APP, engine};
use support::node::{Node, endpoint, numbered};
use support::receiver::{Answer, Received, Receiver};
use support::redis::RedisServer;
use support::wait::eventually;

const UNCONFIGURED: &str = "the endpoint is not configured any more";

/// The endpoint of this number with another URL.
fn moved(index: usize, url: String) -> Endpoint {
    Endpoint { target: Target::Url(url.try_into().unwrap()), ..endpoint(index, "http://127.0.0.1:9/".to_owned()) }
}

#[test]
fn an_added_endpoint_gets_all_later_events() {
    let receiver = Receiver::start();
    let node = Node::start(vec![endpoint(0, receiver.url("/first"))]);
    node.accept("app", ["before".to_owned()]);
    receiver.wait_for("/first", 1);
    let both = vec![endpoint(0, receiver.url("/first")), endpoint(1, receiver.url("/second"))];
    node.delivery.set_endpoints(both).unwrap();
    node.accept("app", ["after".to_owned()]);
    assert_eq!(receiver.wait_for_channels("/second", 1), ["after"]);
    assert_eq!(receiver.wait_for_channels("/first", 2), ["before", "after"]);
}

#[test]
fn an_endpoint_added_while_the_dispatcher_is_busy_gets_all_later_events() {
    let receiver = Receiver::start();
    let path = |n: usize| format!("/{n}");
    let mut endpoints = vec![endpoint(0, receiver.url(&path(0)))];
    let node = Node::start(endpoints.clone());
    for n in 1..60 {
        endpoints.push(endpoint(n, receiver.url(&path(n))));
        node.accept("other", ["beside".to_owned()]);
        node.delivery.set_endpoints(endpoints.clone()).unwrap();
        node.accept("app", [format!("c{n}")]);
    }
    for n in 1..60 {
        let channel = format!("c{n}");
        eventually(&format!("the event of {channel}"), || {
            receiver.received(&path(n)).iter().flat_map(Received::channels).find(|it| *it == channel)
        });
    }
}

#[test]
fn an_unchanged_endpoint_keeps_its_batch_its_schedule_and_its_connection() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(200), Answer::Status(503)]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    for n in 0..2 {
        node.accept("app", numbered(n..n + 1));
        receiver.wait_for("/", n + 1);
    }
    let also = vec![endpoint(1, receiver.url("/other")), endpoint(0, receiver.url("/"))];
    node.delivery.set_endpoints(also).unwrap();
    let posts = receiver.wait_for("/", 3);
    assert_eq!((&posts[1].body, posts[1].header("webhook-id")), (&posts[2].body, posts[2].header("webhook-id")));
    assert!(posts[2].at - posts[1].at >= Duration::from_secs(2), "the backoff continues");
    assert_eq!(posts[2].connection, posts[0].connection);
}

#[test]
fn a_frozen_batch_keeps_id_and_body_when_its_endpoint_moves() {
    let receiver = Receiver::start();
    receiver.always("/old", Answer::Status(503));
    let node = Node::start(vec![endpoint(0, receiver.url("/old"))]);
    node.accept("app", ["a".to_owned()]);
    let refused = receiver.wait_for("/old", 1).remove(0);
    let headers = vec![Header::new("X-Tenant", "7").unwrap()];
    node.delivery.set_endpoints(vec![Endpoint { headers, ..moved(0, receiver.url("/new")) }]).unwrap();
    let taken = receiver.wait_for("/new", 1).remove(0);
    assert_eq!(taken.header("x-tenant"), Some("7"));
    assert_eq!(taken.header("webhook-id"), refused.header("webhook-id"));
    assert_eq!(taken.body, refused.body);
    let delivered = |outcome| matches!(outcome, Outcome::Delivered { attempts: 2, .. });
    eventually("the delivery", || delivered(node.outcome()).then_some(()));
    assert_eq!(receiver.received("/old").len(), 1);
}

#[test]
fn events_of_a_removed_endpoint_are_dropped_with_the_reason() {
    let receiver = Receiver::start();
    receiver.always("/out", Answer::Status(503));
    let node = Node::start(vec![endpoint(0, receiver.url("/out")), endpoint(1, receiver.url("/stays"))]);
    node.accept("app", ["backs off".to_owned()]);
    receiver.wait_for("/out", 1);
    node.accept("app", ["waits".to_owned()]);
    receiver.wait_for_channels("/stays", 2);
    node.delivery.set_endpoints(vec![endpoint(1, receiver.url("/stays"))]).unwrap();
    node.accept("app", ["comes later".to_owned()]);
    assert_eq!(receiver.wait_for_channels("/stays", 3), ["backs off", "waits", "comes later"]);
    eventually("every event to reach its end", || (node.delivery.queued() == 0).then_some(()));
    let dropped: Vec<_> = node.outcomes().into_iter().filter(|it| matches!(it, Outcome::Dropped { .. })).collect();
    let out = receiver.url("/out");
    let attempts = dropped.iter().map(|outcome| match outcome {
        Outcome::Dropped { url, app_id, attempts, reason, .. }
            if *url == out && app_id == "app" && reason == UNCONFIGURED =>
        {
            Some(*attempts)
        }
        _ => None,
    });
    assert_eq!(attempts.collect::<Vec<_>>(), [Some(1), Some(0)], "{dropped:?}");
    assert_eq!(receiver.received("/out").len(), 1);
}

#[test]
fn an_endpoint_that_comes_back_gets_events_again() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(410)]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", ["gone".to_owned()]);
    eventually("the endpoint to be gone", || (node.telemetry.counters.batches_dropped.get() == 1).then_some(()));
    node.delivery.set_endpoints(Vec::new()).unwrap();
    node.accept("app", ["unwanted".to_owned()]);
    eventually("an event that no endpoint wants", || {
        (node.telemetry.counters.events_unwanted.get() == 1).then_some(())
    });
    node.delivery.set_endpoints(vec![endpoint(0, receiver.url("/"))]).unwrap();
    node.accept("app", ["back".to_owned()]);
    assert_eq!(receiver.wait_for_channels("/", 2), ["gone", "back"]);
}

#[test]
fn a_list_with_one_unusable_endpoint_changes_nothing() {
    let receiver = Receiver::start();
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    let mut broken = endpoint(2, receiver.url("/broken"));
    broken.tls.ca = Some("/nowhere/ca.pem".into());
    let refusal = node.delivery.set_endpoints(vec![endpoint(1, receiver.url("/new")), broken]).unwrap_err();
    assert!(refusal.to_string().starts_with("resonate-webhooks.endpoints.2.ca_file: "), "{refusal}");
    node.accept("app", ["a".to_owned()]);
    assert_eq!(receiver.wait_for_channels("/", 1), ["a"]);
    assert!(receiver.received("/new").is_empty());
}

#[test]
fn nothing_is_lost_doubled_or_overtaken_while_endpoints_come_and_go_under_load() {
    let receiver = Receiver::start();
    let stays = || endpoint(0, receiver.url("/stays"));
    let node = Node::start(vec![stays()]);
    for round in 0..50 {
        for app in ["app", "other"] {
            node.accept(app, (0..20).map(|n| format!("{app} {round:02} {n:02}")));
        }
        let mut endpoints: Vec<_> = (1..=round % 4).map(|n| endpoint(n, receiver.url(&format!("/{n}")))).collect();
        endpoints.insert(round % 2 * endpoints.len(), stays());
        node.delivery.set_endpoints(endpoints).unwrap();
    }
    let channels = receiver.wait_for_channels("/stays", 2000);
    for app in ["app", "other"] {
        let of_app: Vec<_> = channels.iter().filter(|channel| channel.starts_with(app)).collect();
        assert_eq!(of_app.len(), 1000);
        assert!(of_app.is_sorted(), "{app}");
    }
    eventually("every event to reach its end", || (node.delivery.queued() == 0).then_some(()));
    for n in 1..4 {
        let all: Vec<_> = receiver.received(&format!("/{n}")).iter().flat_map(Received::channels).collect();
        let once: BTreeSet<_> = all.iter().collect();
        assert_eq!(once.len(), all.len(), "no event came twice to /{n}");
    }
}

#[test]
fn an_engine_applies_new_endpoints_and_keeps_dead_letters_of_removed_ones() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(503));
    let engine = engine(&redis, &receiver, &json!({}));
    let config = |urls: &[&str]| {
        let endpoints: Vec<_> = urls.iter().map(|path| json!({ "url": receiver.url(path) })).collect();
        Config::from_value(json!({ "endpoints": endpoints })).unwrap()
    };
    engine.set_endpoints(config(&["/hook", "/new"])).unwrap();
    engine.subscribed(APP, b"a", b"1.1", None);
    receiver.wait_for("/new", 1);
    receiver.wait_for("/hook", 1);
    engine.set_endpoints(config(&["/new"])).unwrap();
    let settings = json!({ "connection": { "host": redis.socket() } });
    let mut dead_letters = DeadLetters::of(&Config::from_value(settings).unwrap()).unwrap();
    let dead_letter = eventually("a dead letter", || dead_letters.list(None, 1).unwrap().pop());
    assert_eq!((dead_letter.url, dead_letter.reason), (receiver.url("/hook"), UNCONFIGURED.to_owned()));
    engine.unsubscribed(APP, b"a", b"1.1");
    receiver.wait_for("/new", 2);
    assert_eq!(receiver.received("/hook").len(), 1);
}
