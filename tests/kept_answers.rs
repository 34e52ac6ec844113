//! What an endpoint answered to a failed attempt: where it is shown, how much of it, and that it has no secrets.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use resonate_webhooks::admin::Cluster;
use resonate_webhooks::config::Config;
use resonate_webhooks::metrics::of_cluster;
use resonate_webhooks::outbox::{DeadLetter, DeadLetters};
use resonate_webhooks::telemetry::{AnswerExcerpt, Outcome, Sight};
use serde_json::{Value, json};
use support::config::refusal;
use support::engine::{APP, engine};
use support::monitor::Monitor;
use support::receiver::{Answer, Receiver};
use support::redis::RedisServer;
use support::wait::eventually;

fn body(status: u16, body: &str) -> Answer {
    Answer::Body(status, body.to_owned(), Vec::new())
}

fn config(redis: &RedisServer) -> Config {
    Config::from_value(json!({ "connection": { "host": redis.socket() } })).unwrap()
}

/// Waits for `count` dead letters, and returns them, oldest first.
fn dead_letters(redis: &RedisServer, count: usize) -> Vec<DeadLetter> {
    let mut dead_letters = DeadLetters::of(&config(redis)).unwrap();
    let mut found = eventually("the dead letters", || {
        Some(dead_letters.list(None, 100).unwrap()).filter(|found| found.len() == count)
    });
    found.reverse();
    found
}

/// Lets one event fail, and returns the kept answer.
fn kept(answer: Answer, settings: &Value) -> Option<AnswerExcerpt> {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [answer]);
    let mut all = json!({ "max_attempts": 1 });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let node = engine(&redis, &receiver, &all);
    node.subscribed(APP, b"news", b"1.1", None);
    dead_letters(&redis, 1).remove(0).answer
}

fn text(answer: Answer, settings: &Value) -> String {
    kept(answer, settings).unwrap().text
}

#[test]
fn a_failed_answer_is_in_the_dead_letter_the_status_the_watch_and_the_outcome() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [body(500, "Oops:\r\n no \u{1b}[1mdatabase")]);
    let mut cluster = Cluster::of(&config(&redis)).unwrap();
    let last = cluster.watch(None).unwrap().last;
    let node = engine(&redis, &receiver, &json!({ "max_attempts": 1 }));
    let (mut visits, mut seen): (_, Vec<Sight>) = (0, Vec::new());
    // Attempts are recorded only after the node has noticed the watcher.
    eventually("the watched attempt", || {
        receiver.script("/hook", [body(500, "Oops:\r\n no \u{1b}[1mdatabase")]);
        visits += 1;
        node.subscribed(APP, format!("news-{visits}").as_bytes(), b"1.1", None);
        seen = cluster.watch(Some(&last)).unwrap().deliveries;
        seen.iter().any(|sight| sight.error.is_some()).then_some(())
    });
    let failed = seen.iter().find(|sight| sight.error.is_some()).unwrap();
    assert_eq!(failed.answer.as_deref(), Some("Oops: no [1mdatabase"));
    assert!(seen.iter().all(|sight| sight.error.is_some() || sight.answer.is_none()), "{seen:?}");

    let now_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let answer = DeadLetters::of(&config(&redis)).unwrap().list(None, 1).unwrap().remove(0).answer.unwrap();
    assert_eq!((answer.status, &*answer.text), (Some(500), "Oops: no [1mdatabase"));
    assert!(now_ms.abs_diff(answer.time_ms) < 60_000, "{answer:?}");
    let failing = node.poll(10_000).into_iter().find_map(|outcome| match outcome {
        Outcome::EndpointFailing { answer, .. } => Some(answer.unwrap()),
        _ => None,
    });
    assert_eq!(
        failing.map(|answer| (answer.status, answer.text)),
        Some((Some(500), "Oops: no [1mdatabase".to_owned()))
    );
    eventually("the status", || {
        let status = cluster.status().unwrap();
        let endpoint = &status.endpoints.first()?.endpoint;
        (endpoint.last_answer.as_deref() == Some("Oops: no [1mdatabase")).then_some(())
    });
    assert!(!of_cluster(&cluster.status().unwrap()).contains("Oops"), "metrics never have it");

    eventually("the success", || {
        visits += 1;
        node.subscribed(APP, format!("news-{visits}").as_bytes(), b"1.1", None);
        cluster.status().unwrap().endpoints.first()?.endpoint.last_answer.is_none().then_some(())
    });
}

#[test]
fn as_many_bytes_are_kept_as_configured() {
    let long = || Answer::Huge(500, 100_000);
    assert_eq!(text(long(), &json!({})), ".".repeat(512));
    assert_eq!(text(long(), &json!({ "keep_answers": 4096 })), ".".repeat(4096));
    assert_eq!(text(body(502, "käse"), &json!({ "keep_answers": 2 })), "k");
    assert_eq!(kept(long(), &json!({ "keep_answers": 0 })), None);
    assert_eq!(
        refusal(json!({ "keep_answers": 4097 })),
        "resonate-webhooks.keep_answers: 4097 is out of range: must be from 0 to 4096"
    );
}

#[test]
fn an_answer_without_a_body_is_empty_and_no_answer_is_none() {
    let empty = kept(Answer::Status(404), &json!({})).unwrap();
    assert_eq!((empty.status, &*empty.text), (Some(404), ""));
    assert_eq!(kept(Answer::Close, &json!({})), None);
    assert_eq!(text(body(500, "\u{1f}\u{8}\0\0\0"), &json!({})), "[binary]");
}

#[test]
fn an_endless_or_stalled_body_takes_no_longer_than_without_keeping_it() {
    for keep in [0, 512] {
        let (redis, receiver) = (RedisServer::start(), Receiver::start());
        receiver.script("/hook", [Answer::Drip(500), Answer::Drip(500)]);
        let node = engine(&redis, &receiver, &json!({ "keep_answers": keep, "max_attempts": 2, "backoff": [0.1] }));
        node.subscribed(APP, b"news", b"1.1", None);
        let began = Instant::now();
        let answer = dead_letters(&redis, 1).remove(0).answer;
        // Two attempts, each with one second for the body.
        let took = began.elapsed();
        assert!(took > Duration::from_secs(2) && took < Duration::from_secs(6), "{took:?}");
        let text = answer.map(|answer| answer.text).unwrap_or_default();
        assert_eq!(text.is_empty(), keep == 0, "{text}");
        assert_eq!(text.trim_matches('.'), "");
    }
}

#[test]
fn a_connection_is_reused_after_a_failed_answer_that_was_read_to_its_end() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [body(500, &".".repeat(60_000)), body(503, "later")]);
    let node = engine(&redis, &receiver, &json!({ "backoff": [0.1] }));
    node.subscribed(APP, b"news", b"1.1", None);
    let connections: Vec<usize> = receiver.wait_for("/hook", 3).iter().map(|request| request.connection).collect();
    assert_eq!(connections, [connections[0]; 3]);
}

#[test]
fn an_answer_that_repeats_everything_has_no_secret() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let path = "/echo?token=query-marker&v=1";
    receiver.always(path, Answer::Echo(500));
    let leak = "app-marker app-before own-before other-marker basic:password-marker \"password-marker\" own-marker";
    receiver.always("/leak", body(500, leak));
    let mut monitor = Monitor::start(&redis);
    let endpoints = json!({
        "echo": {
            "url": receiver.url(path).replace("http://", "http://basic:password-marker@"),
            "headers": { "X-Token": "Bearer header-marker" }, "secret": "own-marker", "previous_secrets": ["own-before"],
        },
        "leak": { "url": receiver.url("/leak") },
    });
    let settings = json!({
        "max_attempts": 1, "keep_answers": 4096, "endpoints": endpoints, "previous_secrets": { "app": ["app-before"] },
    });
    let node = engine(&redis, &receiver, &settings);
    node.register_app(APP, "key", "app-marker");
    node.register_app(b"other", "key-2", "other-marker");
    node.subscribed(APP, b"news", b"1.1", None);
    let texts: Vec<String> =
        dead_letters(&redis, 2).into_iter().map(|dead_letter| dead_letter.answer.unwrap().text).collect();
    let echoed = texts.iter().find(|text| text.starts_with("/echo")).unwrap();
    assert!(echoed.starts_with("/echo?[redacted] host: "), "{echoed}");
    assert!(echoed.contains("x-token: [redacted] ") && echoed.contains("\"channel\":\"news\""), "{echoed}");
    let leaked = "[redacted] [redacted] [redacted] [redacted] [redacted] \"[redacted]\" [redacted]";
    assert!(texts.iter().any(|text| text == leaked), "{texts:?}");
    let request = receiver.received(path).remove(0);
    let mut shown = monitor.commands();
    shown.extend(texts);
    shown.extend(
        node.poll(10_000).iter().map(|outcome| format!("{outcome:?}")).filter(|text| !text.contains("Dropped")),
    );
    let signatures = ["x-pusher-signature", "webhook-signature"].map(|name| request.header(name).unwrap());
    for shown in shown {
        assert!(!shown.contains("marker") && !shown.contains("-before"), "{shown}");
        assert!(!shown.contains(&signatures[0][..8]) && !shown.contains(&signatures[1][3..11]), "{shown}");
    }
}
