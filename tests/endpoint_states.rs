//! Paused and disabled endpoints, and reports about failing ones.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::Duration;

use resonate_webhooks::admin::Cluster;
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::report::EndpointState;
use resonate_webhooks::telemetry::Outcome;
use serde_json::json;
use support::client_event::ClientEvent;
use support::cluster::stat;
use support::engine::{APP, engine, eventually};
use support::receiver::{Answer, Received, Receiver};
use support::redis::RedisServer;

fn cluster(redis: &RedisServer) -> Cluster {
    let config = json!({ "connection": { "host": redis.socket() } });
    Cluster::of(&Config::from_value(config).unwrap()).unwrap()
}

/// Starts a node with two endpoints. Tests pause `billing`.
fn node(redis: &RedisServer, receiver: &Receiver) -> Engine {
    let endpoints = json!({ "open": { "url": receiver.url("/open") }, "billing": { "url": receiver.url("/billing") } });
    engine(redis, receiver, &json!({ "endpoints": endpoints }))
}

/// Waits until every node reports the endpoint in this state.
fn seen(cluster: &mut Cluster, nodes: usize, state: EndpointState) {
    eventually("the state on every node", || {
        let status = cluster.status().unwrap();
        let billing = status.endpoints.iter().find(|endpoint| endpoint.endpoint.id == "billing");
        billing.is_some_and(|billing| billing.nodes.get(&state) == Some(&nodes))
    });
}

#[test]
fn a_paused_endpoint_gets_nothing_from_any_node_until_it_is_resumed() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let nodes = [(); 2].map(|()| node(&redis, &receiver));
    let mut cluster = cluster(&redis);
    assert!(cluster.pause("billing").unwrap());
    assert!(!cluster.pause("billing").unwrap(), "the endpoint is already paused");
    seen(&mut cluster, 2, EndpointState::Paused);
    nodes[0].subscribed(APP, b"news", b"1.1", None);
    receiver.wait_for_channels("/open", 1);
    nodes[0].unsubscribed(APP, b"news", b"1.1");
    nodes[1].subscribed(APP, b"chat", b"2.1", None);
    receiver.wait_for_channels("/open", 3);
    // Later than the flush interval.
    nodes[0].subscribed(APP, b"later", b"1.1", None);
    receiver.wait_for_channels("/open", 4);
    assert!(receiver.received("/billing").is_empty());
    eventually("the waiting events in the status", || {
        cluster.status().unwrap().lanes.iter().map(|lane| lane.lane.depth).sum::<usize>() == 4
    });
    assert_eq!(cluster.paused().unwrap().into_keys().collect::<Vec<_>>(), ["billing"]);
    assert!(cluster.resume("billing").unwrap());
    assert!(!cluster.resume("billing").unwrap());
    let arrived = receiver.wait_for_channels("/billing", 4);
    assert_eq!(arrived.iter().filter(|channel| *channel == "news").count(), 2);
    let of_news: Vec<String> = receiver.received("/billing").iter().flat_map(Received::events).collect();
    let of_news: Vec<&String> = of_news.iter().filter(|event| event.ends_with(" news")).collect();
    assert_eq!(of_news, ["channel_occupied news", "channel_vacated news"]);
    seen(&mut cluster, 2, EndpointState::Ok);
}

#[test]
fn events_that_wait_for_a_paused_endpoint_hold_back_no_other_when_a_node_joins() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let mut cluster = cluster(&redis);
    cluster.pause("billing").unwrap();
    let first = node(&redis, &receiver);
    let subscribe = |channels: std::ops::Range<usize>| {
        for channel in channels {
            first.subscribed(APP, format!("channel-{channel}").as_bytes(), b"1.1", None);
        }
    };
    // In every partition, so that the first node cannot release one of them.
    subscribe(0..200);
    receiver.wait_for_channels("/open", 200);
    let _second = node(&redis, &receiver);
    seen(&mut cluster, 2, EndpointState::Paused);
    // The first node has been told its new share.
    std::thread::sleep(Duration::from_secs(2));
    subscribe(200..400);
    receiver.wait_for_channels("/open", 400);
    assert!(receiver.received("/billing").is_empty());
    cluster.resume("billing").unwrap();
    receiver.wait_for_channels("/billing", 400);
}

#[test]
fn a_pause_outlives_the_nodes_and_does_not_delay_their_end() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let mut cluster = cluster(&redis);
    cluster.pause("billing").unwrap();
    for n in 0..3 {
        let node = node(&redis, &receiver);
        node.subscribed(APP, b"news", b"1.1", None);
        receiver.wait_for_channels("/open", 2 * n + 1);
        let began = std::time::Instant::now();
        let left = node.end(Duration::from_secs(1));
        assert!(left.events > 0, "{left}");
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "the end waited for the paused endpoint: {:?}",
            began.elapsed()
        );
    }
    let _node = node(&redis, &receiver);
    seen(&mut cluster, 1, EndpointState::Paused);
    assert!(receiver.received("/billing").is_empty());
    cluster.resume("billing").unwrap();
    assert_eq!(receiver.wait_for_channels("/billing", 6), ["news"; 6]);
}

#[test]
fn a_hanging_redis_neither_ends_nor_starts_a_pause() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let node = node(&redis, &receiver);
    node.subscribed(APP, b"private-news", b"1.1", None);
    receiver.wait_for_channels("/billing", 1);
    let mut cluster = cluster(&redis);
    cluster.pause("billing").unwrap();
    seen(&mut cluster, 1, EndpointState::Paused);
    node.client_event(APP, &ClientEvent::new(b"private-news", "client-a", None, b"1.1", None).relayed());
    receiver.wait_for_channels("/open", 2);
    redis.hang();
    eventually("the node to notice the outage", || stat(&node, "redis_errors") > 0);
    assert_eq!(receiver.received("/billing").len(), 1);
    redis.resume();
    cluster.resume("billing").unwrap();
    receiver.wait_for_channels("/billing", 2);
}

#[test]
fn a_410_disables_an_endpoint_on_all_nodes_until_it_is_resumed() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/billing", [Answer::Status(410)]);
    let mut nodes: Vec<Engine> = (0..2).map(|_| node(&redis, &receiver)).collect();
    let mut cluster = cluster(&redis);
    nodes[0].subscribed(APP, b"news", b"1.1", None);
    seen(&mut cluster, 2, EndpointState::Disabled);
    assert_eq!(cluster.disabled().unwrap().into_keys().collect::<Vec<_>>(), ["billing"]);
    assert_eq!(cluster.status().unwrap().disabled, cluster.disabled().unwrap());

    // A node that starts later respects the disabled state from its first event on.
    nodes.push(node(&redis, &receiver));
    for (n, node) in nodes.iter().enumerate() {
        node.subscribed(APP, format!("room-{n}").as_bytes(), b"1.1", None);
    }
    receiver.wait_for_channels("/open", 4);
    seen(&mut cluster, 3, EndpointState::Disabled);
    assert_eq!(receiver.received("/billing").len(), 1);
    // Events in the meantime are not lost.
    eventually("every event in a dead letter", || {
        let status = cluster.status().unwrap();
        let billing = status.endpoints.iter().find(|endpoint| endpoint.endpoint.id == "billing");
        billing.is_some_and(|billing| billing.endpoint.events_dropped == 4)
    });

    assert!(cluster.resume("billing").unwrap());
    assert!(!cluster.resume("billing").unwrap());
    eventually("the endpoint to be enabled on every node", || {
        let status = cluster.status().unwrap();
        let billing = status.endpoints.iter().find(|endpoint| endpoint.endpoint.id == "billing");
        billing.is_some_and(|billing| !billing.nodes.contains_key(&EndpointState::Disabled))
    });
    for (n, node) in nodes.iter().enumerate() {
        node.subscribed(APP, format!("back-{n}").as_bytes(), b"1.1", None);
    }
    let mut arrived = receiver.wait_for_channels("/billing", 4).split_off(1);
    arrived.sort();
    assert_eq!(arrived, ["back-0", "back-1", "back-2"]);
}

/// Adds the health transitions reported so far.
fn add_transitions(node: &Engine, so_far: &mut Vec<String>) {
    so_far.extend(node.poll(10_000).into_iter().filter_map(|outcome| match outcome {
        Outcome::EndpointFailing { endpoint, reason, .. } => Some(format!("{endpoint} failing: {reason}")),
        Outcome::EndpointRecovered { endpoint, .. } => Some(format!("{endpoint} recovered")),
        Outcome::EndpointDisabled { reason, .. } => Some(format!("disabled: {reason}")),
        _ => None,
    }));
}

#[test]
fn a_failure_and_a_recovery_of_an_endpoint_are_reported_once_each() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [503, 500, 200, 200, 500, 410].map(Answer::Status));
    let settings = json!({ "max_attempts": 1, "endpoints": { "billing": { "url": receiver.url("/hook") } } });
    let node = engine(&redis, &receiver, &settings);
    for n in 0..6 {
        node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
        receiver.wait_for("/hook", n + 1);
    }
    let mut so_far = Vec::new();
    eventually("the disabled state", || {
        add_transitions(&node, &mut so_far);
        so_far.len() >= 4
    });
    let expected =
        ["billing failing: HTTP 503", "billing recovered", "billing failing: HTTP 500", "disabled: HTTP 410"];
    assert_eq!(so_far, expected);
}

#[test]
fn a_failure_that_the_second_retry_resolves_is_not_reported() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Status(500), Answer::Close]);
    let node = engine(&redis, &receiver, &json!({}));
    node.subscribed(APP, b"news", b"1.1", None);
    let delivered = |outcome: &Outcome| matches!(outcome, Outcome::Delivered { attempts: 2 | 3, .. });
    let mut outcomes = Vec::new();
    eventually("the delivery", || {
        outcomes.extend(node.poll(1000));
        outcomes.iter().any(delivered)
    });
    assert!(!outcomes.iter().any(|outcome| matches!(outcome, Outcome::EndpointFailing { .. })), "{outcomes:?}");
}
