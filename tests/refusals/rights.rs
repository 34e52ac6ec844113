//! The rights of Redis' user: the documented ones are enough, and a missing one is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redis::Commands;
use resonate_webhooks::admin::{Adoption, Cluster as Status, Presence, Refusals};
use resonate_webhooks::config::Config;
use resonate_webhooks::outbox::{DeadLetters, EventSender};
use serde_json::json;

use crate::support::cluster::{Cluster, stat};
use crate::support::engine::{APP, engine, eventually};
use crate::support::receiver::{Answer, Receiver};
use crate::support::redis::{RedisServer, documented_acl};
use crate::{errors, lease_of, once_each, subscribe};

/// Starts a server with a user that has exactly the documented rights. Returns it with the `connection` of that user.
fn with_documented_rights() -> (RedisServer, serde_json::Value) {
    let (redis, mut acl) = (RedisServer::start(), documented_acl());
    if is_six(&redis) {
        for word in &mut acl {
            *word = word.replace("%R~", "~");
        }
    }
    redis::cmd(&acl[0]).arg(&acl[1..]).exec(&mut redis.connect()).unwrap();
    let connection = json!({ "host": redis.socket(), "username": acl[2], "password": "secret", "timeout": 1 });
    (redis, connection)
}

/// Returns true before Redis 7, which has key patterns for reading.
fn is_six(redis: &RedisServer) -> bool {
    info(redis).contains("redis_version:6.")
}

/// Returns true if the server names a command that a script may not call, as Redis does since 7.2.
fn names_commands(redis: &RedisServer) -> bool {
    !["6.", "7.0."].iter().any(|version| info(redis).contains(&format!("redis_version:{version}")))
}

fn info(redis: &RedisServer) -> String {
    redis::cmd("INFO").arg("server").query(&mut redis.connect()).unwrap()
}

fn assert_nothing_was_denied(redis: &RedisServer) {
    let denied: Vec<redis::Value> = redis::cmd("ACL").arg("LOG").query(&mut redis.connect()).unwrap();
    assert!(denied.is_empty(), "{denied:?}");
}

fn has_received(receiver: &Receiver, event: &str) -> bool {
    receiver.received("/hook").iter().any(|request| request.events().iter().any(|e| e.starts_with(event)))
}

#[test]
fn the_documented_rights_are_enough_for_everything() {
    let ((redis, connection), receiver) = (with_documented_rights(), Receiver::start());
    receiver.script("/hook", [Answer::Status(500)]);
    let endpoints = json!([{
        "url": receiver.url("/hook"),
        "id": "hook",
        "events": ["channel_occupied", "channel_vacated", "member_added", "member_removed", "subscription_count", "cache_miss", "order.*"],
    }]);
    let settings = json!({
        "connection": connection, "max_attempts": 1, "departure_grace": 0.1, "subscription_count_interval": 0.1,
        "endpoints": endpoints, "outbox_max_bytes": 1_048_576,
    });
    let node = engine(&redis, &receiver, &settings);
    let config = json!({ "connection": connection, "endpoints": endpoints, "outbox_max_bytes": 1_048_576 });
    let config = Config::from_value(config).unwrap();
    let mut dead_letters = DeadLetters::of(&config).unwrap();
    node.subscribed(APP, b"presence-cache-room", b"1.1", Some(b"7"));
    eventually("a dead letter", || dead_letters.count().unwrap() > 0);
    assert!(dead_letters.retry_all().unwrap() > 0);
    eventually("no dead letter to be left", || dead_letters.count().unwrap() == 0);
    let presence = Presence::of(config.clone()).unwrap();
    assert_eq!(presence.channels(APP, b"presence-", None, 10).unwrap().names, [b"presence-cache-room"]);
    assert_eq!(presence.members(APP, b"presence-cache-room", None, 10).unwrap().names, [b"7"]);
    assert_eq!(presence.count(APP, b"presence-cache-room"), Ok(1));
    node.cache_seen(APP, b"presence-cache-room", true);
    node.unsubscribed(APP, b"presence-cache-room", b"1.1");
    eventually("channel_vacated", || has_received(&receiver, "channel_vacated"));
    assert_eq!(EventSender::of(config.clone()).unwrap().send(APP, "order.paid", Some(b"orders"), None), Ok(true));
    eventually("the event of another process", || has_received(&receiver, "order.paid"));
    let mut status = Status::of(&config).unwrap();
    assert_eq!(status.refusals().unwrap(), Refusals::default());
    status.pause("hook").unwrap();
    status.resume("hook").unwrap();
    status.watch(None).unwrap();
    eventually("the record of the node", || !status.status().unwrap().nodes.is_empty());
    assert!(node.end(Duration::from_secs(5)).is_nothing());
    assert_nothing_was_denied(&redis);
}

#[test]
fn the_documented_rights_are_enough_to_restore_and_to_adopt_data() {
    let ((redis, connection), receiver) = (with_documented_rights(), Receiver::start());
    let settings = json!({ "connection": connection, "cluster_name": "shop", "departure_grace": 0.1 });
    let node = engine(&redis, &receiver, &settings);
    subscribe(&node, 0..3);
    eventually("the first edges", || stat(&node, "edges") == 3);
    redis::cmd("FLUSHALL").exec(&mut redis.connect()).unwrap();
    eventually("the lost holds to be restored", || stat(&node, "hold_rebuilds") == 1);
    subscribe(&node, 3..4);
    eventually("another edge", || has_received(&receiver, "channel_occupied c3"));
    let other = json!({ "connection": connection, "cluster_name": "store" });
    let mut status = Status::of(&Config::from_value(other).unwrap()).unwrap();
    assert_eq!(status.adopt().unwrap(), Adoption::Adopted("shop".to_owned()));
    drop(node);
    assert_nothing_was_denied(&redis);
}

#[test]
fn an_adoption_without_a_right_changes_nothing() {
    let cluster = Cluster::start();
    let node = cluster.node_with(&json!({ "cluster_name": "shop" }));
    eventually("a lease", || lease_of(&cluster.redis).is_some());
    let settings = json!({ "connection": { "host": cluster.redis.socket() }, "cluster_name": "store" });
    let mut status = Status::of(&Config::from_value(settings).unwrap()).unwrap();
    let mut admin = cluster.redis.connect();
    for right in ["hset", "zadd"] {
        redis::cmd("ACL").arg(&["SETUSER", "default", &format!("-{right}")]).exec(&mut admin).unwrap();
        let error = status.adopt().unwrap_err().to_string();
        redis::cmd("ACL").arg(&["SETUSER", "default", &format!("+{right}")]).exec(&mut admin).unwrap();
        assert!(error.contains(&format!("'{right}'")) || !names_commands(&cluster.redis), "{error}");
        assert!(error.contains("grant its user that right"), "{error}");
        assert!(lease_of(&cluster.redis) > Some(0.0), "{right}");
        assert_eq!(status.status().unwrap().identity.data.as_deref(), Some("shop"), "{right}");
    }
    drop(node);
}

#[test]
fn the_check_tries_every_documented_right() {
    let tried = include_str!("../../src/admin/scripts/rights.lua");
    // Without these there is no connection, no script, or only less information.
    let others = ["+eval", "+evalsha", "+select", "+scan", "+role", "+info", "+ping", "+config|get", "+client|setname"];
    let rights = documented_acl().into_iter().filter(|word| word.starts_with('+') && !others.contains(&word.as_str()));
    let untried: Vec<String> =
        rights.filter(|right| !tried.contains(&format!("'{}'", right[1..].to_uppercase()))).collect();
    assert!(untried.is_empty(), "{untried:?}");
}

/// Returns all Lua files in a folder.
/// Leaves out what runs on a queue's Redis, which belongs to the application.
fn scripts_in(folder: &Path) -> Vec<String> {
    if folder.ends_with("delivery/queue") {
        return Vec::new();
    }
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| match path.extension() {
        _ if path.is_dir() => scripts_in(&path),
        Some(extension) if extension == "lua" => vec![fs::read_to_string(&path).unwrap()],
        _ => Vec::new(),
    };
    entries.flat_map(read).collect()
}

#[test]
fn the_documented_rights_cover_every_command_of_every_script() {
    let acl: BTreeSet<String> = documented_acl().into_iter().collect();
    let mut commands = BTreeSet::new();
    for script in scripts_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        // Commands are quoted names in upper case at their calls, and nothing else is written like that.
        let code = script.lines().map(|line| line.split("--").next().unwrap()).collect::<Vec<_>>().join("\n");
        let quoted = code.split('\'').skip(1).step_by(2);
        let words = quoted.filter(|text| text.len() > 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()));
        commands.extend(words.map(|word| format!("+{}", word.to_lowercase())));
    }
    let options = "count incr incrby limit maxlen minid nomkstream overflow rev sat streams withscores wrongtype";
    let options: BTreeSet<String> = options.split(' ').map(|option| format!("+{option}")).collect();
    let missing: Vec<&String> = commands.difference(&acl).filter(|command| !options.contains(*command)).collect();
    assert!(commands.len() > 30 && missing.is_empty(), "{missing:?} of {commands:?}");
}

#[test]
fn events_are_read_while_a_partition_cannot_be_released() {
    let cluster = Cluster::start();
    let (url, mut admin) = (cluster.receiver.url("/hook"), cluster.redis.connect());
    let settings = json!({ "endpoints": { "hook": { "url": url } } });
    let mut config = settings.clone();
    config["connection"] = json!({ "host": cluster.redis.socket() });
    let mut operator = Status::of(&Config::from_value(config).unwrap()).unwrap();
    assert!(operator.pause("hook").unwrap());
    let node = cluster.node_with(&settings);
    let mut channels = 0;
    // The node releases the 4 empty partitions at once, and 4 others after their events.
    while admin.keys::<_, Vec<String>>("wh:out:*").unwrap().len() < 12 {
        subscribe(&node, channels..channels + 1);
        channels += 1;
        eventually("the event in its lane", || stat(&node, "queued_events") == channels as u64);
    }
    let newcomer = cluster.node_with(&settings);
    eventually("the empty partitions at the other node", || {
        let owners: BTreeMap<String, String> = admin.hgetall("wh:owners").unwrap();
        let mut partitions: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, node) in owners.values().filter_map(|owner| owner.split_once(' ')) {
            *partitions.entry(node).or_default() += 1;
        }
        partitions.values().copied().collect::<BTreeSet<_>>() == BTreeSet::from([4, 12])
    });
    redis::cmd("ACL").arg(&["SETUSER", "default", "-xtrim"]).exec(&mut admin).unwrap();
    assert!(operator.resume("hook").unwrap());
    eventually("the events in flight", || cluster.counts().len() == channels);
    let answered = Instant::now();
    // Longer than two assignments.
    while answered.elapsed() < Duration::from_secs(3) {
        let delivered = stat(&node, "events_delivered");
        subscribe(&node, channels..channels + 50);
        channels += 50;
        eventually("some of the events", || stat(&node, "events_delivered") > delivered);
    }
    redis::cmd("ACL").arg(&["SETUSER", "default", "+xtrim"]).exec(&mut admin).unwrap();
    eventually("all events", || cluster.counts().len() == channels);
    once_each(&cluster.counts(), channels);
    drop((node, newcomer));
}

#[test]
fn a_missing_right_is_named_and_no_event_is_missing_once_it_is_granted() {
    let cluster = Cluster::start();
    let mut admin = cluster.redis.connect();
    let mut right = |right: &str| redis::cmd("ACL").arg(&["SETUSER", "default", right]).exec(&mut admin).unwrap();
    right("-xadd");
    let node = cluster.node();
    subscribe(&node, 0..20);
    let mut said = Vec::new();
    eventually("an error that names the right", || {
        said.extend(errors(&node));
        let names = |error: &String| error.contains("'xadd'") || !names_commands(&cluster.redis);
        said.iter().any(|error| names(error) && error.contains("docs/configuration.md"))
    });
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(stat(&node, "redis_errors") > 0);
    right("-hset");
    right("+xadd");
    if names_commands(&cluster.redis) {
        eventually("an error that names the other right", || {
            errors(&node).iter().any(|error| error.contains("'hset'"))
        });
    }
    right("+hset");
    eventually("all events", || cluster.counts().len() == 20);
    once_each(&cluster.counts(), 20);
}
