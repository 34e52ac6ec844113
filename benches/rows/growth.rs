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

/// Measures the least and the most of each.
pub(crate) fn measure() {
    for keys in [0, 1_000_000] {
        figure(&format!("foreign_keys_{keys}_us"), with_foreign_keys(keys));
    }
    for channels in [10, 100_000] {
        figure(&format!("channels_{channels}_us"), among_channels(channels));
    }
    for members in [10, 10_000] {
        figure(&format!("members_{members}_us"), among_members(members));
    }
    for nodes in [1, 32] {
        figure(&format!("nodes_{nodes}_us"), shared_by_nodes(nodes));
    }
}

fn with_foreign_keys(keys: u32) -> f64 {
    let stage = Stage::start();
    let fill = "for i = ARGV[1], ARGV[2] do redis.call('SET', 'foreign:' .. i, i) end";
    for first in (0..keys).step_by(10_000) {
        redis::cmd("EVAL").arg(fill).arg(0).arg(first).arg(first + 9_999).exec(&mut stage.redis.connect()).unwrap();
    }
    stage.cost("chat")
}

fn among_channels(channels: u32) -> f64 {
    let stage = Stage::start();
    stage.claim(channels, |n| {
        stage.node.subscribed(APP, format!("other-{n}").as_bytes(), b"1.1", None);
    });
    stage.cost("chat")
}

/// The claims are those of users on one channel.
fn among_members(members: u32) -> f64 {
    let stage = Stage::start();
    let member = |n: u32| format!("member-{n}").into_bytes();
    stage.node.subscribed(APP, b"presence-room", b"1.1", None);
    stage.claim(members, |n| stage.node.subscribed(APP, b"presence-room", &member(n), Some(&member(n))));
    let visitor = |n: u32| format!("visitor-{n}").into_bytes();
    stage.cost_of(
        |n| stage.node.subscribed(APP, b"presence-room", &visitor(n), Some(&visitor(n))),
        |n| stage.node.unsubscribed(APP, b"presence-room", &visitor(n)),
    )
}

/// The channels are held by so many nodes, this one counted while it is there.
fn shared_by_nodes(nodes: usize) -> f64 {
    let stage = Stage::start();
    let others: Vec<Engine> = (1..nodes).map(|_| stage.another_node()).collect();
    for other in &others {
        hand_over(other, SAMPLE, |n| other.subscribed(APP, format!("chat-{n}").as_bytes(), b"1.1", None));
        let claims = || stat(other, "claims");
        while_it_moves("the holds of the others", claims, || claims() >= u64::from(SAMPLE));
    }
    stage.cost("chat")
}

struct Stage {
    redis: RedisServer,
    node: Engine,
}

impl Stage {
    fn start() -> Self {
        let redis = RedisServer::start();
        // Only claims call scripts then, and their share of the outbox does not depend on any of this.
        let node = engine(&redis.socket(), &json!({ "outbox": "memory" }));
        Self { redis, node }
    }

    fn another_node(&self) -> Engine {
        engine(&self.redis.socket(), &json!({ "outbox": "memory" }))
    }

    /// Has so many claims made and judged.
    fn claim(&self, count: u32, hook: impl FnMut(u32)) {
        let claims = || stat(&self.node, "claims") + stat(&self.node, "queued_intents") + stat(&self.node, "unclaimed");
        let judged = || stat(&self.node, "claims");
        let all = claims() + u64::from(count);
        hand_over(&self.node, count, hook);
        while_it_moves("verdicts", judged, || judged() >= all);
    }

    /// What a claim of a visit to a channel costs, in microseconds of Redis.
    fn cost(&self, prefix: &str) -> f64 {
        let name = |n: u32| format!("{prefix}-{n}");
        self.cost_of(
            |n| self.node.subscribed(APP, name(n).as_bytes(), b"1.1", None),
            |n| self.node.unsubscribed(APP, name(n).as_bytes(), b"1.1"),
        )
    }

    fn cost_of(&self, come: impl Fn(u32), go: impl Fn(u32)) -> f64 {
        let mut samples: Vec<f64> = (0..SAMPLES)
            .map(|_| {
                redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut self.redis.connect()).unwrap();
                self.claim(SAMPLE, &come);
                self.claim(SAMPLE, &go);
                self.script_time() / f64::from(2 * SAMPLE)
            })
            .collect();
        percentile(&mut samples, LEAST_DISTURBED)
    }

    fn script_time(&self) -> f64 {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut self.redis.connect()).unwrap();
        let evalsha = stats.lines().find(|line| line.starts_with("cmdstat_evalsha:")).expect("script calls");
        super::peers::number_behind(evalsha, "usec=")
    }
}
