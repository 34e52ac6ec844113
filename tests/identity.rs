//! Two applications with the same Redis and prefix: the data belongs to one of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot read from Redis has failed")]

mod support;

use std::time::{Duration, Instant};

use redis::Commands;
use resonate_webhooks::admin::{Adoption, Cluster as Status};
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::telemetry::Outcome;
use serde_json::{Value, json};
use support::cluster::{Cluster, all_decided, stat};
use support::engine::{APP, eventually};
use support::receiver::Received;

/// Returns the settings of a node. Each cluster has its own path at the receiver.
fn of(cluster: &Cluster, name: &str, aliases: &[&str]) -> Value {
    json!({
        "cluster": { "name": name, "aliases": aliases },
        "endpoints": [{ "url": cluster.receiver.url(&format!("/{name}")) }],
    })
}

fn node(cluster: &Cluster, name: &str, aliases: &[&str]) -> Engine {
    cluster.node_with(&of(cluster, name, aliases))
}

/// Starts a cluster whose data belongs to the node of this name. The node has a connection on channel `a`.
fn owned_by(name: &str) -> (Cluster, Engine) {
    let cluster = Cluster::start();
    let owner = node(&cluster, name, &[]);
    owner.subscribed(APP, b"a", b"1.1", None);
    awaits(&cluster, name, "channel_occupied a");
    (cluster, owner)
}

/// Starts a node of another application with the same data. It is shut out.
fn other_application(cluster: &Cluster, name: &str) -> Engine {
    let other_application = node(cluster, name, &[]);
    refusal(&other_application);
    other_application
}

/// Returns the events at the path of a cluster.
fn came(cluster: &Cluster, name: &str) -> Vec<String> {
    cluster.receiver.received(&format!("/{name}")).iter().flat_map(Received::events).collect()
}

/// Waits until the path of a cluster has this event.
fn awaits(cluster: &Cluster, name: &str, event: &str) {
    eventually(&format!("{event} at /{name}"), || came(cluster, name).iter().any(|came| came == event));
}

/// Takes the log lines of a node.
fn log(engine: &Engine) -> Vec<String> {
    let line = |outcome| if let Outcome::Log { message, .. } = outcome { Some(message) } else { None };
    engine.poll(1000).into_iter().filter_map(line).collect()
}

/// Waits until a node logs that it is shut out, and returns that line.
fn refusal(engine: &Engine) -> String {
    support::wait::eventually("the refusal", || {
        log(engine).into_iter().find(|line| line.starts_with("Webhooks are off on this node"))
    })
}

/// Waits until a shut-out node has tried again `times` times.
fn asks_again(engine: &Engine, times: u64) {
    let before = stat(engine, "redis_errors");
    eventually("another try", || stat(engine, "redis_errors") >= before + times);
}

fn status(cluster: &Cluster, name: &str, aliases: &[&str]) -> Status {
    let mut config = of(cluster, name, aliases);
    config["connection"] = json!({ "host": cluster.redis.socket() });
    Status::of(&Config::from_value(config).unwrap()).unwrap()
}

/// Ends a node as a crash does: its holds stay in Redis.
fn kill(engine: &Engine) {
    engine.stop(Instant::now() + Duration::from_secs(1));
}

fn leases(cluster: &Cluster) -> Vec<(String, f64)> {
    cluster.redis.connect().zrange_withscores("wh:nodes", 0, -1).unwrap()
}

#[test]
fn a_node_of_another_application_delivers_nothing_and_logs_why() {
    let (cluster, shop) = owned_by("shop");

    let forum = node(&cluster, "forum", &[]);
    let said = refusal(&forum);
    for words in
        ["\"wh\"", "\"shop\"", "\"forum\"", "RESONATE_WEBHOOKS_PREFIX", "cluster_name", "resonate-webhooks:adopt"]
    {
        assert!(said.contains(words), "{said}");
    }
    forum.subscribed(APP, b"b", b"2.1", None);
    asks_again(&forum, 1);
    all_decided(&forum);
    assert!(forum.flush(Duration::from_secs(5)).is_nothing());
    assert_eq!(log(&forum), Vec::<String>::new(), "the refusal is logged once");

    shop.subscribed(APP, b"c", b"1.1", None);
    shop.closed(APP, b"1.1");
    awaits(&cluster, "shop", "channel_vacated c");
    assert_eq!(came(&cluster, "forum"), Vec::<String>::new());
    assert!(!came(&cluster, "shop").iter().any(|event| event.ends_with(" b")));
    assert_eq!(leases(&cluster).len(), 1);
}

#[test]
fn a_node_of_another_application_takes_over_nothing_from_a_dead_cluster() {
    let (cluster, shop) = owned_by("shop");
    let forum = other_application(&cluster, "forum");
    kill(&shop);
    let [(dead, lease)] = &leases(&cluster)[..] else { panic!("one node") };
    eventually("the lease to lapse", || {
        let (seconds, micros): (f64, f64) = redis::cmd("TIME").query(&mut cluster.redis.connect()).unwrap();
        seconds * 1e3 + micros / 1e3 > *lease
    });
    asks_again(&forum, 3);
    assert_eq!(leases(&cluster), [(dead.clone(), *lease)]);
    assert_eq!(stat(&forum, "nodes_reaped"), 0);

    let successor = node(&cluster, "shop", &[]);
    awaits(&cluster, "shop", "channel_vacated a");
    assert_eq!(came(&cluster, "forum"), Vec::<String>::new());
    drop((successor, forum));
}

#[test]
fn the_identity_survives_the_loss_of_either_key() {
    for key in ["wh:epoch", "wh:owners"] {
        let (cluster, shop) = owned_by("shop");
        kill(&shop);
        cluster.redis.connect().del::<_, ()>(key).unwrap();
        other_application(&cluster, "forum");
    }
}

#[test]
fn after_the_loss_of_all_data_the_former_cluster_comes_first() {
    let (cluster, shop) = owned_by("shop");
    let forum = other_application(&cluster, "forum");
    redis::cmd("FLUSHALL").exec(&mut cluster.redis.connect()).unwrap();
    eventually("the first node to restore its holds", || stat(&shop, "hold_rebuilds") == 1);
    asks_again(&forum, 1);
    assert_eq!(leases(&cluster).len(), 1);

    // Now no node of the former cluster is left to come first.
    kill(&shop);
    redis::cmd("FLUSHALL").exec(&mut cluster.redis.connect()).unwrap();
    forum.subscribed(APP, b"b", b"2.1", None);
    awaits(&cluster, "forum", "channel_occupied b");
    assert_eq!(came(&cluster, "shop"), ["channel_occupied a"]);
}

#[test]
fn data_without_an_identity_gets_that_of_the_first_node_that_has_one() {
    let cluster = Cluster::start();
    let before = cluster.node();
    before.subscribed(APP, b"a", b"1.1", None);
    eventually("the first edge", || !cluster.events().is_empty());
    kill(&before);
    let shop = node(&cluster, "shop", &[]);
    awaits(&cluster, "shop", "channel_vacated a");
    other_application(&cluster, "forum");
    drop(shop);
}

#[test]
fn a_key_is_rotated_while_nodes_with_either_run() {
    let (cluster, before) = owned_by("key-1");
    let after = node(&cluster, "key-2", &["key-1"]);
    let identity = || status(&cluster, "key-2", &[]).status().unwrap().identity.data;
    eventually("the new identity", || identity().as_deref() == Some("key-2"));
    // Both accept each other, also when one of them is restarted.
    let again = node(&cluster, "key-1", &[]);
    eventually("three leases", || leases(&cluster).len() == 3);
    before.unsubscribed(APP, b"a", b"1.1");
    let all = || [came(&cluster, "key-1"), came(&cluster, "key-2")].concat();
    eventually("the end of the visit", || all().iter().any(|event| event == "channel_vacated a"));
    assert_eq!(identity().as_deref(), Some("key-2"));
    for (name, aliases) in [("key-1", &[][..]), ("key-2", &["key-1"]), ("key-2", &[]), ("key-3", &["key-2", "key-1"])] {
        assert_eq!(status(&cluster, name, aliases).status().unwrap().identity.mismatch, None);
    }
    let other_application = status(&cluster, "key-3", &[]).status().unwrap().identity;
    assert!(other_application.mismatch.is_some_and(|said| said.contains("key-2") && said.contains("key-3")));
    drop((after, again));
}

#[test]
fn data_is_adopted_after_a_rename_and_the_former_nodes_are_shut_out() {
    let (cluster, shop) = owned_by("shop");
    let store = other_application(&cluster, "store");
    store.subscribed(APP, b"b", b"2.1", None);

    let mut renamed = status(&cluster, "store", &[]);
    assert_eq!(renamed.adopt().unwrap(), Adoption::Adopted("shop".into()));
    assert_eq!(renamed.adopt().unwrap(), Adoption::Own);
    awaits(&cluster, "store", "channel_occupied b");
    refusal(&shop);
    // The departures of the former node are delivered by the current one.
    awaits(&cluster, "store", "channel_vacated a");
    assert_eq!(came(&cluster, "shop"), ["channel_occupied a"]);

    // The reverse direction: the node claims what it serves now.
    assert_eq!(status(&cluster, "shop", &[]).adopt().unwrap(), Adoption::Adopted("store".into()));
    awaits(&cluster, "shop", "channel_occupied a");
    refusal(&store);
    eventually("the log line", || log(&shop).iter().any(|line| line.ends_with("webhooks are on")));
}

#[test]
fn a_newer_schema_shuts_out_nodes_that_start_and_nodes_that_run() {
    let (cluster, old) = owned_by("shop");
    let schemas = |key: &str| cluster.redis.connect().hget::<_, _, Option<u64>>(key, "schema").unwrap();
    assert_eq!((schemas("wh:epoch"), schemas("wh:owners")), (Some(1), Some(1)));

    cluster.redis.connect().hset::<_, _, _, ()>("wh:epoch", "schema", 2).unwrap();
    let said = refusal(&old);
    assert!(said.contains("schema 2") && said.contains("Update the extension"), "{said}");
    let late = cluster.node();
    refusal(&late);
    let identity = status(&cluster, "shop", &[]).status().unwrap().identity;
    assert_eq!(identity.schema, Some(2));
    assert!(identity.mismatch.is_some_and(|said| said.contains("schema 2")));
    assert_eq!(status(&cluster, "other", &[]).adopt().unwrap(), Adoption::NewerSchema(2));
}
