//! Events of the application's own, for endpoints that list their names.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::{Duration, Instant};

use resonate_webhooks::config::Config;
use resonate_webhooks::engine::{Engine, SendError};
use serde_json::{Value, json};
use support::cluster::{Cluster, stat};
use support::engine::{APP, eventually};

/// Starts a node with these endpoints: paths of the receiver, and the settings of each.
fn node(cluster: &Cluster, endpoints: &[(&str, Value)], settings: &Value) -> Engine {
    let endpoint = |(path, more): &(&str, Value)| {
        let mut endpoint = more.clone();
        endpoint["url"] = json!(cluster.receiver.url(path));
        endpoint
    };
    let mut config = json!({ "endpoints": endpoints.iter().map(endpoint).collect::<Vec<_>>() });
    for (key, value) in settings.as_object().unwrap() {
        config[key] = value.clone();
    }
    cluster.node_with(&config)
}

/// Returns the events that came to `path`, as they are in the bodies.
fn events(cluster: &Cluster, path: &str) -> Vec<Value> {
    let requests = cluster.receiver.received(path);
    requests.iter().flat_map(|request| request.json()["events"].as_array().unwrap().clone()).collect()
}

fn send(node: &Engine, name: &str, channel: Option<&str>, data: Option<&str>) -> Result<bool, SendError> {
    node.send(APP, name, channel.map(str::as_bytes), data.map(str::as_bytes))
}

#[test]
fn events_of_the_application_arrive_in_order_and_after_the_edges_of_their_channel() {
    let cluster = Cluster::start();
    let node = node(&cluster, &[("/hook", json!({ "events": ["order.*", "channel_occupied"] }))], &json!({}));
    node.subscribed(APP, b"orders", b"1.1", None);
    for n in 0..50 {
        assert_eq!(send(&node, "order.paid", Some("orders"), Some(&n.to_string())), Ok(true));
    }
    assert!(node.flush(Duration::from_secs(10)).is_nothing());
    let events = events(&cluster, "/hook");
    assert_eq!(events[0], json!({ "name": "channel_occupied", "channel": "orders" }));
    let paid = |n: usize| json!({ "name": "order.paid", "channel": "orders", "data": n.to_string() });
    assert_eq!(events[1..], (0..50).map(paid).collect::<Vec<_>>());
}

#[test]
fn an_endpoint_gets_the_names_that_it_lists_within_its_filter() {
    let cluster = Cluster::start();
    let node = node(
        &cluster,
        &[
            ("/family", json!({ "events": ["order.*"] })),
            ("/one", json!({ "events": ["order.paid"] })),
            ("/filtered", json!({ "events": ["order.*"], "filter": { "channel_prefix": "eu-" } })),
            ("/other", json!({ "events": ["order.*"], "app_id": "other" })),
            ("/usual", json!({})),
        ],
        &json!({}),
    );
    assert_eq!(send(&node, "order.paid", Some("eu-orders"), None), Ok(true));
    assert_eq!(send(&node, "order.lost", None, None), Ok(true));
    assert_eq!(send(&node, "user.born", None, None), Ok(false));
    assert!(node.flush(Duration::from_secs(10)).is_nothing());
    let named = |path: &str| {
        let mut names: Vec<String> =
            events(&cluster, path).iter().map(|event| event["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(named("/family"), ["order.lost", "order.paid"]);
    assert_eq!(named("/one"), ["order.paid"]);
    assert_eq!(named("/filtered"), ["order.paid"]);
    assert!(named("/other").is_empty() && named("/usual").is_empty());
    assert_eq!(stat(&node, "events"), 2, "events that no endpoint wants are not taken in");
}

#[test]
fn a_custom_name_needs_a_dot_and_any_other_unknown_name_is_refused() {
    let refusal = |event: &str| {
        let config = json!({ "endpoints": [{ "url": "http://localhost/", "events": [event] }] });
        Config::from_value(config).err().map(|error| error.to_string())
    };
    for event in ["order.paid", "order.*", "a-b.c_d.*", "connection_established"] {
        assert_eq!(refusal(event), None, "{event}");
    }
    for (event, problem) in [
        ("member_adde", "unknown event \"member_adde\", did you mean \"member_added\"?"),
        ("member.added", "unknown event \"member.added\", did you mean \"member_added\"?"),
        ("order.pa id", "\"order.pa id\" has other characters"),
        ("*.paid", "\"*.paid\" has other characters"),
    ] {
        let message = refusal(event).unwrap();
        assert!(message.contains(problem) && message.contains("endpoints.0.events.0"), "{message}");
    }
}

#[test]
fn an_invalid_event_is_refused_with_the_reason() {
    let cluster = Cluster::start();
    let node = node(&cluster, &[("/hook", json!({ "events": ["order.*"] }))], &json!({}));
    assert!(matches!(send(&node, "paid", None, None), Err(SendError::Name(_))));
    assert_eq!(send(&node, "order.paid", Some(""), None), Err(SendError::NamelessChannel));
    node.end(Duration::from_secs(1));
    assert_eq!(send(&node, "order.paid", None, None), Err(SendError::NotRunning));
}

#[test]
fn a_full_queue_refuses_an_event() {
    let cluster = Cluster::start();
    let node = node(&cluster, &[("/hook", json!({ "events": ["order.*"] }))], &json!({ "queue_size": 1024 }));
    let (mut sent, mut refused) = (0, 0);
    while refused == 0 {
        match send(&node, "order.paid", Some("orders"), None) {
            Ok(true) => sent += 1,
            Err(SendError::QueueFull) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(node.flush(Duration::from_secs(30)).is_nothing());
    assert_eq!(events(&cluster, "/hook").len(), sent, "every accepted event arrives");
}

#[test]
fn an_event_survives_its_node() {
    let cluster = Cluster::start();
    let endpoints = [("/hook", json!({ "events": ["order.*"] }))];
    let settings = json!({ "flush_interval": 3 });
    let (dead, successor) = (node(&cluster, &endpoints, &settings), node(&cluster, &endpoints, &settings));
    for n in 0..20 {
        assert_eq!(send(&dead, "order.paid", Some(&format!("order-{n}")), None), Ok(true));
    }
    eventually("all events in the outbox", || stat(&dead, "events") == 20);
    dead.stop(Instant::now() + Duration::from_secs(1));
    eventually("the events from the successor", || events(&cluster, "/hook").len() >= 20);
    successor.flush(Duration::from_secs(5));
    let mut channels: Vec<String> =
        events(&cluster, "/hook").iter().map(|event| event["channel"].as_str().unwrap().to_owned()).collect();
    channels.sort();
    channels.dedup();
    assert_eq!(channels.len(), 20);
}
