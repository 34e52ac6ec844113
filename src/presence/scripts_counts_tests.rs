//! Tests of connection counts and empty cache channels, on a real Redis.

use super::*;
use crate::presence::batch::{CacheSeen, Count};

/// Longer than any test.
const INTERVAL: Duration = Duration::from_secs(600);

fn count(name: &str, number: u32) -> BatchEntry {
    let Hold { app, channel, .. } = channel("app", name);
    BatchEntry::Count(Count { app, channel, number })
}

fn join(name: &str) -> BatchEntry {
    BatchEntry::Claim(Claim::join(channel("app", name)))
}

fn leave(name: &str) -> BatchEntry {
    BatchEntry::Claim(Claim::leave(channel("app", name)))
}

fn seen(name: &str, empty: bool) -> BatchEntry {
    let Hold { app, channel, .. } = channel("app", name);
    BatchEntry::Cache(CacheSeen { app, channel, empty })
}

impl Cluster {
    /// Returns a cluster with counts and cache misses.
    fn counting() -> Self {
        let mut cluster = Self::start();
        (cluster.keys.count_interval, cluster.keys.miss_ttl) = (INTERVAL, INTERVAL);
        cluster
    }

    fn send(&mut self, node: &NodeId, entries: &[BatchEntry]) -> Verdict {
        let number = self.batches.get(node).map_or(1, |last| last + 1);
        self.batches.insert(node.clone(), number);
        self.send_as(node, number, entries)
    }

    fn send_as(&mut self, node: &NodeId, number: u64, entries: &[BatchEntry]) -> Verdict {
        let batch = ClaimBatch { number, entries: entries.to_vec() };
        self.keys.claim(&mut self.redis, node, &self.epoch, &batch).unwrap().unwrap()
    }

    /// Returns the counts that are announced when a node sends these entries.
    fn counts(&mut self, node: &NodeId, entries: &[BatchEntry]) -> Vec<u64> {
        self.take_events();
        self.send(node, entries);
        self.numbers()
    }

    /// Returns the counts that were announced since the events were last taken.
    fn numbers(&mut self) -> Vec<u64> {
        let number = |event: &String| event.strip_prefix("count ")?.rsplit_once('/')?.1.parse().ok();
        self.take_events().iter().filter_map(number).collect()
    }

    /// Returns the results for empty cache channels when a node sends these entries, without edges.
    fn misses(&mut self, node: &NodeId, entries: &[BatchEntry]) -> String {
        let edges = self.send(node, entries).edges;
        String::from_utf8(edges).unwrap().replace('1', "")
    }

    /// Ends the wait between two announcements of all channels.
    fn pass_interval(&mut self) {
        let past = "for _, channel in ipairs(redis.call('HKEYS', 'wh:counts')) do
            redis.call('ZADD', 'wh:counts_due', 'XX', 1, channel)
            local number = redis.call('HGET', 'wh:counts', channel)
            redis.call('HSET', 'wh:counts', channel, (number:gsub(':%d+|', ':1|', 1)))
        end";
        redis::cmd("EVAL").arg(past).arg(0).exec(&mut self.redis).unwrap();
    }
}

#[test]
fn counts_of_all_nodes_are_summed_and_an_early_one_is_announced_by_a_later_call() {
    let mut cluster = Cluster::counting();
    let (a, b) = (cluster.node(1), cluster.node(2));
    assert_eq!(cluster.counts(&a, &[join("news"), count("news", 2)]), [2]);
    let early = cluster.send(&b, &[join("news"), count("news", 3)]);
    assert_eq!((early.counted, cluster.numbers()), (0, Vec::new()));
    assert!(early.next_due.is_some_and(|wait| wait > INTERVAL / 2), "{:?}", early.next_due);
    assert_eq!(cluster.counts(&a, &[count("news", 4)]), [0_u64; 0]);
    cluster.pass_interval();
    assert_eq!(cluster.counts(&b, &[]), [7]);
    assert_eq!(cluster.counts(&a, &[]), [0_u64; 0], "it is announced once");
}

#[test]
fn a_count_that_returns_to_the_announced_one_is_not_announced() {
    let mut cluster = Cluster::counting();
    let a = cluster.node(1);
    assert_eq!(cluster.counts(&a, &[join("news"), count("news", 2)]), [2]);
    assert!(cluster.send(&a, &[count("news", 3)]).next_due.is_some());
    assert_eq!(cluster.send(&a, &[count("news", 2)]).next_due, None, "no count waits any more");
    cluster.pass_interval();
    assert_eq!(cluster.counts(&a, &[]), [0_u64; 0]);
}

#[test]
fn zero_is_announced_and_then_the_channel_is_removed() {
    let mut cluster = Cluster::counting();
    let a = cluster.node(1);
    assert_eq!(cluster.counts(&a, &[join("news"), count("news", 1)]), [1]);
    assert_eq!(cluster.counts(&a, &[leave("news")]), [0_u64; 0], "the count comes too early");
    cluster.pass_interval();
    assert_eq!(cluster.counts(&a, &[]), [0]);
    assert_eq!(cluster.counts(&a, &[join("news"), count("news", 1)]), [0_u64; 0], "too early after the last count");
    cluster.pass_interval();
    assert_eq!(cluster.counts(&a, &[]), [1]);
    cluster.send(&a, &[leave("news")]);
    cluster.pass_interval();
    assert_eq!(cluster.counts(&a, &[]), [0]);
    cluster.pass_interval();
    assert_eq!(cluster.send(&a, &[]).next_due, None);
    assert_eq!(cluster.all_keys(), ["wh:epoch", "wh:nodes", &format!("wh:reply:{a}")]);
    assert_eq!(redis::cmd("HEXISTS").arg("wh:epoch").arg("counts").query(&mut cluster.redis), Ok(false));
}

#[test]
fn a_join_and_leave_within_one_batch_have_no_count() {
    let mut cluster = Cluster::counting();
    let a = cluster.node(1);
    assert_eq!(cluster.counts(&a, &[join("news"), leave("news"), count("news", 1)]), [0_u64; 0]);
    assert!(!cluster.all_keys().contains(&"wh:counts".to_owned()));
}

#[test]
fn a_batch_with_counts_that_is_sent_again_gets_the_same_reply() {
    let mut cluster = Cluster::counting();
    let a = cluster.node(1);
    let entries = [join("cache-a"), seen("cache-a", true), count("cache-a", 1)];
    let first = cluster.send_as(&a, 1, &entries);
    assert_eq!((first.edges.as_slice(), cluster.numbers()), (b"1m".as_slice(), vec![1]));
    assert_eq!(cluster.send_as(&a, 1, &entries).edges, first.edges);
    cluster.send_as(&a, 2, &[]);
    assert_eq!(cluster.take_events(), [""; 0]);
}

#[test]
fn a_count_follows_the_edges_of_its_batch_in_the_outbox() {
    let mut cluster = Cluster::counting();
    let a = cluster.node(1);
    let verdict = cluster.send(&a, &[join("cache-a"), seen("cache-a", true), count("cache-a", 12)]);
    assert_eq!(verdict.counted, 1);
    assert_eq!(cluster.take_events(), ["occupied cache-a", "miss cache-a", "count cache-a/12"]);
}

#[test]
fn the_counts_of_a_dead_node_are_removed_with_its_holds() {
    let mut cluster = Cluster::counting();
    let (a, b) = (cluster.node(1), cluster.node(2));
    cluster.send(&a, &[join("news"), count("news", 2), join("other"), count("other", 1)]);
    cluster.send(&b, &[join("news"), count("news", 3)]);
    cluster.pass_interval();
    assert_eq!(cluster.counts(&b, &[]), [5]);
    cluster.pass_interval();
    cluster.lapse(&a);
    // The reaper has no interval, as in a node without counts.
    let keys = std::mem::replace(&mut cluster.keys, scripts_of_one_partition(LEASE));
    let reaped = cluster.reap(&a).unwrap();
    cluster.keys = keys;
    assert_eq!((reaped.counted, reaped.waiting), (2, false));
    let mut events = cluster.take_events();
    assert_eq!(events.remove(0), "vacated other");
    events.sort();
    assert_eq!(events, ["count news/3", "count other/0"], "holds are reaped in any order");
}

#[test]
fn restored_counts_are_not_announced_but_the_next_change_is() {
    let mut cluster = Cluster::counting();
    let (a, b) = (cluster.node(1), cluster.node(2));
    cluster.send(&a, &[join("news"), count("news", 2)]);
    cluster.send(&b, &[join("news"), count("news", 3)]);
    redis::cmd("FLUSHALL").exec(&mut cluster.redis).unwrap();
    for (node, number) in [(&a, 2), (&b, 3)] {
        cluster.keys.membership.open(&mut cluster.redis, node, "epoch-1", Past::None).unwrap();
        let held = [(channel("app", "news"), number)];
        let (redis, epoch) = (&mut cluster.redis, &cluster.epoch);
        cluster.keys.reassert(redis, node, epoch, 0, "", held.iter()).unwrap().unwrap();
    }
    cluster.send_as(&a, 1, &[]);
    assert_eq!(cluster.numbers(), [0_u64; 0]);
    cluster.send_as(&b, 1, &[count("news", 4)]);
    assert_eq!(cluster.numbers(), [6]);
}

#[test]
fn a_restored_count_that_may_not_have_been_announced_is_announced() {
    let mut cluster = Cluster::counting();
    let (a, b) = (cluster.node(1), cluster.node(2));
    for (node, number) in [(&a, -2), (&b, 3)] {
        let held = [(channel("app", "news"), number)];
        let (redis, epoch) = (&mut cluster.redis, &cluster.epoch);
        cluster.keys.reassert(redis, node, epoch, 0, "", held.iter()).unwrap().unwrap();
    }
    assert_eq!(cluster.counts(&b, &[]), [5]);
    assert_eq!(cluster.counts(&a, &[count("news", 2)]), [0_u64; 0]);
}

#[test]
fn counts_are_restored_without_events_after_the_loss_of_the_last_seconds() {
    let mut cluster = Cluster::counting();
    let a = cluster.node(1);
    cluster.send(&a, &[join("news"), count("news", 2)]);
    let saved = cluster.save();
    cluster.pass_interval();
    assert_eq!(cluster.counts(&a, &[count("news", 5)]), [5]);
    cluster.restore(&saved);
    let settling = cluster.find_loss(&a);
    let (redis, epoch) = (&mut cluster.redis, &cluster.epoch);
    assert_eq!(cluster.keys.forget(redis, &a, epoch, 2, 16, &settling).unwrap(), Ok(true));
    let held = [(channel("app", "news"), 5)];
    cluster.keys.reassert(redis, &a, epoch, 2, &settling, held.iter()).unwrap().unwrap();
    assert_eq!(cluster.confirm(&a, 2, &settling, true), Ok(String::new()));
    assert_eq!(cluster.counts(&a, &[count("news", 5)]), [0_u64; 0]);
    assert_eq!(cluster.counts(&a, &[count("news", 6)]), [6]);
}

#[test]
fn a_key_of_a_foreign_type_fails_a_batch_with_counts_before_the_first_write() {
    for key in ["wh:counts", "wh:counts_due"] {
        let mut cluster = Cluster::counting();
        let a = cluster.node(1);
        cluster.send(&a, &[join("cache-a")]);
        redis::cmd("DEL").arg(key).exec(&mut cluster.redis).unwrap();
        redis::cmd("LPUSH").arg(key).arg("foreign").exec(&mut cluster.redis).unwrap();
        let before = cluster.save();
        let batch = ClaimBatch { number: 2, entries: vec![join("other"), count("cache-a", 1)] };
        cluster.keys.claim(&mut cluster.redis, &a, &cluster.epoch, &batch).unwrap_err();
        assert_eq!(cluster.save(), before, "{key}");
    }
}

#[test]
fn an_empty_cache_channel_is_announced_once() {
    let mut cluster = Cluster::counting();
    let (a, b) = (cluster.node(1), cluster.node(2));
    assert_eq!(cluster.misses(&a, &[join("cache-a"), seen("cache-a", true), seen("cache-a", true)]), "m0");
    assert_eq!(cluster.misses(&b, &[join("cache-a"), seen("cache-a", true)]), "00");
    // The key has expired.
    let expires: i64 = redis::cmd("PTTL").arg("wh:miss:3:app:cache-a").query(&mut cluster.redis).unwrap();
    assert!((1..=600_000).contains(&expires), "{expires}");
    redis::cmd("DEL").arg("wh:miss:3:app:cache-a").exec(&mut cluster.redis).unwrap();
    assert_eq!(cluster.misses(&b, &[seen("cache-a", true)]), "m");
    // The channel got a payload.
    assert_eq!(cluster.misses(&a, &[seen("cache-a", false)]), "");
    assert_eq!(cluster.misses(&b, &[seen("cache-a", true)]), "m");
    // All nodes have left the channel, so its payload is gone.
    assert_eq!(cluster.misses(&a, &[leave("cache-a"), join("cache-a"), seen("cache-a", true)]), "000");
    cluster.send(&a, &[leave("cache-a")]);
    assert_eq!(cluster.misses(&b, &[leave("cache-a"), join("cache-a"), seen("cache-a", true)]), "m");
}

#[test]
fn a_rejoin_within_the_grace_can_miss_again() {
    let mut cluster = Cluster::counting();
    cluster.keys.grace = LEASE;
    let a = cluster.node(1);
    assert_eq!(cluster.misses(&a, &[join("cache-a"), seen("cache-a", true)]), "m");
    assert_eq!(cluster.misses(&a, &[leave("cache-a")]), "2");
    assert_eq!(cluster.misses(&a, &[join("cache-a"), seen("cache-a", true)]), "3m");
}

#[test]
fn reports_about_a_channel_that_the_node_does_not_hold_are_ignored() {
    let mut cluster = Cluster::counting();
    let (a, b) = (cluster.node(1), cluster.node(2));
    cluster.send(&a, &[join("cache-a"), count("cache-a", 1), seen("cache-a", true)]);
    let verdict = cluster.send(&b, &[seen("cache-a", true), seen("cache-a", false), count("cache-a", 7)]);
    assert_eq!((verdict.edges.as_slice(), verdict.counted, verdict.next_due), (b"0".as_slice(), 0, None));
    assert_eq!(redis::cmd("EXISTS").arg("wh:miss:3:app:cache-a").query(&mut cluster.redis), Ok(1));
}
