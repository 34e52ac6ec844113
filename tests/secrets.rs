//! Secrets that sign a webhook: those of the application and of the endpoint, during a rotation. And the places where
//! no secret may be.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::{Duration, Instant};

use base16ct::lower;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use resonate_webhooks::admin::Cluster;
use resonate_webhooks::config::{Config, Endpoint};
use resonate_webhooks::metrics::of_cluster;
use resonate_webhooks::telemetry::Outcome;
use serde_json::{Value, json};
use sha2::Sha256;
use support::config::refusal;
use support::engine::{APP, engine, eventually};
use support::gauges::stat;
use support::monitor::Monitor;
use support::receiver::{Answer, Received, Receiver};
use support::redis::RedisServer;
use support::wait;

fn hmac(secret: &[u8], message: &[u8]) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(message).finalize().into_bytes().into()
}

/// Asserts that `X-Pusher-Signature` is made with this secret, and `webhook-signature` with these, in this order.
fn assert_signed_by(request: &Received, pusher: &[u8], standard: &[&[u8]]) {
    let header = |name| request.header(name).unwrap();
    assert_eq!(header("x-pusher-signature"), lower::encode_string(&hmac(pusher, &request.body)));
    let frame = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp"));
    let message = [frame.as_bytes(), &request.body].concat();
    let signatures: Vec<String> =
        standard.iter().map(|secret| format!("v1,{}", STANDARD.encode(hmac(secret, &message)))).collect();
    assert_eq!(header("webhook-signature"), signatures.join(" "));
}

fn assert_repeats(again: &Received, first: &Received) {
    assert_eq!((&again.body, again.header("webhook-id")), (&first.body, first.header("webhook-id")));
}

#[test]
fn a_retry_after_a_rotation_is_signed_with_the_new_and_the_previous_secret() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Status(500)]);
    let node = engine(&redis, &receiver, &json!({ "previous_secrets": { "app": ["secret", "older"], "2": "other" } }));
    node.subscribed(APP, b"news", b"1.1", None);
    let first = receiver.wait_for("/hook", 1).remove(0);
    assert_signed_by(&first, b"secret", &[b"secret", b"older"]);
    node.register_app(APP, "key", "rotated");
    let again = receiver.wait_for("/hook", 2).remove(1);
    assert_repeats(&again, &first);
    assert_signed_by(&again, b"rotated", &[b"rotated", b"secret", b"older"]);
}

#[test]
fn a_previous_secret_signs_until_its_end_time() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let secrets = json!([
        { "secret": "over", "until": "2020-01-01T00:00:00+01:00" },
        { "secret": "lasting", "until": 4_102_444_800_u64 },
        { "secret": null },
    ]);
    let node = engine(&redis, &receiver, &json!({ "previous_secrets": { "app": secrets } }));
    node.subscribed(APP, b"news", b"1.1", None);
    assert_signed_by(&receiver.wait_for("/hook", 1)[0], b"secret", &[b"secret", b"lasting"]);
}

#[test]
fn an_endpoint_signs_with_its_own_secrets_and_with_a_key_needs_no_application() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let endpoints = json!([
        { "url": receiver.url("/hook") },
        { "url": receiver.url("/secret"), "secret": "whsec_AAEC", "previous_secrets": ["whsec_AA==", "plain"] },
        { "url": receiver.url("/key"), "secret": "whsec_AAEC", "key": "tenant-7" },
    ]);
    let node = engine(&redis, &receiver, &json!({ "endpoints": endpoints }));
    node.subscribed(APP, b"news", b"1.1", None);
    let key = |request: &Received| request.header("x-pusher-key").map(str::to_owned);
    let request = receiver.wait_for("/hook", 1).remove(0);
    assert_signed_by(&request, b"secret", &[b"secret"]);
    let request = receiver.wait_for("/secret", 1).remove(0);
    assert_eq!(key(&request).as_deref(), Some("key"));
    assert_signed_by(&request, b"secret", &[b"\0\x01\x02", b"\0", b"plain"]);
    let request = receiver.wait_for("/key", 1).remove(0);
    assert_eq!(key(&request).as_deref(), Some("tenant-7"));
    assert_signed_by(&request, b"whsec_AAEC", &[b"\0\x01\x02"]);

    // This application is not registered.
    node.subscribed(b"unmet", b"news", b"2.1", None);
    receiver.wait_for("/key", 2);
    assert_eq!((receiver.received("/hook").len(), receiver.received("/secret").len()), (1, 1));
}

#[test]
fn the_secret_of_an_endpoint_rotates_while_its_batch_is_backing_off() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Status(500)]);
    let with = |secret: &str, previous: &[&str]| json!({ "endpoints": [{ "url": receiver.url("/hook"), "secret": secret, "previous_secrets": previous }] });
    let node = engine(&redis, &receiver, &with("one", &[]));
    node.subscribed(APP, b"news", b"1.1", None);
    let first = receiver.wait_for("/hook", 1).remove(0);
    assert_signed_by(&first, b"secret", &[b"one"]);
    node.set_endpoints(Config::from_value(with("two", &["one"])).unwrap()).unwrap();
    let again = receiver.wait_for("/hook", 2).remove(1);
    assert_repeats(&again, &first);
    assert_signed_by(&again, b"secret", &[b"two", b"one"]);
}

#[test]
fn an_unknown_application_is_wanted_when_its_first_event_is_routed() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let node = engine(&redis, &receiver, &json!({ "flush_interval": 3600 }));
    node.subscribed(b"unmet", b"news", b"1.1", None);
    eventually("the application to be wanted", || node.wanted_apps() == ["unmet".into()]);
    eventually("the unknown application to be wanted again", || node.wanted_apps() == ["unmet".into()]);
    node.register_app(b"unmet", "key-of-unmet", "secret");
    assert!(node.flush(Duration::from_secs(5)).is_nothing());
    assert_eq!(receiver.received("/hook")[0].header("x-pusher-key"), Some("key-of-unmet"));
    assert_eq!(node.wanted_apps(), []);
}

#[test]
fn a_successor_waits_for_the_secret_of_an_in_flight_batch() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Hang]);
    let dying = engine(&redis, &receiver, &json!({}));
    dying.register_app(b"unmet", "key-of-unmet", "secret");
    dying.subscribed(b"unmet", b"news", b"1.1", None);
    let first = receiver.wait_for("/hook", 1).remove(0);
    // Ends it as `kill -9` does.
    dying.stop(Instant::now());

    let successor = engine(&redis, &receiver, &json!({}));
    eventually("the application to be wanted", || successor.wanted_apps() == ["unmet".into()]);
    assert_eq!(receiver.received("/hook").len(), 1);
    successor.register_app(b"unmet", "key-of-unmet", "rotated");
    let again = receiver.wait_for("/hook", 2).remove(1);
    assert_repeats(&again, &first);
    assert_signed_by(&again, b"rotated", &[b"rotated"]);
}

/// A secret for each place that can have one.
const MARKERS: [&str; 5] =
    ["marker-of-app", "marker-rotated", "marker-before", "marker-of-endpoint", "marker-of-its-previous"];

fn assert_unmarked(text: &str, what: &str) {
    for marker in MARKERS {
        let hidden = [marker.to_owned(), STANDARD.encode(marker), format!("{:?}", marker.as_bytes())];
        assert!(!hidden.iter().any(|hidden| text.contains(hidden)), "{marker} is in {what}");
    }
}

#[test]
fn no_secret_is_in_redis_outcomes_status_metrics_or_debug_output() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/hook", [Answer::Status(500), Answer::Status(500)]);
    let [of_app, rotated, before, of_endpoint, of_its_previous] = MARKERS;
    let encoded = format!("whsec_{}", STANDARD.encode(of_its_previous));
    let settings = json!({
        "connection": { "host": redis.socket() },
        "max_attempts": 2,
        "previous_secrets": { "app": [before, { "secret": rotated, "until": 4_102_444_800_u64 }] },
        "endpoints": [
            { "url": receiver.url("/hook") },
            { "url": receiver.url("/own"), "key": "own", "secret": of_endpoint, "previous_secrets": [encoded] },
        ],
    });
    let mut monitor = Monitor::start(&redis);
    let node = engine(&redis, &receiver, &settings);
    node.register_app(APP, "key", of_app);
    node.subscribed(APP, b"news", b"1.1", None);
    receiver.wait_for("/hook", 1);
    node.register_app(APP, "key", rotated);
    node.register_app(APP, "key", b"\xffmarker-of-app");
    let mut outcomes: Vec<Outcome> = Vec::new();
    eventually("the dead letter", || {
        outcomes.extend(node.poll(100));
        stat(&node, "queued_events") == 0
    });
    let config = Config::from_value(settings).unwrap();
    let mut cluster = Cluster::of(&config).unwrap();
    let status = wait::eventually("the record of the node", || {
        let status = serde_json::to_string(&cluster.status().unwrap()).unwrap();
        status.contains("\"dead_letters\"").then_some(status)
    });
    outcomes.extend(node.poll(100));
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Log { .. })), "{outcomes:?}");

    // The monitor saw the persisted batches and the dead letter.
    let said: Vec<String> = monitor
        .script_calls()
        .into_iter()
        .flat_map(|call| [vec![call.words], call.commands].concat())
        .flatten()
        .collect();
    assert!(said.iter().any(|word| word.starts_with("wh:inflight:")) && said.iter().any(|word| word == "wh:dead"));
    assert_unmarked(&said.join("\n"), "Redis");
    assert_unmarked(&format!("{outcomes:?}"), "an outcome");
    assert_unmarked(&status, "the status");
    assert_unmarked(&of_cluster(&cluster.status().unwrap()), "the metrics");
    assert_unmarked(&serde_json::to_string(&cluster.endpoints()).unwrap(), "the endpoints");
    assert_unmarked(&format!("{config:?} {node:?}"), "the debug output");
}

#[test]
fn an_unusable_secret_is_refused_by_its_key_and_not_repeated() {
    let endpoint = |more: Value| {
        let mut endpoint = json!({ "url": "https://a.example" });
        endpoint.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "endpoints": [endpoint] })
    };
    let at = |key: &str, problem: &str| format!("resonate-webhooks.{key}{problem}");
    for (config, message) in [
        (endpoint(json!({ "secret": "whsec_" })), at("endpoints.0.secret", ": has no valid base64 after \"whsec_\"")),
        (
            endpoint(json!({ "secret": "whsec_hunter2!" })),
            at("endpoints.0.secret", ": has no valid base64 after \"whsec_\""),
        ),
        (
            endpoint(json!({ "secret": "s", "previous_secrets": ["s", "whsec_hunter2!"] })),
            at("endpoints.0.previous_secrets", ": has no valid base64 after \"whsec_\""),
        ),
        (
            endpoint(json!({ "secret": "", "key": "k" })),
            at("endpoints.0.key", ": requires resonate-webhooks.endpoints.0.secret, which is not set"),
        ),
        (
            endpoint(json!({ "previous_secrets": ["hunter2"] })),
            at("endpoints.0.previous_secrets", ": requires resonate-webhooks.endpoints.0.secret, which is not set"),
        ),
        (
            endpoint(json!({ "secret": "s", "key": "k\r\nx: y" })),
            at(
                "endpoints.0.key",
                ": contains a character that is not allowed in X-Pusher-Key: use printable ASCII without spaces",
            ),
        ),
        (
            json!({ "previous_secrets": { "app": [{ "secret": "hunter2", "until": "hunter2" }] } }),
            at(
                "previous_secrets.app.0.until",
                ": is not a time: use Unix seconds, or a time with a zone such as 2026-12-31T23:59:59+00:00",
            ),
        ),
        (
            json!({ "previous_secrets": { "app": [{ "secret": "hunter2", "untill": 1 }] } }),
            at("previous_secrets.app.0.untill", ": unknown key, did you mean \"until\"?"),
        ),
        (
            json!({ "previous_secrets": { "app": { "secret": "hunter2", "until": "hunter2" } } }),
            at(
                "previous_secrets.app",
                ": must be a list: put an entry with an end in its own brackets, [['secret' => …, 'until' => …]]",
            ),
        ),
        (
            json!({ "previous_secrets": { "app": [7] } }),
            at("previous_secrets.app.0", ": expected a secret, or an array with secret and until, found a number"),
        ),
        (
            json!({ "previous_secrets": { "app": 7 } }),
            at("previous_secrets.app", ": expected a secret, or a list of them, found a number"),
        ),
    ] {
        assert_eq!(refusal(config), message);
    }
}

#[test]
fn unset_secrets_are_ignored() {
    let nothing = json!({ "url": "https://a.example", "key": "", "secret": null, "previous_secrets": [null, ""] });
    let config = Config::from_value(json!({
        "previous_secrets": { "other": null, "app": [null, "", { "secret": null, "until": 1 }, { "secret": "" }] },
        "endpoints": [nothing],
    }));
    let config = config.unwrap();
    assert!(matches!(&config.endpoints[..], [Endpoint { secret: None, .. }]));
    assert!(config.previous_secrets.iter().all(|(_, secrets)| secrets.is_empty()));
}

#[test]
fn previous_secrets_of_an_unknown_application_make_a_warning() {
    let with = |app_ids: Value| json!({ "previous_secrets": { "ap": ["old"], "7": ["old"] }, "app_ids": app_ids });
    let config = Config::from_value(with(json!(["app", 7]))).unwrap();
    assert_eq!(config.warnings, ["resonate-webhooks.previous_secrets.ap: no application has this id"]);
    // The applications may be in a database.
    assert!(Config::from_value(with(json!([]))).unwrap().warnings.is_empty());
}
