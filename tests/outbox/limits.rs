//! The limits of the outbox: events in a partition, and bytes of client events.

use std::time::Duration;

use redis::Commands;
use resonate_webhooks::telemetry::Outcome;
use serde_json::json;

use crate::support::client_event::ClientEvent;
use crate::support::engine::{APP, eventually, shards};
use crate::support::gauges::stat;
use crate::support::receiver::{Answer, Receiver};
use crate::support::redis::RedisServer;
use crate::{CHANNEL, key, node};

#[test]
fn an_unread_partition_is_limited_but_still_accepts_edges() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let mut connection = redis.connect();
    // A node with a lease of its own that reads nothing.
    connection.hset::<_, _, _, ()>(key("epoch"), "id", "deaf").unwrap();
    connection.zadd::<_, _, _, ()>(key("nodes"), "deaf", 9_999_999_999_999_u64).unwrap();
    for partition in 0..16 {
        connection.hset::<_, _, _, ()>(key("owners"), partition, "1 deaf").unwrap();
    }
    let node = node(&redis, &receiver, &json!({ "outbox_max_events": 1000 * u64::from(shards()) }));
    let stat = |name: &str| node.stats().into_iter().find(|(known, _)| *known == name).unwrap().1;
    let whisper = |channel: &[u8]| {
        node.client_event(APP, &ClientEvent::new(channel, "client-x", None, b"1.1", None).relayed());
    };
    node.subscribed(APP, CHANNEL, b"1.1", None);
    for sent in 1..=50 {
        (0..100).for_each(|_| whisper(CHANNEL));
        eventually("the answers of Redis", || stat("events") + stat("client_events_rejected") == 1 + sent * 100);
    }
    let waiting = redis.outbox_events() as u64;
    assert!((2000..2200).contains(&waiting), "{waiting}");
    assert_eq!(stat("client_events_rejected"), 5001 - waiting);
    node.closed(APP, b"1.1");
    eventually("the edge in the outbox", || redis.outbox_events() as u64 == waiting + 1);
    let said = node.poll(1000).into_iter().filter(|outcome| match outcome {
        Outcome::Log { message, .. } => message.contains("outbox_max_events"),
        _ => false,
    });
    assert_eq!(said.count(), 1);
}

#[test]
fn client_events_over_the_byte_limit_are_rejected_until_others_are_delivered() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Late(Duration::from_secs(3))]);
    let settings = json!({ "outbox_max_bytes": 1_048_576 * u64::from(shards()), "flush_interval": 0.01, "ttl": 30 });
    let node = node(&redis, &receiver, &settings);
    let text = format!(r#"{{"text":"{}"}}"#, "x".repeat(9_900));
    let whisper =
        || node.client_event(APP, &ClientEvent::new(CHANNEL, "client-x", Some(&text), b"1.1", None).relayed());
    node.subscribed(APP, CHANNEL, b"1.1", None);
    eventually("a batch under way", || receiver.received("/hook").len() == 1);
    (0..300).for_each(|_| whisper());
    let rejected = || stat(&node, "client_events_rejected");
    eventually("the answers of Redis", || stat(&node, "events") + stat(&node, "client_events_rejected") == 301);
    assert!((195..=199).contains(&rejected()), "{} of 300 events of 10 kB rejected, with a limit of 1 MiB", rejected());
    node.subscribed(APP, b"private-b", b"1.1", None);
    receiver.wait_for_channels("/hook", 300 - rejected() + 2);
    eventually("an empty outbox", || redis.outbox_events() == 0);
    eventually("the byte counter to be gone", || {
        redis.connect().exists(key("out_bytes")).is_ok_and(|exists: bool| !exists)
    });
    let before = rejected();
    (0..50).for_each(|_| whisper());
    receiver.wait_for_channels("/hook", 350 - before + 2);
    assert_eq!(rejected(), before);
}
