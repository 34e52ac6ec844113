//! Tests of steps of Redis' clock, on a real Redis. Times are written as they look after the step.

use super::*;
use crate::cluster::system_ms;

const HOUR_MS: u64 = 3_600_000;

impl Cluster {
    fn score(&mut self, key: &str, member: &str) -> u64 {
        let score: f64 = redis::cmd("ZSCORE").arg(key).arg(member).query(&mut self.redis).unwrap();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time in ms")]
        let score = score as u64;
        score
    }
}

#[test]
fn a_renewal_corrects_times_that_a_step_back_left_in_the_future() {
    let mut cluster = Cluster::start();
    let [node, dead] = [1, 2].map(|pid| cluster.node(pid));
    let ahead = system_ms() + 2 * HOUR_MS;
    let redis = &mut cluster.redis;
    redis::cmd("ZADD").arg("wh:nodes").arg(ahead).arg(dead.as_str()).exec(redis).unwrap();
    let epoch = ["grace", "1", "counts", "1"];
    redis::cmd("HSET").arg("wh:epoch").arg(&epoch).exec(redis).unwrap();
    for key in ["wh:due", "wh:counts_due"] {
        redis::cmd("ZADD").arg(key).arg(ahead + 1).arg("c3:app1:a").exec(redis).unwrap();
    }
    cluster.renew(&node);
    let soon = system_ms() + millis(LEASE);
    assert!(cluster.score("wh:nodes", dead.as_str()) <= soon, "a dead node is found within a lease");
    for key in ["wh:due", "wh:counts_due"] {
        assert!(cluster.score(key, "c3:app1:a") <= system_ms(), "{key}");
    }
}

#[test]
fn a_renewal_keeps_plausible_times() {
    let mut cluster = Cluster::start();
    let [node, other] = [1, 2].map(|pid| cluster.node(pid));
    let long_lease = system_ms() + 5 * millis(LEASE);
    let redis = &mut cluster.redis;
    redis::cmd("ZADD").arg("wh:nodes").arg(long_lease).arg(other.as_str()).exec(redis).unwrap();
    redis::cmd("HSET").arg("wh:epoch").arg("grace").arg(1).exec(redis).unwrap();
    let due = system_ms() + 200_000;
    redis::cmd("ZADD").arg("wh:due").arg(due).arg("c3:app1:a").exec(redis).unwrap();
    cluster.renew(&node);
    assert_eq!(cluster.score("wh:nodes", other.as_str()), long_lease);
    assert_eq!(cluster.score("wh:due", "c3:app1:a"), due);
}

#[test]
fn a_lease_is_never_shortened() {
    let mut cluster = Cluster::start();
    let node = cluster.node(1);
    let before = system_ms() + 5 * millis(LEASE);
    redis::cmd("ZADD").arg("wh:nodes").arg(before).arg(node.as_str()).exec(&mut cluster.redis).unwrap();
    cluster.renew(&node);
    assert_eq!(cluster.score("wh:nodes", node.as_str()), before);
    cluster.node(1);
    assert_eq!(cluster.score("wh:nodes", node.as_str()), before);
}
