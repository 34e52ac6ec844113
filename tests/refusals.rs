//! Redis refuses calls: it is full, lacks replicas, or its user lacks rights. Deliveries continue as far as Redis
//! allows.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redis::Commands;
use resonate_webhooks::admin::{Adoption, Cluster as Status, Presence, Refusals};
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::outbox::{DeadLetters, EventSender};
use resonate_webhooks::telemetry::{Level, Outcome};
use serde_json::json;
use support::cluster::{Cluster, stat};
use support::engine::{APP, engine, eventually};
use support::receiver::{Answer, Receiver};
use support::redis::{RedisServer, documented_acl};

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

#[test]
fn the_check_tries_every_documented_right() {
    let tried = include_str!("../src/admin/scripts/rights.lua");
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
