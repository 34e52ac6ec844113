//! Redis refuses calls: it is full, lacks replicas, or its user lacks rights. Deliveries continue as far as Redis
//! allows.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod rights;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use redis::Commands;
use resonate_webhooks::admin::{Cluster as Status, Refusals};
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::telemetry::{Level, Outcome};
use serde_json::json;
use support::cluster::{Cluster, stat};
use support::engine::{APP, eventually};
use support::receiver::Answer;
use support::redis::RedisServer;

/// Channels whose webhooks are waiting when Redis starts to refuse.
const BACKLOG: usize = 3000;

fn subscribe(node: &Engine, channels: std::ops::Range<usize>) {
    for n in channels {
        node.subscribed(APP, format!("c{n}").as_bytes(), b"1.1", None);
    }
}

fn configure(redis: &RedisServer, name: &str, value: u64) {
    redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec(&mut redis.connect()).unwrap();
}

fn used_memory(redis: &RedisServer) -> u64 {
    let info: String = redis::cmd("INFO").arg("memory").query(&mut redis.connect()).unwrap();
    info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().parse().unwrap()
}

/// Returns the expiry of the only node's lease, if it has one.
fn lease_of(redis: &RedisServer) -> Option<f64> {
    let nodes: Vec<(String, f64)> = redis.connect().zrange_withscores("wh:nodes", 0, -1).unwrap();
    nodes.first().map(|(_, expiry)| *expiry)
}

fn lease(redis: &RedisServer) -> f64 {
    lease_of(redis).unwrap()
}

/// Takes the outcomes, and returns the logged errors without repeats.
fn errors(node: &Engine) -> Vec<String> {
    let error = |outcome| match outcome {
        Outcome::Log { level: Level::Error, message } => Some(message),
        _ => None,
    };
    node.poll(100_000).into_iter().filter_map(error).collect()
}

fn once_each(counts: &BTreeMap<String, usize>, channels: usize) {
    assert_eq!(counts.len(), channels);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}

#[test]
fn a_full_redis_is_drained_leases_are_renewed_and_edges_wait() {
    let cluster = Cluster::start();
    let url = cluster.receiver.url("/hook");
    let settings = json!({ "endpoints": { "hook": { "url": url } }, "batch_max_events": 100 });
    let mut config = settings.clone();
    config["connection"] = json!({ "host": cluster.redis.socket() });
    let mut operator = Status::of(&Config::from_value(config).unwrap()).unwrap();
    // The backlog is decided, and nothing of it is sent.
    assert!(operator.pause("hook").unwrap());
    let node = cluster.node_with(&settings);
    subscribe(&node, 0..BACKLOG);
    eventually("the events in the outbox", || stat(&node, "edges") == BACKLOG as u64);
    let before = used_memory(&cluster.redis);
    assert_eq!(cluster.redis.outbox_events(), BACKLOG);
    configure(&cluster.redis, "maxmemory", 1);
    assert!(operator.resume("hook").unwrap());
    subscribe(&node, BACKLOG..BACKLOG + 50);

    let (mut highest, first_lease) = (0, lease(&cluster.redis));
    eventually("the backlog, delivered and trimmed", || {
        highest = highest.max(used_memory(&cluster.redis));
        cluster.counts().len() == BACKLOG && cluster.redis.outbox_events() == 0
    });
    eventually("a renewal of the lease", || lease(&cluster.redis) > first_lease + 3000.0);
    // Includes the read buffers of the connections.
    assert!(highest < before + 4_000_000, "from {before} to {highest} bytes");
    assert_eq!(stat(&node, "edges"), BACKLOG as u64, "a claim was carried out while Redis was full");
    let errors = errors(&node);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("accepts no writes (OOM ") && errors[0].contains("raise its maxmemory"), "{errors:?}");
    assert!(stat(&node, "redis_errors") > 0);

    configure(&cluster.redis, "maxmemory", 0);
    eventually("the edges that waited", || cluster.counts().len() == BACKLOG + 50);
    once_each(&cluster.counts(), BACKLOG + 50);
    assert!(node.flush(Duration::from_secs(5)).is_nothing());
}

#[test]
fn a_node_that_starts_on_a_full_redis_delivers_what_waits() {
    let cluster = Cluster::start();
    cluster.receiver.always("/hook", Answer::Status(500));
    let settings = json!({ "max_attempts": 100, "batch_max_events": 100 });
    let gone = cluster.node_with(&settings);
    subscribe(&gone, 0..200);
    eventually("the events in the outbox", || stat(&gone, "edges") == 200);
    gone.end(Duration::from_millis(10));
    drop(gone);
    configure(&cluster.redis, "maxmemory", 1);
    cluster.receiver.always("/hook", Answer::Status(200));
    let successor = cluster.node_with(&settings);
    eventually("an empty outbox", || cluster.redis.outbox_events() == 0);
    let occupied: BTreeSet<String> =
        cluster.events().into_iter().filter(|event| event.starts_with("channel_occ")).collect();
    assert_eq!(occupied.len(), 200);
    drop(successor);
}

/// Returns the time in which a new node delivers and trims 10 000 waiting events with this `maxmemory`.
fn drained_within(maxmemory: u64) -> Duration {
    const EVENTS: usize = 10_000;
    let cluster = Cluster::start();
    cluster.receiver.always("/hook", Answer::Status(500));
    let settings = json!({ "max_attempts": 100, "batch_max_events": 100 });
    let gone = cluster.node_with(&settings);
    subscribe(&gone, 0..EVENTS);
    eventually("the events in the outbox", || stat(&gone, "edges") == EVENTS as u64);
    gone.end(Duration::from_millis(10));
    drop(gone);
    cluster.receiver.always("/hook", Answer::Status(200));
    configure(&cluster.redis, "maxmemory", maxmemory);
    let began = Instant::now();
    let successor = cluster.node_with(&settings);
    eventually("an empty outbox", || cluster.redis.outbox_events() == 0);
    let taken = began.elapsed();
    let leases: BTreeMap<String, f64> = cluster.redis.connect().zrange_withscores("wh:nodes", 0, -1).unwrap();
    let (now, _): (f64, u64) = redis::cmd("TIME").query(&mut cluster.redis.connect()).unwrap();
    assert!(leases.values().any(|expiry| *expiry > now * 1000.0), "the lease has lapsed: {leases:?} at {now}");
    drop(successor);
    taken
}

#[test]
fn a_full_redis_is_drained_at_half_the_usual_rate_or_faster() {
    let mut taken = [(); 3].map(|()| [0, 1].map(drained_within));
    let mut median = |way: usize| {
        taken.sort_by_key(|pair| pair[way]);
        taken[1][way]
    };
    let (usual, full) = (median(0), median(1));
    println!("10 000 events were delivered and trimmed in {usual:.2?}, and in {full:.2?} while Redis was full");
    assert!(full <= 2 * usual, "{usual:?} and {full:?}");
}

#[test]
fn without_enough_replicas_batches_are_sent_after_some_seconds() {
    let cluster = Cluster::start();
    let node = cluster.node_with(&json!({ "flush_interval": 2.0, "ttl": 60 }));
    subscribe(&node, 0..300);
    eventually("the events in the lanes", || stat(&node, "queued_events") == 300);
    configure(&cluster.redis, "min-replicas-to-write", 1);
    let began = Instant::now();
    subscribe(&node, 300..310);
    eventually("all events", || cluster.counts().len() == 300);
    assert!(began.elapsed() > Duration::from_secs(2), "a short refusal changes nothing");
    assert_eq!(cluster.redis.outbox_events(), 300);
    let errors = errors(&node);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains("accepts no writes (NOREPLICAS ") && errors[0].contains("min-replicas-to-write"),
        "{errors:?}"
    );

    configure(&cluster.redis, "min-replicas-to-write", 0);
    eventually("the edges that waited", || cluster.counts().len() == 310);
    eventually("an empty outbox", || cluster.redis.outbox_events() == 0);
    once_each(&cluster.counts(), 310);
}

#[test]
fn a_node_on_a_full_redis_that_lost_its_data_keeps_its_lease_and_restores_its_holds_later() {
    let cluster = Cluster::start();
    let node = cluster.node();
    subscribe(&node, 0..20);
    eventually("all events", || cluster.counts().len() == 20);
    configure(&cluster.redis, "maxmemory", 1);
    redis::cmd("FLUSHALL").exec(&mut cluster.redis.connect()).unwrap();
    let has_lease = || cluster.redis.connect().zcard::<_, usize>("wh:nodes").unwrap() == 1;
    eventually("a new lease", has_lease);
    let first_lease = lease(&cluster.redis);
    eventually("a renewal of the lease", || lease(&cluster.redis) > first_lease + 3000.0);
    configure(&cluster.redis, "maxmemory", 0);
    eventually("the holds to be restored", || {
        cluster.redis.connect().hlen::<_, usize>("wh:channels:app").unwrap() == 20
    });
    node.closed(APP, b"1.1");
    eventually("the departures", || cluster.counts().len() == 40);
    once_each(&cluster.counts(), 40);
}

#[test]
fn the_check_finds_refusals_without_writing_anything() {
    let redis = RedisServer::start();
    let settings = json!({ "connection": { "host": redis.socket() } });
    let mut status = Status::of(&Config::from_value(settings).unwrap()).unwrap();
    let mut admin = redis.connect();
    redis::cmd("ACL").arg(&["SETUSER", "default", "-xsetid", "-psetex"]).exec(&mut admin).unwrap();
    let refusals = status.refusals().unwrap();
    assert_eq!((refusals.forbidden, refusals.writes), (vec!["XSETID".to_owned(), "PSETEX".to_owned()], None));
    redis::cmd("ACL").arg(&["SETUSER", "default", "+@all"]).exec(&mut admin).unwrap();
    for (setting, value, remedy) in
        [("maxmemory", 1, "raise its maxmemory"), ("min-replicas-to-write", 1, "lower min-replicas-to-write")]
    {
        configure(&redis, setting, value);
        let refusals = status.refusals().unwrap();
        configure(&redis, setting, 0);
        assert_eq!(refusals.forbidden, Vec::<String>::new(), "{setting}");
        assert!(refusals.writes.as_ref().is_some_and(|why| why.contains(remedy)), "{refusals:?}");
    }
    assert_eq!(status.refusals().unwrap(), Refusals::default());
    assert_eq!(redis::cmd("DBSIZE").query::<usize>(&mut admin).unwrap(), 0);
}
