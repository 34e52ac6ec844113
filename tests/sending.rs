//! Events of the application's own, sent by processes without an engine.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use redis::Commands;
use redis::streams::StreamRangeReply;
use resonate_webhooks::admin::Cluster as Status;
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::SendError;
use resonate_webhooks::outbox::EventSender;
use serde_json::{Value, json};
use support::cluster::Cluster;
use support::engine::{APP, eventually};
use support::redis::RedisServer;

/// Timeout of Redis.
const TIMEOUT: Duration = Duration::from_millis(500);

fn config(redis: &RedisServer, settings: &Value) -> Config {
    let mut config = json!({
        "connection": { "host": redis.socket(), "timeout": TIMEOUT.as_secs_f64() },
        "endpoints": { "hook": { "url": "http://localhost/", "events": ["order.*", "channel_occupied"] } },
    });
    for (key, value) in settings.as_object().unwrap() {
        config[key] = value.clone();
    }
    Config::from_value(config).unwrap()
}

fn sender_with(redis: &RedisServer, settings: &Value) -> EventSender {
    EventSender::of(config(redis, settings)).unwrap()
}

fn sender(redis: &RedisServer) -> EventSender {
    sender_with(redis, &json!({}))
}

fn send(sender: &mut EventSender, channel: &str) -> Result<bool, SendError> {
    sender.send(APP, "order.paid", Some(channel.as_bytes()), Some(b"7"))
}

fn refusal(sender: &mut EventSender) -> String {
    send(sender, "orders").unwrap_err().to_string()
}

/// Runs a command as an administrator.
fn command(redis: &RedisServer, words: &[&str]) {
    redis::cmd(words[0]).arg(&words[1..]).exec(&mut redis.connect()).unwrap();
}

fn out_bytes(redis: &RedisServer) -> BTreeMap<String, usize> {
    redis.connect().hgetall("wh:out_bytes").unwrap()
}

#[test]
fn events_of_a_channel_keep_the_order_of_nodes_and_other_processes() {
    const CHANNELS: usize = 20;
    let cluster = Cluster::start();
    let endpoints = json!({ "endpoints": { "hook": {
        "url": cluster.receiver.url("/hook"), "events": ["order.*", "channel_occupied"],
    } } });
    let mut operator = Status::of(&config(&cluster.redis, &endpoints)).unwrap();
    // The paused endpoint keeps everything in the outbox, where it is counted.
    operator.pause("hook").unwrap();
    let nodes = [cluster.node_with(&endpoints), cluster.node_with(&endpoints)];
    let sender = sender_with(&cluster.redis, &endpoints);
    let mut expected = 0;
    let mut in_outbox = |more: usize| {
        expected += more;
        eventually("the events in the outbox", || cluster.redis.outbox_events() == expected);
    };
    let channels: Vec<String> = (0..CHANNELS).map(|n| format!("orders-{n}")).collect();
    for (n, channel) in channels.iter().enumerate() {
        nodes[n % 2].subscribed(APP, channel.as_bytes(), b"1.1", None);
    }
    in_outbox(CHANNELS);
    for n in 0..5 {
        for channel in &channels {
            let data = format!("\"sender {n}\"");
            assert_eq!(sender.send(APP, "order.paid", Some(channel.as_bytes()), Some(data.as_bytes())), Ok(true));
        }
        in_outbox(CHANNELS);
        for channel in &channels {
            let data = format!("\"node {n}\"");
            nodes[n % 2].send(APP, "order.paid", Some(channel.as_bytes()), Some(data.as_bytes())).unwrap();
        }
        in_outbox(CHANNELS);
    }
    operator.resume("hook").unwrap();
    eventually("the delivery of all events", || cluster.redis.outbox_events() == 0);

    let mut received: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in cluster.receiver.received("/hook") {
        for event in request.json()["events"].as_array().unwrap() {
            let said = event["data"].as_str().unwrap_or_else(|| event["name"].as_str().unwrap());
            received.entry(event["channel"].as_str().unwrap().to_owned()).or_default().push(said.to_owned());
        }
    }
    let both = |n| [format!("\"sender {n}\""), format!("\"node {n}\"")];
    let order: Vec<String> = ["channel_occupied".to_owned()].into_iter().chain((0..5).flat_map(both)).collect();
    assert_eq!(received, channels.into_iter().map(|channel| (channel, order.clone())).collect());
}

#[test]
fn an_event_has_the_same_outbox_entry_as_one_of_a_node() {
    let cluster = Cluster::start();
    let settings = json!({
        "endpoints": { "hook": { "url": cluster.receiver.url("/hook"), "events": ["order.*"] } },
        "outbox_max_bytes": 1_048_576,
    });
    let mut operator = Status::of(&config(&cluster.redis, &settings)).unwrap();
    operator.pause("hook").unwrap();
    let node = cluster.node_with(&settings);
    let sender = sender_with(&cluster.redis, &settings);
    let entries = || -> Vec<(u16, Vec<u8>)> {
        let mut redis = cluster.redis.connect();
        let of = |partition: u16, page: StreamRangeReply| {
            page.ids.into_iter().map(move |entry| (partition, entry.get::<Vec<u8>>("e").unwrap()))
        };
        (0..16).flat_map(|n| of(n, redis.xrange_all(format!("wh:out:{n}")).unwrap())).collect()
    };
    for (n, channel) in [Some("orders"), Some("a:b\n3:"), Some("-"), None].iter().enumerate() {
        let channel = channel.map(str::as_bytes);
        assert_eq!(node.send(APP, "order.paid", channel, Some(b"{\"n\":1}")), Ok(true));
        eventually("the node's event", || entries().len() == 2 * n + 1);
        assert_eq!(sender.send(APP, "order.paid", channel, Some(b"{\"n\":1}")), Ok(true));
        let mut twice = entries();
        assert_eq!(twice.len(), 2 * n + 2);
        twice.dedup();
        assert_eq!(twice.len(), n + 1, "both entries are equal and in the same partition");
    }
    let counted = out_bytes(&cluster.redis);
    assert_eq!(counted["all"], entries().iter().map(|(_, text)| text.len()).sum::<usize>());

    operator.resume("hook").unwrap();
    eventually("the delivery of all events", || cluster.redis.outbox_events() == 0);
    eventually("the byte counter at 0", || out_bytes(&cluster.redis).values().sum::<usize>() == 0);
    let requests = cluster.receiver.received("/hook");
    assert_eq!(requests.iter().map(|request| request.json()["events"].as_array().unwrap().len()).sum::<usize>(), 8);
}

#[test]
fn a_full_outbox_still_accepts_the_event() {
    let redis = RedisServer::start();
    let mut sender = sender_with(&redis, &json!({ "outbox_max_events": 1000, "outbox_max_bytes": 1_048_576 }));
    assert_eq!(send(&mut sender, "orders"), Ok(true));
    let mut admin = redis.connect();
    let streams: Vec<String> = admin.keys("wh:out:*").unwrap();
    let mut waiting = redis::pipe();
    for _ in 0..2000 {
        waiting.xadd(&streams[0], "*", &[("e", "o3:app6:orders")]).ignore();
    }
    waiting.query::<()>(&mut admin).unwrap();
    admin.hset::<_, _, _, ()>("wh:out_bytes", "all", 1_048_576).unwrap();
    assert_eq!(send(&mut sender, "orders"), Ok(true));
    assert_eq!(admin.xlen(&streams[0]), Ok(2002));
}

#[test]
fn a_refusal_names_the_remedy_and_leaves_no_trace_of_the_event() {
    let redis = RedisServer::start();
    let mut sender = sender(&redis);
    for (setting, value, words) in
        [("maxmemory", "1", "accepts no writes (OOM"), ("min-replicas-to-write", "1", "accepts no writes (NOREPLICAS")]
    {
        command(&redis, &["CONFIG", "SET", setting, value]);
        let message = refusal(&mut sender);
        command(&redis, &["CONFIG", "SET", setting, "0"]);
        assert!(message.starts_with("the event was not sent: Redis at ") && message.contains(words), "{message}");
        assert!(message.contains(setting) && message.contains("resonate-webhooks.connection"), "{message}");
        assert!(!message.contains("events wait"), "{message}");
    }
    for right in ["xadd", "xlen", "hmget"] {
        command(&redis, &["ACL", "SETUSER", "default", &format!("-{right}")]);
        let message = refusal(&mut sender);
        command(&redis, &["ACL", "SETUSER", "default", "+@all"]);
        assert!(message.contains("grant its user that right; docs/configuration.md"), "{message}");
    }
    command(&redis, &["SET", "wh:owners", "of another program"]);
    let message = refusal(&mut sender);
    assert!(message.contains("wh:owners"), "{message}");
    command(&redis, &["DEL", "wh:owners"]);
    assert_eq!(redis.outbox_events(), 0);
    assert_eq!(send(&mut sender, "orders"), Ok(true), "the event is accepted once Redis accepts writes");
}

#[test]
fn whichever_right_is_missing_no_bytes_are_counted_without_their_event() {
    let redis = RedisServer::start();
    let mut sender = sender_with(&redis, &json!({ "outbox_max_bytes": 1_048_576 }));
    for right in ["xadd", "xlen", "hset", "hmget"] {
        command(&redis, &["ACL", "SETUSER", "default", &format!("-{right}")]);
        refusal(&mut sender);
        command(&redis, &["ACL", "SETUSER", "default", "+@all"]);
        assert_eq!((redis.outbox_events(), out_bytes(&redis).len()), (0, 0), "{right}");
    }
}

#[test]
fn a_replica_accepts_no_event() {
    let master = RedisServer::start();
    let replica = RedisServer::start_replica_of(&master);
    let message = refusal(&mut sender(&replica));
    assert!(message.contains("it is a replica, which accepts no writes: connect to its master"), "{message}");
}

#[test]
fn data_of_another_cluster_or_a_newer_schema_accepts_no_event() {
    let cluster = Cluster::start();
    let node = cluster.node_with(&json!({ "cluster": { "name": "shop" } }));
    eventually("the identity of the data", || {
        cluster.redis.connect().hexists::<_, _, bool>("wh:owners", "cluster").unwrap()
    });
    let of = |names: Value| sender_with(&cluster.redis, &json!({ "cluster": names }));
    let message = refusal(&mut of(json!({ "name": "store" })));
    assert!(message.starts_with("the event was not sent: the data under the prefix \"wh\" belongs to"), "{message}");
    assert!(message.contains("\"shop\", and this is \"store\"") && message.contains("RESONATE_WEBHOOKS_PREFIX"));
    assert_eq!(send(&mut of(json!({ "name": "shop" })), "orders"), Ok(true));
    assert_eq!(send(&mut of(json!({ "name": "new", "aliases": ["shop"] })), "orders"), Ok(true));
    drop(node);

    command(&cluster.redis, &["HSET", "wh:epoch", "schema", "999"]);
    let before = cluster.redis.outbox_events();
    let message = refusal(&mut of(json!({ "name": "shop" })));
    assert!(message.contains("has schema 999") && message.contains("Update the extension"), "{message}");
    assert_eq!(cluster.redis.outbox_events(), before);
}

#[test]
fn a_hanging_redis_costs_one_timeout_and_the_message_says_if_the_event_may_be_sent() {
    let redis = RedisServer::start();
    let mut connected = sender(&redis);
    assert_eq!(send(&mut connected, "orders"), Ok(true));
    redis.hang();
    for (sender, words) in
        [(&mut connected, "the event may have been sent"), (&mut sender(&redis), "the event was not sent")]
    {
        let began = Instant::now();
        let message = refusal(sender);
        let taken = began.elapsed();
        assert!(message.starts_with(words) && message.contains("no answer within 0.5 s"), "{message}");
        assert!(taken >= TIMEOUT && taken < 3 * TIMEOUT, "{taken:?}");
    }
    redis.resume();
    eventually("another event", || send(&mut connected, "orders") == Ok(true));
}

#[test]
fn an_unreachable_redis_is_reported_and_accepts_the_next_event_when_it_is_back() {
    let mut redis = RedisServer::start();
    let mut sender = sender(&redis);
    redis.kill();
    let message = refusal(&mut sender);
    assert!(message.starts_with("the event was not sent") && message.contains("is unreachable"), "{message}");
    redis.restart();
    assert_eq!(send(&mut sender, "orders"), Ok(true));
}

#[test]
fn a_redis_restarted_while_the_connection_was_idle_accepts_the_next_event() {
    let mut redis = RedisServer::start();
    let mut sender = sender(&redis);
    assert_eq!(send(&mut sender, "orders"), Ok(true));
    redis.kill();
    redis.restart();
    // After this time the connection counts as idle.
    thread::sleep(Duration::from_secs(1));
    assert_eq!(send(&mut sender, "orders"), Ok(true));
    assert_eq!(redis.outbox_events(), 1);
}
