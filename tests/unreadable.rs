//! Outbox entries that a node cannot read become dead letters. The other entries are delivered.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::{Duration, Instant};

use redis::Commands;
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::outbox::{DeadLetter, DeadLetters};
use resonate_webhooks::telemetry::Outcome;
use serde_json::json;
use support::cluster::{Cluster, stat};
use support::engine::{APP, eventually};
use support::redis::RedisServer;

const STREAM: &str = "wh:out:3";

fn dead_letters(redis: &RedisServer) -> DeadLetters {
    let config = json!({ "connection": { "host": redis.socket() } });
    DeadLetters::of(&Config::from_value(config).unwrap()).unwrap()
}

fn listed(redis: &RedisServer) -> Vec<DeadLetter> {
    let mut dead_letters = dead_letters(redis);
    let mut listed = dead_letters.list(None, 1000).unwrap();
    listed.reverse();
    listed.into_iter().map(|dead_letter| dead_letters.find(&dead_letter.id).unwrap().unwrap_or(dead_letter)).collect()
}

/// Appends an entry with these fields.
fn append(redis: &RedisServer, id: &str, fields: &[(&str, &str)]) -> String {
    redis.connect().xadd(STREAM, id, fields).unwrap()
}

fn waiting(redis: &RedisServer) -> usize {
    redis.connect().xlen(STREAM).unwrap()
}

/// Returns the drops with their reasons, and the log lines, for such entries.
fn reports(node: &Engine) -> (Vec<String>, Vec<String>) {
    let (mut drops, mut lines) = (Vec::new(), Vec::new());
    for outcome in node.poll(10_000) {
        match outcome {
            Outcome::Dropped { reason, app_id, attempts: 0, .. } => drops.push(format!("{app_id}: {reason}")),
            Outcome::Log { message, .. } if message.contains("webhook events dropped") => lines.push(message),
            _ => {}
        }
    }
    (drops, lines)
}

#[test]
fn an_unreadable_entry_is_a_dead_letter_with_its_text_and_the_rest_is_delivered() {
    let cluster = Cluster::start();
    append(&cluster.redis, "*", &[("e", "o3:app5:first")]);
    append(&cluster.redis, "*", &[("e", "z3:app1:a1:new things")]);
    append(&cluster.redis, "*", &[("e", "o3:ap")]);
    append(&cluster.redis, "*", &[("future", "\u{0}raw")]);
    append(&cluster.redis, "*", &[("r", "garbled")]);
    append(&cluster.redis, "*", &[("e", "o3:app4:last")]);
    let node = cluster.node();
    eventually("the other events", || cluster.counts().len() == 2);
    assert_eq!(cluster.events(), ["channel_occupied first", "channel_occupied last"]);
    eventually("an empty stream", || waiting(&cluster.redis) == 0);
    let dead_letters = listed(&cluster.redis);
    let told_of: Vec<(&str, &str, &str)> = dead_letters
        .iter()
        .map(|dead_letter| (&*dead_letter.app_id, &*dead_letter.reason, dead_letter.body.as_deref().unwrap()))
        .collect();
    assert_eq!(
        told_of,
        [
            ("app", "an event of an unknown kind", "z3:app1:a1:new things"),
            ("", "an event that cannot be read", "o3:ap"),
            ("", "an entry without an event", "\u{0}raw"),
            ("", "an event that cannot be read", "garbled"),
        ]
    );
    assert!(
        dead_letters
            .iter()
            .all(|dead_letter| dead_letter.time_ms > 0 && dead_letter.endpoint.is_empty() && dead_letter.events == 1)
    );
    let (drops, lines) = reports(&node);
    assert_eq!(drops.len(), 4, "{drops:?}");
    assert_eq!(drops[0], "app: an event of an unknown kind");
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].contains("partition 3; it is a dead letter"), "{lines:?}");
    assert_eq!(stat(&node, "events_dropped"), 4);
}

#[test]
fn a_retried_dead_letter_is_the_original_entry_again() {
    let cluster = Cluster::start();
    append(&cluster.redis, "*", &[("e", "o3:app5:first"), ("b", "3:1.1{}")]);
    append(&cluster.redis, "*", &[("e", "z3:app1:a"), ("b", "3:1.1{}")]);
    let node = cluster.node();
    eventually("the dead letter", || listed(&cluster.redis).len() == 1);
    let before = listed(&cluster.redis).remove(0);
    assert_eq!(dead_letters(&cluster.redis).retry_all().unwrap(), 1);
    eventually("another dead letter", || {
        listed(&cluster.redis).first().is_some_and(|dead_letter| dead_letter.id != before.id)
    });
    let again = listed(&cluster.redis).remove(0);
    assert_eq!((listed(&cluster.redis).len(), &again.body, &again.app_id), (1, &before.body, &before.app_id));
    drop(node);

    // An entry that an older version could not read, but this one can.
    let raw =
        [("id", "out:3 1-1"), ("endpoint", ""), ("url", ""), ("app_id", "app"), ("events", "1"), ("attempts", "0")];
    let rest = [("reason", "unknown"), ("time_ms", "1"), ("partition", "3"), ("raw:e", "o3:app5:known")];
    let dead_letter: String = cluster.redis.connect().xadd("wh:dead", "*", &[&raw[..], &rest].concat()).unwrap();
    let node = cluster.node();
    let dead_letter = resonate_webhooks::outbox::DeadLetterId::parse(&dead_letter).unwrap();
    assert_eq!(dead_letters(&cluster.redis).retry(&[dead_letter]).unwrap(), 1);
    eventually("the delivery of the readable entry", || cluster.counts().contains_key("channel_occupied known"));
    assert_eq!(listed(&cluster.redis).len(), 1);
    drop(node);
}

#[test]
fn more_than_a_page_of_unreadable_entries_does_not_block_the_stream() {
    let cluster = Cluster::start();
    for _ in 0..1200 {
        append(&cluster.redis, "*", &[("e", "z3:app1:a")]);
    }
    append(&cluster.redis, "*", &[("e", "o3:app4:last")]);
    let node = cluster.node_with(&json!({ "dead_letter_max": 2000 }));
    eventually("the last event", || cluster.counts().len() == 1);
    assert_eq!(dead_letters(&cluster.redis).count().unwrap(), 1200);
    drop(node);
}

#[test]
fn entries_beyond_the_numbers_of_a_millisecond_are_kept_as_dead_letters() {
    let cluster = Cluster::start();
    // After a step back of Redis' clock, entries keep the millisecond of the last one.
    let ms = "4000000000000";
    append(&cluster.redis, &format!("{ms}-1048574"), &[("e", "o3:app5:first")]);
    append(&cluster.redis, &format!("{ms}-1048575"), &[("e", "o3:app6:second")]);
    let node = cluster.node();
    eventually("both events", || cluster.counts().len() == 2);
    eventually("an empty stream", || waiting(&cluster.redis) == 0);
    for n in 1_048_576..1_048_736_u64 {
        append(&cluster.redis, &format!("{ms}-{n}"), &[("e", "o3:app5:third")]);
    }
    eventually("a dead letter for each other entry", || dead_letters(&cluster.redis).count().unwrap() == 160);
    node.subscribed(APP, b"news", b"1.1", None);
    eventually("another event", || cluster.counts().contains_key("channel_occupied news"));
    assert_eq!(waiting(&cluster.redis), 0);
}

#[test]
fn while_redis_refuses_writes_unreadable_entries_stay_and_other_partitions_are_delivered() {
    let cluster = Cluster::start();
    let mut admin = cluster.redis.connect();
    redis::cmd("ACL").arg(&["SETUSER", "default", "-xdel"]).exec(&mut admin).unwrap();
    append(&cluster.redis, "*", &[("e", "z3:app1:a")]);
    append(&cluster.redis, "*", &[("e", "o3:app4:last")]);
    let node = cluster.node();
    node.subscribed(APP, b"elsewhere", b"1.1", None);
    eventually("an event of another partition", || cluster.counts().contains_key("channel_occupied elsewhere"));
    let (requests, began) = (stat(&node, "redis_requests"), Instant::now());
    eventually("the end of a second", || began.elapsed() >= Duration::from_secs(1));
    assert!(stat(&node, "redis_requests") < requests + 200, "the reader must not spin");
    assert_eq!((waiting(&cluster.redis), dead_letters(&cluster.redis).count().unwrap()), (2, 0));
    redis::cmd("ACL").arg(&["SETUSER", "default", "+xdel"]).exec(&mut admin).unwrap();
    eventually("the dead letter", || dead_letters(&cluster.redis).count().unwrap() == 1);
    eventually("the event after it", || cluster.counts().contains_key("channel_occupied last"));
}
