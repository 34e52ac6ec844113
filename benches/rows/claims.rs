//! Claims per second of one node: how fast its claims are decided and their events appended to the outbox.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use resonate_webhooks::engine::Engine;
use serde_json::json;

use super::figures::{best, figure};
use super::peers;
use super::stage::{APP, engine, hand_over, stat, while_it_moves};
use super::support::redis::RedisServer;

/// The channels that are occupied and then vacated.
const CHANNELS: u32 = 100_000;

/// The number of runs of each side. The sides alternate.
const RUNS: usize = 3;

/// The minimal script for one claim per call: read the hold, write it, record its node, append the event.
const COMPARABLE: &str = "local before = redis.call('HGET', KEYS[1], ARGV[1]) or ''
    if before == '' then before = '|' end
    redis.call('HSET', KEYS[1], ARGV[1], '|' .. ARGV[2] .. '|')
    redis.call('SADD', KEYS[2], ARGV[1])
    redis.call('XADD', KEYS[3], '*', 'e', 'o' .. ARGV[1])
    return 1";

/// The depths of pipelining for redis-benchmark. The best one counts.
const PIPELINES: [u32; 3] = [16, 64, 256];

/// The usual number of channels per client.
const A_CLIENT: u32 = 10;

/// Measures both sides, and our side once more with a single client that is on every channel.
pub(crate) fn measure() {
    let (mut ours, mut of_one_client, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let redis = RedisServer::start();
        let engine = engine(&redis.socket(), &json!({}));
        ours.push(claims_per_second(&engine, A_CLIENT));
        of_one_client.push(claims_per_second(&engine, CHANNELS));
        drop(engine);
        let redis = RedisServer::start();
        theirs.extend(PIPELINES.map(|pipeline| calls_per_second(&redis, pipeline)));
    }
    figure("ours_per_s", best(ours));
    figure("of_one_client_per_s", best(of_one_client));
    figure("redis_benchmark_per_s", best(theirs));
}

/// Occupies and vacates every channel. Measures from the first hook until the last edge is in Redis.
fn claims_per_second(engine: &Engine, channels_of_a_client: u32) -> f64 {
    let names: Vec<String> = (0..CHANNELS).map(|n| format!("chat-{n:06}")).collect();
    let (began, before) = (Instant::now(), stat(engine, "edges"));
    let socket = |n: u32| format!("123456789.{}", n / channels_of_a_client).into_bytes();
    hand_over(engine, CHANNELS, |n| engine.subscribed(APP, names[n as usize].as_bytes(), &socket(n), None));
    hand_over(engine, CHANNELS, |n| engine.unsubscribed(APP, names[n as usize].as_bytes(), &socket(n)));
    let (claims, edges) = (u64::from(2 * CHANNELS), || stat(engine, "edges") - before);
    while_it_moves("the last edge", edges, || edges() >= claims);
    assert_eq!(stat(engine, "hook_queue_overflows"), 0);
    claims as f64 / began.elapsed().as_secs_f64()
}

fn calls_per_second(redis: &RedisServer, pipeline: u32) -> f64 {
    redis::cmd("FLUSHALL").exec(&mut redis.connect()).unwrap();
    let sha: String = redis::cmd("SCRIPT").arg("LOAD").arg(COMPARABLE).query(&mut redis.connect()).unwrap();
    redis_benchmark(&redis.socket(), pipeline, &sha)
}

fn redis_benchmark(socket: &Path, pipeline: u32, sha: &str) -> f64 {
    let mut command = Command::new("redis-benchmark");
    command.arg("-s").arg(socket).args(["--csv", "-c", "1", "-r", "1000000", "-n", "200000", "-P"]);
    command.arg(pipeline.to_string()).args(["EVALSHA", sha, "3", "occ", "held", "out", "chat-__rand_int__"]);
    peers::second_csv_column(&peers::output(command.arg("host-4242.0123abcd")))
}
