//! Secrets in the URL of an endpoint are sent to the endpoint and shown nowhere else.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::BTreeSet;

use resonate_webhooks::admin::Cluster;
use resonate_webhooks::config::Config;
use resonate_webhooks::delivery::Credentials;
use resonate_webhooks::metrics::of_cluster;
use resonate_webhooks::outbox::DeadLetters;
use resonate_webhooks::secret::Secret;
use resonate_webhooks::telemetry::Outcome;
use serde_json::{Value, json};
use support::engine::{APP, engine};
use support::monitor::Monitor;
use support::port::Port;
use support::receiver::{Answer, Receiver};
use support::redis::RedisServer;
use support::scrape::scrape;
use support::wait::eventually;

/// A text in the password and in the query of each URL.
const MARK: &str = "hunter2";

/// Paths that respond with 200, 500 and 410. The last two differ only in their queries, and one of them fails.
const PATHS: [&str; 5] = ["/ok?hunter2", "/down?hunter2=1", "/gone?hunter2", "/same?hunter2=a", "/same?hunter2=b"];

fn settings(receiver: &Receiver, more: &Value) -> Value {
    let endpoint = |path| json!({ "url": receiver.url(path).replace("http://", "http://me:hunter2@") });
    let mut settings = json!({ "max_attempts": 1, "endpoints": PATHS.map(endpoint) });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings
}

#[test]
fn a_token_in_a_url_is_sent_to_the_endpoint_and_shown_only_to_listeners_of_deliveries() {
    let (redis, receiver, port) = (RedisServer::start(), Receiver::start(), Port::free());
    receiver.always(PATHS[1], Answer::Status(500));
    receiver.always(PATHS[2], Answer::Status(410));
    receiver.always(PATHS[4], Answer::Status(500));
    let mut monitor = Monitor::start(&redis);
    let all = settings(&receiver, &json!({ "metrics_listen": port.address().to_string() }));
    let node = engine(&redis, &receiver, &all);
    let config = |more: &Value| {
        let mut config = settings(&receiver, more);
        config["connection"] = json!({ "host": redis.socket() });
        Config::from_value(config).unwrap()
    };
    let mut cluster = Cluster::of(&config(&json!({}))).unwrap();

    let mut shown = Vec::new();
    let (mut visits, mut configured) = (0, BTreeSet::new());
    let mut last = Some(cluster.watch(None).unwrap().last);
    eventually("every attempt in the watch and in the outcomes", || {
        visits += 1;
        node.subscribed(APP, format!("news-{visits}").as_bytes(), b"1.1", None);
        let seen = cluster.watch(last.as_deref()).unwrap();
        shown.extend(seen.deliveries.iter().map(|sight| format!("{sight:?}")));
        last = Some(seen.last);
        for outcome in node.poll(100) {
            match outcome {
                Outcome::Delivered { url, .. } | Outcome::Dropped { url, .. } => _ = configured.insert(url),
                other => shown.push(format!("{other:?}")),
            }
        }
        let has = |what: &[&str]| shown.iter().any(|shown| what.iter().all(|part| shown.contains(part)));
        let is_told = has(&["Sight", "/same"]) && has(&["Disabled", "/gone"]) && has(&["Failing", "/down"]);
        (is_told && configured.len() == PATHS.len()).then_some(())
    });
    // Listeners compare the URL with their own config.
    assert_eq!(configured, PATHS.map(|path| receiver.url(path)).into());

    receiver.always(PATHS[4], Answer::Status(200));
    eventually("the recovery of an endpoint", || {
        visits += 1;
        node.subscribed(APP, format!("news-{visits}").as_bytes(), b"1.1", None);
        let outcomes = node.poll(100);
        shown.extend(
            outcomes
                .iter()
                .filter(|outcome| matches!(outcome, Outcome::EndpointRecovered { .. } | Outcome::Log { .. }))
                .map(|outcome| format!("{outcome:?}")),
        );
        shown.iter().any(|shown| shown.contains("EndpointRecovered")).then_some(())
    });

    let status = eventually("the status of every endpoint", || {
        let status = serde_json::to_value(cluster.status().unwrap()).unwrap();
        (status["endpoints"].as_array().unwrap().len() == PATHS.len()).then_some(status)
    });
    let label = |endpoint: &Value| endpoint["label"].as_str().unwrap().to_owned();
    let labels: BTreeSet<String> = status["endpoints"].as_array().unwrap().iter().map(label).collect();
    assert_eq!(labels.len(), PATHS.len(), "labels must be unique: {labels:?}");
    let known: BTreeSet<String> = cluster.endpoints().into_iter().map(|endpoint| endpoint.label).collect();
    assert_eq!(known, labels);
    shown.push(status.to_string());
    shown.push(serde_json::to_string(&cluster.endpoints()).unwrap());
    shown.push(of_cluster(&cluster.status().unwrap()));
    shown.push(scrape(port.address()).unwrap());
    let mut dead_letters = DeadLetters::of(&config(&json!({}))).unwrap();
    let dead_letters = dead_letters.list(None, 100).unwrap();
    assert!(dead_letters.iter().any(|dead_letter| dead_letter.url == receiver.url("/down")), "{dead_letters:?}");
    shown.push(format!("{dead_letters:?} {node:?} {:?} {:?}", config(&json!({})), config(&json!({})).warnings));
    let credentials = Credentials { key: "key".to_owned(), secret: Secret::new("secret") };
    for endpoint in cluster.endpoints() {
        shown.push(format!("{:?}", cluster.test(&endpoint.id, &credentials).unwrap()));
    }
    shown.extend(monitor.commands());
    for shown in shown {
        assert!(!shown.contains(MARK), "{shown}");
    }
}

#[test]
fn a_url_that_is_refused_is_quoted_without_its_token() {
    let refused = |settings: &Value| Config::from_value(settings.clone()).unwrap_err().to_string();
    for settings in [
        json!({ "endpoints": [{ "url": "ftp://a/?hunter2" }] }),
        json!({ "endpoints": [{ "url": "https://a:b/?hunter2" }] }),
        json!({ "endpoints": [{ "url": "https://a/?hunter2\n" }, { "url": "//a?hunter2" }] }),
        json!({ "endpoints": [{ "url": "http://a/?hunter2", "https_only": true }] }),
        json!({ "endpoints": [{ "url": "http://a/?hunter2", "headers": { "X-A": "b", "x-a": "c" } }] }),
        json!({ "proxy": "http://proxy/?hunter2" }),
        json!({ "connection": { "url": "redis://a/?database=hunter2" } }),
        json!({ "endpoints": [{ "lambda": { "function_name": "a", "region": "b", "endpoint_url": "https://a/?hunter2" } }] }),
    ] {
        assert!(!refused(&settings).contains(MARK), "{}", refused(&settings));
    }
}
