//! Several shards on one server: every part of the data has its shard, commands merge all, and the number never changes.

#![allow(clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use redis::Commands;
use resonate_webhooks::admin::{Adoption, Cluster, Presence};
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::event::{AppId, Shard};
use resonate_webhooks::outbox::{DeadLetter, DeadLetterId, DeadLetters, EventSender};
use resonate_webhooks::telemetry::{Level, Outcome};
use serde_json::{Value, json};
use support::cluster::{all_decided, assert_alternating, events};
use support::engine::{APP, engine, eventually};
use support::receiver::{Answer, Received, Receiver};
use support::redis::RedisServer;

const SHARDS: u8 = 4;

fn connection(redis: &RedisServer, shards: u8) -> Value {
    json!({ "host": redis.socket(), "timeout": 1, "shards": shards })
}

fn node(redis: &RedisServer, receiver: &Receiver, shards: u8) -> Engine {
    engine(redis, receiver, &json!({ "connection": connection(redis, shards), "max_attempts": 1 }))
}

fn config(redis: &RedisServer, shards: u8) -> Config {
    let endpoint = json!({ "url": "http://localhost/", "events": ["order.*", "channel_occupied"] });
    Config::from_value(json!({ "connection": connection(redis, shards), "endpoints": [endpoint] })).expect("a config")
}

fn shard_of(channel: &str) -> usize {
    Shard::of(&AppId::new(APP), channel.as_bytes(), SHARDS).index()
}

/// Returns the log of an engine so far.
fn errors(node: &Engine) -> Vec<String> {
    let line = |outcome| match outcome {
        Outcome::Log { level: Level::Error, message } => Some(message),
        _ => None,
    };
    node.poll(10_000).into_iter().filter_map(line).collect()
}

/// Returns the log of an engine since the last call.
fn lines(node: &Engine) -> Vec<String> {
    let line = |outcome| if let Outcome::Log { message, .. } = outcome { Some(message) } else { None };
    node.poll(10_000).into_iter().filter_map(line).collect()
}

/// Returns the nodes with a lease in a shard.
fn leases(redis: &mut redis::Connection, shard: u8) -> Vec<String> {
    redis.zrange(format!("{{wh:{shard}}}:nodes"), 0, -1).expect("nodes")
}

/// Returns the dead letters in pages of three.
fn listed(dead_letters: &mut DeadLetters) -> Vec<DeadLetter> {
    let mut all: Vec<DeadLetter> = Vec::new();
    loop {
        let last: Option<DeadLetterId> = all.last().map(|dead_letter| dead_letter.id);
        let page = dead_letters.list(last.as_ref(), 3).expect("a page");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[test]
fn each_channel_is_in_one_shard_and_its_edges_alternate() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let nodes = [node(&redis, &receiver, SHARDS), node(&redis, &receiver, SHARDS)];
    let channel = |n: usize| format!("presence-{n}");
    for (node, socket) in nodes.iter().zip([b"1.1", b"2.2"]) {
        for n in 0..40 {
            node.subscribed(APP, channel(n).as_bytes(), socket, Some(b"7"));
        }
        all_decided(node);
    }
    let mut connection = redis.connect();
    for shard in 0..usize::from(SHARDS) {
        let held: BTreeSet<String> = connection.hkeys(format!("{{wh:{shard}}}:channels:app")).expect("channels");
        let expected: BTreeSet<String> = (0..40).map(channel).filter(|name| shard_of(name) == shard).collect();
        assert_eq!(held, expected);
        assert!(held.len() > 3, "{held:?}");
    }
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).expect("keys");
    assert!(keys.iter().all(|key| key.starts_with("{wh:") || key == "wh:epoch"), "{keys:?}");
    for (node, socket) in nodes.iter().zip([b"1.1", b"2.2"]) {
        node.closed(APP, socket);
        all_decided(node);
    }
    eventually("the edges", || events(&receiver).len() == 4 * 40);
    for node in nodes {
        assert!(node.end(Duration::from_secs(1)).is_nothing());
    }
    assert_alternating(&receiver, 2 * 40);
}

#[test]
fn a_closed_socket_leaves_every_shard_and_is_counted_once() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let node = node(&redis, &receiver, SHARDS);
    let gauge = |name: &str| support::cluster::stat(&node, name);
    for n in 0..40 {
        node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
    }
    node.subscribed(APP, b"other", b"1.2", None);
    node.unsubscribed(APP, b"other", b"1.2");
    all_decided(&node);
    assert_eq!((gauge("channels"), gauge("sockets")), (40, 1));
    node.closed(APP, b"1.1");
    all_decided(&node);
    assert_eq!((gauge("channels"), gauge("sockets")), (0, 0));
    eventually("the edges", || events(&receiver).len() == 2 * 41);
    assert_alternating(&receiver, 41);
}

#[test]
fn a_node_that_is_killed_is_reaped_and_succeeded_in_every_shard() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(503));
    let settings = json!({ "connection": connection(&redis, SHARDS), "retry_for": 600 });
    let [first, second] = [(); 2].map(|()| engine(&redis, &receiver, &settings));
    for n in 0..20 {
        first.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
    }
    all_decided(&first);
    // Leaves its holds and what it delivers, like a crash.
    first.stop(std::time::Instant::now() + Duration::from_secs(1));
    receiver.always("/hook", Answer::Status(200));
    eventually("the departures", || {
        let found = events(&receiver);
        found.iter().filter(|event| event.starts_with("channel_vacated")).count() == 20
    });
    eventually("an empty outbox", || redis.outbox_events() == 0);
    assert!(second.end(Duration::from_secs(1)).is_nothing());
    assert_alternating(&receiver, 20);
}

#[test]
fn a_node_that_was_declared_dead_in_one_shard_names_it() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let node = engine(&redis, &receiver, &json!({ "connection": connection(&redis, SHARDS), "ttl": 1 }));
    let mut redis = redis.connect();
    eventually("a lease in every shard", || (0..SHARDS).all(|n| leases(&mut redis, n).len() == 1));
    let reaped = leases(&mut redis, 2).remove(0);
    // As if another node had reaped it.
    let () = redis.hset(format!("{{wh:2}}:reply:{reaped}"), "reaped", 1).expect("a mark");
    let () = redis.zrem("{wh:2}:nodes", &reaped).expect("a removal");
    let mut log = Vec::new();
    eventually("another id", || {
        log.extend(lines(&node));
        leases(&mut redis, 2).first().is_some_and(|node| *node != reaped)
    });
    log.extend(lines(&node));
    let dead: Vec<&String> = log.iter().filter(|line| line.contains("declared dead")).collect();
    let begin = format!("was declared dead in shard 2: {reaped} continues as ");
    assert!(dead.len() == 1 && dead[0].contains(&begin), "{log:?}");
}

#[test]
fn dead_letters_of_all_shards_are_one_list() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(400));
    let node = node(&redis, &receiver, SHARDS);
    let mut dead_letters = DeadLetters::of(&config(&redis, SHARDS)).expect("dead letters");
    for n in 0..12 {
        node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
        eventually("the dead letter", || dead_letters.count().expect("a number") == n + 1);
    }
    let all = listed(&mut dead_letters);
    let ids: BTreeSet<String> = all.iter().map(|dead_letter| dead_letter.id.to_string()).collect();
    assert_eq!((all.len(), ids.len()), (12, 12));
    assert!(all.is_sorted_by_key(|dead_letter| std::cmp::Reverse(dead_letter.id)), "{ids:?}");
    for (n, dead_letter) in all.iter().rev().enumerate() {
        let found = dead_letters.find(&dead_letter.id).expect("an answer").expect("a dead letter");
        let body: Value = serde_json::from_str(&found.body.expect("a body")).expect("JSON");
        assert_eq!(body["events"][0]["channel"], format!("news-{n}"));
        let suffix = shard_of(&format!("news-{n}"));
        assert_eq!(found.id.to_string().split('-').nth(2), (suffix > 0).then(|| suffix.to_string()).as_deref());
    }
    let outside = DeadLetterId::parse(&format!("{}-1-9", all[0].id.time_ms())).expect("an id");
    assert_eq!(dead_letters.find(&outside).expect("an answer"), None);
    let some: Vec<DeadLetterId> = all.iter().take(5).map(|dead_letter| dead_letter.id).collect();
    assert_eq!(dead_letters.forget(&some).expect("a number"), 5);
    receiver.always("/hook", Answer::Status(200));
    assert_eq!(dead_letters.retry(&[all[11].id]).expect("a number"), 1);
    eventually("the retry", || dead_letters.count().expect("a number") == 6);
    assert_eq!(dead_letters.retry_all().expect("a number"), 6);
    eventually("all retries", || dead_letters.count().expect("a number") == 0);
    assert!(dead_letters.missing().is_empty());
    assert!(node.end(Duration::from_secs(1)).is_nothing());
}

#[test]
fn the_application_asks_and_sends_in_the_right_shard() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let endpoint = json!({ "url": receiver.url("/hook"), "events": ["order.*"] });
    let settings = json!({ "connection": connection(&redis, SHARDS), "endpoints": [endpoint] });
    let node = engine(&redis, &receiver, &settings);
    for n in 0..40 {
        node.subscribed(APP, format!("presence-{n}").as_bytes(), b"1.1", Some(format!("user-{n}").as_bytes()));
    }
    all_decided(&node);
    let presence = Presence::of(config(&redis, SHARDS)).expect("a reader");
    let (mut names, mut cursor) = (BTreeSet::new(), None);
    loop {
        let page = presence.channels(APP, b"presence-", cursor.as_deref(), 7).expect("a page");
        names.extend(page.names);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names.len(), 40);
    for n in 0..40 {
        let channel = format!("presence-{n}");
        assert!(presence.occupied(APP, channel.as_bytes()).expect("an answer"));
        assert_eq!(presence.count(APP, channel.as_bytes()), Ok(1));
        let members = presence.members(APP, channel.as_bytes(), None, 10).expect("a page");
        assert_eq!((members.names, members.next), (vec![format!("user-{n}").into_bytes()], None));
    }
    let sender = EventSender::of(config(&redis, SHARDS)).expect("a sender");
    for n in 0..20 {
        assert_eq!(sender.send(APP, "order.paid", Some(format!("orders-{n}").as_bytes()), Some(b"7")), Ok(true));
    }
    assert_eq!(sender.send(APP, "order.paid", None, Some(b"7")), Ok(true));
    let sent = || -> usize {
        let count = |request: &Received| request.json()["events"].as_array().map_or(0, Vec::len);
        receiver.received("/hook").iter().map(count).sum()
    };
    eventually("the events", || sent() == 21);
    assert!(node.end(Duration::from_secs(1)).is_nothing());
}

#[test]
fn the_status_has_every_shard_and_sums_them_up() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(503));
    let node = engine(&redis, &receiver, &json!({ "connection": connection(&redis, SHARDS), "retry_for": 600 }));
    for n in 0..40 {
        node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
    }
    all_decided(&node);
    let mut cluster = Cluster::of(&config(&redis, SHARDS)).expect("a client");
    eventually("the record of the node", || cluster.status().is_ok_and(|status| !status.channels.is_empty()));
    let status = cluster.status().expect("a status");
    assert_eq!((status.channels["app"], status.outbox.events, status.outbox.partitions.len()), (40, 40, 64));
    assert_eq!(status.shards.len(), usize::from(SHARDS));
    let events: Vec<usize> = status.shards.iter().map(|shard| shard.events).collect();
    assert!(events.iter().all(|events| *events > 3) && events.iter().sum::<usize>() == 40, "{events:?}");
    assert!(status.shards.iter().all(|shard| shard.error.is_none() && shard.slot.is_none()));
    eventually("the node to own all partitions under one name", || {
        let status = cluster.status().expect("a status");
        let owners = status.outbox.partitions.iter().map(|partition| partition.owner.as_deref());
        owners.collect::<BTreeSet<_>>() == BTreeSet::from([Some(status.nodes[0].record.node.as_str())])
    });
}

#[test]
fn a_config_with_another_number_of_shards_is_refused_by_name() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let owner = node(&redis, &receiver, SHARDS);
    owner.subscribed(APP, b"news", b"1.1", None);
    all_decided(&owner);
    for (wrong, prefix) in [(1, "wh"), (2, "{wh:0}"), (8, "{wh:0}")] {
        let of = |prefix: &str| {
            format!("the data under the prefix {prefix:?} has another number of shards (4) than this config ({wrong})")
        };
        let expected = of(prefix);
        let other = node(&redis, &receiver, wrong);
        other.subscribed(APP, b"other", b"2.2", None);
        let mut log = Vec::new();
        eventually("the refusal", || {
            log.extend(errors(&other));
            log.iter().any(|line| line.contains(&of("wh")))
        });
        std::thread::sleep(Duration::from_millis(300));
        log.extend(errors(&other));
        assert_eq!(log.len(), 1, "{wrong} shards: {log:?}");
        assert!(log[0].contains("Set connection.shards to the number of the data"), "{log:?}");
        let config = config(&redis, wrong);
        let mut dead_letters = DeadLetters::of(&config).expect("dead letters");
        let refused = dead_letters.count().expect_err("another number").to_string();
        assert!(refused.contains(&expected), "{wrong} shards: {refused}");
        let sender = EventSender::of(config.clone()).expect("a sender");
        for n in 0..20 {
            let channel = format!("orders-{n}");
            let refused = sender.send(APP, "order.paid", Some(channel.as_bytes()), None).expect_err("another number");
            assert!(
                refused.to_string().contains("has another number of shards (4) than this config"),
                "{wrong} shards: {refused}"
            );
        }
        let presence = Presence::of(config.clone()).expect("a reader");
        for n in 0..20 {
            let refused = presence.occupied(APP, format!("news-{n}").as_bytes()).expect_err("another number");
            assert!(
                refused.to_string().contains("has another number of shards (4) than this config"),
                "{wrong} shards: {refused}"
            );
        }
        let status = Cluster::of(&config).expect("a client").status().expect("a status");
        assert_eq!(status.identity.mismatch.as_deref(), Some(expected.as_str()));
        other.stop(std::time::Instant::now() + Duration::from_secs(1));
    }
    owner.closed(APP, b"1.1");
    all_decided(&owner);
    eventually("only the owner's edges", || events(&receiver) == ["channel_occupied news", "channel_vacated news"]);
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut redis.connect()).expect("keys");
    let known: Vec<String> =
        (0..SHARDS).map(|shard| format!("{{wh:{shard}}}:")).chain(["wh:epoch".to_owned()]).collect();
    assert!(keys.iter().all(|key| known.iter().any(|known| key.starts_with(known))), "{keys:?}");
}

#[test]
fn several_shards_do_not_begin_beside_the_data_of_one() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let owner = node(&redis, &receiver, 1);
    owner.subscribed(APP, b"news", b"1.1", None);
    all_decided(&owner);
    let other = node(&redis, &receiver, SHARDS);
    let mut log = Vec::new();
    eventually("the refusal", || {
        log.extend(errors(&other));
        !log.is_empty()
    });
    let expected = "the data under the prefix \"wh\" has another number of shards (1) than this config (4)";
    assert!(log.len() == 1 && log[0].contains(expected), "{log:?}");
    let sender = EventSender::of(config(&redis, SHARDS)).expect("a sender");
    let refused = sender.send(APP, "order.paid", Some(b"orders"), None).expect_err("another number").to_string();
    assert!(refused.contains(expected), "{refused}");
}

#[test]
fn an_adoption_covers_every_shard() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let settings = |name: &str| json!({ "connection": connection(&redis, SHARDS), "cluster": { "name": name } });
    let owner = engine(&redis, &receiver, &settings("old"));
    owner.subscribed(APP, b"news", b"1.1", None);
    all_decided(&owner);
    assert!(owner.stop(std::time::Instant::now() + Duration::from_secs(2)));
    let config = Config::from_value(settings("new")).expect("a config");
    let mut cluster = Cluster::of(&config).expect("a client");
    assert_eq!(cluster.adopt().expect("an answer"), Adoption::Adopted("old".to_owned()));
    assert_eq!(cluster.adopt().expect("an answer"), Adoption::Own);
    let heir = engine(&redis, &receiver, &settings("new"));
    for n in 0..20 {
        heir.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
    }
    all_decided(&heir);
    assert_eq!(errors(&heir), Vec::<String>::new());
}
