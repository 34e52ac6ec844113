//! Servers that cannot be used, or not any more. The log names each with its remedy, and it is counted.

#![allow(clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};
use resonate_webhooks::admin::Cluster;
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::event::Shard;
use resonate_webhooks::redis::{Link, LinkError, Settings, Unfit};
use resonate_webhooks::telemetry::{Level, Outcome, Telemetry};
use serde_json::{Value, json};
use support::cluster::stat;
use support::engine::{APP, engine, eventually};
use support::forwarder::Forwarder;
use support::receiver::{Received, Receiver};
use support::redis::RedisServer;

/// Returns a link with these settings, and its telemetry.
fn link(settings: &Value) -> (Link, Arc<Telemetry>) {
    let config = Config::from_value(settings.clone()).expect("a valid config");
    let telemetry = Arc::new(Telemetry::default());
    (Link::new(Settings::of(&config, Shard::FIRST).expect("usable settings"), Arc::clone(&telemetry)), telemetry)
}

fn link_to(port: u16) -> (Link, Arc<Telemetry>) {
    link(&json!({ "connection": { "port": port }, "ttl": 3 }))
}

fn ping(connection: &mut Connection) -> RedisResult<()> {
    redis::cmd("PING").exec(connection)
}

fn client_id(connection: &mut Connection) -> RedisResult<u64> {
    redis::cmd("CLIENT").arg("ID").query(connection)
}

fn log(telemetry: &Telemetry) -> Vec<(Level, String)> {
    let lines = telemetry.outcomes.take(usize::MAX).into_iter().map(|outcome| match outcome {
        Outcome::Log { level, message } => (level, message),
        other => panic!("not a log line: {other:?}"),
    });
    lines.collect()
}

/// Asserts that the server behind `port` is refused with this reason: by a link, once in the log as an error, in the
/// counters, and by `check`.
fn assert_refused(port: u16, reason: &str) {
    let (mut link, telemetry) = link_to(port);
    let error = link.with(ping).expect_err("a refusal");
    assert!(matches!(error, LinkError::Unfit(_)), "{error:?}");
    let wait = link.ready_at().expect("a wait").saturating_duration_since(Instant::now());
    assert!(wait > Duration::from_secs(4), "the wait is long, because an operator must fix it: {wait:?}");
    let message = format!("Redis at 127.0.0.1:{port} cannot be used: {reason}; events wait");
    assert_eq!(log(&telemetry), [(Level::Error, message)]);
    assert_eq!(telemetry.counters.redis_errors.get(), 1);

    let config = Config::from_value(json!({ "connection": { "port": port } })).expect("a valid config");
    let error = Cluster::of(&config).expect("usable settings").status().expect_err("a refusal");
    assert_eq!(error.to_string(), format!("Redis at 127.0.0.1:{port}: cannot be used: {reason}"));
}

/// Makes the server a replica of another one, or of none.
fn replicate(server: &RedisServer, host: &str, port: &str) {
    redis::cmd("REPLICAOF").arg(host).arg(port).exec(&mut server.connect()).expect("a new role");
}

#[test]
fn a_redis_below_six_two_is_refused_by_name() {
    let server = RedisServer::start();
    let info: String = redis::cmd("INFO").arg("server").query(&mut server.connect()).expect("INFO");
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let (major, rest) = field("redis_version").expect("a version").split_at(1);
    let old = Forwarder::rewriting(server.port(), format!("redis_version:{major}").leak(), "redis_version:5");
    let valkey = field("valkey_version").map(|version| format!("Valkey {version}, compatible with "));
    let name = format!("{}Redis 5{rest}", valkey.unwrap_or_default());
    let reason = "and Redis 6.2 or later is required: update it, or replace it with Valkey";
    assert_refused(old.port(), &format!("it is {name}, {reason}"));
}

#[test]
fn a_node_of_a_cluster_is_refused_as_such() {
    let server = RedisServer::start_with(&["--cluster-enabled", "yes"]);
    let slots: Vec<u16> = (0..=16383).collect();
    redis::cmd("CLUSTER").arg("ADDSLOTS").arg(slots).exec(&mut server.connect()).expect("one shard");
    let reason = "it is in cluster mode: list servers of its cluster in resonate-webhooks.connection.cluster";
    assert_refused(server.port(), reason);
}

#[test]
fn a_sentinel_is_refused_as_such() {
    let master = RedisServer::start();
    let sentinel = RedisServer::start_sentinel_of(&master);
    let reason = "it is a Sentinel, which keeps no data: list it in resonate-webhooks.connection.sentinels";
    assert_refused(sentinel.port(), reason);
}

#[test]
fn a_server_without_scripts_is_refused_with_its_own_reason() {
    let server = RedisServer::start_with(&["--rename-command", "EVALSHA", ""]);
    let (mut link, _) = link_to(server.port());
    let error = link.with(ping).unwrap_err();
    let LinkError::Unfit(Unfit::Scripts(reason)) = error else { panic!("{error:?}") };
    assert!(reason.replace('`', "'").starts_with("ERR unknown command 'EVALSHA'"), "{reason}");
    assert_refused(
        server.port(),
        &format!(
            "it refuses our scripts ({reason}): use Redis 6.2 or later, or Valkey, without a proxy that takes no scripts"
        ),
    );
}

#[test]
fn information_hidden_by_an_acl_is_no_reason_to_refuse_the_server() {
    let rights = ["on", ">secret", "~*", "+@all", "-info", "-role", "-client", "-script", "-evalsha", "-ping"];
    let server = RedisServer::start_with(&[&["--user", "app"], &rights[..]].concat());
    let (mut link, telemetry) = link(&json!({
        "connection": { "port": server.port(), "username": "app", "password": "secret" },
        "ttl": 3,
    }));
    let get = |connection: &mut Connection| redis::cmd("GET").arg("key").query::<Option<String>>(connection);
    assert_eq!(link.with(get), Ok(None));
    // Twice: the role is checked again, and so is an idle connection.
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(1100));
        assert_eq!(link.with(get), Ok(None));
    }
    assert_eq!((log(&telemetry), telemetry.counters.redis_errors.get()), (Vec::new(), 0));
}

#[test]
fn a_server_that_is_full_or_cannot_save_is_not_refused_as_one_without_scripts() {
    let server = RedisServer::start_with(&["--maxmemory", "1"]);
    let (mut link, _) = link_to(server.port());
    assert_eq!(link.with(ping), Ok(()));
}

#[test]
fn a_replica_is_waited_for_until_a_proxy_leads_to_the_master() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    replicate(&old, "127.0.0.1", &new.port().to_string());
    let proxy = Forwarder::to(old.port());
    let (mut link, telemetry) = link_to(proxy.port());
    assert_eq!(link.with(ping), Err(LinkError::Unfit(Unfit::Replica)));
    proxy.lead_to(new.port());
    eventually("a connection to the master", || link.with(ping) == Ok(()));
    let levels: Vec<Level> = log(&telemetry).into_iter().map(|(level, _)| level).collect();
    assert_eq!(levels, [Level::Warning, Level::Info]);
}

/// Returns the port of the server at the other end of a connection.
fn port(connection: &mut Connection) -> RedisResult<u16> {
    let (_, port): (String, u16) = redis::cmd("CONFIG").arg("GET").arg("port").query(connection)?;
    Ok(port)
}

/// Asserts that a link which only reads leaves a demoted master although the connection is kept.
fn assert_leaves_a_demoted_master(rights: &[&str]) {
    let options = [&["--user", "app", "on", ">secret", "~*", "+@all"], rights].concat();
    let (old, new) = (RedisServer::start_with(&options), RedisServer::start_with(&options));
    let proxy = Forwarder::to(old.port());
    let login = json!({ "port": proxy.port(), "username": "app", "password": "secret" });
    let (mut link, _) = link(&json!({ "connection": login, "ttl": 3 }));
    assert_eq!(link.with(port), Ok(old.port()));
    proxy.lead_to(new.port());
    assert_eq!(link.with(port), Ok(old.port()), "the proxy keeps the connection");

    replicate(&old, "127.0.0.1", "1");
    let demoted = Instant::now();
    eventually("a connection to the next master", || link.with(port) == Ok(new.port()));
    assert!(demoted.elapsed() < Duration::from_secs(3), "within one lease: {:?}", demoted.elapsed());
}

#[test]
fn a_link_that_only_reads_leaves_a_demoted_master_within_one_lease() {
    assert_leaves_a_demoted_master(&[]);
}

#[test]
fn a_link_that_may_not_ask_for_the_role_leaves_a_demoted_master_within_one_lease() {
    assert_leaves_a_demoted_master(&["-role", "-info"]);
}

#[test]
fn deliveries_continue_when_a_proxy_keeps_the_connections_to_a_demoted_master() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    replicate(&new, "127.0.0.1", &old.port().to_string());
    let proxy = Forwarder::to(old.port());
    let receiver = Receiver::start();
    let node = engine(&old, &receiver, &json!({ "connection": { "port": proxy.port(), "timeout": 1 } }));
    subscribe(&node, "before");
    eventually("the first edge", || events(&receiver).contains(&"channel_occupied before".to_owned()));
    eventually("the replica to catch up", || {
        redis::cmd("EXISTS").arg("wh:channels:app").query::<bool>(&mut new.connect()) == Ok(true)
    });

    replicate(&new, "NO", "ONE");
    proxy.lead_to(new.port());
    replicate(&old, "127.0.0.1", &new.port().to_string());
    subscribe(&node, "after");
    eventually("an edge from the new master", || events(&receiver).contains(&"channel_occupied after".to_owned()));
    eventually("an empty queue", || stat(&node, "queued_events") == 0);
}

#[test]
fn a_redis_that_may_lose_events_is_logged_once_at_boot() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    let receiver = Receiver::start();
    let node = engine(&server, &receiver, &json!({}));
    let mut lines: Vec<String> = Vec::new();
    let mut take = || {
        lines.extend(node.poll(usize::MAX).into_iter().filter_map(|outcome| match outcome {
            Outcome::Log { level: Level::Warning, message } => Some(message),
            _ => None,
        }));
        lines.clone()
    };
    eventually("the warning", || !take().is_empty());
    // The next record is written 2 s later.
    subscribe(&node, "a");
    let written = stat(&node, "redis_requests");
    eventually("further requests of the node", || stat(&node, "redis_requests") > written + 5);
    let expected = format!(
        "Redis at {} may lose events: it evicts keys when its memory is full (allkeys-lru): set \
         \"maxmemory-policy noeviction\" in its config; it keeps nothing on disk: set \"appendonly yes\" in its config",
        server.socket().display(),
    );
    assert_eq!(take(), [expected]);
}

fn subscribe(node: &Engine, channel: &str) {
    node.subscribed(APP, channel.as_bytes(), b"1.1", None);
}

fn events(receiver: &Receiver) -> Vec<String> {
    receiver.received("/hook").iter().flat_map(Received::events).collect()
}

#[test]
fn a_connection_that_redis_closed_as_idle_is_replaced_without_a_log_line() {
    let server = RedisServer::start_with(&["--timeout", "1"]);
    let (mut link, telemetry) = link(&json!({ "connection": { "port": server.port() } }));
    let before = link.with(client_id).unwrap();
    let mut watcher = server.connect();
    eventually("Redis to close the connection", || {
        let clients: String = redis::cmd("CLIENT").arg("LIST").query(&mut watcher).expect("a list");
        !clients.contains("name=resonate-webhooks")
    });
    assert_ne!(link.with(client_id).unwrap(), before);
    assert_eq!((log(&telemetry), telemetry.counters.redis_errors.get()), (Vec::new(), 0));
}

#[test]
fn a_redis_that_died_between_two_calls_is_an_outage() {
    let mut server = RedisServer::start();
    let (mut link, telemetry) = link_to(server.port());
    assert_eq!(link.with(ping), Ok(()));
    server.kill();
    thread::sleep(Duration::from_millis(1100));
    assert!(matches!(link.with(ping), Err(LinkError::Unreachable(_))));
    assert_eq!(telemetry.counters.redis_errors.get(), 1);
}

#[test]
fn a_rejected_call_counts_as_an_error_each_time() {
    let server = RedisServer::start();
    let (mut link, telemetry) = link_to(server.port());
    for count in 1..=2 {
        eventually("the end of the wait", || link.ready_at().is_none());
        assert!(matches!(link.with(|redis| redis::cmd("NONSENSE").exec(redis)), Err(LinkError::Rejected(_))));
        assert_eq!(telemetry.counters.redis_errors.get(), count);
    }
    assert_eq!(log(&telemetry).len(), 1);
}
