//! Four shards on a real Redis Cluster of three masters and three replicas. Two shards are on the third master, and the other
//! two have a master each.

#![allow(clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use resonate_webhooks::admin::{Cluster, Presence};
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::event::{AppId, Shard};
use resonate_webhooks::outbox::{DeadLetters, EventSender};
use resonate_webhooks::telemetry::Outcome;
use serde_json::{Value, json};
use support::cluster::{all_decided, assert_alternating, events, stat};
use support::engine::{APP, engine, eventually};
use support::receiver::{Answer, Receiver};
use support::redis_cluster::{RedisCluster, tag};

const SHARDS: u8 = 4;

/// A shard that is alone on its master.
const ALONE: u8 = 2;

/// Without this option, a Redis Cluster stops completely when one slot has no server.
const OPTIONS: [&str; 2] = ["--cluster-require-full-coverage", "no"];

fn connection(cluster: &RedisCluster) -> Value {
    cluster.sharded_connection(&[0, 1, 2], SHARDS)
}

fn node_with(cluster: &RedisCluster, receiver: &Receiver, settings: &Value) -> Engine {
    let mut all = json!({ "connection": connection(cluster) });
    all.as_object_mut().expect("settings").extend(settings.as_object().expect("settings").clone());
    engine(&cluster.servers[0], receiver, &all)
}

fn node(cluster: &RedisCluster, receiver: &Receiver) -> Engine {
    node_with(cluster, receiver, &json!({}))
}

fn config(cluster: &RedisCluster) -> Config {
    let endpoint = json!({ "url": "http://localhost/", "events": ["order.*", "channel_occupied"] });
    Config::from_value(json!({ "connection": connection(cluster), "endpoints": [endpoint] })).expect("a valid config")
}

fn shard_of(channel: &str) -> u8 {
    u8::try_from(Shard::of(&AppId::new(APP), channel.as_bytes(), SHARDS).index()).expect("a small number")
}

/// Returns `count` channels that are in `ALONE` or not.
fn channels(name: &str, alone: bool, count: usize) -> Vec<String> {
    let all = (0..).map(|n| format!("{name}-{n}"));
    all.filter(|channel| (shard_of(channel) == ALONE) == alone).take(count).collect()
}

fn subscribe(node: &Engine, channels: &[String], socket: &[u8]) {
    for channel in channels {
        node.subscribed(APP, channel.as_bytes(), socket, None);
    }
}

fn occupied(receiver: &Receiver, channels: &[String]) -> usize {
    let found: BTreeSet<String> = events(receiver).into_iter().collect();
    channels.iter().filter(|channel| found.contains(&format!("channel_occupied {channel}"))).count()
}

fn waiting(cluster: &RedisCluster) -> usize {
    cluster.outbox_events_in(SHARDS)
}

fn log(node: &Engine) -> Vec<String> {
    let line = |outcome| if let Outcome::Log { message, .. } = outcome { Some(message) } else { None };
    node.poll(10_000).into_iter().filter_map(line).collect()
}

#[test]
fn claims_and_deliveries_work_in_every_slot() {
    let cluster = RedisCluster::start();
    let receiver = Receiver::start();
    let node = node(&cluster, &receiver);
    for n in 0..40 {
        node.subscribed(APP, format!("presence-{n}").as_bytes(), b"1.1", Some(b"7"));
    }
    all_decided(&node);
    let sender = EventSender::of(config(&cluster)).expect("a sender");
    assert_eq!(sender.send(APP, "order.paid", Some(b"orders"), None), Ok(true));
    let presence = Presence::of(config(&cluster)).expect("a reader");
    assert_eq!(presence.channels(APP, b"", None, 100).expect("a page").names.len(), 40);
    node.closed(APP, b"1.1");
    all_decided(&node);
    eventually("the edges", || events(&receiver).len() == 4 * 40);
    let masters: BTreeSet<usize> = (0..SHARDS).map(|shard| cluster.master_of(shard)).collect();
    assert_eq!(masters.len(), 3);
    for shard in 0..SHARDS {
        let mut master = cluster.servers[cluster.master_of(shard)].connect();
        let keys: Vec<String> = redis::cmd("KEYS").arg(format!("{}:*", tag(shard))).query(&mut master).expect("keys");
        assert!(keys.len() > 3, "shard {shard}: {keys:?}");
    }
    let status = Cluster::of(&config(&cluster)).expect("a client").status().expect("a status");
    for shard in &status.shards {
        let number = u8::try_from(shard.shard.index()).expect("a small number");
        let slot = shard.slot.as_ref().expect("a slot");
        let master = format!("127.0.0.1:{}", cluster.servers[cluster.master_of(number)].port());
        assert_eq!((slot.slot, slot.master.as_deref()), (cluster.slot_of(number), Some(master.as_str())));
        assert_eq!(slot.replicas.len(), 1);
    }
    assert!(node.end(Duration::from_secs(1)).is_nothing());
    assert_alternating(&receiver, 2 * 40);
}

#[test]
fn a_dead_master_delays_only_its_own_channels_until_the_failover() {
    let mut cluster = RedisCluster::start_with(&OPTIONS);
    let receiver = Receiver::start();
    let node = node(&cluster, &receiver);
    let (stays, leaves) = (channels("stays", true, 20), channels("leaves", true, 20));
    subscribe(&node, &stays, b"1.1");
    subscribe(&node, &leaves, b"1.2");
    all_decided(&node);
    eventually("the first edges", || events(&receiver).len() == 40 && waiting(&cluster) == 0);
    cluster.replicate_of(ALONE);
    let master = cluster.master_of(ALONE);
    cluster.servers[master].kill();
    let killed = Instant::now();
    let (others, own) = (channels("others", false, 20), channels("own", true, 20));
    subscribe(&node, &own, b"1.1");
    subscribe(&node, &others, b"1.1");
    eventually("the edges of the other shards", || occupied(&receiver, &others) == 20);
    let took = killed.elapsed();
    // The failover begins after two seconds of silence.
    assert!(took < Duration::from_millis(1800), "{took:?}");
    assert_eq!(occupied(&receiver, &own), 0);
    node.closed(APP, b"1.2");
    eventually("the edges of the shard itself", || occupied(&receiver, &own) == 20);
    all_decided(&node);
    node.closed(APP, b"1.1");
    all_decided(&node);
    eventually("the last edges", || events(&receiver).len() >= 2 * 80 && waiting(&cluster) == 0);
    assert!(node.end(Duration::from_secs(1)).is_nothing());
    assert_eq!(events(&receiver).len(), 2 * 80);
    assert_alternating(&receiver, 80);
}

#[test]
fn a_slot_that_moves_during_visits_costs_no_edge() {
    let cluster = RedisCluster::start();
    let receiver = Receiver::start();
    let nodes = [node(&cluster, &receiver), node(&cluster, &receiver)];
    let names = [channels("moves", true, 20), channels("rests", false, 20)].concat();
    let rounds = cluster.move_slot_during_visits(ALONE, SHARDS, nodes, &names);
    assert!(rounds > 50, "visits went on while the slot moved: {rounds} rounds");
    assert_alternating(&receiver, 40);
}

/// A shard without any server: its master and the replica are dead.
#[test]
fn a_shard_that_is_down_for_long_stops_nobody_else_and_comes_back_whole() {
    let mut cluster = RedisCluster::start_with(&OPTIONS);
    let receiver = Receiver::start();
    let node = node_with(&cluster, &receiver, &json!({ "max_attempts": 1 }));
    let (own, others) = (channels("own", true, 20), channels("others", false, 20));
    subscribe(&node, &own, b"1.1");
    subscribe(&node, &others, b"1.1");
    all_decided(&node);
    eventually("the first edges", || events(&receiver).len() == 40 && waiting(&cluster) == 0);
    let idle = hook_cost(&node);
    let master = cluster.master_of(ALONE);
    cluster.servers[master + 3].kill();
    cluster.servers[master].kill();
    std::thread::sleep(Duration::from_secs(4));
    for round in 0..20 {
        let (later, stuck) =
            (channels(&format!("later-{round}"), false, 5), channels(&format!("stuck-{round}"), true, 5));
        let began = Instant::now();
        subscribe(&node, &stuck, b"1.1");
        subscribe(&node, &later, b"1.1");
        eventually("the edges of the other shards", || occupied(&receiver, &later) == 5);
        let took = began.elapsed();
        assert!(took < Duration::from_millis(900), "round {round}: {took:?}");
    }
    let busy = hook_cost(&node);
    assert!(busy < 3 * idle.max(Duration::from_micros(5)), "a hook took {busy:?} after {idle:?}");
    assert!(stat(&node, "pending_claims") >= 100);
    // The hooks whose cost was measured have events, too.
    eventually("all events of the other shards", || {
        let is_at_rest =
            |shard: u8| node.undecided_claims()[usize::from(shard)] == 0 && cluster.outbox_events_of(shard) == 0;
        stat(&node, "queued_intents") == 0 && (0..SHARDS).filter(|shard| *shard != ALONE).all(is_at_rest)
    });
    partial_answers_are_said_as_such(&cluster, &receiver, &node);
    cluster.servers[master].restart();
    eventually("the claims of the shard", || stat(&node, "pending_claims") == 0);
    node.closed(APP, b"1.1");
    all_decided(&node);
    // With the channel of the hooks, and three whose events were dead letters.
    let channels = 40 + 200 + 1 + 3;
    eventually("the last edges", || waiting(&cluster) == 0 && events(&receiver).len() >= 2 * channels);
    assert!(node.end(Duration::from_secs(2)).is_nothing());
    assert_alternating(&receiver, channels);
    let lines = log(&node);
    assert!(lines.iter().any(|line| line.contains("(Cluster), shard 2")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("Sentinel")), "{lines:?}");
}

#[test]
fn a_shard_that_hangs_stops_nobody_else() {
    let mut cluster = RedisCluster::start_with(&OPTIONS);
    let receiver = Receiver::start();
    let node = node(&cluster, &receiver);
    let own = channels("own", true, 20);
    subscribe(&node, &own, b"1.1");
    all_decided(&node);
    let master = cluster.master_of(ALONE);
    cluster.servers[master + 3].kill();
    cluster.servers[master].hang();
    for round in 0..10 {
        let (later, stuck) =
            (channels(&format!("later-{round}"), false, 5), channels(&format!("stuck-{round}"), true, 5));
        subscribe(&node, &stuck, b"1.1");
        subscribe(&node, &later, b"1.1");
        let began = Instant::now();
        eventually("the edges of the other shards", || occupied(&receiver, &later) == 5);
        let took = began.elapsed();
        assert!(took < Duration::from_millis(1500), "round {round}: {took:?}");
    }
    assert!(stat(&node, "pending_claims") >= 50);
}

/// Returns the median time of a hook.
fn hook_cost(node: &Engine) -> Duration {
    let mut times: Vec<Duration> = (0..1001)
        .map(|_| {
            let began = Instant::now();
            node.subscribed(APP, b"news", b"9.9", None);
            node.unsubscribed(APP, b"never-joined", b"9.9");
            began.elapsed() / 2
        })
        .collect();
    node.closed(APP, b"9.9");
    times.sort_unstable();
    times[times.len() / 2]
}

fn partial_answers_are_said_as_such(cluster: &RedisCluster, receiver: &Receiver, node: &Engine) {
    receiver.always("/hook", Answer::Status(400));
    let failing = channels("failing", false, 3);
    let mut dead_letters = DeadLetters::of(&config(cluster)).expect("dead letters");
    for (n, channel) in failing.iter().enumerate() {
        node.subscribed(APP, channel.as_bytes(), b"1.1", None);
        eventually("the dead letter", || dead_letters.list(None, 10).expect("a page").len() == n + 1);
    }
    let missing: Vec<String> = dead_letters.missing().iter().map(ToString::to_string).collect();
    assert!(missing.len() == 1 && missing[0].contains("(Cluster), shard 2"), "{missing:?}");
    receiver.always("/hook", Answer::Status(200));
    assert_eq!(dead_letters.retry_all().expect("a number"), 3);
    eventually("the retries", || dead_letters.count().expect("a number") == 0);
    let status = Cluster::of(&config(cluster)).expect("a client").status().expect("a status");
    let down: Vec<usize> =
        status.shards.iter().filter(|shard| shard.error.is_some()).map(|shard| shard.shard.index()).collect();
    assert_eq!(down, [usize::from(ALONE)]);
    let presence = Presence::of(config(cluster)).expect("a reader");
    assert_eq!(presence.occupied(APP, failing[0].as_bytes()), Ok(true));
    let error = presence.channels(APP, b"", None, 10_000).expect_err("an incomplete list").to_string();
    assert!(error.contains("shard 2"), "{error}");
    node.unsubscribed(APP, failing[0].as_bytes(), b"1.1");
    node.unsubscribed(APP, failing[1].as_bytes(), b"1.1");
    node.unsubscribed(APP, failing[2].as_bytes(), b"1.1");
}

#[test]
fn a_node_that_starts_while_the_first_shard_is_down_serves_the_others() {
    let mut cluster = RedisCluster::start_with(&OPTIONS);
    let receiver = Receiver::start();
    let before = node(&cluster, &receiver);
    let all = channels("before", true, 5);
    subscribe(&before, &all, b"1.1");
    all_decided(&before);
    let first = cluster.master();
    cluster.servers[first + 3].kill();
    cluster.servers[first].kill();
    std::thread::sleep(Duration::from_secs(4));
    let node = node(&cluster, &receiver);
    let later = channels("later", true, 5);
    subscribe(&node, &later, b"2.2");
    eventually("the edges of a shard that is not down", || occupied(&receiver, &later) == 5);
}

#[test]
fn without_the_first_shard_the_status_has_what_the_others_know() {
    let mut cluster = RedisCluster::start_with(&OPTIONS);
    let receiver = Receiver::start();
    receiver.always("/hook", Answer::Status(503));
    let node = node_with(&cluster, &receiver, &json!({ "retry_for": 600 }));
    subscribe(&node, &channels("waits", true, 5), b"1.1");
    all_decided(&node);
    eventually("the events", || cluster.outbox_events_of(ALONE) == 5);
    let first = cluster.master();
    let down: Vec<bool> = (0..SHARDS).map(|shard| cluster.master_of(shard) == first).collect();
    cluster.servers[first + 3].kill();
    cluster.servers[first].kill();
    let mut client = Cluster::of(&config(&cluster)).expect("a client");
    let status = client.status().expect("a status");
    let missing: Vec<bool> = status.shards.iter().map(|shard| shard.error.is_some()).collect();
    assert_eq!(missing, down);
    let error = status.shards[0].error.as_deref().expect("an error");
    assert!(error.contains("(Cluster), shard 0"), "{error}");
    let alone = &status.shards[usize::from(ALONE)];
    assert_eq!((alone.events, alone.leases, status.outbox.events), (5, 1, 5));
    assert!(status.nodes.is_empty() && status.paused.is_empty());
    let metrics = resonate_webhooks::metrics::of_cluster(&status);
    assert!(!metrics.contains("resonate_webhooks_nodes{"), "{metrics}");
    assert!(client.paused().is_err());
    for server in [0, 1, 2, 3, 4, 5] {
        cluster.servers[server].kill();
    }
    assert!(client.status().is_err());
}

/// Two of three masters hang, with most of the shards.
#[test]
fn commands_wait_for_all_hanging_shards_at_the_same_time() {
    // The third master stops, too, once it takes the others for failed.
    let mut cluster = RedisCluster::start_with(&[&OPTIONS[..], &["--cluster-node-timeout", "60000"]].concat());
    let works = (cluster.master() + 1) % 3;
    let settings = json!({ "connection": cluster.sharded_connection(&[works], 16) });
    let config = Config::from_value(settings).expect("a valid config");
    let mut dead_letters = DeadLetters::of(&config).expect("dead letters");
    assert_eq!(dead_letters.count().expect("a number"), 0);
    let hanging = (0..16).filter(|shard| cluster.master_of(*shard) != works).count();
    assert!(hanging > 6, "{hanging}");
    for master in (0..3).filter(|master| *master != works) {
        cluster.servers[master + 3].kill();
        cluster.servers[master].hang();
    }
    let fresh = DeadLetters::of(&config).expect("dead letters");
    for (what, mut client) in [("the first call", fresh), ("a later call", dead_letters)] {
        let began = Instant::now();
        assert_eq!(client.count().expect("a number"), 0);
        assert_eq!(client.missing().len(), hanging);
        // The timeout is one second.
        let took = began.elapsed();
        assert!(took < Duration::from_millis(2500), "{what}: {took:?}");
    }
    let began = Instant::now();
    let status = Cluster::of(&config).expect("a client").status().expect("a status");
    assert_eq!(status.shards.iter().filter(|shard| shard.error.is_some()).count(), hanging);
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
}
