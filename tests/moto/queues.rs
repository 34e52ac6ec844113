//! Queues of SQS as endpoints: what arrives there, and what SQS refuses.

use resonate_webhooks::aws::Environment;
use resonate_webhooks::config::{Config, Endpoint};
use resonate_webhooks::telemetry::Outcome;
use serde_json::{Value, json};

use super::MOTO;
use super::server::Moto;
use super::support::engine::eventually;
use super::support::node::{Node, numbered};

/// Returns an endpoint for a queue at `moto`, with the keys of a user and further settings.
fn queue(moto: &Moto, name: &str, keys: &Value, settings: &Value) -> Endpoint {
    let mut endpoint = json!({ "queue": name, "max_attempts": 1 });
    endpoint.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let connection = json!({
        "driver": "sqs", "prefix": moto.queue(""), "region": "eu-central-1",
        "key": keys["access_key_id"], "secret": keys["secret_access_key"], "token": keys["session_token"],
    });
    let config = json!({
        "batch_max_bytes": 16_000_000,
        "batch_max_events": 10_000,
        "endpoints": { "orders": endpoint },
        "queues": { "default": "sqs", "connections": { "sqs": connection } },
    });
    Config::read(config, &Environment::default()).unwrap().endpoints.remove(0)
}

/// Delivers one event. Returns the status, or the reason of the dead letter.
fn result(endpoint: Endpoint) -> Result<u16, String> {
    let node = Node::start(vec![endpoint]);
    node.accept("app", numbered(0..1));
    match node.outcome() {
        Outcome::Delivered { status, .. } => Ok(status),
        Outcome::Dropped { reason, .. } => Err(reason),
        other => panic!("{other:?}"),
    }
}

fn job(message: &Value) -> Value {
    serde_json::from_str(message["body"].as_str().unwrap()).unwrap()
}

fn channels(message: &Value) -> Vec<String> {
    let body: Value = serde_json::from_str(job(message)["data"]["body"].as_str().unwrap()).unwrap();
    body["events"].as_array().unwrap().iter().map(|event| event["channel"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_standard_queue_gets_the_job_as_its_message_and_batches_of_256_kib() {
    let moto = &*MOTO;
    let node = Node::start(vec![queue(moto, "webhooks", &moto.allowed, &json!({}))]);
    // U+FFFF is none of the characters that SQS accepts.
    node.accept("app", (0..1000).map(|n| format!("{n}\u{ffff}{}", "\"".repeat(500))));
    let (mut messages, mut outcomes) = (Vec::new(), Vec::new());
    eventually("all events", || {
        messages.extend(moto.messages("webhooks"));
        outcomes.extend(node.outcomes());
        messages.iter().map(|message| channels(message).len()).sum::<usize>() == 1000
    });
    assert!(messages.len() > 2 && messages.iter().all(|message| message["body"].as_str().unwrap().len() <= 262_144));
    assert!(messages.iter().any(|message| channels(message)[0].starts_with("0\u{ffff}")));
    let job = job(&messages[0]);
    let names: Vec<&str> = job.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "uuid displayName job maxTries maxExceptions failOnTimeout backoff timeout data createdAt delay";
    assert_eq!(names.join(" "), expected);
    assert_eq!(messages[0]["MessageGroupId"], Value::Null);
    let is_delivered = |outcome: &Outcome| matches!(outcome, Outcome::Delivered { url, status: 202, attempts: 1, .. } if url == "queue sqs:webhooks");
    assert!(outcomes.iter().all(is_delivered), "{outcomes:?}");
}

#[test]
fn a_fifo_queue_keeps_the_order_of_each_lane() {
    let moto = &*MOTO;
    let batches = json!({ "batching": { "max_events": 2, "duration": 1 } });
    let node = Node::start(vec![queue(moto, "lanes.fifo", &moto.allowed, &batches)]);
    for n in 0..20 {
        node.accept("app", numbered(n..n + 1));
        node.accept("other", numbered(n..n + 1));
    }
    let mut messages = Vec::new();
    let of = |messages: &[Value], group: &str| -> Vec<String> {
        messages.iter().filter(|message| message["MessageGroupId"] == group).flat_map(channels).collect()
    };
    eventually("all events", || {
        messages.extend(moto.messages("lanes.fifo"));
        messages.iter().map(|message| channels(message).len()).sum::<usize>() == 40
    });
    for group in ["orders:app-key", "orders:other-key"] {
        assert_eq!(of(&messages, group), numbered(0..20).collect::<Vec<_>>(), "{group}");
    }
    for message in &messages {
        assert_eq!(message["MessageDeduplicationId"], job(message)["data"]["webhook_id"]);
    }
}

#[test]
fn sqs_accepts_temporary_keys_and_refuses_others_by_name() {
    let moto = &*MOTO;
    let with = |name: &str, keys: &Value| result(queue(moto, name, keys, &json!({})));
    assert_eq!(with("repeats.fifo", &moto.role), Ok(202));
    assert!(with("repeats.fifo", &moto.denied).unwrap_err().starts_with("HTTP 403"));
    let mut wrong = moto.allowed.clone();
    wrong["secret_access_key"] = json!("hunter2");
    assert!(with("repeats.fifo", &wrong).unwrap_err().starts_with("HTTP 403"));
    let missing = with("nowhere", &moto.allowed).unwrap_err();
    assert!(missing.starts_with("HTTP 400 ") && missing.contains("QueueDoesNotExist"), "{missing}");
}

#[test]
fn a_single_event_that_is_too_large_becomes_a_dead_letter_at_once() {
    let moto = &*MOTO;
    let node = Node::start(vec![queue(moto, "webhooks", &moto.allowed, &json!({ "max_attempts": 5 }))]);
    node.accept("app", ["\"".repeat(140_000)]);
    let outcome = node.outcome();
    let Outcome::Dropped { reason, attempts: 1, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(reason.starts_with("HTTP 400 InvalidParameterValue"), "{reason}");
}
