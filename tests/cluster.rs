//! Nodes of one cluster with a real Redis, observed at the receiver.

mod support;

use std::time::Duration;

use resonate_webhooks::engine::Engine;
use resonate_webhooks::event::EventName;
use serde_json::json;
use strum::VariantArray;
use support::client_event::ClientEvent;
use support::cluster::{Cluster, all_decided, stat};
use support::engine::{APP, eventually};

#[test]
fn a_client_event_proves_a_subscription_without_a_hook() {
    let cluster = Cluster::start();
    let node = cluster.node();
    node.client_event(APP, &ClientEvent::new(b"presence-a", "client-x", None, b"1.1", Some(b"7")).relayed());
    node.subscribed(APP, b"presence-a", b"1.1", Some(b"7"));
    node.closed(APP, b"1.1");
    let expected = [
        "channel_occupied presence-a",
        "member_added presence-a/7",
        "client_event presence-a/7",
        "member_removed presence-a/7",
        "channel_vacated presence-a",
    ];
    eventually("all events of the visit", || cluster.events() == expected);
    assert_eq!(stat(&node, "reconcile_repairs"), 1);
}

#[test]
fn the_events_of_a_visit_arrive_in_order_and_once() {
    let cluster = Cluster::start();
    let node = cluster.node();
    node.subscribed(APP, b"presence-a", b"1.1", Some(b"7"));
    let event = ClientEvent::new(b"presence-a", "client-x", None, b"1.1", Some(b"7"));
    node.client_event(APP, &event.relayed());
    node.subscribed(APP, b"presence-a", b"1.2", Some(b"7"));
    node.closed(APP, b"1.1");
    node.unsubscribed(APP, b"presence-a", b"1.2");
    node.unsubscribed(APP, b"presence-a", b"1.2");
    let expected = [
        "channel_occupied presence-a",
        "member_added presence-a/7",
        "client_event presence-a/7",
        "member_removed presence-a/7",
        "channel_vacated presence-a",
    ];
    eventually("all events of the visit", || cluster.events().len() >= expected.len());
    assert_eq!(cluster.events(), expected);
}

#[test]
fn a_user_on_two_nodes_comes_once_and_goes_once() {
    let cluster = Cluster::start();
    let (a, b) = (cluster.node(), cluster.node());
    a.subscribed(APP, b"presence-a", b"1.1", Some(b"7"));
    all_decided(&a);
    b.subscribed(APP, b"presence-a", b"2.1", Some(b"7"));
    all_decided(&b);
    a.closed(APP, b"1.1");
    all_decided(&a);
    b.closed(APP, b"2.1");
    eventually("channel_vacated", || cluster.counts().contains_key("channel_vacated presence-a"));
    let counts = cluster.counts();
    assert!(counts.len() == 4 && counts.values().all(|count| *count == 1), "{counts:?}");
}

#[test]
fn a_killed_and_restarted_redis_costs_no_edge() {
    visits_around_a_restart(Cluster::start_durable());
}

#[test]
fn a_redis_that_lost_everything_is_restored_and_costs_no_edge() {
    visits_around_a_restart(Cluster::start());
}

/// Some channels are held across the restart, some are left during it, some are joined during it.
fn visits_around_a_restart(mut cluster: Cluster) {
    let node = cluster.node();
    let channel = |kind: &str, n: usize| format!("{kind}-{n}");
    for n in 0..20 {
        node.subscribed(APP, channel("stays", n).as_bytes(), b"1.1", None);
        node.subscribed(APP, channel("leaves", n).as_bytes(), b"1.2", None);
    }
    all_decided(&node);
    // The loss of all data includes undelivered events. So the first edges must have arrived before.
    eventually("the first edges", || cluster.events().len() == 40);
    cluster.redis.kill();
    for n in 0..20 {
        node.unsubscribed(APP, channel("leaves", n).as_bytes(), b"1.2");
        node.subscribed(APP, channel("comes", n).as_bytes(), b"1.1", None);
    }
    eventually("the node to notice the outage", || stat(&node, "redis_errors") > 0);
    cluster.redis.restart();
    all_decided(&node);
    node.closed(APP, b"1.1");
    all_decided(&node);
    assert!(node.flush(Duration::from_secs(5)).is_nothing());
    let counts = cluster.counts();
    assert_eq!(counts.len(), 2 * 60, "{counts:?}");
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}

#[test]
fn a_dead_node_is_reaped_and_its_departures_are_published() {
    let cluster = Cluster::start();
    let (dead, alive) = (cluster.node(), cluster.node());
    dead.subscribed(APP, b"presence-a", b"1.1", Some(b"7"));
    eventually("member_added", || cluster.counts().contains_key("member_added presence-a/7"));
    dead.stop(std::time::Instant::now() + Duration::from_secs(1));
    eventually("channel_vacated", || cluster.counts().contains_key("channel_vacated presence-a"));
    eventually("the reaping in the counters", || stat(&alive, "nodes_reaped") == 1);
    let counts = cluster.counts();
    assert!(counts.len() == 4 && counts.values().all(|count| *count == 1), "{counts:?}");
}

#[test]
fn the_end_of_a_process_publishes_its_departures() {
    let cluster = Cluster::start();
    let node = cluster.node();
    node.subscribed(APP, b"presence-a", b"1.1", Some(b"7"));
    assert!(node.end(Duration::from_secs(1)).is_nothing());
    let expected = [
        "channel_occupied presence-a",
        "member_added presence-a/7",
        "member_removed presence-a/7",
        "channel_vacated presence-a",
    ];
    assert_eq!(cluster.events(), expected);
    node.subscribed(APP, b"presence-a", b"1.1", Some(b"7"));
    assert_eq!(stat(&node, "queued_intents"), 0, "an engine that has ended accepts no intents");
}

#[test]
fn an_end_with_a_dead_redis_is_limited_in_time() {
    let mut cluster = Cluster::start();
    let node = cluster.node_with(&json!({ "shutdown_timeout": 0.5 }));
    node.subscribed(APP, b"news", b"1.1", None);
    all_decided(&node);
    cluster.redis.kill();
    node.subscribed(APP, b"more", b"1.1", None);
    let started = std::time::Instant::now();
    let left = node.end(Duration::from_millis(300));
    assert!(left.claims > 0, "{left}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn channels_lost_to_a_full_queue_are_reconciled_from_the_live_connections() {
    let cluster = Cluster::start();
    let node = cluster.node_with(&json!({ "queue_size": 1024 }));
    for n in 0..20_000 {
        node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
    }
    eventually("all channels to be known", || {
        for (app, channel) in node.dirty_channels() {
            node.reconcile(app.as_bytes(), channel.as_bytes(), [(&b"1.1"[..], &b""[..])].into_iter());
        }
        stat(&node, "channels") == 20_000
    });
    assert!(stat(&node, "hook_queue_overflows") > 0, "the test did not overflow the queue");
}

#[test]
fn an_ignored_channel_makes_no_event_of_any_kind() {
    let cluster = Cluster::start();
    let settings = |prefixes: serde_json::Value| {
        let mut events = EventName::VARIANTS.iter().map(<&str>::from).collect::<Vec<_>>();
        events.push("order.paid");
        let endpoint = json!({ "url": cluster.receiver.url("/hook"), "events": events });
        json!({ "ignore_channel_prefixes": prefixes, "endpoints": [endpoint], "subscription_count_interval": 0 })
    };
    let visit = |node: &Engine, channel: &[u8]| {
        node.subscribed(APP, channel, b"1.1", Some(b"7"));
        node.cache_seen(APP, channel, true);
        node.client_event(APP, &ClientEvent::new(channel, "client-x", None, b"1.1", Some(b"7")).relayed());
        let sent = node.send(APP, "order.paid", Some(channel), None).unwrap();
        node.reconcile(APP, channel, [(b"1.2".as_slice(), b"8".as_slice())].into_iter());
        all_decided(node);
        node.unsubscribed(APP, channel, b"1.2");
        sent
    };
    let node = cluster.node_with(&settings(json!(null)));
    assert!(!visit(&node, b"#server-to-user-7"));
    assert!(visit(&node, b"presence-a"));
    eventually("channel_vacated", || cluster.counts().contains_key("channel_vacated presence-a"));
    assert_eq!(cluster.events().iter().filter(|event| event.contains('#')).count(), 0);

    let node = cluster.node_with(&settings(json!([])));
    assert!(visit(&node, b"#server-to-user-7"));
    eventually("channel_vacated", || cluster.counts().contains_key("channel_vacated #server-to-user-7"));
}
