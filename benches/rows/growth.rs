//! What a claim costs Redis, by what else is in there. Redis' own account, so that nothing but its work is in the figure.

use resonate_webhooks::engine::Engine;
use serde_json::json;

use super::figures::{figure, percentile};
use super::stage::{APP, engine, hand_over, stat, while_it_moves};
use super::support::redis::RedisServer;

/// Claims of a sample: a batch or two.
const SAMPLE: u32 = 400;

/// Samples, of which the least disturbed tenth counts: Redis' account is by the clock, and takes in what others do to the
/// processor meanwhile.
const SAMPLES: u32 = 40;
const LEAST_DISTURBED: f64 = 0.1;

/// Measures the least and the most of each, in turn: what else the machine does, it does to both.
pub(crate) fn measure() {
    in_turn("foreign_keys", [0, 1_000_000], with_foreign_keys, TO_A_CHANNEL);
    in_turn("channels", [10, 100_000], among_channels, TO_A_CHANNEL);
    in_turn("members", [10, 10_000], among_members, BY_A_USER);
    in_turn("nodes", [1, 32], shared_by_nodes, TO_A_CHANNEL);
}

/// A visit: how it begins, and how it ends.
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

/// Two stages that differ in their number of `what`, on two servers that run at the same time.
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

/// The claims are those of users on one channel.
fn among_members(members: u32) -> Stage {
    let stage = Stage::start();
    let member = |n: u32| format!("member-{n}").into_bytes();
    stage.claim(1, |_| stage.node.subscribed(APP, ROOM, b"1.1", None));
    stage.claim(members, |n| stage.node.subscribed(APP, ROOM, &member(n), Some(&member(n))));
    stage
}

/// The channels are held by so many nodes, this one counted while it is there.
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
    /// They hold what it visits.
    others: Vec<Engine>,
}

impl Stage {
    fn start() -> Self {
        let redis = RedisServer::start();
        // The scripts of the outbox count too; their share does not depend on any of this.
        let node = engine(&redis.socket(), &json!({}));
        Self { redis, node, others: Vec::new() }
    }

    fn another_node(&self) -> Engine {
        engine(&self.redis.socket(), &json!({}))
    }

    /// Makes `count` claims and waits until all are judged, as those before are.
    fn claim(&self, count: u32, hook: impl FnMut(u32)) {
        let judged = || stat(&self.node, "claims");
        let all = judged() + u64::from(count);
        hand_over(&self.node, count, hook);
        while_it_moves("verdicts", judged, || judged() >= all);
    }

    /// What a claim of such visits costs, in microseconds of Redis.
    fn cost(&self, (come, go): Visit) -> f64 {
        redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut self.redis.connect()).unwrap();
        self.claim(SAMPLE, |n| come(&self.node, n));
        self.claim(SAMPLE, |n| go(&self.node, n));
        self.script_time() / f64::from(2 * SAMPLE)
    }

    fn script_time(&self) -> f64 {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut self.redis.connect()).unwrap();
        let evalsha = stats.lines().find(|line| line.starts_with("cmdstat_evalsha:")).expect("script calls");
        super::peers::number_behind(evalsha, "usec=")
    }
}
