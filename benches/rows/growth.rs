//! The cost of a claim in Redis, depending on the other data in it. Measured by Redis itself, so the figure contains only the
//! work of Redis.

use resonate_webhooks::engine::Engine;
use serde_json::json;

use super::figures::{figure, percentile};
use super::stage::{APP, engine, hand_over, stat, while_it_moves};
use super::support::redis::RedisServer;

/// The number of claims in half a sample: one or two batches.
const SAMPLE: u32 = 400;

/// The number of samples. The fastest tenth counts, because Redis measures wall-clock time, which includes the load of other
/// processes.
const SAMPLES: u32 = 40;
const LEAST_DISTURBED: f64 = 0.1;

/// Measures each kind of growth with its smallest and its largest number. Samples of the two alternate, so that other load on
/// the machine affects both.
pub(crate) fn measure() {
    in_turn("foreign_keys", [0, 1_000_000], with_foreign_keys, TO_A_CHANNEL);
    in_turn("channels", [10, 100_000], among_channels, TO_A_CHANNEL);
    in_turn("members", [10, 10_000], among_members, BY_A_USER);
    in_turn("nodes", [1, 32], shared_by_nodes, TO_A_CHANNEL);
}

/// The hooks that begin and end a visit.
type Visit = (fn(&Engine, u32), fn(&Engine, u32));

const TO_A_CHANNEL: Visit = (
    |node, n| node.subscribed(APP, format!("chat-{n}").as_bytes(), b"1.1", None),
    |node, n| node.unsubscribed(APP, format!("chat-{n}").as_bytes(), b"1.1"),
);

const BY_A_USER: Visit = (
    |node, n| {
        let visitor = format!("visitor-{n}").into_bytes();
        node.subscribed(APP, ROOM, &visitor, Some(&visitor));
    },
    |node, n| node.unsubscribed(APP, ROOM, format!("visitor-{n}").as_bytes()),
);

const ROOM: &[u8] = b"presence-room";

/// Measures two stages that differ in their number of `what`. Each has its own server, and both run at the same time.
fn in_turn(what: &str, numbers: [u32; 2], stage: impl Fn(u32) -> Stage, visit: Visit) {
    let stages = numbers.map(stage);
    let mut samples = [Vec::new(), Vec::new()];
    for _ in 0..SAMPLES {
        for (stage, samples) in stages.iter().zip(&mut samples) {
            samples.push(stage.cost(visit));
        }
    }
    for (number, samples) in numbers.iter().zip(&mut samples) {
        figure(&format!("{what}_{number}_us"), percentile(samples, LEAST_DISTURBED));
    }
}

fn with_foreign_keys(keys: u32) -> Stage {
    let stage = Stage::start();
    let fill = "for i = ARGV[1], ARGV[2] do redis.call('SET', 'foreign:' .. i, i) end";
    for first in (0..keys).step_by(10_000) {
        redis::cmd("EVAL").arg(fill).arg(0).arg(first).arg(first + 9_999).exec(&mut stage.redis.connect()).unwrap();
    }
    stage
}

fn among_channels(channels: u32) -> Stage {
    let stage = Stage::start();
    stage.claim(channels, |n| {
        stage.node.subscribed(APP, format!("other-{n}").as_bytes(), b"1.1", None);
    });
    stage
}

/// Prepares a presence channel with this many members. The visits are to the same channel.
fn among_members(members: u32) -> Stage {
    let stage = Stage::start();
    let member = |n: u32| format!("member-{n}").into_bytes();
    stage.claim(1, |_| stage.node.subscribed(APP, ROOM, b"1.1", None));
    stage.claim(members, |n| stage.node.subscribed(APP, ROOM, &member(n), Some(&member(n))));
    stage
}

/// Prepares channels that this many nodes hold, including the visiting node.
fn shared_by_nodes(nodes: u32) -> Stage {
    let mut stage = Stage::start();
    for _ in 1..nodes {
        let other = stage.another_node();
        hand_over(&other, SAMPLE, |n| TO_A_CHANNEL.0(&other, n));
        let claims = || stat(&other, "claims");
        while_it_moves("the holds of the others", claims, || claims() >= u64::from(SAMPLE));
        stage.others.push(other);
    }
    stage
}

struct Stage {
    redis: RedisServer,
    node: Engine,
    /// Nodes that hold the visited channels.
    others: Vec<Engine>,
}

impl Stage {
    fn start() -> Self {
        let redis = RedisServer::start();
        // The scripts of the outbox count too. Their share does not depend on what is measured.
        let node = engine(&redis.socket(), &json!({}));
        Self { redis, node, others: Vec::new() }
    }

    fn another_node(&self) -> Engine {
        engine(&self.redis.socket(), &json!({}))
    }

    /// Makes `count` claims and waits until all are decided.
    fn claim(&self, count: u32, hook: impl FnMut(u32)) {
        let decided = || stat(&self.node, "claims");
        let all = decided() + u64::from(count);
        hand_over(&self.node, count, hook);
        while_it_moves("claims", decided, || decided() >= all);
    }

    /// Returns the cost of a claim of such visits, in µs of Redis.
    fn cost(&self, (come, go): Visit) -> f64 {
        redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut self.redis.connect()).unwrap();
        self.claim(SAMPLE, |n| come(&self.node, n));
        self.claim(SAMPLE, |n| go(&self.node, n));
        self.script_time() / f64::from(2 * SAMPLE)
    }

    fn script_time(&self) -> f64 {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut self.redis.connect()).unwrap();
        let evalsha = stats.lines().find(|line| line.starts_with("cmdstat_evalsha:")).expect("script calls");
        super::peers::number_after(evalsha, "usec=")
    }
}
