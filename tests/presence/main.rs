//! Who is there: the answers agree with a model of all connections, and name the reason where there is no answer.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod story;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use redis::Commands;
use resonate_webhooks::admin::{NamePage, Presence, PresenceError};
use resonate_webhooks::config::Config;
use serde_json::{Value, json};
use support::cluster::{Cluster, all_decided};
use support::engine::{APP, channel_beside, eventually, prefix_of, prefixes, shards};

const OTHER: &[u8] = b"app:1";

/// Names that would be confused if they were not encoded, or taken for a pattern.
const CHANNELS: [&[u8]; 8] =
    [b"presence-a", b"presence-a:7", b"presence-*", b"presence-\xff\n", b"private-a", b"news", b"|", b"1:news"];

const USERS: [&[u8]; 5] = [b"7", b"8", b"007", b"*", b"\xff|"];

/// Returns a reader for the cluster, once a node serves every shard.
fn reader(cluster: &Cluster, settings: &Value) -> Presence {
    let mut redis = cluster.redis.connect();
    for prefix in prefixes() {
        eventually("data in every shard", || redis.exists(format!("{prefix}:epoch")).unwrap());
    }
    early_reader(cluster, settings)
}

/// Returns a reader for the cluster, whether a node runs or not.
fn early_reader(cluster: &Cluster, settings: &Value) -> Presence {
    let mut config = json!({ "connection": { "host": cluster.redis.socket(), "timeout": 5, "shards": shards() } });
    config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    Presence::of(Config::from_value(config).unwrap()).unwrap()
}

fn every_page(page: impl Fn(Option<&str>) -> Result<NamePage, PresenceError>) -> BTreeSet<Vec<u8>> {
    let (mut all, mut cursor) = (BTreeSet::new(), None);
    loop {
        let read = page(cursor.as_deref()).unwrap();
        all.extend(read.names);
        cursor = read.next;
        if cursor.is_none() {
            return all;
        }
    }
}

/// Reads all pages of `limit` channels.
fn channels(presence: &Presence, app: &[u8], begins: &[u8], limit: usize) -> BTreeSet<Vec<u8>> {
    every_page(|cursor| presence.channels(app, begins, cursor, limit))
}

/// Reads all pages of one member.
fn members(presence: &Presence, app: &[u8], channel: &[u8]) -> BTreeSet<Vec<u8>> {
    every_page(|cursor| presence.members(app, channel, cursor, 1))
}

#[test]
fn a_large_application_is_read_in_pages_and_a_channel_at_no_more_cost_than_in_a_small_one() {
    let cluster = Cluster::start();
    let node = cluster.node();
    for n in 0..5000 {
        node.subscribed(APP, format!("private-{n}").as_bytes(), b"1.1", None);
        node.subscribed(APP, b"presence-all", format!("2.{n}").as_bytes(), Some(format!("{n}").as_bytes()));
        if n % 500 == 0 {
            all_decided(&node);
        }
    }
    all_decided(&node);
    let presence = reader(&cluster, &json!({}));
    let first = presence.channels(APP, b"", None, 100).unwrap();
    assert!((100..400).contains(&first.names.len()) && first.next.is_some(), "{}", first.names.len());
    let page = presence.members(APP, b"presence-all", None, 100).unwrap();
    assert!((100..400).contains(&page.names.len()) && page.next.is_some(), "{}", page.names.len());
    assert_eq!(channels(&presence, APP, b"", 100).len(), 5001);
    assert_eq!(presence.channels(APP, b"presence-", None, 100).unwrap().names, [b"presence-all"]);
    assert_eq!(presence.channels(APP, b"", None, usize::MAX).unwrap().names.len(), 5001);

    let before = cluster.redis.counted("hscan", "calls");
    assert_eq!(presence.count(APP, b"presence-all"), Ok(5000));
    assert_eq!(presence.occupied(APP, b"private-77"), Ok(true));
    assert_eq!(cluster.redis.counted("hscan", "calls"), before, "a question about one channel reads no others");
    assert_eq!((cluster.redis.counted("keys", "calls"), cluster.redis.counted("scan", "calls")), (0, 0));
}

#[test]
fn applications_and_channels_with_any_name_are_apart() {
    let (cluster, settings) = (Cluster::start(), json!({ "ignore_channel_prefixes": [] }));
    let (node, presence) = (cluster.node_with(&settings), reader(&cluster, &settings));
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(app: [u8; 2], channel: [u8; 3], other_app: [u8; 1], other_channel: [u8; 4])| {
        node.subscribed(&app, &channel, b"1.1", Some(b"7"));
        all_decided(&node);
        prop_assert_eq!(channels(&presence, &app, b"", 10), BTreeSet::from([channel.to_vec()]));
        prop_assert_eq!(members(&presence, &app, &channel), BTreeSet::from([b"7".to_vec()]));
        prop_assert!(channels(&presence, &other_app, b"", 10).is_empty());
        prop_assert!(members(&presence, &other_app, &other_channel).is_empty());
        node.closed(&app, b"1.1");
        all_decided(&node);
        prop_assert!(channels(&presence, &app, b"", 10).is_empty());
    });
}

#[test]
fn connections_are_counted_only_if_an_endpoint_asks_for_it() {
    let cluster = Cluster::start();
    let node = cluster.node();
    node.subscribed(APP, b"news", b"1.1", None);
    node.subscribed(APP, b"presence-a", b"1.1", Some(b"7"));
    all_decided(&node);
    let presence = reader(&cluster, &json!({ "endpoints": [{ "url": "http://127.0.0.1:1/" }] }));
    let error = presence.count(APP, b"news").unwrap_err();
    assert_eq!(error, PresenceError::NotCounted("news".to_owned()));
    assert!(error.to_string().contains("lists subscription_count in its events"), "{error}");
    assert_eq!(presence.count(APP, b"presence-a"), Ok(1));
    assert_eq!(presence.count(APP, b"empty"), Ok(0));
    assert!(matches!(presence.occupied(APP, b"#server"), Err(PresenceError::Ignored(_))));
    assert!(matches!(presence.channels(APP, b"#", None, 10), Err(PresenceError::Ignored(_))));
}

#[test]
fn no_answer_is_given_until_the_data_is_complete() {
    let mut cluster = Cluster::start();
    let presence = early_reader(&cluster, &json!({}));
    assert_eq!(presence.occupied(APP, b"news"), Err(PresenceError::Absent(prefix_of(b"news"))));
    let node = cluster.node();
    node.subscribed(APP, b"news", b"1.1", None);
    all_decided(&node);
    assert_eq!(presence.occupied(APP, b"news"), Ok(true));

    // Nothing but a complete answer comes while Redis is away and while its data is restored.
    cluster.redis.kill();
    assert!(matches!(presence.occupied(APP, b"news"), Err(PresenceError::Redis(_))));
    cluster.redis.restart();
    let mut refusals = BTreeSet::new();
    eventually("the data to be restored", || match presence.occupied(APP, b"news") {
        Ok(occupied) => {
            assert!(occupied, "an answer from incomplete data");
            true
        }
        Err(error) => {
            refusals.insert(error.to_string());
            false
        }
    });
    println!("{refusals:?}");

    // A node that has not restored its holds yet.
    let (mut redis, prefix) = (cluster.redis.connect(), prefix_of(b"news"));
    redis.zadd::<_, _, _, ()>(format!("{prefix}:nodes"), "late", "4102444800000").unwrap();
    redis.sadd::<_, _, ()>(format!("{prefix}:unconfirmed"), "late").unwrap();
    redis.hset::<_, _, _, ()>(format!("{prefix}:epoch"), "settling", "x").unwrap();
    assert_eq!(presence.occupied(APP, b"news"), Err(PresenceError::Restoring));
    redis.zrem::<_, _, ()>(format!("{prefix}:nodes"), "late").unwrap();
    assert_eq!(presence.occupied(APP, b"news"), Ok(true), "the settling waits for nobody");
    drop(node);
}

#[test]
fn no_answer_comes_from_data_that_another_process_of_redis_had() {
    let mut cluster = Cluster::start_durable();
    let node = cluster.node();
    node.subscribed(APP, b"news", b"1.1", None);
    all_decided(&node);
    assert!(node.stop(Instant::now() + Duration::from_secs(2)));
    cluster.redis.kill();
    cluster.redis.restart();
    let presence = reader(&cluster, &json!({}));
    assert_eq!(presence.occupied(APP, b"news"), Err(PresenceError::Restoring));
    let successor = cluster.node();
    eventually("the successor to reap the dead node", || presence.occupied(APP, b"news") == Ok(false));
    drop(successor);
}

#[test]
fn a_page_is_not_continued_in_another_process_of_redis() {
    let mut cluster = Cluster::start_durable();
    let node = cluster.node();
    // So many that the first shard has several pages.
    let count = 1000 * usize::from(shards());
    for n in 0..count {
        node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
    }
    all_decided(&node);
    let presence = reader(&cluster, &json!({}));
    let next = presence.channels(APP, b"", None, 10).unwrap().next;
    assert!(presence.channels(APP, b"", next.as_deref(), 10).is_ok());
    cluster.redis.kill();
    cluster.redis.restart();
    eventually("the data of every shard", || presence.channels(APP, b"", None, 10_000).is_ok());
    assert_eq!(presence.channels(APP, b"", next.as_deref(), 10), Err(PresenceError::Moved));
    assert_eq!(channels(&presence, APP, b"", 10).len(), count);
    for text in ["", "7", "x.y", "-1.0", "7 .0"] {
        assert_eq!(presence.channels(APP, b"", Some(text), 10), Ok(NamePage::default()), "{text}");
    }
}

#[test]
fn data_of_another_cluster_and_a_suspended_application_are_named() {
    let cluster = Cluster::start();
    let node = cluster.node_with(&json!({ "cluster_name": "shop" }));
    node.subscribed(APP, b"news", b"1.1", None);
    all_decided(&node);
    let own = reader(&cluster, &json!({ "cluster_name": "shop" }));
    assert_eq!(own.occupied(APP, b"news"), Ok(true));
    let error = reader(&cluster, &json!({ "cluster_name": "store" })).occupied(APP, b"news").unwrap_err().to_string();
    assert!(error.contains("belongs to the cluster \"shop\"") && error.contains("resonate-webhooks:adopt"), "{error}");

    let (mut redis, prefix) = (cluster.redis.connect(), prefix_of(b"news"));
    redis.hset::<_, _, _, ()>(format!("{prefix}:epoch"), "schema", 99).unwrap();
    let error = own.occupied(APP, b"news").unwrap_err().to_string();
    assert!(error.contains("schema 99") && error.contains("Update the extension"), "{error}");
    redis.hset::<_, _, _, ()>(format!("{prefix}:epoch"), "schema", 1).unwrap();

    let key = format!("{prefix}:channels:app");
    redis.del::<_, ()>(&key).unwrap();
    redis.set::<_, _, ()>(&key, "of another program").unwrap();
    node.subscribed(APP, channel_beside(b"news", "more").as_bytes(), b"1.1", None);
    eventually("the suspension", || matches!(own.occupied(APP, b"news"), Err(PresenceError::Suspended(_))));
    let error = own.channels(APP, b"", None, 10).unwrap_err().to_string();
    assert!(error.contains(&key) && error.contains("delete or rename it"), "{error}");
    assert_eq!(own.occupied(OTHER, b"news"), Ok(false));
}
