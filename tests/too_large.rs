//! Batches that are too large for their receiver (413).

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::HashMap;
use std::io::{Read, stdin};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use resonate_webhooks::config::Config;
use resonate_webhooks::outbox::DeadLetters;
use resonate_webhooks::telemetry::Outcome;
use serde_json::{Value, json};
use support::engine::{APP, engine, engine_at, eventually};
use support::receiver::{Answer, Received, Receiver};
use support::redis::RedisServer;

/// Environment variables of the second process.
const REDIS: &str = "TOO_LARGE_REDIS";
const ENDPOINT: &str = "TOO_LARGE_ENDPOINT";

/// Channels with names of one digit, each in a partition of its own.
const CHANNELS: u64 = 7;

const EVENTS: u64 = 12 * CHANNELS;

fn dead_letters(redis: &RedisServer) -> DeadLetters {
    let config = json!({ "connection": { "host": redis.socket() } });
    DeadLetters::of(&Config::from_value(config).unwrap()).unwrap()
}

/// Returns the numbers of each channel in the order in which they were accepted, without repeats.
fn accepted(requests: &[Received], most: usize) -> HashMap<String, Vec<u64>> {
    let mut numbers: HashMap<String, Vec<u64>> = HashMap::new();
    for request in requests.iter().filter(|request| request.events().len() <= most) {
        for event in request.json()["events"].as_array().unwrap() {
            let of_channel = numbers.entry(event["channel"].as_str().unwrap().to_owned()).or_default();
            let number = event["subscription_count"].as_u64().unwrap();
            if !of_channel.contains(&number) {
                of_channel.push(number);
            }
        }
    }
    numbers
}

fn assert_complete_and_in_order(requests: &[Received], most: usize) {
    let accepted = accepted(requests, most);
    assert_eq!(accepted.len(), usize::try_from(CHANNELS).unwrap());
    for (channel, numbers) in accepted {
        assert_eq!(numbers, (1..=EVENTS / CHANNELS).collect::<Vec<u64>>(), "channel {channel}");
    }
    let mut bodies: HashMap<&str, &[u8]> = HashMap::new();
    for request in requests {
        let body = bodies.entry(request.header("webhook-id").unwrap()).or_insert(&request.body);
        assert_eq!(*body, request.body, "an id has one body");
    }
}

fn numbers_to(url: &str) -> Value {
    json!({ "endpoints": [{ "url": url, "events": ["subscription_count"], "payload": "extended" }] })
}

#[test]
fn a_batch_that_is_too_large_is_sent_in_halves_and_never_as_a_whole_again() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::AtMost(10));
    redis.append_numbers(EVENTS, CHANNELS, Duration::from_millis(10));
    let node = engine(&redis, &receiver, &numbers_to(&receiver.url("/hook")));
    eventually("all events", || redis.outbox_events() == 0 && !receiver.received("/hook").is_empty());
    let requests = receiver.received("/hook");
    assert_complete_and_in_order(&requests, 10);
    let mut ids: Vec<&str> = requests.iter().map(|request| request.header("webhook-id").unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), requests.len(), "each batch is sent once, accepted or not");
    assert_eq!(dead_letters(&redis).count().unwrap(), 0);
    let is_hint = |outcome: &Outcome| match outcome {
        Outcome::Log { message, .. } => message.contains("answered 413") && message.contains("batch_max_bytes"),
        _ => false,
    };
    assert_eq!(node.poll(10_000).iter().filter(|outcome| is_hint(outcome)).count(), 1, "the remedy is logged once");
}

#[test]
fn a_single_event_that_is_too_large_is_a_dead_letter_after_one_attempt() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(413));
    let node = engine(&redis, &receiver, &json!({}));
    node.subscribed(APP, b"news", b"1.1", None);
    eventually("the dead letter", || dead_letters(&redis).count().unwrap() == 1);
    let dead_letter = dead_letters(&redis).list(None, 1).unwrap().remove(0);
    assert_eq!((dead_letter.reason.as_str(), dead_letter.attempts, dead_letter.events), ("HTTP 413", 1, 1));
    assert_eq!(receiver.received("/hook").len(), 1);
}

#[test]
fn a_kill_between_two_halves_loses_nothing_and_keeps_the_order() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    redis.append_numbers(EVENTS, CHANNELS, Duration::from_millis(10));
    // The process dies while the first half hangs, then while a quarter hangs, then while a single event hangs.
    receiver.script("/hook", [Answer::Status(413), Answer::Hang]);
    let mut dying = process(&redis, &receiver);
    let first = receiver.wait_for("/hook", 2);
    kill(&mut dying);

    receiver.script("/hook", [Answer::Status(413), Answer::Status(413), Answer::Hang]);
    let mut dying = process(&redis, &receiver);
    let second = receiver.wait_for("/hook", 5);
    kill(&mut dying);
    assert_eq!(second[2].header("webhook-id"), first[1].header("webhook-id"), "the half is repeated, not the whole");
    assert_eq!(second[2].body, first[1].body);

    receiver.always("/hook", Answer::AtMost(1));
    let mut dying = process(&redis, &receiver);
    receiver.wait_for("/hook", 5 + usize::try_from(EVENTS).unwrap());
    kill(&mut dying);

    let mut last = process(&redis, &receiver);
    eventually("an empty outbox", || redis.outbox_events() == 0);
    kill(&mut last);
    assert_complete_and_in_order(&receiver.received("/hook"), 1);
    assert_eq!(dead_letters(&redis).count().unwrap(), 0);
}

/// Ends a process with SIGKILL.
fn kill(process: &mut Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

/// Starts this test program again, to run only the test below.
fn process(redis: &RedisServer, receiver: &Receiver) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["a_process_that_delivers", "--exact", "--ignored"])
        .env(REDIS, redis.socket())
        .env(ENDPOINT, receiver.url("/hook"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "started by a test above"]
fn a_process_that_delivers() {
    let given = |name| std::env::var(name).unwrap();
    let endpoint = given(ENDPOINT);
    let _node = engine_at(Path::new(&given(REDIS)), &endpoint, &numbers_to(&endpoint));
    // Runs until the test kills it or ends.
    let _ = stdin().read(&mut [0]);
}
