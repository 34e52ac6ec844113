//! `subscription_count` events: the number of connections of a channel in the whole cluster, as a receiver gets it.

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};
use support::cluster::{Cluster, all_decided, stat};
use support::engine::{APP, eventually, prefix_of};
use support::receiver::Received;

const NEWS: &[u8] = b"news";

/// Interval between two numbers of a channel (ms).
const INTERVAL: u64 = 500;

impl ReceivedNumbers for Cluster {
    fn numbers(&self, channel: &str) -> Vec<u64> {
        let told = self.events();
        let of_channel = told.iter().filter_map(|event| event.strip_prefix("subscription_count ")?.rsplit_once(' '));
        let of_channel = of_channel.filter(|(name, _)| *name == channel);
        of_channel.filter_map(|(_, number)| number.parse().ok()).collect()
    }
}

/// Events at a receiver.
trait ReceivedNumbers {
    /// Returns the numbers of a channel, in order.
    fn numbers(&self, channel: &str) -> Vec<u64>;
}

/// Starts a node whose endpoint wants numbers, and edges to compare them with.
fn counting(cluster: &Cluster, settings: &Value) -> Engine {
    let events = ["channel_occupied", "channel_vacated", "subscription_count"];
    let endpoint = json!({ "url": cluster.receiver.url("/hook"), "events": events });
    let mut all = json!({ "subscription_count_interval": Duration::from_millis(INTERVAL).as_secs_f64(), "ttl": 90, "endpoints": [endpoint] });
    for (key, value) in settings.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    cluster.node_with(&all)
}

fn join(node: &Engine, sockets: std::ops::Range<u32>) {
    sockets.for_each(|n| node.subscribed(APP, NEWS, format!("1.{n}").as_bytes(), None));
}

fn leave(node: &Engine, sockets: std::ops::Range<u32>) {
    sockets.for_each(|n| node.closed(APP, format!("1.{n}").as_bytes()));
}

/// Waits until a number that is not due yet is in Redis.
fn number_waits(cluster: &Cluster) {
    eventually("a number in Redis", || {
        let waiting = redis::cmd("ZCARD")
            .arg(format!("{}:counts_due", prefix_of(NEWS)))
            .query::<u64>(&mut cluster.redis.connect());
        waiting == Ok(1)
    });
}

fn last_is(cluster: &Cluster, number: u64) {
    eventually(&format!("the number {number}"), || cluster.numbers("news").last() == Some(&number));
}

#[test]
fn the_number_is_that_of_all_nodes_down_to_zero() {
    let cluster = Cluster::start();
    let [a, b] = [1, 2].map(|_| counting(&cluster, &json!({})));
    join(&a, 0..30);
    join(&b, 30..50);
    last_is(&cluster, 50);
    leave(&a, 0..10);
    last_is(&cluster, 40);
    leave(&b, 30..50);
    leave(&a, 10..30);
    last_is(&cluster, 0);
    let numbers = cluster.numbers("news");
    assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "{numbers:?}");
}

#[test]
fn numbers_of_one_channel_keep_their_interval_and_the_last_one_is_right() {
    let cluster = Cluster::start();
    let [a, b] = [1, 2].map(|_| counting(&cluster, &json!({})));
    let began = Instant::now();
    let mut joined = 0;
    while began.elapsed() < Duration::from_millis(4 * INTERVAL) {
        join(&a, joined..joined + 1);
        join(&b, joined..joined + 1);
        joined += 1;
        std::thread::sleep(Duration::from_millis(1));
    }
    last_is(&cluster, 2 * u64::from(joined));
    let mut bodies: Vec<Value> = cluster.receiver.received("/hook").iter().map(Received::json).collect();
    let events = |body: &Value| body["events"].as_array().cloned().expect("a list of events");
    bodies.retain(|body| events(body).iter().any(|event| event["name"] == "subscription_count"));
    let numbers = cluster.numbers("news");
    // A batch spans less than the interval, so each one has at most one number.
    assert_eq!(bodies.len(), numbers.len());
    let times: Vec<u64> = bodies.iter().map(|body| body["time_ms"].as_u64().expect("a time")).collect();
    let spans: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // An event has the time of its outbox entry, which is that of the script call or slightly later.
    assert!(spans.len() >= 3 && spans.iter().all(|span| *span >= INTERVAL - 25), "{spans:?}, {numbers:?}");
    assert!(numbers.is_sorted(), "{numbers:?}");
}

#[test]
fn ten_thousand_joins_at_once_cost_redis_a_few_calls() {
    let cluster = Cluster::start();
    let node = counting(&cluster, &json!({ "subscription_count_interval": 5 }));
    eventually("the session to be open", || stat(&node, "redis_calls") > 0);
    let before = stat(&node, "redis_calls");
    let began = Instant::now();
    join(&node, 0..10_000);
    eventually("all sockets to be known", || stat(&node, "sockets") == 10_000);
    last_is(&cluster, 10_000);
    let calls = stat(&node, "redis_calls") - before;
    // One call for the claim, one every half second for the numbers, and a few that fetch what is due.
    assert!(calls <= 6 + 2 * began.elapsed().as_secs(), "{calls} calls");
}

#[test]
fn the_connections_of_a_dead_node_do_not_count() {
    let cluster = Cluster::start();
    let [dead, alive] = [1, 2].map(|_| counting(&cluster, &json!({ "ttl": 3 })));
    join(&dead, 0..3);
    join(&alive, 0..2);
    last_is(&cluster, 5);
    assert!(dead.stop(Instant::now() + Duration::from_secs(2)), "all threads must end in time");
    last_is(&cluster, 2);
}

#[test]
fn a_waiting_number_is_published_after_its_node_has_stopped() {
    let cluster = Cluster::start();
    let slow = json!({ "subscription_count_interval": 2, "ttl": 3 });
    let [a, b] = [1, 2].map(|_| counting(&cluster, &slow));
    join(&b, 0..1);
    last_is(&cluster, 1);
    join(&a, 0..1);
    all_decided(&a);
    number_waits(&cluster);
    assert!(a.stop(Instant::now() + Duration::from_secs(2)), "all threads must end in time");
    eventually("the second number", || cluster.numbers("news").len() > 1);
    last_is(&cluster, 1);
    assert_eq!(cluster.numbers("news")[1], 2);
}

#[test]
fn a_waiting_number_is_published_after_redis_lost_everything() {
    let mut cluster = Cluster::start();
    let [a, b] = [1, 2].map(|_| counting(&cluster, &json!({ "ttl": 3, "subscription_count_interval": 5 })));
    join(&a, 0..3);
    last_is(&cluster, 3);
    join(&b, 0..2);
    number_waits(&cluster);
    cluster.redis.kill();
    cluster.redis.restart();
    eventually("both nodes to restore their holds", || [&a, &b].iter().all(|node| stat(node, "hold_rebuilds") > 0));
    last_is(&cluster, 5);
    join(&b, 2..3);
    last_is(&cluster, 6);
}

#[test]
fn presence_channels_have_member_events_and_no_numbers() {
    let cluster = Cluster::start();
    let node = counting(&cluster, &json!({}));
    node.subscribed(APP, b"presence-a", b"1.1", Some(b"7"));
    join(&node, 0..1);
    last_is(&cluster, 1);
    node.closed(APP, b"1.1");
    leave(&node, 0..1);
    last_is(&cluster, 0);
    let mut counts: BTreeMap<String, usize> = cluster.counts();
    counts.retain(|event, _| event.starts_with("subscription_count presence"));
    assert_eq!(counts, BTreeMap::new());
}

#[test]
fn an_endpoint_that_does_not_list_numbers_gets_none() {
    let cluster = Cluster::start();
    let node = cluster.node();
    join(&node, 0..3);
    leave(&node, 0..3);
    eventually("the end of the visit", || cluster.counts().contains_key("channel_vacated news"));
    assert_eq!(cluster.events(), ["channel_occupied news", "channel_vacated news"]);
    let keys: Vec<String> = redis::cmd("KEYS").arg("*wh:*counts*").query(&mut cluster.redis.connect()).unwrap();
    assert_eq!(keys, Vec::<String>::new());
}
