//! Departures with a grace, with a real Redis, observed at the receiver.

mod support;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};
use support::client_event::ClientEvent;
use support::cluster::{Cluster, all_decided, stat};
use support::engine::{APP, eventually};
use support::receiver::Received;

const ROOM: &[u8] = b"presence-a";

const VISIT: [&str; 4] = [
    "channel_occupied presence-a",
    "member_added presence-a/7",
    "member_removed presence-a/7",
    "channel_vacated presence-a",
];

/// Settings of a node with a grace. Its renewals are too rare to affect a result.
fn granting(seconds: f64) -> Value {
    json!({ "departure_grace": seconds, "ttl": 90 })
}

fn join(node: &Engine, socket: &str) {
    node.subscribed(APP, ROOM, socket.as_bytes(), Some(b"7"));
    all_decided(node);
}

fn leave(node: &Engine, socket: &str) {
    node.closed(APP, socket.as_bytes());
    all_decided(node);
}

/// Waits until the receiver has `channel_vacated` of the room.
fn vacated(cluster: &Cluster) {
    eventually("channel_vacated", || cluster.counts().contains_key("channel_vacated presence-a"));
}

fn stop(node: &Engine) {
    assert!(node.stop(Instant::now() + Duration::from_secs(2)), "all threads must end in time");
}

#[test]
fn a_rejoin_within_the_grace_is_silent_on_both_sides() {
    let cluster = Cluster::start();
    let (a, b) = (cluster.node_with(&granting(1.0)), cluster.node_with(&granting(1.0)));
    join(&a, "1.1");
    leave(&a, "1.1");
    join(&a, "1.2");
    leave(&a, "1.2");
    join(&b, "2.1");
    b.client_event(APP, &ClientEvent::new(ROOM, "client-x", None, b"2.1", Some(b"7")).relayed());
    eventually("the client event", || cluster.counts().contains_key("client_event presence-a/7"));
    leave(&b, "2.1");
    vacated(&cluster);
    let [occupied, added, removed, vacated] = VISIT;
    assert_eq!(cluster.events(), [occupied, added, "client_event presence-a/7", removed, vacated]);
}

#[test]
fn a_rejoin_after_the_grace_makes_new_edges() {
    let cluster = Cluster::start();
    let node = cluster.node_with(&granting(0.1));
    for _ in 0..2 {
        join(&node, "1.1");
        leave(&node, "1.1");
        let departures = cluster.events().iter().filter(|event| **event == VISIT[3]).count();
        eventually("one more departure", || {
            cluster.events().iter().filter(|event| **event == VISIT[3]).count() > departures
        });
    }
    assert_eq!(cluster.events(), [VISIT, VISIT].concat());
}

#[test]
fn many_sockets_on_many_nodes_that_drop_at_once_vacate_a_channel_once() {
    let cluster = Cluster::start();
    let nodes = [0.2, 0.2, 0.2, 0.0, 0.5].map(|grace| cluster.node_with(&granting(grace)));
    for node in &nodes {
        for n in 0..20 {
            node.subscribed(APP, ROOM, format!("1.{n}").as_bytes(), Some((n % 5).to_string().as_bytes()));
        }
        all_decided(node);
    }
    std::thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(|| (0..20).for_each(|n| node.closed(APP, format!("1.{n}").as_bytes())));
        }
    });
    vacated(&cluster);
    let events = cluster.events();
    assert_eq!(events.len(), 2 * 6, "{events:?}");
    assert_eq!(events.last().map(String::as_str), Some("channel_vacated presence-a"), "{events:?}");
    assert!(cluster.counts().values().all(|count| *count == 1), "{events:?}");
}

#[test]
fn a_departure_of_a_node_killed_during_the_grace_is_announced_by_an_idle_one() {
    const GRACE: Duration = Duration::from_secs(2);
    let cluster = Cluster::start();
    let (a, b) = (cluster.node_with(&granting(2.0)), cluster.node_with(&granting(2.0)));
    join(&a, "1.1");
    let left = SystemTime::now();
    leave(&a, "1.1");
    stop(&a);
    vacated(&cluster);
    assert_eq!(cluster.events(), VISIT);
    eventually("the edges in the counters", || stat(&b, "edges") == 2);
    // Time of the decision by the clock of this machine. The webhook itself had to wait for a successor in the outbox.
    let bodies: Vec<Value> = cluster.receiver.received("/hook").iter().map(Received::json).collect();
    let removed = bodies.iter().find(|body| body["events"][0]["name"] == "member_removed").expect("the departure");
    let decided = UNIX_EPOCH + Duration::from_millis(removed["time_ms"].as_u64().expect("a time"));
    let took = decided.duration_since(left).expect("a time after the leaving");
    assert!(took + Duration::from_millis(1) >= GRACE, "{took:?}");
    // The grace, a quarter of a second, and the delays of a busy machine. The next renewal of the lease is 30 s away.
    assert!(took < 2 * GRACE, "{took:?}");
}

#[test]
fn a_cluster_that_was_down_during_the_grace_announces_the_departure_at_its_next_boot() {
    std::thread::scope(|scope| {
        for grants_then in [2.0, 0.0, 60.0] {
            scope.spawn(move || a_cluster_that_was_down_during_the_grace(grants_then));
        }
    });
}

fn a_cluster_that_was_down_during_the_grace(grants_then: f64) {
    let cluster = Cluster::start();
    let of = |grace: f64| json!({ "departure_grace": grace, "ttl": 90 });
    let node = cluster.node_with(&of(2.0));
    join(&node, "1.1");
    assert!(node.end(Duration::from_secs(1)).is_nothing());
    assert_eq!(cluster.events(), VISIT[..2]);
    let next = cluster.node_with(&of(grants_then));
    vacated(&cluster);
    assert_eq!(cluster.events(), VISIT);
    stop(&next);
}

#[test]
fn users_of_a_dead_node_have_the_grace_to_come_back() {
    let cluster = Cluster::start();
    let settings = json!({ "departure_grace": 1 });
    let (dead, alive) = (cluster.node_with(&settings), cluster.node_with(&settings));
    dead.subscribed(APP, ROOM, b"1.2", Some(b"8"));
    join(&dead, "1.1");
    stop(&dead);
    eventually("the reaping of the dead node", || stat(&alive, "nodes_reaped") == 1);
    assert!(!cluster.events().iter().any(|event| event.contains("removed") || event.contains("vacated")));
    join(&alive, "2.1");
    let removed = "member_removed presence-a/8".to_owned();
    eventually("member_removed of the other user", || cluster.events().contains(&removed));
    assert_eq!(cluster.events().iter().filter(|event| event.ends_with("/7")).count(), 1);
    leave(&alive, "2.1");
    vacated(&cluster);
    assert_eq!(cluster.events()[4..], VISIT[2..]);
}

#[test]
fn a_departure_whose_grace_ends_during_an_outage_is_announced_after_it() {
    redis_is_gone_when_the_grace_ends(Cluster::start_durable());
}

#[test]
fn a_departure_in_its_grace_is_restored_after_redis_lost_it() {
    redis_is_gone_when_the_grace_ends(Cluster::start());
}

fn redis_is_gone_when_the_grace_ends(mut cluster: Cluster) {
    let settings = json!({ "departure_grace": 2 });
    let (a, b) = (cluster.node_with(&settings), cluster.node_with(&settings));
    join(&a, "1.1");
    a.subscribed(APP, b"presence-b", b"1.1", Some(b"9"));
    all_decided(&a);
    eventually("the first edges", || cluster.events().len() == 4);
    leave(&a, "1.1");
    b.subscribed(APP, b"presence-b", b"2.1", Some(b"9"));
    all_decided(&b);
    cluster.redis.kill();
    eventually("the nodes to notice the outage", || [&a, &b].iter().all(|node| stat(node, "redis_errors") > 0));
    cluster.redis.restart();
    vacated(&cluster);
    b.closed(APP, b"2.1");
    eventually("channel_vacated of the other room", || cluster.counts().contains_key("channel_vacated presence-b"));
    let counts = cluster.counts();
    assert!(counts.len() == 8 && counts.values().all(|count| *count == 1), "{counts:?}");
    let of_room: Vec<String> = cluster.events().into_iter().filter(|event| event.contains("presence-a")).collect();
    assert_eq!(of_room, VISIT);
}

#[test]
fn an_announced_departure_is_not_restored_when_redis_loses_its_data() {
    let mut cluster = Cluster::start();
    let settings = json!({ "departure_grace": 0.2 });
    let (a, b) = (cluster.node_with(&settings), cluster.node_with(&settings));
    join(&a, "1.1");
    leave(&a, "1.1");
    vacated(&cluster);
    // Either of the two may have announced it. After these calls both have fetched it.
    let calls = [&a, &b].map(|node| stat(node, "redis_calls"));
    eventually("further calls of both nodes", || {
        [&a, &b].iter().zip(calls).all(|(node, calls)| stat(node, "redis_calls") > calls)
    });
    cluster.redis.kill();
    cluster.redis.restart();
    eventually("the node to notice the loss", || stat(&a, "hold_rebuilds") > 0);
    join(&b, "2.1");
    leave(&b, "2.1");
    eventually("all events of the next visit", || cluster.events().len() >= 8);
    assert_eq!(cluster.events(), [VISIT, VISIT].concat());
}

#[test]
fn departures_that_are_due_together_are_fetched_in_few_calls() {
    let cluster = Cluster::start();
    let nodes = [1, 2, 3].map(|_| cluster.node_with(&granting(1.0)));
    let calls = || nodes.iter().map(|node| stat(node, "redis_calls")).sum::<u64>();
    eventually("a call of every node", || nodes.iter().all(|node| stat(node, "redis_calls") > 0));
    for n in 0..500 {
        nodes[0].subscribed(APP, format!("room-{n}").as_bytes(), b"1.1", None);
    }
    all_decided(&nodes[0]);
    let (before, began) = (calls(), Instant::now());
    // Hundreds of departures, a few milliseconds apart.
    for n in 0..500 {
        nodes[0].unsubscribed(APP, format!("room-{n}").as_bytes(), b"1.1");
        all_decided(&nodes[0]);
    }
    eventually("channel_vacated of all rooms", || cluster.events().len() == 1000);
    let (asked, took) = ((calls() - before).saturating_sub(500), began.elapsed());
    // Each node waits at least 30 ms after a departure is due.
    assert!(u128::from(asked) <= 3 * (took.as_millis() / 30 + 1), "{asked} calls in {took:?}");
    assert!(cluster.counts().values().all(|count| *count == 1));
}
