//! Many idle shards cost little: threads wait, and calls to Redis do not multiply. One test, because it measures its process.

#![allow(clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::cluster::{all_decided, stat};
use support::engine::{APP, engine, eventually};
use support::gauges::{resident_bytes, threads};
use support::receiver::Receiver;
use support::redis::RedisServer;

/// Time of the measurement.
const TIME: Duration = Duration::from_secs(10);

/// Processor time of this process in ticks of 10 ms.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a file");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
}

/// Prints the figures of `docs/performance.md` with `--nocapture`.
#[test]
fn sixty_four_idle_shards_cost_little() {
    let mut of_shards = Vec::new();
    for shards in [1, 16, 64] {
        let (redis, receiver) = (RedisServer::start(), Receiver::start());
        let connection = json!({ "host": redis.socket(), "shards": shards });
        let node = engine(&redis, &receiver, &json!({ "connection": connection, "ttl": 90 }));
        for n in 0..200 {
            node.subscribed(APP, format!("news-{n}").as_bytes(), b"1.1", None);
        }
        all_decided(&node);
        eventually("an empty outbox", || redis.outbox_events() == 0);
        std::thread::sleep(Duration::from_secs(2));
        let (began, before, calls_before) = (Instant::now(), ticks(), stat(&node, "redis_requests"));
        std::thread::sleep(TIME);
        let seconds = began.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let (percent, per_second) =
            ((ticks() - before) as f64 / seconds, (stat(&node, "redis_requests") - calls_before) as f64 / seconds);
        let (threads, kib) = (threads(""), resident_bytes() / 1024);
        println!(
            "{shards} shards: {threads} threads, {kib} KiB, {percent:.1} % of a processor, {per_second:.0} calls/s"
        );
        of_shards.push((percent, per_second));
        assert!(node.end(Duration::from_secs(2)).is_nothing());
    }
    let (percent, per_second) = of_shards[2];
    assert!(per_second < 64.0 * 6.0, "{of_shards:?}");
    assert!(percent < 15.0, "{of_shards:?}");
}
