//! Test deliveries by hand: the request, and the advice when it fails.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::{Duration, Instant};

use redis::Commands;
use resonate_webhooks::admin::Cluster;
use resonate_webhooks::config::Config;
use resonate_webhooks::delivery::{Credentials, TestDelivery};
use resonate_webhooks::secret::Secret;
use serde_json::{Value, json};
use support::certificates::PrivateCa;
use support::engine::{APP, engine, eventually};
use support::port::Port;
use support::receiver::{Answer, Receiver};
use support::redis::RedisServer;
use support::tls_receiver::TlsReceiver;

/// Sends a test to this endpoint, without a server and without Redis. Returns the result.
fn send_test(endpoint: &Value) -> TestDelivery {
    let config = json!({ "connection": { "host": "/nowhere/redis.sock" }, "endpoints": { "it": endpoint } });
    let cluster = Cluster::of(&Config::from_value(config).unwrap()).unwrap();
    let credentials = Credentials { key: "key".to_owned(), secret: Secret::new("secret") };
    assert_eq!(cluster.test("another", &credentials), None);
    cluster.test("it", &credentials).unwrap()
}

fn advice(result: &TestDelivery) -> &str {
    assert!(!result.ok, "{result:?}");
    result.advice.as_deref().unwrap_or_else(|| panic!("no advice: {result:?}"))
}

#[test]
fn a_test_is_signed_like_every_webhook_and_carries_the_headers_of_the_endpoint() {
    let receiver = Receiver::start();
    let result = send_test(&json!({ "url": receiver.url("/hook?token=x"), "headers": { "X-Tenant": "7" } }));
    assert_eq!((result.ok, result.status, &result.error, &result.advice), (true, Some(200), &None, &None));
    let [request] = &receiver.received("/hook?token=x")[..] else { panic!("one request") };
    assert_eq!(request.header("webhook-id"), Some(result.id.as_str()));
    assert_eq!((request.header("x-tenant"), request.header("x-pusher-key")), (Some("7"), Some("key")));
    assert_eq!(request.json()["events"], json!([{ "name": "test", "channel": "resonate-webhooks-test" }]));
    let signed = |name: &str| request.header(name).unwrap().len();
    assert_eq!((signed("x-pusher-signature"), &request.header("webhook-signature").unwrap()[..3]), (64, "v1,"));
}

#[test]
fn a_failed_response_comes_with_advice() {
    let receiver = Receiver::start();
    for (status, word) in [(302, "Redirects"), (401, "secret"), (404, "no route"), (419, "CSRF"), (500, "log")] {
        receiver.always("/hook", Answer::Status(status));
        let result = send_test(&json!({ "url": receiver.url("/hook") }));
        assert_eq!((result.status, result.error.as_deref()), (Some(status), Some(format!("HTTP {status}").as_str())));
        assert!(advice(&result).contains(word), "{result:?}");
    }
}

#[test]
fn a_failed_connection_comes_with_advice() {
    let receiver = Receiver::start();
    let port = Port::free();
    receiver.always("/close", Answer::Close);
    receiver.always("/hang", Answer::Hang);
    for (endpoint, word) in [
        (json!({ "url": format!("http://{}/", port.address()) }), "Nothing listens"),
        (json!({ "url": "http://no-such-name.invalid/" }), "DNS"),
        (json!({ "url": receiver.url("/close") }), "closed the connection"),
        (json!({ "url": receiver.url("/hang"), "timeout": 0.3 }), "answer first"),
        (json!({ "url": receiver.url("/"), "deny_private_networks": true }), "deny_private_networks"),
        (json!({ "url": "http://169.254.169.254/" }), "address rules"),
        (json!({ "url": receiver.url("/").replace("http:", "https:") }), "TLS"),
    ] {
        let result = send_test(&endpoint);
        assert!(advice(&result).contains(word), "{result:?}");
    }
}

#[test]
fn a_certificate_is_accepted_if_trusted_and_explained_if_not() {
    let ca = PrivateCa::new();
    let receiver = TlsReceiver::start(&ca.issue("localhost"), None);
    let untrusted = send_test(&json!({ "url": receiver.url() }));
    assert!(advice(&untrusted).contains("ca_file"), "{untrusted:?}");
    let trusting = send_test(&json!({ "url": receiver.url(), "ca_file": ca.file() }));
    assert_eq!((trusting.ok, trusting.status), (true, Some(200)), "{trusting:?}");
    let other_name =
        send_test(&json!({ "url": receiver.url().replace("localhost", "127.0.0.1"), "ca_file": ca.file() }));
    assert!(advice(&other_name).contains("another name"), "{other_name:?}");
    let expired = TlsReceiver::start(&ca.issue_expired("localhost"), None);
    let late = send_test(&json!({ "url": expired.url(), "ca_file": ca.file() }));
    assert!(advice(&late).contains("has expired"), "{late:?}");
    let picky = TlsReceiver::start(&ca.issue("localhost"), Some(&ca));
    let unknown = send_test(&json!({ "url": picky.url(), "ca_file": ca.file() }));
    assert!(advice(&unknown).contains("client_cert"), "{unknown:?}");
}

#[test]
fn an_endpoint_is_selected_by_its_id_its_name_or_its_url() {
    let url = "https://me:hunter2@example.com/hook?token=hunter2";
    let config =
        json!({ "endpoints": { "billing": { "url": url, "name": "Money" }, "other": { "url": "http://a/" } } });
    let cluster = Cluster::of(&Config::from_value(config).unwrap()).unwrap();
    for name in ["billing", "Money", "https://example.com/hook", "https://example.com/hook?token=hunter2"] {
        let called = cluster.called(name);
        assert_eq!(called.iter().map(|endpoint| endpoint.id.as_str()).collect::<Vec<_>>(), ["billing"], "{name}");
    }
    assert!(cluster.called("nobody").is_empty());
    assert_eq!(cluster.endpoints().len(), 2);
    let told = serde_json::to_string(&cluster.endpoints()).unwrap();
    assert!(told.contains("Money (https://example.com/hook)") && !told.contains("hunter2"), "{told}");
}

#[test]
fn a_watch_does_not_delay_the_end_of_a_node() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let node = engine(&redis, &receiver, &json!({}));
    let config = json!({ "connection": { "host": redis.socket() } });
    let mut cluster = Cluster::of(&Config::from_value(config).unwrap()).unwrap();
    let mut visits = 0;
    eventually("an attempt in the watch", || {
        cluster.watch(None).unwrap();
        visits += 1;
        node.subscribed(APP, format!("news-{visits}").as_bytes(), b"1.1", None);
        receiver.wait_for("/hook", visits);
        redis.connect().exists("wh:watched").unwrap()
    });
    assert!(node.stop(Instant::now() + Duration::from_secs(1)));
    let status = cluster.status().unwrap();
    assert!(status.nodes.iter().all(|node| node.record.stopped), "the last record is written");
}

#[test]
fn a_watch_sees_each_attempt_and_without_one_nothing_is_written() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Status(503));
    let node = engine(&redis, &receiver, &json!({ "max_attempts": 1 }));
    let mut visits = 0;
    let mut visit = || {
        visits += 1;
        node.subscribed(APP, format!("news-{visits}").as_bytes(), b"1.1", None);
        receiver.wait_for("/hook", visits);
    };
    let config = json!({ "connection": { "host": redis.socket() } });
    let mut cluster = Cluster::of(&Config::from_value(config).unwrap()).unwrap();
    let mut last = cluster.watch(None).unwrap().last;
    let mut seen = Vec::new();
    // The node notices a watch within two seconds.
    eventually("an attempt in the watch", || {
        visit();
        let look = cluster.watch(Some(&last)).unwrap();
        last = look.last;
        seen.extend(look.deliveries);
        !seen.is_empty()
    });
    let sight = &seen[0];
    assert_eq!((sight.app_id.as_str(), sight.events, sight.attempt), ("app", 1, 1));
    assert_eq!((sight.status, sight.error.as_deref()), (Some(503), Some("HTTP 503")));
    assert_eq!(sight.label, receiver.url("/hook"));
    assert!(receiver.received("/hook").iter().any(|request| request.header("webhook-id") == Some(&sight.id)));
    let mut redis = redis.connect();
    assert!((1..=60_000).contains(&redis.pttl::<_, i64>("wh:watched").unwrap()));
    redis.del::<_, ()>("wh:watch").unwrap();
    eventually("an attempt without a watch", || {
        redis.del::<_, ()>("wh:watched").unwrap();
        visit();
        let shown_by = Instant::now() + Duration::from_millis(600);
        while Instant::now() < shown_by {
            if redis.exists("wh:watched").unwrap() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    });
}
