//! Tests of the roster as a sign of life of a node whose lease has lapsed, on a real Redis.

use super::*;

const TTL: Duration = Duration::from_secs(90);

impl Cluster {
    fn with_roster(prefix: &str) -> Self {
        let mut cluster = Self::start();
        let roster = Roster { key_prefix: prefix.to_owned(), ttl: TTL };
        cluster.keys.roster = Some(roster);
        cluster
    }

    /// Sets the expiry of the node's lease to `time` ago.
    fn lapsed_for(&mut self, node: &NodeId, time: Duration) {
        let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut self.redis).unwrap();
        let expiry = (seconds - time.as_secs()) * 1000;
        redis::cmd("ZADD").arg("wh:nodes").arg(expiry).arg(node.as_str()).exec(&mut self.redis).unwrap();
    }

    /// Sets when process `host-{pid}`, with a roster of release 0.3 or later, last refreshed its key of a channel.
    fn refreshed(&mut self, channel: &str, pid: u32, ago: Duration) {
        self.refreshed_key(&format!("roster:app:{channel}:host-{pid}"), ago);
    }

    fn refreshed_key(&mut self, key: &str, ago: Duration) {
        redis::cmd("HSET").arg(key).arg("1.1").arg("7").exec(&mut self.redis).unwrap();
        redis::cmd("PEXPIRE").arg(key).arg(millis(TTL.checked_sub(ago).unwrap())).exec(&mut self.redis).unwrap();
    }

    fn fate(&mut self, node: &NodeId) -> Fate {
        self.reap(node).unwrap().fate
    }

    /// Returns a node with one channel, whose lease lapsed 2 s ago.
    fn lapsed_node(&mut self, channel_name: &str) -> NodeId {
        let node = self.node(1);
        self.edges(&node, &[Claim::join(channel("app", channel_name))]);
        self.lapsed_for(&node, Duration::from_secs(2));
        node
    }
}

const JUST_NOW: Duration = Duration::from_secs(5);
/// Before the last renewal of a lease that lapsed just now.
const LONG_AGO: Duration = Duration::from_secs(61);

#[test]
fn a_node_that_refreshed_its_roster_when_its_renewal_was_overdue_is_spared() {
    for name in ["news", "presence-a", "a:b*[x]\n", "é\u{1F600}", "%s"] {
        let mut cluster = Cluster::with_roster("roster");
        let node = cluster.lapsed_node(name);
        cluster.refreshed(name, 1, JUST_NOW);
        let reaped = cluster.reap(&node).unwrap();
        assert_eq!((reaped.fate, reaped.finished, reaped.edges), (Fate::Spared, true, 0), "{name:?}");
        let renewal = cluster.renew(&node);
        assert!(!renewal.unbroken);
        assert_eq!(cluster.edges(&node, &[Claim::leave(channel("app", name))]), "1", "it keeps its holds");
    }
}

#[test]
fn refreshed_keys_of_both_roster_layouts_are_signs_of_life() {
    let [before_0_3, since_0_3] = ["roster:news:host-1", "roster:app:news:host-1"];
    for (refreshed, other) in [(before_0_3, since_0_3), (since_0_3, before_0_3)] {
        let mut cluster = Cluster::with_roster("roster");
        let node = cluster.lapsed_node("news");
        cluster.refreshed_key(refreshed, JUST_NOW);
        cluster.refreshed_key(other, LONG_AGO);
        assert_eq!(cluster.fate(&node), Fate::Spared, "{refreshed}");
        cluster.lapsed_for(&node, Duration::from_secs(2));
        cluster.refreshed_key(refreshed, LONG_AGO);
        assert_eq!(cluster.fate(&node), Fate::Dead, "{refreshed}");
    }
}

#[test]
fn the_roster_of_another_application_is_no_sign_of_life() {
    let mut cluster = Cluster::with_roster("roster");
    let node = cluster.lapsed_node("news");
    cluster.refreshed_key("roster:other:news:host-1", JUST_NOW);
    assert_eq!(cluster.fate(&node), Fate::Dead);
}

#[test]
fn stale_roster_keys_of_a_dead_node_do_not_delay_its_reaping() {
    let mut cluster = Cluster::with_roster("roster");
    let node = cluster.lapsed_node("news");
    cluster.refreshed("news", 1, LONG_AGO);
    assert_eq!(cluster.fate(&node), Fate::Dead);
}

#[test]
fn a_lapsed_node_is_spared_for_one_more_lease_only() {
    let mut cluster = Cluster::with_roster("roster");
    let node = cluster.lapsed_node("news");
    cluster.refreshed("news", 1, Duration::from_secs(1));
    cluster.lapsed_for(&node, LEASE.checked_sub(Duration::from_secs(5)).unwrap());
    assert_eq!(cluster.fate(&node), Fate::Spared);
    cluster.lapsed_for(&node, LEASE + Duration::from_secs(2));
    assert_eq!(cluster.fate(&node), Fate::Dead);
}

#[test]
fn a_started_reaping_is_finished_whatever_the_roster_contains() {
    let mut cluster = Cluster::with_roster("roster");
    let node = cluster.node(1);
    let many: Vec<Claim> = (0..=REAP_PORTION).map(|n| Claim::join(channel("app", &n.to_string()))).collect();
    cluster.edges(&node, &many);
    cluster.lapsed_for(&node, Duration::from_secs(2));
    assert!(!cluster.reap(&node).unwrap().finished);
    for n in 0..=REAP_PORTION {
        cluster.refreshed(&n.to_string(), 1, JUST_NOW);
    }
    let reaped = cluster.reap(&node).unwrap();
    assert_eq!((reaped.fate, reaped.finished, reaped.edges), (Fate::Dead, true, 1));
}

#[test]
fn the_roster_keys_of_a_younger_node_do_not_spare_a_dead_one() {
    let mut cluster = Cluster::with_roster("roster");
    let node = cluster.lapsed_node("news");
    cluster.refreshed("news", 1, JUST_NOW);
    cluster.keys.membership.open(&mut cluster.redis, &NodeId::new("host", 12, 0), "epoch-1", Past::None).unwrap();
    assert_eq!(cluster.fate(&node), Fate::Spared, "process 12 is not process 1");
    cluster.keys.membership.open(&mut cluster.redis, &NodeId::new("host", 1, 1), "epoch-1", Past::None).unwrap();
    assert_eq!(cluster.fate(&node), Fate::Dead);
}

#[test]
fn the_lease_alone_decides_without_a_roster_or_with_another() {
    for mut cluster in [Cluster::start(), Cluster::with_roster("other")] {
        let node = cluster.lapsed_node("news");
        cluster.refreshed("news", 1, JUST_NOW);
        cluster.refreshed("other", 1, JUST_NOW);
        cluster.refreshed("news", 2, JUST_NOW);
        assert_eq!(cluster.fate(&node), Fate::Dead);
    }
}

#[test]
fn the_lease_alone_decides_if_redis_denies_access_to_the_roster() {
    let mut cluster = Cluster::with_roster("roster");
    let node = cluster.lapsed_node("news");
    cluster.refreshed("news", 1, JUST_NOW);
    redis::cmd("ACL").arg(&["SETUSER", "default", "resetkeys", "~wh:*"]).exec(&mut cluster.redis).unwrap();
    assert_eq!(cluster.fate(&node), Fate::Dead);
}

#[test]
fn presence_channels_are_checked_among_many_others_with_few_reads() {
    let mut cluster = Cluster::with_roster("roster");
    let node = cluster.node(1);
    let mut holds: Vec<Hold> = (0..1000).map(|n| channel("app", &format!("a-{n}"))).collect();
    holds.extend([channel("app", "presence-a"), user("app", "presence-a", "7")]);
    for portion in holds.chunks(250) {
        cluster.edges(&node, &portion.iter().cloned().map(Claim::join).collect::<Vec<_>>());
    }
    cluster.lapsed_for(&node, Duration::from_secs(2));
    cluster.refreshed("presence-a", 1, JUST_NOW);
    assert_eq!(cluster.fate(&node), Fate::Spared, "a roster may list presence channels only");
    redis::cmd("DEL").arg("roster:app:presence-a:host-1").exec(&mut cluster.redis).unwrap();
    redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut cluster.redis).unwrap();
    assert_eq!(cluster.fate(&node), Fate::Dead);
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut cluster.redis).unwrap();
    assert!(stats.contains("cmdstat_pttl:calls=34,"), "two keys for the user and for each of 16 channels: {stats}");
}
