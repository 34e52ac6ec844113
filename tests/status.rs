//! Records that the nodes of a cluster write to Redis, and the status made from them.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::Duration;

use redis::Commands;
use resonate_webhooks::admin::Cluster;
use resonate_webhooks::config::Config;
use resonate_webhooks::telemetry::Outcome;
use serde_json::{Value, json};
use support::engine::{APP, engine};
use support::receiver::{Answer, Receiver};
use support::redis::RedisServer;
use support::wait::eventually;

fn cluster(redis: &RedisServer) -> Cluster {
    let config = json!({ "connection": { "host": redis.socket() } });
    Cluster::of(&Config::from_value(config).unwrap()).unwrap()
}

/// Waits until the status, as PHP gets it, is as expected, and returns it.
fn status_when(redis: &RedisServer, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let mut cluster = cluster(redis);
    let mut last = Value::Null;
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eventually(what, || {
            last = serde_json::to_value(cluster.status().unwrap()).unwrap();
            is(&last).then(|| last.clone())
        })
    }));
    found.unwrap_or_else(|_| panic!("{what}: {last:#}"))
}

fn sum(counts: &Value) -> u64 {
    counts.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn the_status_of_an_empty_cluster_is_empty() {
    let redis = RedisServer::start();
    let status = status_when(&redis, "an answer", |_| true);
    assert_eq!((&status["nodes"], &status["endpoints"], &status["lanes"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!((&status["dead_letters"], &status["outbox"]["events"]), (&json!(0), &json!(0)));
    assert_eq!(status["outbox"]["partitions"].as_array().unwrap().len(), 16);
    assert!(status["redis"]["version"].is_string(), "{status}");
    assert_eq!((&status["redis"]["aof"], &status["redis"]["rdb"]), (&json!(false), &json!(false)));
    assert!(status["clock_skew_ms"].as_i64().unwrap().abs() < 1000, "both clocks are the same");
}

#[test]
fn the_status_has_every_node_and_each_endpoint_once() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let nodes = [(); 2].map(|()| engine(&redis, &receiver, &json!({})));
    nodes[0].subscribed(APP, b"news", b"1.1", None);
    nodes[1].subscribed(APP, b"chat", b"2.1", None);
    receiver.wait_for_channels("/hook", 2);
    let status = status_when(&redis, "both nodes", |status| {
        status["nodes"].as_array().unwrap().len() == 2 && status["counters"]["events_delivered"] == 2
    });
    for node in status["nodes"].as_array().unwrap() {
        assert_eq!((&node["state"], &node["pid"]), (&json!("running"), &json!(std::process::id())));
        assert_eq!(node["version"], json!(env!("CARGO_PKG_VERSION")));
        assert!(node["lease_ms"].as_u64() > status["time_ms"].as_u64(), "{node}");
        assert!(node["started_ms"].as_u64() < node["written_ms"].as_u64(), "{node}");
        assert_eq!((&node["gauges"]["channels"], &node["apps"]), (&json!(1), &json!(["app"])));
    }
    let [endpoint] = status["endpoints"].as_array().unwrap().as_slice() else { panic!("{status:#}") };
    assert_eq!((&endpoint["url"], &endpoint["label"]), (&json!(receiver.url("/hook")), &json!(receiver.url("/hook"))));
    assert_eq!(
        (&endpoint["app_id"], &endpoint["state"], &endpoint["since_ms"]),
        (&json!("*"), &json!("ok"), &Value::Null)
    );
    assert_eq!((&endpoint["last_status"], &endpoint["last_error"]), (&json!(200), &Value::Null));
    assert_eq!(endpoint["attempts"].as_u64(), Some(sum(&endpoint["latency"]["counts"])));
    assert_eq!((&endpoint["events_delivered"], &endpoint["nodes"]), (&json!(2), &json!({ "ok": 2 })));
    assert!(endpoint["p95_ms"].as_f64() >= endpoint["p50_ms"].as_f64(), "{endpoint}");
    assert_eq!(status["channels"], json!({ "app": 2 }));
}

#[test]
fn the_status_of_a_failing_endpoint_has_its_queue_and_next_attempt_and_no_secrets() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook?token=hunter2", Answer::Status(503));
    let url = receiver.url("/hook?token=hunter2").replace("http://", "http://me:hunter2@");
    let settings = json!({ "endpoints": { "billing": { "url": url, "name": "Billing", "app_id": "app" } } });
    let node = engine(&redis, &receiver, &settings);
    node.subscribed(APP, b"news", b"1.1", None);
    receiver.wait_for("/hook?token=hunter2", 2);
    let status = status_when(&redis, "the second failure", |status| {
        let lane = &status["lanes"][0];
        lane["attempt"].as_u64() >= Some(2) && lane["next_try_ms"].is_u64()
    });
    let endpoint = &status["endpoints"][0];
    let url = receiver.url("/hook");
    assert_eq!((&endpoint["id"], &endpoint["label"]), (&json!("billing"), &json!(format!("Billing ({url})"))));
    assert_eq!(
        (&endpoint["state"], &endpoint["app_id"], &endpoint["depth"]),
        (&json!("failing"), &json!("app"), &json!(1))
    );
    assert_eq!((&endpoint["last_status"], &endpoint["last_error"]), (&json!(503), &json!("HTTP 503")));
    assert!(endpoint["consecutive_failures"].as_u64() >= Some(2), "{endpoint}");
    assert!(endpoint["since_ms"].as_u64() < endpoint["last_failure_ms"].as_u64(), "{endpoint}");
    let lane = &status["lanes"][0];
    assert_eq!((&lane["endpoint"], &lane["app_id"], &lane["depth"]), (&json!("billing"), &json!("app"), &json!(1)));
    assert_eq!(lane["node"], status["nodes"][0]["node"]);
    assert!(lane["oldest_ms"].as_u64() < endpoint["last_failure_ms"].as_u64(), "{lane}");
    assert!(lane["next_try_ms"].as_u64() > endpoint["last_failure_ms"].as_u64(), "{lane}");
    assert_eq!(status["outbox"]["events"], 1);
    let written: Vec<String> = redis.connect().keys("wh:status:*").unwrap();
    let written: String = redis.connect().get(&written[0]).unwrap();
    assert!(!written.contains("hunter2") && !status.to_string().contains("hunter2"), "{status:#}");
}

#[test]
fn a_stopped_node_is_marked_and_its_record_expires() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let node = engine(&redis, &receiver, &json!({}));
    node.subscribed(APP, b"news", b"1.1", None);
    receiver.wait_for_channels("/hook", 1);
    status_when(&redis, "the node", |status| status["nodes"][0]["state"] == "running");
    assert!(node.end(Duration::from_secs(5)).is_nothing());
    let status = status_when(&redis, "its end", |status| status["nodes"][0]["state"] == "stopped");
    assert_eq!((&status["nodes"][0]["lease_ms"], &status["counters"]["events_delivered"]), (&Value::Null, &json!(2)));
    assert_eq!((&status["endpoints"][0]["nodes"], &status["endpoints"][0]["state"]), (&json!({}), &json!("ok")));
    let mut redis = redis.connect();
    for key in redis.keys::<_, Vec<String>>("wh:status*").unwrap() {
        let left: i64 = redis.pttl(&key).unwrap();
        assert!((0..=30_000).contains(&left), "{key} is kept for {left} ms");
    }
}

#[test]
fn without_the_right_to_info_the_status_still_has_the_cluster() {
    let redis = RedisServer::start();
    redis::cmd("ACL").arg("SETUSER").arg("default").arg("-info").arg("-config").exec(&mut redis.connect()).unwrap();
    let status = status_when(&redis, "an answer", |_| true);
    assert_eq!((&status["redis"]["version"], &status["nodes"]), (&Value::Null, &json!([])));
}

#[test]
fn an_unreachable_redis_is_an_error_that_names_its_address() {
    let config = json!({ "connection": { "host": "/nowhere/redis.sock" } });
    let error = Cluster::of(&Config::from_value(config).unwrap()).unwrap().status().unwrap_err();
    assert!(error.to_string().starts_with("Redis at /nowhere/redis.sock: unreachable"), "{error}");
}

/// Writes the record of a node that has had this configuration for an hour.
fn long_configured(redis: &RedisServer, node: &str, applications: &str, endpoints: &str) {
    let mut redis = redis.connect();
    let (now, _): (u64, u64) = redis::cmd("TIME").query(&mut redis).unwrap();
    let part = |hash: &str| json!({ "hash": hash, "since_ms": (now - 3600) * 1000 });
    let record = json!({
        "node": node,
        "configured": { "applications": part(applications), "endpoints": part(endpoints) },
    });
    redis.pset_ex::<_, _, ()>(format!("wh:status:{node}"), record.to_string(), 60_000).unwrap();
    // A score in the future: the node does not count as silent.
    redis.zadd::<_, _, _, ()>("wh:status", node, (now + 60) * 1000).unwrap();
}

#[test]
fn nodes_with_different_configs_for_long_are_named_in_the_status_and_the_log() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    long_configured(&redis, "zz-1.0", "1", "1");
    long_configured(&redis, "zz-2.0", "1", "2");
    let node = engine(&redis, &receiver, &json!({ "app_ids": ["1", 2] }));
    let said = eventually("the log line", || {
        node.poll(100).into_iter().find_map(|outcome| match outcome {
            Outcome::Log { message, .. } if message.contains("different endpoints") => Some(message),
            _ => None,
        })
    });
    assert!(said.contains("for more than ten minutes: zz-1.0; and zz-2.0. Give all of them the same config"), "{said}");
    let status = status_when(&redis, "the node", |status| status["nodes"].as_array().unwrap().len() == 3);
    let expected = json!([{ "about": "endpoints", "groups": [["zz-1.0"], ["zz-2.0"]] }]);
    assert_eq!(status["disagreements"], expected, "the node itself has just started");
    let nodes = status["nodes"].as_array().unwrap();
    let own = nodes.iter().find(|node| node["host"] != "").unwrap();
    for part in ["applications", "endpoints"] {
        assert_eq!(own["configured"][part]["hash"].as_str().map(str::len), Some(16), "{own}");
        assert!(own["configured"][part]["since_ms"].as_u64() > Some(0), "{own}");
    }
}
