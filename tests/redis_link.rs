//! The link to real Redis servers: every way to connect, and every way to lose a connection.

#![allow(clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};
use resonate_webhooks::config::Config;
use resonate_webhooks::event::Shard;
use resonate_webhooks::redis::{Link, LinkError, Settings, WriteRefusal};
use resonate_webhooks::telemetry::{Level, Outcome, Telemetry};
use serde_json::{Value, json};
use support::certificates::PrivateCa;
use support::redis::RedisServer;

/// Returns a link with the given `connection` config, and its telemetry.
fn link(connection: &Value) -> (Link, Arc<Telemetry>) {
    let config = Config::from_value(json!({ "connection": connection })).expect("a valid config");
    let telemetry = Arc::new(Telemetry::default());
    (Link::new(Settings::of(&config, Shard::FIRST).expect("usable settings"), Arc::clone(&telemetry)), telemetry)
}

/// Returns a link to `server` over TCP.
fn link_to(server: &RedisServer) -> (Link, Arc<Telemetry>) {
    link(&json!({"port": server.port()}))
}

fn ping(connection: &mut Connection) -> RedisResult<()> {
    redis::cmd("PING").exec(connection)
}

fn whoami(connection: &mut Connection) -> RedisResult<String> {
    redis::cmd("ACL").arg("WHOAMI").query(connection)
}

/// Returns the server's id of the connection, which shows whether it is still the same.
fn client_id(connection: &mut Connection) -> RedisResult<u64> {
    redis::cmd("CLIENT").arg("ID").query(connection)
}

fn set(connection: &mut Connection) -> RedisResult<()> {
    redis::cmd("SET").arg("key").arg("value").exec(connection)
}

/// Repeats a call until it succeeds, with the waits of the link.
fn persist<T>(link: &mut Link, call: impl Fn(&mut Connection) -> RedisResult<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match link.with(&call) {
            Ok(value) => return value,
            Err(error) => assert!(Instant::now() < deadline, "no success in time: {error}"),
        }
        if let Some(ready_at) = link.ready_at() {
            thread::sleep(ready_at.saturating_duration_since(Instant::now()));
        }
    }
}

/// Returns the log lines so far.
fn log(telemetry: &Telemetry) -> Vec<(Level, String)> {
    let lines = telemetry.outcomes.take(usize::MAX).into_iter().map(|outcome| match outcome {
        Outcome::Log { level, message } => (level, message),
        other => panic!("not a log line: {other:?}"),
    });
    lines.collect()
}

/// Returns the only log line so far.
fn only_line(telemetry: &Telemetry) -> (Level, String) {
    let lines = log(telemetry);
    match <[_; 1]>::try_from(lines) {
        Ok([message]) => message,
        Err(lines) => panic!("expected one line: {lines:?}"),
    }
}

#[test]
fn it_connects_over_tcp_and_through_a_socket_file() {
    let server = RedisServer::start();
    let socket = server.socket();
    for connection in [
        json!({"host": "127.0.0.1", "port": server.port()}),
        json!({"host": "tcp://localhost", "port": server.port().to_string()}),
        json!({"url": format!("redis://127.0.0.1:{}", server.port())}),
        json!({"host": &socket}),
        json!({"url": format!("unix://{}", socket.display())}),
    ] {
        let (mut link, telemetry) = link(&connection);
        assert_eq!(link.with(ping), Ok(()), "{connection}");
        assert_eq!(log(&telemetry), [], "a working connection is not logged");
    }
}

#[test]
fn it_keeps_its_connection() {
    let server = RedisServer::start();
    let (mut link, _) = link_to(&server);
    let first = link.with(client_id).unwrap();
    assert_eq!(link.with(client_id), Ok(first));
}

#[test]
fn it_logs_in_with_a_password() {
    let server = RedisServer::start_with(&["--requirepass", "p@ss/word"]);
    for connection in [
        json!({"port": server.port(), "password": "p@ss/word"}),
        json!({"url": format!("redis://:p%40ss%2Fword@127.0.0.1:{}", server.port())}),
        json!({"url": format!("unix://:p%40ss%2Fword@{}", server.socket().display())}),
    ] {
        assert_eq!(link(&connection).0.with(ping), Ok(()), "{connection}");
    }
}

#[test]
fn it_logs_in_as_an_acl_user() {
    let server = RedisServer::start_with(&["--user", "app", "on", ">hunter2", "~*", "+@all"]);
    let (mut as_app, _) = link(&json!({"port": server.port(), "username": "app", "password": "hunter2"}));
    assert_eq!(as_app.with(whoami), Ok("app".to_owned()));

    let (mut without_password, _) = link(&json!({"port": server.port(), "username": "app"}));
    assert_eq!(without_password.with(whoami), Ok("default".to_owned()));
}

#[test]
fn it_works_in_the_database_of_the_roster() {
    let server = RedisServer::start();
    let (mut link, _) = link(&json!({"port": server.port(), "database": "3"}));
    link.with(set).unwrap();
    let mut direct = server.connect();
    redis::cmd("SELECT").arg(3).exec(&mut direct).unwrap();
    assert_eq!(redis::cmd("EXISTS").arg("key").query(&mut direct), Ok(1));
}

#[test]
fn a_wrong_or_missing_password_is_logged_once_by_the_name_of_its_setting() {
    let server = RedisServer::start_with(&["--requirepass", "right"]);
    for (password, code) in [(json!("hunter2"), "WRONGPASS"), (json!(null), "NOAUTH")] {
        let (mut link, telemetry) = link(&json!({"port": server.port(), "password": password}));
        let error = link.with(ping).unwrap_err();
        assert!(matches!(error, LinkError::Refused { key: "password", .. }), "{error:?}");
        assert!(matches!(link.with(ping), Err(LinkError::NotYet(_))), "the link must wait before it tries again");

        let (level, message) = only_line(&telemetry);
        assert_eq!(level, Level::Error);
        let start = format!("Redis at 127.0.0.1:{} refuses the connection ({code} ", server.port());
        assert!(message.starts_with(&start), "{message}");
        assert!(message.ends_with("): check resonate-webhooks.connection.password; events wait"), "{message}");
        assert!(!message.contains("hunter2"));
        assert_eq!(telemetry.counters.redis_errors.get(), 1);
    }
}

#[test]
fn a_password_for_a_server_without_one_blames_the_password() {
    let server = RedisServer::start();
    let (mut link, _) = link(&json!({"port": server.port(), "password": "hunter2"}));
    let error = link.with(ping).unwrap_err();
    assert!(matches!(error, LinkError::Refused { key: "password", .. }), "{error:?}");
}

#[test]
fn a_missing_database_blames_the_database() {
    let server = RedisServer::start();
    let (mut link, telemetry) = link(&json!({"port": server.port(), "database": 99}));
    assert!(matches!(link.with(ping), Err(LinkError::Refused { key: "database", .. })));
    let (_, message) = only_line(&telemetry);
    assert!(message.ends_with("check resonate-webhooks.connection.database; events wait"), "{message}");
}

#[test]
fn it_trusts_a_private_authority_from_ca_file() {
    let ca = PrivateCa::new();
    let server = RedisServer::start_with_tls(&ca, &["--tls-auth-clients", "no"]);
    let port = server.tls_port();
    for connection in [
        json!({"host": "tls://localhost", "port": port, "ca_file": ca.file()}),
        json!({"url": format!("rediss://localhost:{port}"), "ca_file": ca.file()}),
    ] {
        assert_eq!(link(&connection).0.with(ping), Ok(()), "{connection}");
    }
}

#[test]
fn it_trusts_neither_an_unknown_authority_nor_a_wrong_name() {
    let ca = PrivateCa::new();
    let server = RedisServer::start_with_tls(&ca, &["--tls-auth-clients", "no"]);
    for (connection, reason) in [
        (json!({"host": "tls://localhost", "port": server.tls_port()}), "UnknownIssuer"),
        (json!({"host": "tls://127.0.0.1", "port": server.tls_port(), "ca_file": ca.file()}), "not valid for name"),
    ] {
        let error = link(&connection).0.with(ping).unwrap_err();
        assert!(matches!(&error, LinkError::Unreachable(text) if text.contains(reason)), "{connection}: {error}");
    }
}

#[test]
fn it_sends_its_certificate_to_a_server_that_requires_one() {
    let ca = PrivateCa::new();
    let server = RedisServer::start_with_tls(&ca, &["--tls-auth-clients", "yes"]);
    let client = ca.issue("client");
    let host = json!({"host": "tls://localhost", "port": server.tls_port(), "ca_file": ca.file()});

    let mut with_certificate = host.clone();
    with_certificate["client_cert"] = json!(client.cert);
    with_certificate["client_key"] = json!(client.key);
    assert_eq!(link(&with_certificate).0.with(ping), Ok(()));

    let error = link(&host).0.with(ping).unwrap_err();
    assert!(matches!(error, LinkError::Unreachable(_)), "{error:?}");
}

#[test]
fn an_outage_has_one_log_line_at_its_start_and_one_at_its_end() {
    let mut server = RedisServer::start();
    let (mut link, telemetry) = link_to(&server);
    assert_eq!(link.with(ping), Ok(()));

    server.kill();
    for _ in 0..3 {
        assert!(matches!(link.with(ping), Err(LinkError::Unreachable(_))));
        let ready_at = link.ready_at().expect("a wait after a failure");
        assert!(matches!(link.with(ping), Err(LinkError::NotYet(until)) if until == ready_at));
        thread::sleep(ready_at.saturating_duration_since(Instant::now()));
    }
    let (level, message) = only_line(&telemetry);
    assert_eq!(level, Level::Warning);
    assert!(message.starts_with(&format!("Redis at 127.0.0.1:{} is unreachable (", server.port())), "{message}");
    assert!(message.ends_with("): retrying; events wait"), "{message}");
    assert_eq!(telemetry.counters.redis_errors.get(), 3);

    server.restart();
    persist(&mut link, ping);
    let (level, message) = only_line(&telemetry);
    assert_eq!(level, Level::Info);
    assert!(message.starts_with(&format!("Redis at 127.0.0.1:{} is back after ", server.port())), "{message}");
}

#[test]
fn a_hanging_server_costs_no_more_than_the_timeout() {
    let server = RedisServer::start();
    let (mut link, telemetry) = link(&json!({"port": server.port(), "timeout": 0.2}));
    assert_eq!(link.with(ping), Ok(()));
    server.hang();

    let expected = Err(LinkError::Unreachable("no answer within 0.2 s".to_owned()));
    for situation in ["on an open connection", "while connecting"] {
        let start = Instant::now();
        assert_eq!(link.with(ping), expected, "{situation}");
        let spent = start.elapsed();
        assert!((Duration::from_millis(190)..Duration::from_secs(1)).contains(&spent), "{situation}: {spent:?}");
        thread::sleep(link.ready_at().expect("a wait").saturating_duration_since(Instant::now()));
    }

    server.resume();
    persist(&mut link, ping);
    assert_eq!(log(&telemetry).len(), 2, "unreachable, then back");
}

#[test]
fn a_late_answer_is_never_taken_for_the_answer_to_the_next_call() {
    let server = RedisServer::start();
    let (mut link, _) = link(&json!({"port": server.port(), "timeout": 0.2}));
    assert_eq!(link.with(ping), Ok(()));
    server.hang();
    let echo = |text: &'static str| move |connection: &mut Connection| redis::cmd("ECHO").arg(text).query(connection);
    assert!(link.with::<String>(echo("first")).is_err());
    server.resume();
    assert_eq!(persist::<String>(&mut link, echo("second")), "second");
}

#[test]
fn a_lost_script_is_reported_at_once_and_loading_it_needs_no_wait() {
    let server = RedisServer::start();
    let (mut link, telemetry) = link_to(&server);
    let script = redis::Script::new("return 7");
    let evalsha =
        |connection: &mut Connection| redis::cmd("EVALSHA").arg(script.get_hash()).arg(0).query::<i64>(connection);
    assert_eq!(link.with(evalsha), Err(LinkError::NoScript));
    assert_eq!(link.with(|connection| script.prepare_invoke().load(connection).map(drop)), Ok(()));
    assert_eq!(link.with(evalsha), Ok(7));
    assert_eq!(log(&telemetry), []);
}

#[test]
fn a_lost_script_is_recognised_within_a_pipeline() {
    let server = RedisServer::start();
    let (mut link, _) = link_to(&server);
    let result = link.with(|connection| {
        let mut pipeline = redis::pipe();
        pipeline.cmd("PING").cmd("EVALSHA").arg("0".repeat(40)).arg(0);
        pipeline.query::<(String, i64)>(connection)
    });
    assert_eq!(result, Err(LinkError::NoScript));
}

#[test]
fn a_server_out_of_memory_is_waited_for() {
    let server = RedisServer::start();
    let (mut link, telemetry) = link_to(&server);
    let maxmemory = |bytes: u32| {
        redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).exec(&mut server.connect()).unwrap();
    };
    maxmemory(1);
    let before = link.with(client_id).unwrap();
    let error = link.with(set).unwrap_err();
    assert!(matches!(&error, LinkError::TakesNoWrites { cause: WriteRefusal::Full, .. }), "{error:?}");
    assert_eq!(telemetry.counters.redis_errors.get(), 1);
    maxmemory(0);
    persist(&mut link, set);
    assert_eq!(link.with(client_id), Ok(before), "the connection is kept");
    let lines = log(&telemetry);
    assert_eq!(lines.iter().map(|(level, _)| *level).collect::<Vec<_>>(), [Level::Error, Level::Info]);
    assert!(lines[0].1.contains("accepts no writes (OOM "), "{lines:?}");
    assert!(lines[1].1.contains("accepts writes again after"), "{lines:?}");
}

#[test]
fn a_write_refused_inside_a_script_is_waited_for() {
    let server = RedisServer::start();
    let (mut link, _) = link_to(&server);
    assert_eq!(link.with(ping), Ok(()));
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).exec(&mut server.connect()).unwrap();
    let error = link
        .with(|connection| redis::Script::new("return redis.call('SET', 'key', 1)").invoke::<()>(connection))
        .unwrap_err();
    assert!(matches!(&error, LinkError::Unavailable(reason) if reason.starts_with("READONLY ")), "{error:?}");
}

#[test]
fn after_a_failover_it_opens_a_new_connection_to_find_the_master() {
    let server = RedisServer::start();
    let (mut link, _) = link_to(&server);
    let before = link.with(client_id).unwrap();
    let role = |args: [&str; 2]| redis::cmd("REPLICAOF").arg(&args).exec(&mut server.connect()).unwrap();
    role(["127.0.0.1", "1"]);
    assert!(matches!(link.with(set), Err(LinkError::Unavailable(_))));
    role(["NO", "ONE"]);
    persist(&mut link, set);
    assert_ne!(link.with(client_id), Ok(before));
}

#[test]
fn a_rejected_call_is_logged_once_and_breaks_no_connection() {
    let server = RedisServer::start();
    let (mut link, telemetry) = link_to(&server);
    let before = link.with(client_id).unwrap();
    for _ in 0..2 {
        let error = link.with(|connection| redis::cmd("NONSENSE").exec(connection)).unwrap_err();
        assert!(matches!(error, LinkError::Rejected(_)), "{error:?}");
        assert_eq!(persist(&mut link, client_id), before);
    }
    let (level, message) = only_line(&telemetry);
    assert_eq!(level, Level::Error);
    assert!(message.contains("rejects a call (ERR unknown command"), "{message}");
}

#[test]
fn a_call_that_panics_closes_its_connection() {
    let server = RedisServer::start();
    let (mut link, _) = link_to(&server);
    let before = link.with(client_id).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _: Result<(), _> = link.with(|_| panic!("on purpose"));
    }));
    assert!(panicked.is_err());
    assert_ne!(link.with(client_id).unwrap(), before);
}
