//! Tests of commands that Redis refuses for lack of rights or memory, on a real Redis.

use super::*;
use crate::presence::batch::{CacheSeen, Count};

/// All commands with which a claim writes.
const WRITES: [&str; 9] = ["hset", "hdel", "sadd", "srem", "xadd", "zadd", "zrem", "set", "del"];

/// A cluster with counts and cache misses whose Redis user changes its rights.
struct Limited {
    cluster: Cluster,
    admin: Connection,
}

impl Limited {
    fn start(grace: Duration) -> Self {
        let server = RedisServer::start();
        let mut admin = server.connect();
        redis::cmd("ACL").arg(&["SETUSER", "admin", "on", "nopass", "~*", "+@all"]).exec(&mut admin).unwrap();
        redis::cmd("AUTH").arg(&["admin", ""]).exec(&mut admin).unwrap();
        let mut cluster = Cluster::on(&server);
        (cluster.keys.grace, cluster.keys.miss_ttl) = (grace, Duration::from_secs(60));
        cluster.server = Some(server);
        Self { cluster, admin }
    }

    fn right(&mut self, sign: char, command: &str) {
        let right = format!("{sign}{command}");
        redis::cmd("ACL").arg(&["SETUSER", "default", &right]).exec(&mut self.admin).unwrap();
    }

    fn send(&mut self, node: &NodeId, number: u64, entries: &[BatchEntry]) -> RedisResult<Result<Verdict, Refusal>> {
        let (keys, epoch) = (self.cluster.keys.clone(), self.cluster.epoch.clone());
        keys.claim(&mut self.cluster.redis, node, &epoch, &ClaimBatch { number, entries: entries.to_vec() })
    }

    /// Returns all data in Redis that does not depend on the time: events, and members of sets and hashes.
    fn state(&mut self) -> Vec<String> {
        let redis = &mut self.admin;
        let mut state = Vec::new();
        let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query(redis).unwrap();
        keys.sort();
        for key in keys {
            let kind: String = redis::cmd("TYPE").arg(&key).query(redis).unwrap();
            let mut members: Vec<String> = match kind.as_str() {
                "stream" => {
                    let entries: Vec<(String, Vec<String>)> =
                        redis::cmd("XRANGE").arg(&key).arg("-").arg("+").query(redis).unwrap();
                    state.extend(entries.iter().map(|(_, fields)| format!("event {fields:?}")));
                    continue;
                }
                "hash" if key == "wh:counts" || key == "wh:epoch" => {
                    redis::cmd("HKEYS").arg(&key).query(redis).unwrap()
                }
                "hash" if key.starts_with("wh:reply") => {
                    redis::cmd("HMGET").arg(&[&key, "batch", "edges"]).query(redis).unwrap()
                }
                "hash" => redis::cmd("HGETALL").arg(&key).query(redis).unwrap(),
                "set" => redis::cmd("SMEMBERS").arg(&key).query(redis).unwrap(),
                "zset" => redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).query(redis).unwrap(),
                _ => Vec::new(),
            };
            members.sort();
            state.push(format!("{key} {members:?}"));
        }
        state
    }
}

fn joins() -> Vec<BatchEntry> {
    let count = Count { app: AppId::from("app"), channel: ChannelName::from("presence-cache-a"), number: 1 };
    let seen = CacheSeen { app: AppId::from("app"), channel: ChannelName::from("presence-cache-a"), empty: true };
    vec![
        BatchEntry::Claim(Claim::join(channel("app", "presence-cache-a"))),
        BatchEntry::Claim(Claim::join(user("app", "presence-cache-a", "7"))),
        BatchEntry::Claim(Claim::join(channel("app", "presence-cache-b"))),
        BatchEntry::Count(count),
        BatchEntry::Cache(seen),
    ]
}

fn leaves() -> Vec<BatchEntry> {
    [user("app", "presence-cache-a", "7"), channel("app", "presence-cache-a")]
        .map(|hold| BatchEntry::Claim(Claim::leave(hold)))
        .into()
}

/// Returns the batches of a node, in order.
fn visits() -> Vec<Vec<BatchEntry>> {
    let back = vec![
        BatchEntry::Claim(Claim::join(channel("app", "presence-cache-a"))),
        BatchEntry::Claim(Claim::join(user("app", "presence-cache-a", "7"))),
    ];
    // Some batches only join or only leave, this one does both.
    let both = [leaves(), vec![BatchEntry::Claim(Claim::join(channel("app", "private-c")))]].concat();
    vec![joins(), leaves(), back, both]
}

/// Redis before version 7 wraps the error.
fn is_full(error: &redis::RedisError) -> bool {
    error.to_string().contains("OOM command not allowed") || error.code() == Some("OOM")
}

/// Returns the data in Redis after each batch of `visits`. `forbidden` is (index of a batch, command): the command is
/// denied during the first attempt to send the batch.
fn visits_without(grace: Duration, forbidden: Option<(usize, &str)>) -> Vec<Vec<String>> {
    let mut limited = Limited::start(grace);
    let node = limited.cluster.node(1);
    let mut states = Vec::new();
    for (n, entries) in visits().iter().enumerate() {
        let number = n as u64 + 1;
        let before = limited.state();
        if let Some((_, command)) = forbidden.filter(|(at, _)| *at == n) {
            limited.right('-', command);
            let refused = limited.send(&node, number, entries);
            limited.right('+', command);
            if let Err(error) = &refused {
                // Redis before version 7 does not name the command.
                let names = [format!("'{command}'"), "run this command".to_owned()];
                assert!(names.iter().any(|name| error.to_string().contains(name)), "{error}");
                let events = |state: &[String]| state.iter().filter(|line| line.starts_with("event")).count();
                assert_eq!(events(&limited.state()), events(&before), "{command}");
            }
        }
        limited.send(&node, number, entries).unwrap().unwrap();
        states.push(limited.state());
    }
    states
}

#[test]
fn every_edge_has_one_event_whichever_right_is_missing_for_a_while() {
    for grace in [Duration::ZERO, Duration::from_secs(60)] {
        let expected = visits_without(grace, None);
        for at in 0..expected.len() {
            for command in WRITES {
                assert_eq!(visits_without(grace, Some((at, command))), expected, "{command} at {at}, grace {grace:?}");
            }
        }
    }
}

#[test]
fn a_dead_node_is_reaped_once_whichever_right_was_missing() {
    let reaped = |forbidden: Option<&str>| {
        let mut limited = Limited::start(Duration::ZERO);
        let (dead, reaper) = (limited.cluster.node(1), limited.cluster.node(2));
        limited.send(&dead, 1, &joins()).unwrap().unwrap();
        limited.cluster.lapse(&dead);
        let (keys, epoch) = (limited.cluster.keys.clone(), limited.cluster.epoch.clone());
        if let Some(command) = forbidden {
            let before = limited.state();
            limited.right('-', command);
            assert!(keys.reap(&mut limited.cluster.redis, dead.as_str(), &epoch, REAP_PORTION).is_err(), "{command}");
            limited.right('+', command);
            assert_eq!(limited.state(), before, "{command}");
        }
        limited.cluster.reap(&dead).unwrap();
        limited.send(&reaper, 1, &[]).unwrap().unwrap();
        // Holds of a kind may be reaped in any order.
        let mut state = limited.state();
        state.sort();
        state
    };
    let expected = reaped(None);
    for command in ["hset", "hdel", "srem", "xadd", "zadd", "zrem", "expire"] {
        assert_eq!(reaped(Some(command)), expected, "{command}");
    }
}

#[test]
fn a_node_opens_and_renews_but_does_not_claim_while_redis_is_full() {
    let mut cluster = Cluster::start();
    let (a, lapsed) = (cluster.node(1), cluster.node(2));
    cluster.lapse(&lapsed);
    let claim = |cluster: &mut Cluster, number: u64, claim: Claim| {
        let epoch = cluster.epoch.clone();
        cluster.keys.claim(&mut cluster.redis, &a, &epoch, &batch(number, &[claim]))
    };
    claim(&mut cluster, 1, Claim::join(channel("app", "news"))).unwrap().unwrap();
    redis::cmd("CONFIG").arg(&["SET", "maxmemory", "1"]).exec(&mut cluster.redis).unwrap();
    for change in [Claim::join(channel("app", "sports")), Claim::leave(channel("app", "news"))] {
        let error = claim(&mut cluster, 2, change).unwrap_err();
        assert!(is_full(&error), "{error}");
    }
    assert!(!cluster.renew(&lapsed).unbroken);
    cluster.node(3);
    let error = cluster.keys.reap(&mut cluster.redis, a.as_str(), &cluster.epoch.clone(), REAP_PORTION);
    assert!(error.is_ok_and(|reaped| reaped.unwrap().fate == Fate::Alive));
    redis::cmd("CONFIG").arg(&["SET", "maxmemory", "0"]).exec(&mut cluster.redis).unwrap();
    assert_eq!(claim(&mut cluster, 2, Claim::leave(channel("app", "news"))).unwrap().unwrap().edges, b"1");
}

#[test]
fn a_refused_claim_does_not_end_the_settling() {
    let mut limited = Limited::start(Duration::ZERO);
    let node = limited.cluster.node(1);
    redis::cmd("HSET").arg(&["wh:epoch", "settling", "settling-1"]).exec(&mut limited.admin).unwrap();
    redis::cmd("SADD").arg(&["wh:unconfirmed", "dead"]).exec(&mut limited.admin).unwrap();
    let settling = |limited: &mut Limited| -> String {
        redis::cmd("HGET").arg(&["wh:epoch", "settling"]).query(&mut limited.admin).unwrap()
    };
    let before = limited.state();
    let full = |limited: &mut Limited, bytes: &str| {
        redis::cmd("CONFIG").arg(&["SET", "maxmemory", bytes]).exec(&mut limited.admin).unwrap();
    };
    full(&mut limited, "1");
    assert!(is_full(&limited.send(&node, 1, &joins()).unwrap_err()));
    full(&mut limited, "0");
    for command in ["xadd", "del"] {
        limited.right('-', command);
        assert!(limited.send(&node, 1, &joins()).is_err(), "{command}");
        limited.right('+', command);
    }
    assert_eq!((limited.state(), settling(&mut limited)), (before, "settling-1".to_owned()));
    limited.send(&node, 1, &joins()).unwrap().unwrap();
    assert_eq!(settling(&mut limited), "");
    assert!(!limited.state().iter().any(|line| line.starts_with("wh:unconfirmed")));
}

#[test]
fn a_refused_session_leaves_no_lease() {
    let mut limited = Limited::start(Duration::ZERO);
    let (keys, node) = (limited.cluster.keys.clone(), NodeId::new("host", 1, 0));
    let open =
        |limited: &mut Limited| keys.membership.open(&mut limited.cluster.redis, &node, "epoch-1", Past::Session);
    for command in ["hset", "sadd", "zadd"] {
        limited.right('-', command);
        assert!(open(&mut limited).is_err(), "{command}");
        limited.right('+', command);
        assert!(!limited.state().iter().any(|line| line.starts_with("wh:nodes")), "{command}");
    }
    open(&mut limited).unwrap();
    assert!(limited.state().contains(&format!("wh:unconfirmed [\"{node}\"]")));
}
