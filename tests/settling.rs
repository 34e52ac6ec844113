//! Time for which edges wait after Redis has lost data, or may have, with the holds of a large server. No edge may be
//! false.
//!
//! `make stress` uses ten times as many holds.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};
use support::cluster::stat;
use support::engine::{APP, engine, eventually};
use support::receiver::{Received, Receiver};
use support::redis::RedisServer;
use support::wait::STANDSTILL;
use support::watched::{Watched, info};

/// Number of channels of each of the two nodes.
const CHANNELS: usize = if cfg!(debug_assertions) { 20_000 } else { 200_000 };

/// Maximum time for which edges wait after a failover without loss, once there is a master: nodes try to connect every
/// 2 s. Debug builds get more time, because other tests run at the same time.
const LONGEST: Duration = Duration::from_secs(if cfg!(debug_assertions) { 15 } else { 5 });

/// Two nodes, each with its own channels and one common channel.
struct Pair {
    nodes: [Engine; 2],
    receiver: Receiver,
    /// Number of times that each event came, and the number of requests counted so far.
    seen: HashMap<String, usize>,
    requests: usize,
}

impl Pair {
    fn start(redis: &RedisServer, settings: &Value) -> Self {
        let receiver = Receiver::start();
        let mut settings = settings.clone();
        settings["batch_max_events"] = json!(1000);
        let node = || engine(redis, &receiver, &settings);
        let nodes = [node(), node()];
        for (place, node) in nodes.iter().enumerate() {
            for n in 0..CHANNELS {
                node.subscribed(APP, format!("{place}-{n}").as_bytes(), b"1.1", None);
                if n % 1000 == 0 {
                    eventually("room in the queue", || stat(node, "queued_intents") < 1000);
                }
            }
            node.subscribed(APP, b"common", b"1.1", None);
        }
        let mut nodes = Self { nodes, receiver, seen: HashMap::new(), requests: 0 };
        nodes.wait_for("channel_occupied of all channels", 2 * CHANNELS + 1);
        eventually("an empty outbox", || redis.outbox_events() == 0);
        nodes
    }

    /// Returns the number of received events.
    fn count(&mut self) -> usize {
        let requests = self.receiver.received("/hook");
        for event in requests[self.requests..].iter().flat_map(Received::events) {
            *self.seen.entry(event).or_default() += 1;
        }
        self.requests = requests.len();
        self.seen.values().sum()
    }

    fn wait_for(&mut self, what: &str, events: usize) {
        let (mut last, mut since) = (0, Instant::now());
        while last < events {
            let count = self.count();
            if count != last {
                (last, since) = (count, Instant::now());
            }
            assert!(since.elapsed() < STANDSTILL, "no progress at {last} of {events} events, waiting for: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A socket joins an empty channel, one joins a channel of the other node, and one leaves the common channel. Only
    /// the first is an edge. Returns the time at which it arrived.
    fn visit(&mut self) -> Instant {
        self.nodes[1].subscribed(APP, b"fresh", b"1.2", None);
        self.nodes[1].subscribed(APP, b"0-0", b"1.2", None);
        self.nodes[0].unsubscribed(APP, b"common", b"1.1");
        self.wait_for("the edge of the visit", 2 * CHANNELS + 2);
        Instant::now()
    }

    /// All sockets leave. Each channel must have been occupied once and vacated once.
    fn end(mut self) {
        for node in &self.nodes {
            node.closed(APP, b"1.1");
            node.closed(APP, b"1.2");
        }
        self.wait_for("channel_vacated of all channels", 4 * CHANNELS + 4);
        assert!(self.nodes.iter().all(|node| node.end(Duration::from_secs(5)).is_nothing()));
        assert_eq!((self.count(), self.seen.len()), (4 * CHANNELS + 4, 4 * CHANNELS + 4), "each event came once");
    }
}

#[test]
fn many_holds_are_restored_after_the_loss_of_all_data_without_a_false_edge() {
    let redis = RedisServer::start();
    let mut nodes = Pair::start(&redis, &json!({ "ttl": 9 }));
    redis::cmd("FLUSHALL").exec(&mut redis.connect()).unwrap();
    let lost = Instant::now();
    let waited = nodes.visit() - lost;
    println!("{} holds restored, edges waited for {waited:.1?}", 2 * CHANNELS);
    nodes.end();
}

#[test]
fn after_a_failover_that_lost_nothing_edges_wait_as_long_as_the_slowest_node_takes_to_connect() {
    let mut watched = Watched::start();
    let settings = json!({ "connection": watched.connection(), "ttl": 90 });
    let mut nodes = Pair::start(&watched.master, &settings);
    watched.replicate();
    watched.master.kill();
    eventually("a new master", || info(&watched.replica, "replication").contains("role:master"));
    let promoted = Instant::now();
    let waited = nodes.visit() - promoted;
    println!("with {} holds, edges waited for {waited:.1?}", 2 * CHANNELS);
    assert!(waited < LONGEST, "{waited:?}");
    nodes.end();
}

#[test]
fn after_a_failover_that_lost_holds_of_one_node_edges_wait_until_it_has_restored_them() {
    let mut watched = Watched::start();
    let settings = json!({ "connection": watched.connection(), "ttl": 9 });
    let mut nodes = Pair::start(&watched.master, &settings);
    watched.replicate();
    // From here on the replica gets no data, and the receiver gets everything.
    watched.replica.hang();
    redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("replica").exec(&mut watched.master.connect()).unwrap();
    nodes.visit();
    watched.master.kill();
    watched.replica.resume();
    nodes.end();
}
