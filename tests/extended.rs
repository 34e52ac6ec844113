//! Endpoints with the extended payload: ids and times of events, and the connections behind member edges.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};
use support::cluster::{Cluster, all_decided};
use support::engine::{APP, eventually};
use support::receiver::Answer;

const DATA: &[u8] = br#"{"user_id":7,"user_info":{"name":"Ann"}}"#;

/// Starts a node with one endpoint for each payload.
fn node(cluster: &Cluster, settings: &Value) -> Engine {
    let endpoint = |path: &str, payload: &str| json!({ "url": cluster.receiver.url(path), "payload": payload });
    let mut config = json!({ "endpoints": [endpoint("/hook", "pusher"), endpoint("/more", "extended")] });
    for (key, value) in settings.as_object().unwrap() {
        config[key] = value.clone();
    }
    cluster.node_with(&config)
}

/// Returns the events that came to `path`.
fn events(cluster: &Cluster, path: &str) -> Vec<Value> {
    let requests = cluster.receiver.received(path);
    requests.iter().flat_map(|request| request.json()["events"].as_array().unwrap().clone()).collect()
}

fn visit(node: &Engine) {
    node.subscribed_with_data(APP, b"presence-a", b"1.1", Some(b"7"), Some(DATA));
    node.subscribed_with_data(APP, b"presence-a", b"1.2", Some(b"7"), Some(b"{\"user_id\":7}"));
    all_decided(node);
    node.closed(APP, b"1.1");
    node.closed(APP, b"1.2");
    all_decided(node);
}

/// Removes the fields that Pusher's format does not have, and returns them.
fn strip(mut event: Value) -> (Value, [Option<String>; 3]) {
    let fields = event.as_object_mut().unwrap();
    let is_member = fields["name"].as_str().unwrap().starts_with("member_");
    let text = |value: Value| value.as_str().unwrap().to_owned();
    let id = fields.remove("id").map(text);
    assert!(fields.remove("time_ms").unwrap().as_u64().unwrap() > 1_700_000_000_000);
    let mut remove = |key: &str| if is_member { fields.remove(key).map(text) } else { None };
    let by = [id, remove("socket_id"), remove("data")];
    (event, by)
}

#[test]
fn an_extended_endpoint_gets_the_connections_and_another_one_pushers_format() {
    let cluster = Cluster::start();
    let node = node(&cluster, &json!({}));
    assert!(node.wants_member_data());
    visit(&node);
    assert!(node.flush(Duration::from_secs(10)).is_nothing());
    let (stripped, by): (Vec<Value>, Vec<[Option<String>; 3]>) =
        events(&cluster, "/more").into_iter().map(strip).unzip();
    assert_eq!(stripped, events(&cluster, "/hook"), "the events in Pusher's format are unchanged");
    let names: Vec<&str> = stripped.iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["channel_occupied", "member_added", "member_removed", "channel_vacated"]);
    let data = String::from_utf8(DATA.to_vec()).unwrap();
    let who = |n: usize| (by[n][1].as_deref(), by[n][2].as_deref());
    assert_eq!(who(0), (None, None));
    assert_eq!(who(1), (Some("1.1"), Some(data.as_str())));
    assert_eq!(who(2), (Some("1.2"), Some(data.as_str())), "the last socket, and the user data of the first one");
    let ids: BTreeSet<&String> = by.iter().filter_map(|[id, ..]| id.as_ref()).collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
}

#[test]
fn an_event_has_one_id_at_every_endpoint_in_every_attempt_from_every_node() {
    let cluster = Cluster::start();
    let endpoint = |path: &str| json!({ "url": cluster.receiver.url(path), "payload": "extended" });
    let config = json!({ "ttl": 3, "endpoints": { "one": endpoint("/one"), "other": endpoint("/other") } });
    cluster.receiver.always("/other", Answer::Status(503));
    let (dead, successor) = (cluster.node_with(&config), cluster.node_with(&config));
    for n in 0..40 {
        dead.subscribed(APP, format!("room-{n}").as_bytes(), b"1.1", None);
    }
    let told = |path: &str| -> BTreeSet<(String, String)> {
        let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
        let occupied = |event: &Value| event["name"] == "channel_occupied";
        let events = events(&cluster, path).into_iter().filter(occupied);
        events.map(|event| (text(&event, "channel"), text(&event, "id"))).collect()
    };
    eventually("all events at one endpoint", || told("/one").len() == 40);
    eventually("some events that the other endpoint has refused", || !told("/other").is_empty());
    dead.stop(Instant::now() + Duration::from_secs(1));
    cluster.receiver.always("/other", Answer::Status(200));
    eventually("the refused events from the successor", || told("/other").len() >= 40);
    successor.flush(Duration::from_secs(5));
    assert_eq!(told("/other"), told("/one"));
    let ids: BTreeSet<String> = told("/one").into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), 40);
}

#[test]
fn the_last_connection_of_a_user_is_known_after_the_grace() {
    let cluster = Cluster::start();
    let node = node(&cluster, &json!({ "departure_grace": 0.3 }));
    visit(&node);
    eventually("all events of the visit", || events(&cluster, "/more").len() == 4);
    let removed = events(&cluster, "/more").into_iter().find(|event| event["name"] == "member_removed").unwrap();
    let data = String::from_utf8(DATA.to_vec()).unwrap();
    assert_eq!(strip(removed).1[1..], [Some("1.2".to_owned()), Some(data)]);
}

#[test]
fn the_edges_of_a_dead_node_name_no_connection() {
    let cluster = Cluster::start();
    let config = json!({ "ttl": 3 });
    let (dead, _alive) = (node(&cluster, &config), node(&cluster, &config));
    dead.subscribed_with_data(APP, b"presence-a", b"1.1", Some(b"7"), Some(DATA));
    eventually("the first events", || events(&cluster, "/more").len() == 2);
    dead.stop(Instant::now() + Duration::from_secs(1));
    // Before that, in-flight batches may come again.
    let removed = || events(&cluster, "/more").into_iter().find(|event| event["name"] == "member_removed");
    eventually("member_removed", || removed().is_some());
    assert_eq!(strip(removed().unwrap()).1[1..], [None, None]);
}

#[test]
fn without_an_extended_endpoint_user_data_goes_nowhere() {
    let cluster = Cluster::start();
    let node = cluster.node();
    assert!(!node.wants_member_data());
    visit(&node);
    eventually("all events of the visit", || cluster.events().len() == 4);
    let mut redis = cluster.redis.connect();
    let keys: Vec<String> = redis::cmd("KEYS").arg("wh:out:*").query(&mut redis).unwrap();
    for key in keys {
        let entries: Vec<(String, Vec<String>)> =
            redis::cmd("XRANGE").arg(key).arg("-").arg("+").query(&mut redis).unwrap();
        assert!(entries.iter().all(|(_, fields)| fields.len() == 2), "{entries:?}");
    }
    for event in events(&cluster, "/hook") {
        assert!(event.get("socket_id").is_none() && event.get("data").is_none() && event.get("id").is_none());
    }
}
