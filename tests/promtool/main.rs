//! Metrics and alerts, checked by promtool. `make test-metrics` runs this with promtool on the PATH.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

#[path = "../support/mod.rs"]
mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use resonate_webhooks::admin::Cluster;
use resonate_webhooks::config::Config;
use resonate_webhooks::metrics::of_cluster;
use serde_json::json;
use support::engine::{APP, engine};
use support::port::Port;
use support::receiver::{Answer, Receiver};
use support::redis::RedisServer;
use support::scrape::{samples, scrape};
use support::wait::eventually;

/// Runs promtool with `input` on its standard input. Returns whether it succeeded, and its output.
fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let mut promtool = Command::new("promtool");
    promtool.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = promtool.spawn().expect("promtool on the PATH; see scripts/with-promtool");
    running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn promtool_accepts_the_metrics_after_real_traffic() {
    let (redis, receiver, port) = (RedisServer::start(), Receiver::start(), Port::free());
    let address = port.address();
    receiver.always("/down", Answer::Status(503));
    let node = engine(
        &redis,
        &receiver,
        &json!({ "metrics_listen": address.to_string(), "endpoints": {
            "a \"quoted\" \\ name": { "url": receiver.url("/hook") },
            "down": { "url": receiver.url("/down"), "max_attempts": 1 },
        } }),
    );
    node.register_app(b"a \"quoted\" \\ app\n", "key", "secret");
    for (app, socket) in [(APP, b"1.1"), (b"a \"quoted\" \\ app\n", b"2.2")] {
        node.subscribed(app, b"presence-a", socket, Some(b"7"));
    }
    let text = eventually("deliveries and a drop", || {
        let text = scrape(address)?;
        let found = samples(&text);
        (found["events_delivered_total"] >= 4.0 && found["batches_dropped_total"] >= 2.0).then_some(text)
    });
    assert_eq!(promtool(&["check", "metrics"], &text), (true, String::new()), "{text}");

    let config = json!({ "connection": { "host": redis.socket() } });
    let mut cluster = Cluster::of(&Config::from_value(config).unwrap()).unwrap();
    let text =
        eventually("a record", || Some(of_cluster(&cluster.status().unwrap())).filter(|text| text.contains("quoted")));
    assert_eq!(promtool(&["check", "metrics"], &text), (true, String::new()), "{text}");
}

#[test]
fn promtool_accepts_the_alerts_and_they_fire_when_they_should() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    let (content, said) = promtool(&["check", "rules", &format!("{docs}/metrics-alerts.yml")], "");
    assert!(content, "{said}");
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/promtool/alerts.yml");
    let (content, said) = promtool(&["test", "rules", tests], "");
    assert!(content, "{said}");
}

#[test]
fn promtool_finds_what_is_wrong() {
    let (content, said) =
        promtool(&["check", "metrics"], "# TYPE resonate_webhooks_x counter\nresonate_webhooks_x 1\n");
    assert!(!content && said.contains("_total"), "{said}");
}
