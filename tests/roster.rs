//! The audit of the roster, with a real Redis.

mod support;

use std::time::Instant;

use resonate_webhooks::engine::Engine;
use resonate_webhooks::telemetry::Outcome;
use serde_json::json;
use support::cluster::{Cluster, all_decided};
use support::engine::{APP, eventually};

fn auditing() -> serde_json::Value {
    json!({ "ttl": 90, "reconcile_interval": 1, "roster": { "key_prefix": "ro*ter", "ttl": 90 } })
}

/// Takes the engine's log lines, without the warning that this Redis keeps nothing on disk.
fn log(engine: &Engine) -> Vec<String> {
    let outcomes = engine.poll(1000).into_iter();
    outcomes
        .filter_map(|outcome| if let Outcome::Log { message, .. } = outcome { Some(message) } else { None })
        .filter(|message| !message.contains("may lose events"))
        .collect()
}

#[test]
fn a_process_in_the_roster_without_webhooks_is_named_once_by_one_node() {
    let cluster = Cluster::start();
    let nodes = [cluster.node_with(&auditing()), cluster.node_with(&auditing())];
    nodes[0].subscribed(APP, b"news", b"1.1", None);
    all_decided(&nodes[0]);
    let mut redis = cluster.redis.connect();
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let own = format!("ro*ter:news:{host}-{}", std::process::id());
    let mut write = |key: &str| {
        redis::cmd("HSET").arg(key).arg("1.1").arg("").exec(&mut redis).unwrap();
        redis::cmd("EXPIRE").arg(key).arg(90).exec(&mut redis).unwrap();
    };
    // There are more keys than one step scans. One process is dead, and one key does not belong to this roster.
    for n in 0..2000 {
        write(&format!("other:{n}"));
    }
    write("ro*ter:news:dead-1");
    let mut said = Vec::new();
    let began = Instant::now();
    let mut named_at = None;
    eventually("more rounds of the audit after the log lines", || {
        write(&own);
        write("ro*ter:a:b\n*:ghost-42");
        write("ro*ter:app:a:b\n*:ghost-43");
        write("roaster:news:stranger-1");
        said.extend(nodes.iter().flat_map(log));
        let named = |ghost: &str| said.iter().any(|line| line.contains(ghost));
        if named_at.is_none() && named("ghost-42") && named("ghost-43") {
            named_at = Some(began.elapsed());
        }
        named_at.is_some_and(|at| began.elapsed() > at * 2)
    });
    for ghost in ["ghost-42", "ghost-43"] {
        assert_eq!(said.iter().filter(|line| line.contains(ghost)).count(), 1, "{said:?}");
    }
    assert!(said.iter().all(|line| !line.contains("dead-1") && !line.contains("stranger-1")), "{said:?}");
    assert_eq!(said.len(), 2, "{said:?}");
}

#[test]
fn without_the_right_to_scan_webhooks_work_without_an_audit() {
    let cluster = Cluster::start();
    let mut redis = cluster.redis.connect();
    redis::cmd("ACL").arg(&["SETUSER", "default", "-scan"]).exec(&mut redis).unwrap();
    redis::cmd("HSET").arg("ro*ter:news:ghost-42").arg("1.1").arg("").exec(&mut redis).unwrap();
    let node = cluster.node_with(&auditing());
    eventually("rejected SCAN calls", || cluster.redis.counted("scan", "rejected_calls") >= 2);
    node.subscribed(APP, b"news", b"1.1", None);
    eventually("the webhook", || cluster.events() == ["channel_occupied news"]);
    assert_eq!(log(&node), [""; 0]);
}
