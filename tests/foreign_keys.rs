//! Another program writes one of our keys. Its application is suspended until the key is gone, and the log names the
//! key. Other applications are not affected.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use redis::Commands;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::telemetry::{Level, Outcome};
use serde_json::{Value, json};
use support::cluster::{Cluster, stat};
use support::engine::{APP, eventually};

/// Application whose keys are intact.
const OTHER: &[u8] = b"other";

const ROOM: &[u8] = b"presence-room";

fn node(cluster: &Cluster, settings: &Value) -> Engine {
    let mut all = json!({ "endpoints": [{
        "url": cluster.receiver.url("/hook"),
        "events": ["channel_occupied", "channel_vacated", "member_added", "member_removed", "client_event", "cache_miss"],
    }] });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let node = cluster.node_with(&all);
    node.register_app(OTHER, "other-key", "other-secret");
    node
}

/// Writes a list to `key`.
fn overwrite(cluster: &Cluster, key: &str) {
    let mut redis = cluster.redis.connect();
    redis.del::<_, ()>(key).unwrap();
    // No key of ours is a list.
    redis::cmd("RPUSH").arg(key).arg("of another program").exec(&mut redis).unwrap();
}

fn remove_key(cluster: &Cluster, key: &str) {
    cluster.redis.connect().del::<_, ()>(key).unwrap();
}

/// Collects the errors that the node logs.
fn errors(node: &Engine, said: &mut Vec<String>) {
    said.extend(node.poll(100_000).into_iter().filter_map(|outcome| match outcome {
        Outcome::Log { level: Level::Error, message } => Some(message),
        _ => None,
    }));
}

fn is_named(node: &Engine, said: &mut Vec<String>, key: &str) {
    eventually("an error that names the key", || {
        errors(node, said);
        said.iter().any(|error| error.contains(&format!("\"{key}\"")) && error.contains("delete or rename it"))
    });
}

fn has(cluster: &Cluster, event: &str) -> bool {
    cluster.counts().contains_key(event)
}

fn is_suspended(cluster: &Cluster) -> bool {
    cluster.redis.connect().hexists("wh:suspended", APP).unwrap()
}

fn once_each(cluster: &Cluster, expected: &[&str]) {
    let expected: BTreeMap<String, usize> = expected.iter().map(|event| ((*event).to_owned(), 1)).collect();
    assert_eq!(cluster.counts(), expected);
}

#[test]
fn a_foreign_key_suspends_its_application_and_no_other() {
    let cluster = Cluster::start();
    let node = node(&cluster, &json!({}));
    node.subscribed(APP, b"before", b"1.1", None);
    eventually("the edge before", || has(&cluster, "channel_occupied before"));
    overwrite(&cluster, "wh:channels:app");
    node.subscribed(APP, b"poisoned", b"1.1", None);
    for n in 0..50 {
        node.subscribed(OTHER, format!("c{n}").as_bytes(), b"2.1", None);
    }
    eventually("the edges of the other application", || {
        (0..50).all(|n| has(&cluster, &format!("channel_occupied c{n}")))
    });
    let mut said = Vec::new();
    is_named(&node, &mut said, "wh:channels:app");
    assert!(said.iter().any(|error| error.contains("Application \"app\" is suspended")), "{said:?}");
    node.unsubscribed(APP, b"before", b"1.1");
    node.subscribed(OTHER, b"late", b"2.1", None);
    eventually("another edge of the other application", || has(&cluster, "channel_occupied late"));
    let counted = stat(&node, "redis_errors_wrong_type");
    assert!(counted > 0);
    eventually("another counted error", || stat(&node, "redis_errors_wrong_type") > counted);
    errors(&node, &mut said);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(!has(&cluster, "channel_occupied poisoned"));

    remove_key(&cluster, "wh:channels:app");
    eventually("the edges that waited", || {
        has(&cluster, "channel_occupied poisoned") && has(&cluster, "channel_vacated before")
    });
    assert!(cluster.counts().values().all(|count| *count == 1), "{:?}", cluster.counts());
    assert_eq!(cluster.redis.connect().hlen::<_, usize>("wh:channels:app").unwrap(), 1);
    assert!(!is_suspended(&cluster));
    assert!(node.end(Duration::from_secs(5)).is_nothing());
}

#[test]
fn each_kind_of_key_that_an_application_has_suspends_that_application_alone() {
    for (key, event) in [
        ("wh:connections:app", "member_added presence-room/7"),
        ("wh:users:3:app:presence-room", "member_added presence-room/7"),
        ("wh:miss:3:app:cache-x", "cache_miss cache-x"),
    ] {
        let cluster = Cluster::start();
        let endpoints = json!([{ "url": cluster.receiver.url("/hook"), "events": [
            "channel_occupied", "member_added", "connection_established", "cache_miss",
        ] }]);
        let node = node(&cluster, &json!({ "endpoints": endpoints }));
        node.subscribed(APP, b"cache-x", b"1.1", None);
        eventually("an edge of the application", || has(&cluster, "channel_occupied cache-x"));
        redis::cmd("LPUSH").arg(key).arg("x").exec(&mut cluster.redis.connect()).unwrap();
        node.opened(APP, b"1.1");
        node.subscribed(APP, ROOM, b"1.1", Some(b"7"));
        node.cache_seen(APP, b"cache-x", true);
        node.subscribed(OTHER, b"news", b"2.1", None);
        eventually("an edge of the other application", || has(&cluster, "channel_occupied news"));
        is_named(&node, &mut Vec::new(), key);
        assert!(is_suspended(&cluster));
        remove_key(&cluster, key);
        eventually("the event that waited", || has(&cluster, event));
        assert!(cluster.counts().values().all(|count| *count == 1), "{key}: {:?}", cluster.counts());
    }
}

#[test]
fn the_holds_of_all_nodes_are_restored_before_an_edge_is_decided() {
    let cluster = Cluster::start();
    let (a, b) = (node(&cluster, &json!({})), node(&cluster, &json!({})));
    for node in [&a, &b] {
        node.subscribed(APP, ROOM, b"1.1", Some(b"7"));
    }
    eventually("the holds of both nodes", || stat(&a, "claims") == 2 && stat(&b, "claims") == 2);
    overwrite(&cluster, "wh:channels:app");
    a.unsubscribed(APP, ROOM, b"1.1");
    is_named(&a, &mut Vec::new(), "wh:channels:app");
    remove_key(&cluster, "wh:channels:app");
    eventually("the decision of the leave", || !is_suspended(&cluster) && stat(&a, "claims") == 4);
    once_each(&cluster, &["channel_occupied presence-room", "member_added presence-room/7"]);
    b.unsubscribed(APP, ROOM, b"1.1");
    eventually("all four edges", || cluster.counts().len() == 4);
    assert!(cluster.counts().values().all(|count| *count == 1), "{:?}", cluster.counts());
}

/// Makes a node die while `key` is foreign. `suspend` may make the other node find the key before.
fn dies_during_a_suspension(key: &str, suspend: impl FnOnce(&Engine)) {
    let cluster = Cluster::start();
    let (dead, successor) = (node(&cluster, &json!({})), node(&cluster, &json!({})));
    dead.subscribed(APP, ROOM, b"1.1", Some(b"7"));
    dead.subscribed(APP, b"shared", b"1.1", None);
    successor.subscribed(APP, b"shared", b"2.1", None);
    successor.subscribed(APP, b"cache-x", b"2.1", None);
    dead.subscribed(OTHER, b"news", b"1.1", None);
    eventually("all claims to be decided", || stat(&dead, "claims") == 4 && stat(&successor, "claims") == 2);
    overwrite(&cluster, key);
    suspend(&successor);
    dead.stop(std::time::Instant::now() + Duration::from_secs(5));
    eventually("channel_vacated of the other application", || has(&cluster, "channel_vacated news"));
    eventually("the reaping of the dead node", || stat(&successor, "nodes_reaped") == 1);
    assert!(is_suspended(&cluster));
    remove_key(&cluster, key);
    eventually("the departures of the dead node", || {
        has(&cluster, "channel_vacated presence-room") && has(&cluster, "member_removed presence-room/7")
    });
    assert!(!has(&cluster, "channel_vacated shared"));
    successor.unsubscribed(APP, b"shared", b"2.1");
    eventually("the departure of the other node", || has(&cluster, "channel_vacated shared"));
    assert!(cluster.counts().values().all(|count| *count == 1), "{:?}", cluster.counts());
    let order = cluster.events();
    let at = |event: &str| order.iter().position(|known| known == event).unwrap();
    assert!(at("member_removed presence-room/7") < at("channel_vacated presence-room"), "{order:?}");
}

#[test]
fn a_node_that_dies_during_a_suspension_is_reaped_and_its_departures_follow() {
    dies_during_a_suspension("wh:channels:app", |_| {});
}

#[test]
fn a_node_that_dies_in_a_suspended_application_leaves_nothing_in_the_intact_keys() {
    for key in ["wh:channels:app", "wh:miss:3:app:cache-x"] {
        dies_during_a_suspension(key, |successor| {
            successor.subscribed(APP, b"waits", b"2.1", None);
            successor.cache_seen(APP, b"cache-x", true);
            is_named(successor, &mut Vec::new(), key);
        });
    }
}

#[test]
fn an_application_continues_after_redis_lost_its_epoch_during_a_suspension() {
    let cluster = Cluster::start();
    let node = node(&cluster, &json!({}));
    node.subscribed(APP, b"before", b"1.1", None);
    eventually("the edge before", || has(&cluster, "channel_occupied before"));
    overwrite(&cluster, "wh:channels:app");
    node.subscribed(APP, b"waits", b"1.1", None);
    is_named(&node, &mut Vec::new(), "wh:channels:app");
    remove_key(&cluster, "wh:epoch");
    eventually("a new epoch", || cluster.redis.connect().hexists("wh:epoch", "id").unwrap());
    remove_key(&cluster, "wh:channels:app");
    eventually("the edge that waited", || has(&cluster, "channel_occupied waits"));
    eventually("the end of the suspension", || !is_suspended(&cluster));
    node.unsubscribed(APP, b"before", b"1.1");
    eventually("another edge", || has(&cluster, "channel_vacated before"));
    assert!(cluster.counts().values().all(|count| *count == 1), "{:?}", cluster.counts());
}

#[test]
fn departures_in_their_grace_survive_a_foreign_key() {
    let cluster = Cluster::start();
    let node = node(&cluster, &json!({ "departure_grace": 1.0 }));
    node.subscribed(APP, b"left", b"1.1", None);
    node.subscribed(APP, b"kept", b"1.1", None);
    eventually("both edges", || cluster.counts().len() == 2);
    node.unsubscribed(APP, b"left", b"1.1");
    node.unsubscribed(APP, b"kept", b"1.1");
    eventually("the grace of both departures", || cluster.redis.connect().zcard::<_, usize>("wh:due").unwrap() == 2);
    overwrite(&cluster, "wh:channels:app");
    node.subscribed(APP, b"kept", b"1.2", None);
    node.subscribed(OTHER, b"news", b"2.1", None);
    eventually("an edge of the other application", || has(&cluster, "channel_occupied news"));
    is_named(&node, &mut Vec::new(), "wh:channels:app");
    node.unsubscribed(OTHER, b"news", b"2.1");
    eventually("a departure of the other application", || has(&cluster, "channel_vacated news"));
    remove_key(&cluster, "wh:channels:app");
    eventually("the departure after its grace", || has(&cluster, "channel_vacated left"));
    assert!(cluster.counts().values().all(|count| *count == 1), "{:?}", cluster.counts());
    assert!(!has(&cluster, "channel_vacated kept"), "a rejoin cancels the departure");
    eventually("the departure in the counters", || stat(&node, "departures_suppressed") == 1);
}

#[test]
fn a_foreign_key_of_the_cluster_is_named_and_work_resumes_when_it_is_gone() {
    for key in
        ["wh:nodes", "wh:epoch", "wh:due", "wh:by", "wh:counts", "wh:counts_due", "wh:owners", "wh:out:3", "wh:dead"]
    {
        let cluster = Cluster::start();
        let endpoints = json!([{ "url": cluster.receiver.url("/hook"), "payload": "extended", "events": [
            "channel_occupied", "channel_vacated", "member_added", "member_removed", "subscription_count",
        ] }]);
        let settings = json!({ "endpoints": endpoints, "departure_grace": 0.2, "subscription_count_interval": 0.1, "max_attempts": 1 });
        let node = node(&cluster, &settings);
        node.subscribed(APP, b"before", b"1.1", None);
        eventually("the edge before", || has(&cluster, "channel_occupied before"));
        if key == "wh:dead" {
            cluster.receiver.always("/hook", support::receiver::Answer::Status(500));
        }
        overwrite(&cluster, key);
        // At least one channel per partition.
        for n in 0..100 {
            let channel = format!("presence-{n}");
            node.subscribed(APP, channel.as_bytes(), b"1.2", Some(b"7"));
            node.unsubscribed(APP, channel.as_bytes(), b"1.2");
        }
        is_named(&node, &mut Vec::new(), key);
        assert!(stat(&node, "redis_errors_wrong_type") > 0, "{key}");
        cluster.receiver.always("/hook", support::receiver::Answer::Status(200));
        remove_key(&cluster, key);
        eventually(&format!("an edge after {key} is gone"), || {
            node.subscribed(APP, b"after", b"1.3", None);
            has(&cluster, "channel_occupied after")
        });
        let waited = || (0..100).filter(|n| has(&cluster, &format!("channel_occupied presence-{n}"))).count();
        match key {
            "wh:dead" => {
                eventually("a dead letter", || cluster.redis.connect().xlen::<_, usize>(key).unwrap() > 0);
            }
            _ => eventually(&format!("the events that waited for {key}"), || waited() == 100),
        }
    }
}
