//! A node that loses some of its partitions and keeps others. The events of both arrive in order.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redis::{Commands, Connection};
use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use support::engine::{APP, engine, eventually};
use support::gauges::stat;
use support::receiver::{Answer, Received, Receiver};
use support::redis::RedisServer;

/// Number of channels: each partition has a few.
const CHANNELS: usize = 64;

/// A node that loses half of its partitions, and sends only on a flush.
struct Stage {
    /// Stopped when dropped.
    _redis: RedisServer,
    receiver: Receiver,
    node: Engine,
    connection: Connection,
}

impl Stage {
    fn start(settings: &Value) -> Self {
        let (redis, receiver) = (RedisServer::start(), Receiver::start());
        let mut all = json!({ "flush_interval": 30, "batch_max_events": CHANNELS * 4, "ttl": 30 });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let node = engine(&redis, &receiver, &all);
        let connection = redis.connect();
        let mut stage = Self { _redis: redis, receiver, node, connection };
        eventually("all partitions of the node", || stage.owners().len() == 16);
        stage
    }

    /// Returns the owner of each partition that has one.
    fn owners(&mut self) -> BTreeMap<u16, String> {
        let owners: BTreeMap<String, String> = self.connection.hgetall("wh:owners").unwrap();
        owners.into_iter().filter_map(|(partition, owner)| Some((partition.parse().ok()?, owner))).collect()
    }

    /// Gives the odd partitions to another node with a lease of its own, in one transaction.
    fn take_partitions(&mut self) {
        let mut at_once = redis::pipe();
        at_once.atomic().zadd("wh:nodes", "another", 9_999_999_999_999_u64);
        for partition in (0..16).filter(|partition| is_odd(*partition)) {
            at_once.hset("wh:owners", partition, "1 another");
        }
        at_once.exec(&mut self.connection).unwrap();
    }

    /// Ends the other node. Its partitions go back to this node.
    fn return_partitions(&mut self) {
        self.connection.zrem::<_, _, ()>("wh:nodes", "another").unwrap();
        eventually("all partitions of the node", || self.owners().values().all(|owner| !owner.ends_with(" another")));
    }

    fn join(&self, channels: impl IntoIterator<Item = usize>) {
        for n in channels {
            self.node.subscribed(APP, name(n).as_bytes(), format!("1.{n}").as_bytes(), None);
        }
    }

    fn leave(&self, channels: impl IntoIterator<Item = usize>) {
        channels.into_iter().for_each(|n| self.node.closed(APP, format!("1.{n}").as_bytes()));
    }

    fn wait_for_queued(&self, count: usize) {
        eventually("the events in the lane", || stat(&self.node, "queued_events") == count);
    }

    fn arrived(&self) -> Vec<String> {
        self.receiver.received("/hook").iter().flat_map(Received::events).collect()
    }

    /// Returns the channels of events in dead letters.
    fn dead(&mut self) -> Vec<String> {
        let bodies: Vec<String> = self.connection.hvals("wh:dead_bodies").unwrap();
        let channels = |body: String| -> Vec<String> {
            let body: Value = serde_json::from_str(&body).unwrap();
            let events = body["events"].as_array().unwrap().iter();
            events.map(|event| event["channel"].as_str().unwrap().to_owned()).collect()
        };
        bodies.into_iter().flat_map(channels).collect()
    }

    /// Returns the channels of events that arrived after the first two attempts, which fail, or are in dead letters.
    fn ended(&mut self) -> BTreeSet<String> {
        let arrived = self.receiver.received("/hook").into_iter().skip(2).flat_map(|request| request.channels());
        arrived.chain(self.dead()).collect()
    }
}

fn name(n: usize) -> String {
    format!("news-{n}")
}

const fn is_odd(partition: u16) -> bool {
    partition % 2 == 1
}

/// Returns the partition of a channel, as `partition_of` computes it.
fn partition(channel: usize) -> u16 {
    let mut hash = Sha1::new();
    hash.update(format!("{}:", APP.len()));
    hash.update(APP);
    hash.update(name(channel));
    u16::from(hash.finalize()[3] % 16)
}

/// Returns those of `channels` channels whose partitions the node keeps.
fn staying(channels: usize) -> impl Iterator<Item = usize> {
    (0..channels).filter(|n| !is_odd(partition(*n)))
}

fn events(name_of_event: &str, channels: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    channels.into_iter().map(|n| format!("{name_of_event} {}", name(n))).collect()
}

fn set(events: &[String]) -> BTreeSet<String> {
    events.iter().cloned().collect()
}

#[test]
fn a_batch_that_loses_partitions_is_sent_without_them_and_their_owner_sends_the_rest() {
    let mut stage = Stage::start(&json!({}));
    stage.join(0..CHANNELS);
    stage.wait_for_queued(CHANNELS);
    stage.take_partitions();
    assert!(stage.node.flush(Duration::from_secs(5)).is_nothing());
    stage.leave(0..CHANNELS);
    eventually("the events of the remaining partitions", || {
        stage.node.flush(Duration::from_secs(5));
        stage.arrived().len() == 2 * staying(CHANNELS).count()
    });
    let (first, second) =
        (stage.arrived()[..staying(CHANNELS).count()].to_vec(), stage.arrived()[staying(CHANNELS).count()..].to_vec());
    assert_eq!(set(&first), events("channel_occupied", staying(CHANNELS)));
    assert_eq!(set(&second), events("channel_vacated", staying(CHANNELS)));
    let requests = stage.receiver.received("/hook");
    let ids: BTreeSet<_> = requests.iter().map(|request| request.header("webhook-id").unwrap()).collect();
    assert_eq!(ids.len(), requests.len());

    stage.return_partitions();
    eventually("all events", || {
        stage.node.flush(Duration::from_secs(5));
        stage.arrived().len() >= 2 * CHANNELS
    });
    let arrived = stage.arrived();
    assert_eq!(arrived.len(), 2 * CHANNELS, "each event arrives once");
    for n in 0..CHANNELS {
        let of_it: Vec<&str> =
            arrived.iter().filter_map(|event| event.strip_suffix(&format!(" {}", name(n)))).collect();
        assert_eq!(of_it, ["channel_occupied", "channel_vacated"], "{}", name(n));
    }
    assert_eq!(stage.dead(), Vec::<String>::new());
}

#[test]
fn a_failed_batch_is_retried_without_the_partitions_that_it_lost() {
    let mut stage = Stage::start(&json!({ "max_attempts": 5 }));
    stage.receiver.script("/hook", [Answer::StatusWith(503, "Retry-After", "2".to_owned())]);
    stage.join(0..CHANNELS);
    stage.wait_for_queued(CHANNELS);
    stage.node.flush(Duration::from_millis(100));
    assert_eq!(stage.receiver.wait_for("/hook", 1)[0].events().len(), CHANNELS);
    stage.take_partitions();
    let again = stage.receiver.wait_for("/hook", 2).remove(1);
    assert_eq!(set(&again.events()), events("channel_occupied", staying(CHANNELS)));
    assert_ne!(again.header("webhook-id"), stage.receiver.received("/hook")[0].header("webhook-id"));
}

#[test]
fn a_drop_while_partitions_move_has_a_dead_letter_or_belongs_to_the_successor() {
    const FLOOD: usize = 1500;
    let mut stage = Stage::start(&json!({ "max_attempts": 2, "outbox_max_events": 1000, "batch_max_events": 2000 }));
    stage.receiver.script("/hook", [Answer::StatusWith(503, "Retry-After", "5".to_owned()), Answer::Status(500)]);
    let first: Vec<usize> = staying(FLOOD).take(4).collect();
    stage.join(first.clone());
    stage.wait_for_queued(first.len());
    stage.node.flush(Duration::from_millis(1));
    stage.receiver.wait_for("/hook", 1);
    stage.join((0..FLOOD).filter(|n| !first.contains(n)));
    eventually("drops behind the batch", || stat(&stage.node, "events_dropped") > 0);
    stage.take_partitions();
    eventually("the end of the batch and the events of the remaining partitions", || {
        stage.node.flush(Duration::from_secs(5)).is_nothing()
    });
    let ended = stage.ended();
    let missing: Vec<String> = staying(FLOOD).map(name).filter(|channel| !ended.contains(channel)).collect();
    assert!(missing.is_empty(), "neither sent nor in a dead letter: {missing:?}");

    stage.return_partitions();
    eventually("all other events, sent or in dead letters", || {
        stage.node.flush(Duration::from_secs(5));
        stage.ended().len() == FLOOD
    });
}

#[test]
fn events_refused_after_the_owners_were_deleted_are_read_again_and_sent_once() {
    let mut stage = Stage::start(&json!({}));
    stage.join(0..CHANNELS);
    stage.wait_for_queued(CHANNELS);
    stage.connection.del::<_, ()>("wh:owners").unwrap();
    eventually("all events", || {
        stage.node.flush(Duration::from_secs(5));
        stage.arrived().len() >= CHANNELS
    });
    assert_eq!(stage.arrived().len(), CHANNELS, "each event arrives once");
    assert_eq!(set(&stage.arrived()), events("channel_occupied", 0..CHANNELS));
}
