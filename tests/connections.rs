//! `connection_established` and `connection_terminated`: once per connection, whatever happens to its node.

#![allow(clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};
use support::cluster::{Cluster, all_decided, stat};
use support::engine::{APP, eventually};

/// Returns an endpoint that wants events of connections and of channels.
fn wanting_connections(cluster: &Cluster, more: &Value) -> Value {
    let names = ["connection_established", "connection_terminated", "channel_occupied", "channel_vacated"];
    let mut endpoint = json!({ "url": cluster.receiver.url("/hook"), "events": names });
    for (key, value) in more.as_object().expect("settings by name") {
        endpoint[key] = value.clone();
    }
    endpoint
}

fn node(cluster: &Cluster) -> Engine {
    cluster.node_with(&json!({ "endpoints": [wanting_connections(cluster, &json!({}))] }))
}

/// Returns all events of this socket, in order. Their order relative to events of channels is not defined.
fn life(cluster: &Cluster, socket: &str) -> Vec<String> {
    cluster.events().into_iter().filter(|event| event.ends_with(&format!(" {socket}"))).collect()
}

const BOTH: [&str; 2] = ["connection_established 1.1", "connection_terminated 1.1"];

#[test]
fn a_connection_makes_one_event_at_each_end_with_its_socket_and_no_channel() {
    let cluster = Cluster::start();
    let node = node(&cluster);
    assert!(node.wants_connections());
    node.opened(APP, b"1.1");
    node.subscribed(APP, b"news", b"1.1", None);
    eventually("the first events", || cluster.events().len() == 2);
    node.closed(APP, b"1.1");
    node.closed(APP, b"1.1");
    eventually("the last events", || cluster.events().len() == 4);
    assert_eq!(life(&cluster, "1.1"), BOTH);
    let bodies: Vec<String> = cluster
        .receiver
        .received("/hook")
        .iter()
        .map(|request| String::from_utf8(request.body.clone()).expect("text"))
        .collect();
    for event in [
        r#"{"name":"connection_established","socket_id":"1.1"}"#,
        r#"{"name":"connection_terminated","socket_id":"1.1"}"#,
    ] {
        assert_eq!(bodies.iter().filter(|body| body.contains(event)).count(), 1, "{bodies:?}");
    }
}

#[test]
fn connections_are_not_taken_in_unless_an_endpoint_wants_them() {
    let cluster = Cluster::start();
    let other_app =
        cluster.node_with(&json!({ "endpoints": [wanting_connections(&cluster, &json!({ "app_id": "other" }))] }));
    assert!(other_app.wants_connections());
    let usual = cluster.node();
    assert!(!usual.wants_connections());
    for node in [&usual, &other_app] {
        node.opened(APP, b"1.1");
        assert!(node.flush(Duration::from_secs(5)).is_nothing());
        node.closed(APP, b"1.1");
        assert!(node.flush(Duration::from_secs(5)).is_nothing());
        assert_eq!((stat(node, "claims"), stat(node, "events")), (0, 0));
    }
    assert!(cluster.receiver.received("/hook").is_empty());
}

#[test]
fn an_endpoint_with_a_channel_filter_gets_no_connections() {
    let cluster = Cluster::start();
    let filtered = wanting_connections(&cluster, &json!({ "filter": { "channel_prefix": "" } }));
    let choosy = wanting_connections(
        &cluster,
        &json!({ "url": cluster.receiver.url("/choosy"), "filter": { "channel_type": "public" } }),
    );
    let node = cluster.node_with(&json!({ "endpoints": [filtered, choosy] }));
    node.opened(APP, b"1.1");
    all_decided(&node);
    node.subscribed(APP, b"news", b"1.1", None);
    all_decided(&node);
    assert!(node.flush(Duration::from_secs(5)).is_nothing());
    assert_eq!(cluster.events().len(), 2);
    assert_eq!(cluster.receiver.wait_for_channels("/choosy", 1), ["news"]);
}

#[test]
fn the_connections_of_a_dead_node_are_terminated_once_and_without_a_grace() {
    let cluster = Cluster::start();
    let settings = json!({ "departure_grace": 300, "endpoints": [wanting_connections(&cluster, &json!({}))] });
    let (dead, alive) = (cluster.node_with(&settings), cluster.node_with(&settings));
    for n in 0..600 {
        dead.opened(APP, format!("1.{n}").as_bytes());
    }
    alive.opened(APP, b"2.0");
    eventually("all connection_established events", || cluster.events().len() == 601);
    dead.stop(Instant::now() + Duration::from_secs(1));
    eventually("all connection_terminated events", || cluster.events().len() >= 1201);
    alive.closed(APP, b"2.0");
    eventually("both events of the last connection", || life(&cluster, "2.0").len() == 2);
    let counts = cluster.counts();
    assert_eq!(counts.len(), 2 * 601);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let mut redis = cluster.redis.connect();
    let keys: Vec<String> = redis::cmd("KEYS").arg("wh:connections:*").query(&mut redis).expect("keys");
    assert!(keys.is_empty(), "{keys:?}");
}

#[test]
fn a_loss_of_all_data_repeats_no_connection_event() {
    let mut cluster = Cluster::start();
    let node = node(&cluster);
    for socket in ["1.1", "1.2"] {
        node.opened(APP, socket.as_bytes());
    }
    eventually("both connection_established events", || cluster.events().len() == 2);
    cluster.redis.kill();
    node.closed(APP, b"1.2");
    node.opened(APP, b"1.3");
    eventually("the node to notice the outage", || stat(&node, "redis_errors") > 0);
    cluster.redis.restart();
    all_decided(&node);
    node.closed(APP, b"1.1");
    node.closed(APP, b"1.3");
    all_decided(&node);
    assert!(node.flush(Duration::from_secs(5)).is_nothing());
    for socket in ["1.1", "1.2", "1.3"] {
        let both = [format!("connection_established {socket}"), format!("connection_terminated {socket}")];
        assert_eq!(life(&cluster, socket), both);
    }
}

#[test]
fn a_reaped_node_starts_over_and_establishes_its_live_connections_again() {
    let cluster = Cluster::start();
    let (paused, alive) = (node(&cluster), node(&cluster));
    paused.opened(APP, b"1.1");
    eventually("connection_established", || cluster.events().len() == 1);
    let mut redis = cluster.redis.connect();
    let nodes: Vec<String> = redis::cmd("ZRANGE").arg("wh:nodes").arg(0).arg(-1).query(&mut redis).expect("nodes");
    // The next renewal finds that the reaping of this node has begun, and continues it.
    for node in &nodes {
        let held: u64 =
            redis::cmd("EXISTS").arg(format!("wh:held_connections:{node}")).query(&mut redis).expect("an answer");
        if held == 1 {
            redis::cmd("ZADD").arg("wh:nodes").arg(-1).arg(node).exec(&mut redis).expect("a lapsed lease");
        }
    }
    eventually("a second connection_established", || life(&cluster, "1.1").len() == 3);
    paused.closed(APP, b"1.1");
    eventually("connection_terminated", || life(&cluster, "1.1").len() == 4);
    assert_eq!(life(&cluster, "1.1"), [BOTH, BOTH].concat());
    drop(alive);
}

#[test]
fn the_end_of_a_process_ends_its_connections() {
    let cluster = Cluster::start();
    let node = node(&cluster);
    node.opened(APP, b"1.1");
    assert!(node.end(Duration::from_secs(1)).is_nothing());
    assert_eq!(cluster.events(), BOTH);
}

#[test]
fn connections_that_come_and_go_faster_than_they_are_taken_in_have_all_their_events() {
    const ENOUGH: usize = 1_000_000;
    let cluster = Cluster::start();
    let settings = json!({ "queue_size": 1024, "endpoints": [wanting_connections(&cluster, &json!({}))] });
    let node = cluster.node_with(&settings);
    let mut sockets = 0;
    // The load of the machine decides how soon the queue is full.
    while stat(&node, "hook_queue_overflows") == 0 {
        assert!(sockets < ENOUGH, "the queue did not overflow");
        for n in sockets..sockets + 2000 {
            node.opened(APP, format!("1.{n}").as_bytes());
            if n % 2 == 0 {
                node.closed(APP, format!("1.{n}").as_bytes());
            }
        }
        sockets += 2000;
    }
    for n in (1..sockets).step_by(2) {
        node.closed(APP, format!("1.{n}").as_bytes());
    }
    assert!(node.flush(Duration::from_secs(60)).is_nothing());
    let mut lives: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in cluster.events() {
        let (name, socket) = event.split_once(' ').expect("a name and a socket");
        lives.entry(socket.to_owned()).or_default().push(name.to_owned());
    }
    assert_eq!(lives.len(), sockets);
    for (socket, life) in lives {
        assert_eq!(life, ["connection_established", "connection_terminated"], "{socket}");
    }
}
