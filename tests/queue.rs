//! Queues of Laravel as endpoints: jobs on a real Redis. `tests/php/QueueTest.php` has real workers, and `tests/moto` SQS.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::{Duration, Instant};

use redis::Commands;
use resonate_webhooks::admin::Cluster;
use resonate_webhooks::aws::Environment;
use resonate_webhooks::config::{Config, Endpoint};
use resonate_webhooks::delivery::{Credentials, TestDelivery};
use resonate_webhooks::outbox::DeadLetters;
use resonate_webhooks::report::EndpointState;
use resonate_webhooks::secret::Secret;
use resonate_webhooks::telemetry::Outcome;
use serde_json::{Value, json};
use support::certificates::PrivateCa;
use support::engine::{APP, engine_at, eventually};
use support::node::{Node, numbered};
use support::redis::RedisServer;
use support::redis_cluster::RedisCluster;

const QUEUE: &str = "app_database_queues:webhooks";

const LABEL: &str = "queue redis:webhooks";

/// Returns the queue connections of an application whose Redis has these settings.
fn queues(connection: &Value) -> Value {
    let redis = json!({ "driver": "redis", "redis": "default", "prefix": "app_database_", "connection": connection });
    json!({ "default": "redis", "connections": { "redis": redis } })
}

/// Returns an endpoint for the queue `webhooks`, with further settings.
fn on(connection: &Value, settings: &Value) -> Endpoint {
    let mut endpoint = json!({ "queue": "webhooks" });
    endpoint.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let config = json!({ "endpoints": [endpoint], "queues": queues(connection) });
    let mut config = Config::read(config, &Environment::default()).unwrap();
    assert_eq!(config.warnings, [""; 0]);
    config.endpoints.remove(0)
}

fn at(redis: &RedisServer) -> Value {
    json!({ "host": "127.0.0.1", "port": redis.port() })
}

/// Returns the jobs on the queue, oldest first, and the number of notifications.
fn jobs(redis: &mut redis::Connection, queue: &str) -> (Vec<Value>, usize) {
    let payloads: Vec<String> = redis.lrange(queue, 0, -1).unwrap();
    let parse = |payload: &String| serde_json::from_str(payload).unwrap();
    (payloads.iter().map(parse).collect(), redis.llen(format!("{queue}:notify")).unwrap())
}

fn body(job: &Value) -> Value {
    serde_json::from_str(job["data"]["body"].as_str().unwrap()).unwrap()
}

fn channels(job: &Value) -> Vec<String> {
    let events = body(job)["events"].as_array().unwrap().clone();
    events.iter().map(|event| event["channel"].as_str().unwrap().to_owned()).collect()
}

/// Delivers one event. Returns the status and the number of attempts, or the reason of the drop.
fn result(endpoint: Endpoint) -> Result<(u16, u32), String> {
    let node = Node::start(vec![endpoint]);
    node.accept("app", numbered(0..1));
    match node.outcome() {
        Outcome::Delivered { url, status, attempts, .. } if url == LABEL => Ok((status, attempts)),
        Outcome::Dropped { url, reason, .. } if url == LABEL => Err(reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_batch_is_a_job_of_laravel_with_a_notification_for_a_waiting_worker() {
    let redis = RedisServer::start_with(&["--requirepass", "hunter2"]);
    let mut connection = json!({ "password": "hunter2", "database": 3 });
    connection.as_object_mut().unwrap().extend(at(&redis).as_object().unwrap().clone());
    let node = Node::start(vec![on(&connection, &json!({}))]);
    node.accept("app", ["private-a/\"b\"é".to_owned()]);
    let outcome = node.outcome();
    assert!(
        matches!(&outcome, Outcome::Delivered { url, status: 202, app_id, attempts: 1, .. } if url == LABEL && app_id == "app"),
        "{outcome:?}"
    );

    let mut redis = redis.connect();
    redis::cmd("AUTH").arg("hunter2").exec(&mut redis).unwrap();
    redis::cmd("SELECT").arg(3).exec(&mut redis).unwrap();
    let (jobs, notifications) = jobs(&mut redis, QUEUE);
    assert_eq!((jobs.len(), notifications), (1, 1));
    let job = &jobs[0];
    let names: Vec<&str> = job.as_object().unwrap().keys().map(String::as_str).collect();
    let expected =
        "uuid displayName job maxTries maxExceptions failOnTimeout backoff timeout data createdAt id attempts delay";
    assert_eq!(names.join(" "), expected);
    assert_eq!(job["job"], json!(r"Webpatser\ResonateWebhooks\Receiving\HandleWebhookJob@handle"));
    assert_eq!((&job["attempts"], &job["maxTries"], &job["failOnTimeout"]), (&json!(0), &Value::Null, &json!(false)));
    assert_eq!(job["data"]["app_key"], json!("app-key"));
    assert!(job["data"]["webhook_id"].as_str().unwrap().starts_with("msg_"));
    let expected = r#"{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"private-a/\"b\"é"}]}"#;
    assert_eq!(job["data"]["body"], json!(expected));
}

#[test]
fn jobs_are_in_the_order_of_the_events() {
    let redis = RedisServer::start();
    let endpoint = on(&at(&redis), &json!({ "batching": { "max_events": 3, "duration": 1 } }));
    let node = Node::start(vec![endpoint]);
    for n in 0..100 {
        node.accept("app", numbered(n..n + 1));
    }
    let mut connection = redis.connect();
    let all = || jobs(&mut redis.connect(), QUEUE).0.iter().flat_map(channels).collect::<Vec<_>>();
    eventually("all events", || all().len() >= 100);
    assert_eq!(all(), numbered(0..100).collect::<Vec<_>>());
    let (jobs, notifications) = jobs(&mut connection, QUEUE);
    assert_eq!(jobs.len(), notifications);
    // They share few connections, with names.
    let clients: String = redis::cmd("CLIENT").arg("LIST").query(&mut connection).unwrap();
    assert_eq!(clients.matches("name=resonate-webhooks").count(), 1, "{clients}");
}

#[test]
fn a_job_waits_for_redis_and_is_pushed_with_the_same_webhook_id_and_body() {
    let mut redis = RedisServer::start();
    redis.hang();
    let node = Node::start(vec![on(&at(&redis), &json!({ "timeout": 0.3, "backoff": [0.2], "max_attempts": 50 }))]);
    node.accept("app", numbered(0..2));
    eventually("a failed attempt", || node.telemetry.counters.attempts.get() > 1);
    redis.resume();
    assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 2.., status: 202, .. }));
    // The hung server had read some pushes whose replies came too late.
    let (pushed, _) = jobs(&mut redis.connect(), QUEUE);
    assert!(pushed.iter().all(|job| job["data"] == pushed[0]["data"]), "{pushed:?}");

    redis.kill();
    node.accept("app", numbered(2..3));
    eventually("failed attempts", || node.telemetry.counters.attempts.get() > 5);
    redis.restart();
    eventually("the job", || !jobs(&mut redis.connect(), QUEUE).0.is_empty());
    assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 2.., .. }));
    let (pushed, notifications) = jobs(&mut redis.connect(), QUEUE);
    assert_eq!((pushed.len(), notifications, channels(&pushed[0])), (1, 1, vec!["c2".to_owned()]));
}

#[test]
fn a_connection_that_redis_closed_while_it_was_idle_costs_no_attempt() {
    let redis = RedisServer::start();
    let node = Node::start(vec![on(&at(&redis), &json!({}))]);
    node.accept("app", numbered(0..1));
    assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 1, .. }));
    redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).exec(&mut redis.connect()).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    node.accept("app", numbered(1..2));
    assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 1, .. }));
    assert_eq!(jobs(&mut redis.connect(), QUEUE).0.len(), 2);
}

#[test]
fn a_refusal_names_the_setting_of_the_application_and_no_secret() {
    let once = json!({ "max_attempts": 1 });
    let redis = RedisServer::start_with(&["--requirepass", "right"]);
    let mut wrong = at(&redis);
    wrong["password"] = json!("hunter2");
    let reason = result(on(&wrong, &once)).unwrap_err();
    assert!(reason.ends_with("check database.redis.default.password") && !reason.contains("hunter2"), "{reason}");
    let mut redis = RedisServer::start();
    redis.connect().set::<_, _, ()>(format!("{QUEUE}:notify"), "text").unwrap();
    let reason = result(on(&at(&redis), &once)).unwrap_err();
    assert!(reason.contains(&format!("{QUEUE} or its :notify is not a list")), "{reason}");
    assert_eq!(redis.connect().llen::<_, usize>(QUEUE).unwrap(), 0, "nothing was pushed");
    redis.kill();
    let reason = result(on(&at(&redis), &once)).unwrap_err();
    assert!(reason.starts_with(&format!("Redis at 127.0.0.1:{} is unreachable (", redis.port())), "{reason}");
    let full = RedisServer::start_with(&["--maxmemory", "1"]);
    let reason = result(on(&at(&full), &once)).unwrap_err();
    assert!(reason.contains("accepts no writes (OOM") && reason.contains("maxmemory"), "{reason}");
}

#[test]
fn the_documented_rights_are_enough() {
    let redis = RedisServer::start();
    let rights = "ACL SETUSER queue on >hunter2 ~app_database_queues:* +eval +evalsha +rpush +llen";
    let words: Vec<&str> = rights.split(' ').collect();
    redis::cmd(words[0]).arg(&words[1..]).exec(&mut redis.connect()).unwrap();
    let page = include_str!("../docs/queue.md");
    assert!(page.contains("the rights `eval`, `evalsha`, `rpush` and `llen` on `*queues:*`"));
    let mut connection = at(&redis);
    (connection["username"], connection["password"]) = (json!("queue"), json!("hunter2"));
    let node = Node::start(vec![on(&connection, &json!({}))]);
    node.accept("app", numbered(0..1));
    assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 1, .. }));
    // The connection is idle for longer, and then checked.
    std::thread::sleep(Duration::from_millis(1100));
    node.accept("app", numbered(1..2));
    assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 1, .. }));
}

#[test]
fn the_connection_may_use_tls_or_a_socket_file() {
    let ca = PrivateCa::new();
    let redis = RedisServer::start_with_tls(&ca, &["--tls-auth-clients", "no"]);
    let tls = json!({ "host": "tls://localhost", "port": redis.tls_port(), "context": { "cafile": ca.file() } });
    assert_eq!(result(on(&tls, &json!({}))), Ok((202, 1)));
    assert_eq!(result(on(&json!({ "scheme": "unix", "path": redis.socket() }), &json!({}))), Ok((202, 1)));
    assert_eq!(jobs(&mut redis.connect(), QUEUE).0.len(), 2);
    let untrusted = json!({ "host": "tls://localhost", "port": redis.tls_port() });
    let reason = result(on(&untrusted, &json!({ "max_attempts": 1 }))).unwrap_err();
    assert!(reason.contains("is unreachable"), "{reason}");
}

#[test]
fn a_job_stays_within_the_size_that_every_redis_accepts() {
    // The lowest limit that Redis allows.
    let redis = RedisServer::start_with(&["--proto-max-bulk-len", "1mb"]);
    let config = json!({
        "batch_max_bytes": 16_000_000, "batch_max_events": 10_000,
        "endpoints": [{ "queue": "webhooks" }], "queues": queues(&at(&redis)),
    });
    let node = Node::start(Config::from_value(config).unwrap().endpoints);
    node.accept("app", (0..1000).map(|n| format!("{n}{}", "\"".repeat(2000))));
    let pushed = || jobs(&mut redis.connect(), QUEUE).0;
    eventually("all events", || pushed().iter().map(|job| channels(job).len()).sum::<usize>() == 1000);
    assert!(pushed().len() > 4);
    assert!(node.outcomes().iter().all(|outcome| matches!(outcome, Outcome::Delivered { attempts: 1, .. })));
}

#[test]
fn lanes_push_side_by_side() {
    let redis = RedisServer::start();
    let node = Node::start(vec![on(&at(&redis), &json!({}))]);
    for app in 0..50 {
        node.accept(&format!("app-{app}"), numbered(0..1));
    }
    eventually("all jobs", || jobs(&mut redis.connect(), QUEUE).0.len() == 50);
    let (pushed, _) = jobs(&mut redis.connect(), QUEUE);
    let mut keys: Vec<&str> = pushed.iter().map(|job| job["data"]["app_key"].as_str().unwrap()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 50);
}

#[test]
fn a_queue_on_a_redis_cluster_is_in_one_slot() {
    let cluster = RedisCluster::start();
    let nodes: Vec<String> = (0..3).map(|n| format!("127.0.0.1:{}", cluster.servers[n].port())).collect();
    for queue in ["webhooks", "other", "{third}"] {
        let endpoint = Endpoint { name: None, ..on(&json!({ "cluster": nodes }), &json!({ "queue": queue })) };
        let node = Node::start(vec![endpoint]);
        node.accept("app", numbered(0..1));
        let outcome = node.outcome();
        assert!(matches!(outcome, Outcome::Delivered { attempts: 1, status: 202, .. }), "{outcome:?}");
        let key = format!("app_database_queues:{{{}}}", queue.trim_matches(['{', '}']));
        let found = |n: &usize| cluster.servers[*n].connect().llen::<_, usize>(&key).is_ok_and(|jobs| jobs == 1);
        assert_eq!((0..3).filter(found).count(), 1, "{key}");
    }
}

#[test]
fn a_stop_waits_for_no_queue_longer_than_its_timeout() {
    let redis = RedisServer::start();
    redis.hang();
    let node = Node::start(vec![on(&at(&redis), &json!({ "timeout": 1 }))]);
    node.accept("app", numbered(0..1));
    eventually("an attempt", || node.telemetry.counters.attempts.get() > 0);
    let began = Instant::now();
    assert!(node.delivery.stop(began + Duration::from_secs(10)), "all threads must end in time");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    redis.resume();
}

#[test]
fn a_test_delivery_is_a_job_too() {
    let redis = RedisServer::start();
    let send_test = |connection: &Value| -> TestDelivery {
        let endpoint = json!({ "queue": "webhooks", "timeout": 1 });
        let config = json!({ "endpoints": { "it": endpoint }, "queues": queues(connection) });
        let cluster = Cluster::of(&Config::from_value(config).unwrap()).unwrap();
        let credentials = Credentials { key: "key".to_owned(), secret: Secret::new("secret") };
        cluster.test("it", &credentials).unwrap()
    };
    let sent = send_test(&at(&redis));
    assert_eq!((sent.ok, sent.status, &sent.error), (true, Some(202), &None));
    let (pushed, _) = jobs(&mut redis.connect(), QUEUE);
    assert_eq!(
        (&pushed[0]["data"]["webhook_id"], channels(&pushed[0])),
        (&json!(sent.id), vec!["resonate-webhooks-test".to_owned()])
    );
    let failed = send_test(&json!({ "host": "127.0.0.1", "port": 1 }));
    assert!(!failed.ok && failed.advice.unwrap().contains("Nothing listens there"));
}

#[test]
fn a_dead_letter_of_a_queue_is_listed_and_can_be_sent_again() {
    let (redis, mut jobs_at) = (RedisServer::start(), RedisServer::start());
    jobs_at.kill();
    let config = json!({
        "connection": { "host": redis.socket() },
        "endpoints": [{ "queue": "webhooks", "max_attempts": 1 }],
        "queues": queues(&at(&jobs_at)),
    });
    let node = engine_at(&redis.socket(), "http://127.0.0.1:9/", &config);
    node.subscribed(APP, b"room", b"1.1", None);
    let mut dead_letters = DeadLetters::of(&Config::from_value(config).unwrap()).unwrap();
    eventually("a dead letter", || dead_letters.count().unwrap() == 1);
    let listed = dead_letters.list(None, 10).unwrap().remove(0);
    assert_eq!(listed.url, LABEL);
    jobs_at.restart();
    dead_letters.retry_all().unwrap();
    eventually("the job", || jobs(&mut jobs_at.connect(), QUEUE).0.len() == 1);
    let (pushed, _) = jobs(&mut jobs_at.connect(), QUEUE);
    assert_eq!(pushed[0]["data"]["webhook_id"], json!(listed.webhook_id));
    eventually("no dead letter", || dead_letters.count().unwrap() == 0);
}

#[test]
fn a_paused_queue_gets_no_job_until_it_is_resumed() {
    let (redis, jobs_at) = (RedisServer::start(), RedisServer::start());
    let config = json!({
        "connection": { "host": redis.socket() },
        "endpoints": { "jobs": { "queue": "webhooks" } },
        "queues": queues(&at(&jobs_at)),
    });
    let node = engine_at(&redis.socket(), "http://127.0.0.1:9/", &config);
    let mut cluster = Cluster::of(&Config::from_value(config).unwrap()).unwrap();
    assert!(cluster.pause("jobs").unwrap());
    eventually("the pause on the node", || {
        let status = cluster.status().unwrap();
        status.endpoints.iter().any(|endpoint| endpoint.nodes.get(&EndpointState::Paused) == Some(&1))
    });
    node.subscribed(APP, b"news", b"1.1", None);
    eventually("the waiting event in the status", || {
        cluster.status().unwrap().lanes.iter().map(|lane| lane.lane.depth).sum::<usize>() == 1
    });
    let mut found = jobs_at.connect();
    assert_eq!(jobs(&mut found, QUEUE).0.len(), 0);
    assert!(cluster.resume("jobs").unwrap());
    eventually("the job", || jobs(&mut found, QUEUE).0.len() == 1);
    assert_eq!(channels(&jobs(&mut found, QUEUE).0[0]), ["news"]);
}
