//! `cache_miss` events of empty cache channels, as a receiver gets them.

mod support;

use resonate_webhooks::engine::Engine;
use serde_json::json;
use support::cluster::{Cluster, all_decided, stat};
use support::engine::{APP, eventually};

const CACHE: &[u8] = b"private-cache-a";

/// Starts a node whose endpoint wants `cache_miss`, and edges to compare with.
fn node(cluster: &Cluster, ttl: f64) -> Engine {
    let endpoint = json!({
        "url": cluster.receiver.url("/hook"), "events": ["cache_miss", "channel_occupied", "channel_vacated"],
    });
    cluster.node_with(&json!({ "cache_miss_ttl": ttl, "ttl": 90, "endpoints": [endpoint] }))
}

/// A client subscribes and gets no cached payload.
fn miss(node: &Engine, channel: &[u8], socket: &str) {
    node.subscribed(APP, channel, socket.as_bytes(), None);
    node.cache_seen(APP, channel, true);
}

fn wait_for_intake(nodes: &[&Engine]) {
    for node in nodes {
        all_decided(node);
        eventually("all intents to be taken in", || stat(node, "queued_intents") == 0);
    }
}

/// Makes another channel come and go, and waits for it. All earlier events have arrived then.
fn flush(cluster: &Cluster, node: &Engine, name: &str) {
    node.subscribed(APP, name.as_bytes(), b"9.9", None);
    node.closed(APP, b"9.9");
    let end = format!("channel_vacated {name}");
    eventually("channel_vacated", || cluster.counts().contains_key(&end));
}

fn misses(cluster: &Cluster) -> usize {
    cluster.counts().get("cache_miss private-cache-a").copied().unwrap_or_default()
}

#[test]
fn an_empty_channel_makes_one_miss_however_many_sockets_and_nodes_find_it() {
    let cluster = Cluster::start();
    let nodes = [1, 2, 3].map(|_| node(&cluster, 600.0));
    std::thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(|| (0..100).for_each(|n| miss(node, CACHE, &format!("1.{n}"))));
        }
    });
    wait_for_intake(&nodes.each_ref());
    eventually("the miss", || misses(&cluster) > 0);
    flush(&cluster, &nodes[0], "end");
    let of_channel: Vec<String> = cluster.events().into_iter().filter(|event| event.ends_with("-a")).collect();
    assert_eq!(of_channel, ["channel_occupied private-cache-a", "cache_miss private-cache-a"]);
}

#[test]
fn a_miss_comes_again_after_a_payload_after_the_last_leave_and_after_its_ttl() {
    let cluster = Cluster::start();
    let [a, b] = [1, 2].map(|_| node(&cluster, 600.0));
    miss(&a, CACHE, "1.1");
    eventually("the miss", || misses(&cluster) == 1);
    a.cache_seen(APP, CACHE, false);
    wait_for_intake(&[&a]);
    eventually("the payload to be known", || {
        let marks: Vec<String> = redis::cmd("KEYS").arg("wh:miss:*").query(&mut cluster.redis.connect()).unwrap();
        marks.is_empty()
    });
    miss(&b, CACHE, "2.1");
    eventually("a miss on another node", || misses(&cluster) == 2);
    b.closed(APP, b"2.1");
    a.closed(APP, b"1.1");
    wait_for_intake(&[&a, &b]);
    miss(&a, CACHE, "1.2");
    eventually("a miss after the last subscriber left", || misses(&cluster) == 3);
}

#[test]
fn a_channel_that_stays_empty_makes_another_miss_after_each_ttl() {
    let cluster = Cluster::start();
    let node = node(&cluster, 1.0);
    let mut socket = 0;
    eventually("three misses", || {
        socket += 1;
        miss(&node, CACHE, &format!("1.{socket}"));
        misses(&cluster) == 3
    });
}

#[test]
fn the_marks_of_many_channel_names_all_expire() {
    let cluster = Cluster::start();
    let node = node(&cluster, 600.0);
    for n in 0..2_000 {
        miss(&node, format!("cache-{n}").as_bytes(), "1.1");
    }
    wait_for_intake(&[&node]);
    let forever = "local left = 0
        for _, key in ipairs(redis.call('KEYS', '*wh:*miss:*')) do
            if redis.call('PTTL', key) < 0 then return -1 end
            left = left + 1
        end
        return left";
    let redis = &mut cluster.redis.connect();
    let marks: i64 = redis::cmd("EVAL").arg(forever).arg(0).query(redis).unwrap();
    assert_eq!(marks, 2_000, "marks in Redis; -1 if one does not expire");
}

#[test]
fn an_endpoint_that_does_not_list_cache_miss_gets_none() {
    let cluster = Cluster::start();
    let node = cluster.node();
    assert!(!node.wants_cache_misses());
    miss(&node, CACHE, "1.1");
    node.closed(APP, b"1.1");
    eventually("the end of the visit", || cluster.counts().contains_key("channel_vacated private-cache-a"));
    assert_eq!(cluster.events(), ["channel_occupied private-cache-a", "channel_vacated private-cache-a"]);
}
