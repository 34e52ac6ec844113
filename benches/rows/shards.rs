//! The processor time of Redis for the claims of one node: one server alone, the same as a Redis Cluster, and two servers of a
//! Redis Cluster that share four shards.

use std::path::Path;
use std::time::Duration;

use redis::{Connection, Value, cmd};
use resonate_webhooks::engine::Engine;
use serde_json::json;

use super::figures::figure;
use super::peers::number_after;
use super::stage::{APP, engine, hand_over, stat, while_it_moves};
use super::support::redis::RedisServer;

/// The channels that are occupied and then vacated in a round.
const CHANNELS: u32 = 100_000;

/// The number of measured rounds. A first one, which opens the sessions, is not measured.
const ROUNDS: u64 = 3;

/// The number of runs of each kind. The kinds alternate.
const RUNS: usize = 5;

/// The last slot of a Redis Cluster.
const LAST_SLOT: i64 = 16_383;

/// The name of the figures, the number of servers in a Redis Cluster (0 without one), and the number of shards.
const KINDS: [(&str, usize, u8); 3] = [("alone", 0, 1), ("cluster", 1, 1), ("shared", 2, 4)];

/// Measures each kind. On a machine with other load, the run with the least processor time is the least disturbed one.
pub(crate) fn measure() {
    let mut runs = KINDS.map(|_| Vec::new());
    for _ in 0..RUNS {
        for ((_, servers, shards), runs) in KINDS.iter().zip(&mut runs) {
            runs.push(run(*servers, *shards));
        }
    }
    for ((name, ..), runs) in KINDS.iter().zip(&runs) {
        let least = runs.iter().min_by(|one, other| one.0.total_cmp(&other.0)).expect("a run");
        figure(&format!("{name}_s"), least.0);
        figure(&format!("{name}_calls"), least.1);
    }
}

/// Returns the processor time of one server for its part of the claims, and the number of its claim calls.
fn run(servers: usize, shards: u8) -> (f64, f64) {
    let (redis, connection) = if servers == 0 {
        let server = RedisServer::start();
        let connection = json!({ "port": server.port() });
        (vec![server], connection)
    } else {
        let servers: Vec<RedisServer> = (0..servers).map(|_| RedisServer::start_in_cluster(&[], &[])).collect();
        form_cluster(&servers, shards);
        let seeds: Vec<String> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
        (servers, json!({ "cluster": seeds, "shards": shards, "timeout": 5 }))
    };
    let engine = engine(Path::new(""), &json!({ "connection": connection }));
    visit(&engine, &redis, 0);
    let before = (processor_time(&redis), stat(&engine, "redis_calls"));
    (1..=ROUNDS).for_each(|round| visit(&engine, &redis, round));
    let (seconds, calls) = (processor_time(&redis) - before.0, stat(&engine, "redis_calls") - before.1);
    (seconds / redis.len() as f64, calls as f64 / redis.len() as f64)
}

/// Occupies and vacates every channel. Waits until no event is in the outbox.
fn visit(engine: &Engine, redis: &[RedisServer], round: u64) {
    let names: Vec<String> = (0..CHANNELS).map(|n| format!("chat-{n:06}")).collect();
    let socket = |n: u32| format!("123456789.{}", n / 10).into_bytes();
    let (edges, before) = (|| stat(engine, "edges"), 2 * u64::from(CHANNELS) * round);
    hand_over(engine, CHANNELS, |n| engine.subscribed(APP, names[n as usize].as_bytes(), &socket(n), None));
    while_it_moves("the joins", edges, || edges() >= before + u64::from(CHANNELS));
    hand_over(engine, CHANNELS, |n| engine.unsubscribed(APP, names[n as usize].as_bytes(), &socket(n)));
    while_it_moves("the last edge", edges, || edges() >= before + 2 * u64::from(CHANNELS));
    let waiting = || {
        std::thread::sleep(Duration::from_millis(20));
        redis.iter().map(|server| server.outbox_events() as u64).sum::<u64>()
    };
    while_it_moves("an empty outbox", waiting, || waiting() == 0);
}

/// Joins servers to a cluster, with as many of the shards on each.
fn form_cluster(servers: &[RedisServer], shards: u8) {
    let mut connections: Vec<Connection> = servers.iter().map(RedisServer::connect).collect();
    let mut slots: Vec<i64> = (0..shards)
        .map(|shard| {
            let key = format!("{{wh:{shard}}}");
            cmd("CLUSTER").arg("KEYSLOT").arg(key).query(&mut connections[0]).expect("a slot")
        })
        .collect();
    slots.sort_unstable();
    let mut first = 0;
    for (n, of_server) in slots.chunks(slots.len() / servers.len()).enumerate() {
        let last = if n + 1 == servers.len() { LAST_SLOT } else { of_server[of_server.len() - 1] };
        let mut own = |words: &[&str]| cmd("CLUSTER").arg(words).exec(&mut connections[n]).expect("a reply");
        own(&["SET-CONFIG-EPOCH", &(n + 1).to_string()]);
        let slots: Vec<String> = (first..=last).map(|slot| slot.to_string()).collect();
        own(&[&["ADDSLOTS"], &*slots.iter().map(String::as_str).collect::<Vec<_>>()].concat());
        own(&["MEET", "127.0.0.1", &servers[0].port().to_string()]);
        first = last + 1;
    }
    for connection in &mut connections {
        let mut known = || {
            let ranges: Vec<Value> = cmd("CLUSTER").arg("SLOTS").query(connection).expect("slots");
            let state: String = cmd("CLUSTER").arg("INFO").query(connection).expect("a state");
            if state.contains("cluster_state:ok") { ranges.len() } else { 0 }
        };
        while_it_moves("the cluster", || 0, || known() == servers.len());
    }
}

/// Returns the processor time of the servers together, in seconds.
fn processor_time(servers: &[RedisServer]) -> f64 {
    let of_server = |server: &RedisServer| {
        let info: String = cmd("INFO").arg("cpu").query(&mut server.connect()).expect("a reply");
        number_after(&info, "used_cpu_user:") + number_after(&info, "used_cpu_sys:")
    };
    servers.iter().map(of_server).sum()
}
