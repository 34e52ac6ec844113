//! Metrics of a process, from its listener, and of a cluster.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]
#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use resonate_webhooks::admin::Cluster;
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::metrics::{Family, MetricKind, Scope, families, of_cluster};
use resonate_webhooks::telemetry::Outcome;
use serde_json::json;
use support::engine::{APP, engine};
use support::port::Port;
use support::receiver::{Answer, Receiver};
use support::redis::RedisServer;
use support::scrape::{ask, samples, scrape};
use support::wait::eventually;

/// Waits until the samples at `address` are as expected, and returns them.
fn samples_when(
    address: SocketAddr,
    what: &str,
    are: impl Fn(&BTreeMap<String, f64>) -> bool,
) -> BTreeMap<String, f64> {
    eventually(what, || scrape(address).map(|text| samples(&text)).filter(|samples| are(samples)))
}

/// Waits until the samples of a cluster are as expected, and returns them.
fn cluster_when(redis: &RedisServer, what: &str, is: impl Fn(&str) -> bool) -> String {
    let config = json!({ "connection": { "host": redis.socket() } });
    let mut cluster = Cluster::of(&Config::from_value(config).unwrap()).unwrap();
    eventually(what, || Some(of_cluster(&cluster.status().unwrap())).filter(|text| is(text)))
}

fn log(engine: &Engine) -> Vec<String> {
    let outcomes = engine.poll(100).into_iter();
    outcomes
        .filter_map(|outcome| if let Outcome::Log { message, .. } = outcome { Some(message) } else { None })
        .collect()
}

/// Returns the metrics of a text with their types, from its `# TYPE` lines.
fn types_in(text: &str) -> Vec<(String, String)> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split_once(' ').unwrap()).map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

fn expected(of: impl Fn(&Family) -> bool) -> Vec<(String, String)> {
    families().into_iter().filter(of).map(|family| (family.name, family.kind.to_string())).collect()
}

#[test]
fn a_process_counts_every_event_delivery_and_drop() {
    let (redis, receiver, port) = (RedisServer::start(), Receiver::start(), Port::free());
    let address = port.address();
    receiver.always("/down?token=hunter2", Answer::Status(503));
    let down = receiver.url("/down?token=hunter2").replace("http://", "http://me:hunter2@");
    let node = engine(
        &redis,
        &receiver,
        &json!({ "metrics_listen": address.to_string(), "endpoints": {
            "billing": { "url": receiver.url("/hook") },
            "down": { "url": down, "max_attempts": 1, "events": ["member_added"] },
        } }),
    );
    node.subscribed(APP, b"presence-a", b"1.1", Some(b"7"));
    // The parts of the page are not a consistent snapshot: the lanes' values are older than the counters.
    let found = samples_when(address, "the drop", |samples| {
        samples[r#"events_dropped_total{reason="http_5xx"}"#] >= 1.0
            && samples["batches_dropped_total"] >= 1.0
            && samples[r#"endpoint_deliveries_total{endpoint="down",outcome="dropped"}"#] >= 1.0
            && samples[r#"endpoint_events_total{endpoint="billing",outcome="delivered"}"#] >= 2.0
    });
    for (name, value) in [
        (r#"events_total{app="app",event="channel_occupied"}"#, 1.0),
        (r#"events_total{app="app",event="member_added"}"#, 1.0),
        (r#"endpoint_events_total{endpoint="billing",outcome="delivered"}"#, 2.0),
        (r#"endpoint_deliveries_total{endpoint="billing",outcome="dropped"}"#, 0.0),
        (r#"endpoint_deliveries_total{endpoint="down",outcome="dropped"}"#, 1.0),
        (r#"endpoint_attempt_duration_seconds_count{endpoint="down"}"#, 1.0),
        (r#"endpoint_attempt_duration_seconds_bucket{endpoint="down",le="+Inf"}"#, 1.0),
        (r#"endpoint_state{endpoint="billing",state="ok"}"#, 1.0),
        (r#"endpoint_state{endpoint="down",state="failing"}"#, 1.0),
        (r#"endpoint_queued_events{endpoint="down"}"#, 0.0),
        (r#"events_dropped_total{reason="outbox_full"}"#, 0.0),
        ("edges_claimed_total", 2.0),
        ("batches_dropped_total", 1.0),
        ("channels", 1.0),
        ("thread_panics_total", 0.0),
        (concat!(r#"build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""}"#), 1.0),
    ] {
        assert_eq!(found.get(name), Some(&value), "{name}: {found:#?}");
    }
    assert!(found["redis_requests_total"] > found["claim_batches_total"], "{found:#?}");
    let text = scrape(address).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("http://"), "{text}");
    assert_eq!(types_in(&text), expected(|family| family.scope == Scope::Node));
}

#[test]
fn suppressed_departures_and_reconcile_repairs_are_counted() {
    let (redis, receiver, port) = (RedisServer::start(), Receiver::start(), Port::free());
    let address = port.address();
    let settings = json!({ "metrics_listen": address.to_string(), "departure_grace": 60 });
    let node = engine(&redis, &receiver, &settings);
    for _ in 0..2 {
        node.subscribed(APP, b"news", b"1.1", None);
        node.unsubscribed(APP, b"news", b"1.1");
    }
    samples_when(address, "the silence", |samples| samples["departures_suppressed_total"] == 1.0);
    node.reconcile(APP, b"chat", [(b"2.1".as_slice(), b"".as_slice()), (b"2.2", b"")].into_iter());
    node.reconcile(APP, b"chat", [(b"2.2".as_slice(), b"".as_slice())].into_iter());
    node.reconcile(APP, b"chat", [(b"2.2".as_slice(), b"".as_slice())].into_iter());
    samples_when(address, "the repairs", |samples| samples["reconcile_repairs_total"] == 3.0);
}

#[test]
fn the_oldest_event_of_a_paused_endpoint_grows_older() {
    let (redis, receiver, port) = (RedisServer::start(), Receiver::start(), Port::free());
    let address = port.address();
    receiver.always("/hook", Answer::Status(503));
    let endpoints = json!({ "billing": { "url": receiver.url("/hook") } });
    let settings = json!({ "metrics_listen": address.to_string(), "endpoints": endpoints });
    let node = engine(&redis, &receiver, &settings);
    node.subscribed(APP, b"news", b"1.1", None);
    let found = samples_when(address, "age", |samples| {
        samples[r#"endpoint_oldest_event_age_seconds{endpoint="billing"}"#] > 0.1
    });
    assert!(found[r#"endpoint_oldest_event_age_seconds{endpoint="billing"}"#] < 30.0, "{found:#?}");
    assert_eq!((found["lanes"], found[r#"endpoint_queued_events{endpoint="billing"}"#]), (1.0, 1.0));
}

#[test]
fn a_cluster_has_metrics_of_each_node_and_of_redis() {
    let (redis, receiver, port) = (RedisServer::start(), Receiver::start(), Port::free());
    let address = port.address();
    let endpoints = json!({ "billing": { "url": receiver.url("/hook") } });
    let listens = json!({ "metrics_listen": address.to_string(), "endpoints": endpoints });
    let nodes = [engine(&redis, &receiver, &listens), engine(&redis, &receiver, &json!({ "endpoints": endpoints }))];
    nodes[0].subscribed(APP, b"news", b"1.1", None);
    nodes[1].subscribed(APP, b"chat", b"2.1", None);
    let text = cluster_when(&redis, "both nodes", |text| {
        let found = samples(text);
        let both = found.keys().filter(|name| name.starts_with("build_info{")).count() == 2;
        let delivered = |(name, value): (&String, &f64)| {
            (name.starts_with("endpoint_events_total{") && name.contains("delivered")).then_some(*value)
        };
        let seen = found.keys().any(|name| name.starts_with("endpoint_last_success_timestamp_seconds"));
        both && seen && found.iter().filter_map(delivered).sum::<f64>() == 2.0
    });
    let found = samples(&text);
    assert_eq!((found[r#"nodes{state="running"}"#], found[r#"nodes{state="silent"}"#]), (2.0, 0.0));
    assert_eq!((found[r#"occupied_channels{app="app"}"#], found["dead_letters"]), (2.0, 0.0));
    assert_eq!(found.keys().filter(|name| name.starts_with("outbox_entries{")).count(), 16);
    assert_eq!(types_in(&text), expected(|_| true), "every metric must be there");

    // Names and labels equal those of the process, except for the node.
    let of_process = samples(&scrape(address).unwrap());
    let without_node = |name: &String| {
        let (base, labels) = name.split_once('{')?;
        let labels: Vec<&str> =
            labels.trim_end_matches('}').split(',').filter(|label| !label.starts_with("node=")).collect();
        Some(if labels.is_empty() { base.to_owned() } else { format!("{base}{{{}}}", labels.join(",")) })
    };
    let of_cluster: Vec<String> = found.keys().filter_map(without_node).collect();
    for name in of_process.keys() {
        assert!(of_cluster.contains(name), "{name}: {of_cluster:#?}");
    }
}

#[test]
fn every_sample_has_the_declared_labels_of_its_metric() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let node = engine(&redis, &receiver, &json!({}));
    node.subscribed(APP, b"news", b"1.1", None);
    let text = cluster_when(&redis, "a delivery", |text| {
        text.contains("endpoint_last_success_timestamp_seconds{") && text.contains("nodes{state=\"running\"} 1")
    });
    for name in samples(&text).keys() {
        let (base, labels) = name.split_once('{').unwrap_or((name, ""));
        let of_histogram = |suffix: &str| base.strip_suffix(suffix).filter(|base| base.ends_with("_duration_seconds"));
        let base = ["_bucket", "_sum", "_count"].into_iter().find_map(of_histogram).unwrap_or(base);
        let family = families().into_iter().find(|family| family.name == format!("resonate_webhooks_{base}")).unwrap();
        let mut said: Vec<&str> = family.labels.to_vec();
        said.extend((family.scope == Scope::Node).then_some("node"));
        said.extend((family.kind == MetricKind::Histogram && name.contains("_bucket")).then_some("le"));
        let has: Vec<&str> =
            labels.trim_end_matches('}').split("\",").filter_map(|label| label.split('=').next()).collect();
        let has: Vec<&str> = has.into_iter().filter(|label| !label.is_empty()).collect();
        assert_eq!(has.len(), said.len(), "{name}");
        assert!(has.iter().all(|label| said.contains(label)), "{name}: {said:?}");
    }
}

#[test]
fn the_listener_answers_only_a_get_of_its_metrics() {
    let (redis, receiver, port) = (RedisServer::start(), Receiver::start(), Port::free());
    let address = port.address();
    let _node = engine(&redis, &receiver, &json!({ "metrics_listen": address.to_string() }));
    eventually("the listener", || scrape(address));
    let status = |request: &str| ask(address, request).map(|(status, _)| status);
    assert_eq!(status("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), Some(404));
    assert_eq!(status("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), Some(405));
    assert_eq!(status("no HTTP at all\r\n\r\n"), Some(400));
}

#[test]
fn clients_that_send_too_much_or_nothing_do_not_block_others() {
    let (redis, receiver, port) = (RedisServer::start(), Receiver::start(), Port::free());
    let address = port.address();
    let node = engine(&redis, &receiver, &json!({ "metrics_listen": address.to_string() }));
    eventually("the listener", || scrape(address));
    let silent: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut endless = TcpStream::connect(address).unwrap();
    endless.write_all(b"GET /metrics HTTP/1.1\r\nX: ").unwrap();
    std::thread::spawn(move || while endless.write_all(&[b'x'; 4096]).is_ok() {});
    let began = Instant::now();
    assert!(scrape(address).is_some(), "answered after the earlier connections");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    node.subscribed(APP, b"news", b"1.1", None);
    receiver.wait_for_channels("/hook", 1);
    drop(silent);
}

#[test]
fn a_silent_client_does_not_delay_the_end() {
    let (redis, receiver, port) = (RedisServer::start(), Receiver::start(), Port::free());
    let address = port.address();
    let node = engine(&redis, &receiver, &json!({ "metrics_listen": address.to_string() }));
    eventually("the listener", || scrape(address));
    let _silent: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
    let began = Instant::now();
    assert!(node.stop(Instant::now() + Duration::from_secs(10)), "all threads must end in time");
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
    assert!(TcpStream::connect(address).is_err(), "the port must be free");
}

#[test]
fn a_taken_port_is_logged_once_and_served_when_it_is_free() {
    let (redis, receiver, port) = (RedisServer::start(), Receiver::start(), Port::free());
    let address = port.address();
    let settings = json!({ "metrics_listen": address.to_string() });
    let old = engine(&redis, &receiver, &settings);
    eventually("the metrics of the old node", || scrape(address));
    let new = engine(&redis, &receiver, &settings);
    let mut said = Vec::new();
    eventually("the log line", || {
        said.extend(log(&new));
        said.iter().any(|line| line.starts_with(&format!("Cannot serve metrics at {address}"))).then_some(())
    });
    new.subscribed(APP, b"news", b"1.1", None);
    receiver.wait_for_channels("/hook", 1);
    assert!(old.end(Duration::from_secs(5)).is_nothing());
    samples_when(address, "the new one", |samples| samples["channels"] == 1.0);
    said.extend(log(&new));
    assert_eq!(said.iter().filter(|line| line.contains("metrics at ")).count(), 2, "{said:?}");
    assert!(said.contains(&format!("Serving metrics at http://{address}/metrics")), "{said:?}");
}

#[test]
fn a_taken_port_does_not_prevent_the_boot() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = somebody.local_addr().unwrap().to_string();
    let node = engine(&redis, &receiver, &json!({ "metrics_listen": address }));
    node.subscribed(APP, b"news", b"1.1", None);
    receiver.wait_for_channels("/hook", 1);
    let began = Instant::now();
    assert!(node.stop(Instant::now() + Duration::from_secs(10)));
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
}
