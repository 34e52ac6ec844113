//! The outbox in Redis, observed at the receiver. Every accepted event arrives, whichever process dies.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod limits;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redis::Commands;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::telemetry::Outcome;
use serde_json::json;
use support::client_event::ClientEvent;
use support::engine::{APP, channel_beside, engine, eventually, prefix_of};
use support::gauges::stat;
use support::monitor::Monitor;
use support::receiver::{Answer, Received, Receiver};
use support::redis::RedisServer;
use support::wait::while_it_moves;

/// The channel of client events.
const CHANNEL: &[u8] = b"private-a";

/// Starts an engine that gives a batch one attempt, unless `settings` say otherwise.
fn node(redis: &RedisServer, receiver: &Receiver, settings: &serde_json::Value) -> Engine {
    let mut all = json!({ "max_attempts": 1 });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    engine(redis, receiver, &all)
}

/// Stops a node as `kill -9` does: without a flush or a goodbye.
fn kill(node: &Engine) {
    node.stop(Instant::now());
}

/// Returns a channel. All of them are in one shard, so that their events are in one lane.
fn channel(n: usize) -> String {
    channel_beside(CHANNEL, &format!("news-{n}"))
}

fn subscribe(node: &Engine, channels: std::ops::Range<usize>) {
    for n in channels {
        node.subscribed(APP, channel(n).as_bytes(), b"1.1", None);
    }
}

/// Returns a key in the shard of the channels.
fn key(name: impl std::fmt::Display) -> String {
    format!("{}:{name}", prefix_of(CHANNEL))
}

fn ids(requests: &[Received]) -> Vec<String> {
    requests.iter().map(|request| request.header("webhook-id").unwrap().to_owned()).collect()
}

fn occupied(requests: &[Received]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in requests.iter().flat_map(Received::events).filter(|event| event.starts_with("channel_occupied")) {
        *counts.entry(event).or_default() += 1;
    }
    counts
}

#[test]
fn delivered_events_leave_nothing_in_redis() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let node = node(&redis, &receiver, &json!({}));
    subscribe(&node, 0..50);
    eventually("all events", || occupied(&receiver.received("/hook")).len() == 50);
    eventually("empty streams", || redis.outbox_events() == 0);
    let mut redis = redis.connect();
    for partition in 0..16 {
        assert_eq!(redis.hlen::<_, usize>(key(format_args!("inflight:{partition}"))).unwrap(), 0, "{partition}");
        // The position that all lanes have acknowledged stays, because calls may arrive late.
        let cursors: Vec<String> = redis.hkeys(key(format_args!("cursor:{partition}"))).unwrap();
        assert!(cursors.iter().all(String::is_empty), "{partition}: {cursors:?}");
    }
}

#[test]
fn a_successor_repeats_an_in_flight_batch_with_id_and_body_and_continues_after_it() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Hang]);
    let dying = node(&redis, &receiver, &json!({}));
    subscribe(&dying, 0..10);
    eventually("a batch under way", || receiver.received("/hook").len() == 1);
    subscribe(&dying, 10..20);
    eventually("the other events in the outbox", || redis.outbox_events() == 20);
    kill(&dying);

    let successor = node(&redis, &receiver, &json!({}));
    eventually("all events", || occupied(&receiver.received("/hook")).len() == 20);
    let requests = receiver.received("/hook");
    let (first, again) = (&requests[0], &requests[1]);
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
    // The dead node's lease had to lapse first.
    let signed = |request: &Received| request.header("webhook-timestamp").unwrap().parse::<u64>().unwrap();
    assert!(signed(again) > signed(first), "the timestamp is that of the attempt");
    let counts = occupied(&requests[1..]);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    assert!(successor.flush(Duration::from_secs(5)).is_nothing());
}

#[test]
fn batches_of_many_endpoints_are_persisted_together_and_do_not_wait_for_each_other() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let paths: Vec<String> = (0..50).map(|n| format!("/hook/{n}")).collect();
    let endpoints: Vec<_> = paths.iter().map(|path| json!({ "url": receiver.url(path) })).collect();
    // The first call lasts longer than the pause, and all others gather behind it.
    let connection = json!({ "host": redis.socket(), "timeout": 10 });
    let settings = json!({ "endpoints": endpoints, "flush_interval": 1, "connection": connection });
    let node = node(&redis, &receiver, &settings);
    subscribe(&node, 0..1);
    eventually("the event to be queued", || stat(&node, "queued_events") == 1);
    let mut monitor = Monitor::start(&redis);
    // Longer than the rest of the flush interval. After it, each lane has its batch and waits for Redis.
    redis::cmd("CLIENT").arg(&["PAUSE", "2000", "WRITE"]).exec(&mut redis.connect()).unwrap();

    eventually("all events", || paths.iter().all(|path| !receiver.received(path).is_empty()));
    let keeps = |command: &&Vec<String>| command[0] == "HSET" && command[1].contains(":inflight:");
    let calls = monitor.script_calls();
    let kept = calls.iter().map(|call| call.commands.iter().filter(keeps).count());
    let kept: Vec<usize> = kept.filter(|kept| *kept > 0).collect();
    assert_eq!(kept.iter().sum::<usize>(), 50, "{kept:?}");
    assert!(kept.len() <= 10, "50 batches in {} calls: {kept:?}", kept.len());
}

#[test]
fn a_slow_stream_is_read_at_most_every_five_milliseconds() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let node = node(&redis, &receiver, &json!({ "flush_interval": 0.1 }));
    subscribe(&node, 0..1);
    let arrived = || occupied(&receiver.received("/hook")).len();
    eventually("the first event", || arrived() == 1);
    let began = Instant::now();
    let before = redis.counted("xread", "calls");
    for n in 1..=300 {
        subscribe(&node, n..n + 1);
        std::thread::sleep(Duration::from_millis(1));
    }
    eventually("all events", || arrived() == 301);
    let (reads, most) = (redis.counted("xread", "calls") - before, began.elapsed().as_millis() / 5);
    assert!(u128::from(reads) <= most + 2, "{reads} reads, at most {most} expected");
    assert!(reads > 2, "the events were not read as they came");
}

#[test]
fn a_batch_that_arrived_before_the_crash_is_not_sent_under_another_id() {
    for round in 0..5 {
        let (redis, receiver) = (RedisServer::start(), Receiver::start());
        let dying = node(&redis, &receiver, &json!({ "batch_max_events": 3 }));
        subscribe(&dying, 0..30);
        eventually("some events", || receiver.received("/hook").len() > round);
        kill(&dying);
        let successor = node(&redis, &receiver, &json!({}));
        eventually("all events", || occupied(&receiver.received("/hook")).len() == 30);
        eventually("nothing to be left", || successor.flush(Duration::from_secs(1)).is_nothing());
        let requests = receiver.received("/hook");
        let mut bodies: HashMap<String, Vec<u8>> = HashMap::new();
        for (id, request) in ids(&requests).into_iter().zip(&requests) {
            assert_eq!(bodies.entry(id).or_insert_with(|| request.body.clone()), &request.body);
        }
        let text = |body: &Vec<u8>| String::from_utf8_lossy(body).matches("channel_occupied").count();
        let total: usize = bodies.values().map(text).sum();
        assert_eq!(total, 30, "an event arrived under two ids");
    }
}

#[test]
fn a_successor_reads_a_long_backlog_in_pieces_and_drops_nothing() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Hang]);
    let dying = node(&redis, &receiver, &json!({}));
    subscribe(&dying, 0..20_000);
    eventually("the events in the outbox", || redis.outbox_events() == 20_000);
    receiver.wait_for("/hook", 1);
    kill(&dying);
    let successor = node(&redis, &receiver, &json!({ "outbox_max_events": 1000, "batch_max_events": 1000 }));
    // The time for 20 000 events is not limited.
    while_it_moves("an empty outbox", || redis.outbox_events(), || redis.outbox_events() == 0);
    assert!(successor.stats().contains(&("events_dropped", 0)), "{:?} {:?}", successor.stats(), successor.poll(1000));
    assert_eq!(occupied(&receiver.received("/hook")).len(), 20_000);
}

#[test]
fn client_events_keep_their_order_and_their_bytes() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let node = node(&redis, &receiver, &json!({}));
    node.subscribed(APP, b"presence-a", b"1.1", Some(b"7"));
    let data = "{\"text\":\"é \\u0000 \u{1F600}\"}";
    for data in [Some(data), None] {
        let event = ClientEvent::new(b"presence-a", "client-x", data, b"1.1", Some(b"7"));
        node.client_event(APP, &event.relayed());
    }
    node.closed(APP, b"1.1");
    eventually("all events", || receiver.received("/hook").iter().flat_map(Received::events).count() == 6);
    let requests = receiver.received("/hook");
    let events: Vec<serde_json::Value> =
        requests.iter().flat_map(|request| request.json()["events"].as_array().unwrap().clone()).collect();
    let names: Vec<&str> = events.iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["channel_occupied", "member_added", "client_event", "client_event", "member_removed", "channel_vacated"]
    );
    assert_eq!(events[2]["data"].as_str(), Some(data));
    assert_eq!(events[3].get("data"), None);
}

#[test]
fn two_nodes_share_the_partitions_and_every_event_is_delivered_once() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let nodes = [node(&redis, &receiver, &json!({})), node(&redis, &receiver, &json!({}))];
    let mut connection = redis.connect();
    for (n, node) in nodes.iter().enumerate() {
        subscribe(node, n * 1000..n * 1000 + 500);
    }
    eventually("half of the partitions for each node", || {
        let partitions: Vec<u16> = (0..16).collect();
        let owners: Vec<Option<String>> = connection.hmget(key("owners"), partitions).unwrap();
        let nodes: Vec<&str> = owners.iter().flatten().filter_map(|owner| Some(owner.split_once(' ')?.1)).collect();
        let first = nodes.iter().filter(|node| **node == nodes[0]).count();
        (nodes.len(), first) == (16, 8)
    });
    for (n, node) in nodes.iter().enumerate() {
        subscribe(node, n * 1000 + 500..n * 1000 + 1000);
    }
    eventually("all events", || occupied(&receiver.received("/hook")).len() == 2000);
    for node in &nodes {
        assert!(node.flush(Duration::from_secs(5)).is_nothing());
    }
    let counts = occupied(&receiver.received("/hook"));
    assert!(counts.values().all(|count| *count == 1), "an event arrived twice");
}

#[test]
fn a_batch_that_waited_for_redis_is_signed_when_it_is_sent() {
    let mut redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let receiver = Receiver::start();
    receiver.script("/hook", [Answer::StatusWith(503, "Retry-After", "3".to_owned())]);
    let node = node(&redis, &receiver, &json!({ "ttl": 60, "max_attempts": 2 }));
    subscribe(&node, 0..1);
    receiver.wait_for("/hook", 1);
    subscribe(&node, 1..2);
    eventually("the second event behind the first", || node.stats().contains(&("queued_events", 2)));
    redis.kill();
    let seconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // Its lane is now free for the second batch, but that one cannot be persisted.
    receiver.wait_for("/hook", 2);
    let due = seconds();
    eventually("the time after the retry is due", || seconds() >= due + 4);
    redis.restart();
    let back = seconds();
    let sent = receiver.wait_for("/hook", 3).remove(2);
    let signed: u64 = sent.header("webhook-timestamp").unwrap().parse().unwrap();
    assert!(signed + 2 >= back, "it was signed {} s before Redis was back", back - signed);
}

#[test]
fn an_in_flight_batch_finds_its_endpoint_at_any_place_of_the_list() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Hang]);
    receiver.script("/other", [Answer::Hang]);
    let endpoint = |path: &str| json!({ "url": receiver.url(path) });
    let dying = node(&redis, &receiver, &json!({ "endpoints": [endpoint("/hook"), endpoint("/other")] }));
    subscribe(&dying, 0..1);
    eventually("a request at both paths", || {
        [receiver.received("/hook"), receiver.received("/other")].iter().all(|r| r.len() == 1)
    });
    kill(&dying);
    let swapped = [endpoint("/new"), endpoint("/other"), endpoint("/hook")];
    let _successor = node(&redis, &receiver, &json!({ "endpoints": swapped }));
    for path in ["/hook", "/other"] {
        // Soon after, the departures of the dead node arrive too.
        let requests = receiver.wait_for(path, 2);
        assert_eq!(ids(&requests)[0], ids(&requests)[1], "{path}");
    }
}

#[test]
fn events_wait_until_their_application_is_registered() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let node = node(&redis, &receiver, &json!({}));
    node.subscribed(b"unmet", b"news-0", b"1.1", None);
    eventually("the application to be wanted", || node.wanted_apps() == ["unmet".into()]);
    assert!(receiver.received("/hook").is_empty());
    node.register_app(b"unmet", "key-of-unmet", "secret");
    eventually("the event", || receiver.received("/hook").len() == 1);
    assert_eq!(receiver.received("/hook")[0].header("x-pusher-key"), Some("key-of-unmet"));
}

#[test]
fn a_node_that_lost_its_partitions_sends_none_of_their_events() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let former_owner = node(&redis, &receiver, &json!({ "flush_interval": 2 }));
    subscribe(&former_owner, 0..10);
    let mut connection = redis.connect();
    eventually("the events in the outbox", || redis.outbox_events() == 10);
    // In one transaction, and with a lease of its own: the node would take over the partitions of a node without one.
    let mut transaction = redis::pipe();
    transaction.atomic().zadd(key("nodes"), "another", 9_999_999_999_999_u64).ignore();
    for partition in 0..16 {
        transaction.hset(key("owners"), partition, "1 another").ignore();
    }
    transaction.exec(&mut connection).unwrap();
    eventually("the node to notice", || former_owner.flush(Duration::from_secs(1)).is_nothing());
    assert!(receiver.received("/hook").is_empty());
    assert_eq!(redis.outbox_events(), 10, "nothing was trimmed");
}

#[test]
fn every_event_for_a_disabled_endpoint_becomes_a_dead_letter() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(410));
    let node = node(&redis, &receiver, &json!({}));
    subscribe(&node, 0..1);
    eventually("the 410 response", || receiver.received("/hook").len() == 1);
    subscribe(&node, 1..20);
    let mut connection = redis.connect();
    eventually("every event in a dead letter", || {
        let dead_letters: redis::streams::StreamRangeReply = connection.xrange_all(key("dead")).unwrap();
        let text: Vec<String> = connection.hvals(key("dead_bodies")).unwrap();
        let text = text.concat();
        let reasons: Vec<String> = dead_letters.ids.iter().filter_map(|entry| entry.get("reason")).collect();
        (0..20).all(|n| text.contains(&format!("\"{}\"", channel(n))))
            && reasons.iter().all(|reason| reason == "HTTP 410")
    });
    eventually("empty streams", || redis.outbox_events() == 0);
    assert_eq!(receiver.received("/hook").len(), 1);
}

#[test]
fn a_drop_is_reported_when_a_flush_returns() {
    for _ in 0..20 {
        let (redis, receiver) = (RedisServer::start(), Receiver::start());
        receiver.always("/hook", Answer::Status(500));
        let node = node(&redis, &receiver, &json!({ "flush_interval": 30 }));
        subscribe(&node, 0..1);
        assert!(node.flush(Duration::from_secs(4)).is_nothing());
        let told = node.poll(100).into_iter().filter(|outcome| matches!(outcome, Outcome::Dropped { .. })).count();
        assert_eq!(told, 1);
    }
}
