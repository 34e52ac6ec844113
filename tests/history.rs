//! The history: what the attempts of all nodes leave in Redis, minute by minute.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::Duration;

use resonate_webhooks::admin::{AttemptsPoint, Cluster, History};
use resonate_webhooks::config::Config;
use serde_json::{Value, json};
use support::engine::{APP, engine};
use support::receiver::{Answer, Receiver};
use support::redis::RedisServer;
use support::wait::eventually;

fn cluster(redis: &RedisServer) -> Cluster {
    Cluster::of(&Config::from_value(json!({ "connection": { "host": redis.socket() } })).unwrap()).unwrap()
}

fn settings(receiver: &Receiver) -> Value {
    json!({ "max_attempts": 1, "endpoints": {
        "good": { "url": receiver.url("/good") },
        "bad": { "url": receiver.url("/bad") },
    } })
}

fn sum(points: &[AttemptsPoint]) -> (u64, u64, u64) {
    points.iter().fold((0, 0, 0), |(delivered, failed, given_up), point| {
        (delivered + point.delivered, failed + point.failed, given_up + point.given_up)
    })
}

/// Returns the events that the nodes stored and those that they delivered.
fn load(history: &History) -> (u64, u64) {
    let points = history.load.iter();
    points.fold((0, 0), |(events, sent), point| (events + point.events, sent + point.events_delivered))
}

/// Waits until the hour of both endpoints fulfils a condition.
fn await_history(cluster: &mut Cluster, what: &str, is_met: impl Fn(&History) -> bool) -> History {
    let endpoints = ["good".to_owned(), "bad".to_owned()];
    eventually(what, || Some(cluster.history(&endpoints, 60, 1).unwrap()).filter(&is_met))
}

/// Waits until the hour has these attempts to both endpoints: delivered, failed, given up.
fn await_hour(cluster: &mut Cluster, expected: (u64, u64, u64)) -> History {
    let what = format!("{expected:?} in the history");
    await_history(cluster, &what, |history| sum(&history.attempts) == expected)
}

#[test]
fn the_history_has_the_attempts_of_all_nodes_by_endpoint_and_cause() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/bad", Answer::Status(503));
    let nodes = [(); 2].map(|()| engine(&redis, &receiver, &settings(&receiver)));
    for (number, node) in nodes.iter().enumerate() {
        node.subscribed(APP, format!("news-{number}").as_bytes(), b"1.1", None);
        receiver.wait_for("/bad", number + 1);
        receiver.wait_for("/good", number + 1);
    }
    // Each node writes its history by itself: one may deliver what another has stored and not yet counted.
    let history = await_history(&mut cluster(&redis), "all attempts and events", |history| {
        sum(&history.attempts) == (2, 2, 2) && load(history) == (2, 2)
    });
    assert_eq!(sum(&history.endpoints["good"]), (2, 0, 0));
    assert_eq!(sum(&history.endpoints["bad"]), (0, 2, 2));
    let failed: u64 = history.endpoints["bad"].iter().map(|point| point.failures["http_5xx"]).sum();
    assert_eq!(failed, 2);
    let busy: Vec<&AttemptsPoint> = history.attempts.iter().filter(|point| point.delivered > 0).collect();
    assert!(busy.iter().all(|point| point.p50_ms.is_some() && point.p95_ms >= point.p50_ms), "{busy:?}");
    assert!(history.attempts[..55].iter().all(|point| point.p50_ms.is_none()), "nothing happened before");

    assert_eq!((history.attempts.len(), history.step_ms), (60, 60_000));
    let last = history.attempts.last().unwrap();
    assert!(!last.complete && (last.from_ms..last.from_ms + 60_000).contains(&history.time_ms), "{last:?}");
    assert!(history.attempts[..58].iter().all(|point| point.complete));
    assert!(history.load.iter().map(|point| point.intents).sum::<u64>() >= 2);

    let day = cluster(&redis).history(&[], 24 * 60, 15).unwrap();
    assert_eq!((day.attempts.len(), sum(&day.attempts), day.endpoints.len()), (96, (2, 2, 2), 0));
}

#[test]
fn the_history_survives_a_restart_and_has_the_last_attempts_of_a_node_that_stops() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/bad", Answer::Status(500));
    let mut cluster = cluster(&redis);
    for round in 1..=2 {
        let node = engine(&redis, &receiver, &settings(&receiver));
        eventually("the record of the node", || (cluster.status().unwrap().nodes.len() == round).then_some(()));
        node.subscribed(APP, format!("news-{round}").as_bytes(), b"1.1", None);
        // Stops right after the attempts, long before the next regular write.
        assert!(node.flush(Duration::from_secs(5)).is_nothing());
        assert!(node.end(Duration::from_secs(5)).is_nothing());
        // `channel_occupied`, and `channel_vacated` when the node ends.
        let sent = 2 * round as u64;
        await_hour(&mut cluster, (sent, sent, sent));
    }
}

#[test]
fn attempts_while_redis_refuses_the_history_are_added_later() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let mut connection = redis.connect();
    redis::cmd("ACL").arg("SETUSER").arg("default").arg("-bitfield").exec(&mut connection).unwrap();
    let node = engine(&redis, &receiver, &json!({ "endpoints": { "good": { "url": receiver.url("/good") } } }));
    node.subscribed(APP, b"news", b"1.1", None);
    receiver.wait_for("/good", 1);
    eventually("the warning", || {
        let lines = node.poll(100).into_iter().map(|outcome| format!("{outcome:?}"));
        lines.into_iter().any(|line| line.contains("Redis refuses the history")).then_some(())
    });
    let mut cluster = cluster(&redis);
    assert_eq!(sum(&cluster.history(&[], 60, 1).unwrap().attempts), (0, 0, 0));
    assert!(!cluster.status().unwrap().nodes.is_empty(), "the record is written all the same");
    redis::cmd("ACL").arg("SETUSER").arg("default").arg("+bitfield").exec(&mut connection).unwrap();
    await_hour(&mut cluster, (1, 0, 0));
}
