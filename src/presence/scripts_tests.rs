//! Tests of the scripts on a real Redis.

#[path = "scripts_clock_tests.rs"]
mod clock;
#[path = "scripts_counts_tests.rs"]
mod counts;
#[path = "scripts_course_tests.rs"]
mod course;
#[path = "scripts_grace_tests.rs"]
mod grace;
#[path = "scripts_outbox_tests.rs"]
mod outbox;
#[path = "scripts_reaping_tests.rs"]
mod reaping;
#[path = "scripts_refusals_tests.rs"]
mod refusals;
#[path = "scripts_roster_tests.rs"]
mod roster;
#[path = "scripts_settling_tests.rs"]
mod settling;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use redis::streams::StreamRangeReply;

use super::*;
use crate::cluster::Past;
use crate::event::{AppId, ChannelName, UserId, take};
use crate::presence::batch::{BatchEntry, ClaimBatch};
use crate::presence::claim::Claim;
use crate::support::redis::RedisServer;
use claim_call::DUE_PER_BATCH;

/// Returns scripts that append all events to one partition, and never announce counts or misses late.
pub(crate) fn scripts_of_one_partition(lease: Duration) -> PresenceScripts {
    let subscription_count_interval = Duration::ZERO;
    let config = Config { ttl: lease, subscription_count_interval, ..Config::default() };
    PresenceScripts { partitions: 1, ..PresenceScripts::of(&config, Shard::FIRST) }
}

impl PresenceScripts {
    /// Encodes and sends a batch.
    pub(crate) fn claim(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        epoch: &str,
        batch: &ClaimBatch,
    ) -> RedisResult<Result<Verdict, Refusal>> {
        self.claim_call(node, epoch, Arc::new(batch.clone())).send(redis, || {})
    }
}

const LEASE: Duration = Duration::from_secs(60);

/// Most holds that one call of the reaper removes.
const REAP_PORTION: usize = 16;

/// A cluster of nodes that share a Redis.
struct Cluster {
    /// Stopped when dropped. `None` if the test owns the server.
    #[allow(dead_code, reason = "keeps the server running")]
    server: Option<RedisServer>,
    redis: Connection,
    keys: PresenceScripts,
    epoch: String,
    /// The last batch of each node.
    batches: BTreeMap<NodeId, u64>,
}

impl Cluster {
    fn start() -> Self {
        let server = RedisServer::start();
        let mut cluster = Self::on(&server);
        cluster.server = Some(server);
        cluster
    }

    /// Returns a cluster on a server that the caller keeps.
    fn on(server: &RedisServer) -> Self {
        let redis = server.connect();
        Self {
            server: None,
            redis,
            keys: scripts_of_one_partition(LEASE),
            epoch: String::new(),
            batches: BTreeMap::new(),
        }
    }

    fn node(&mut self, pid: u32) -> NodeId {
        let node = NodeId::new("host", pid, 0);
        self.epoch = self.keys.membership.open(&mut self.redis, &node, "epoch-1", Past::None).unwrap().epoch;
        node
    }

    /// Makes a node report that Redis has lost its data. Returns the settling that waits for it.
    fn find_loss(&mut self, node: &NodeId) -> String {
        self.keys.membership.open(&mut self.redis, node, "settling-1", Past::Session).unwrap().settling
    }

    /// Confirms the holds of a node up to its batch `answered`. `restored` is `false` if Redis had them all.
    fn confirm(&mut self, node: &NodeId, answered: u64, settling: &str, restored: bool) -> Result<String, Refusal> {
        let known = Acknowledged { epoch: &self.epoch, answered, restored_for: "" };
        let look = self.keys.membership.confirm(&mut self.redis, node, &known, settling, restored).unwrap();
        look.map(|look| look.settling)
    }

    fn claim(&mut self, node: &NodeId, claims: &[Claim]) -> Result<Verdict, Refusal> {
        let number = self.batches.get(node).map_or(1, |last| last + 1);
        self.batches.insert(node.clone(), number);
        self.claim_as(node, number, claims)
    }

    fn claim_as(&mut self, node: &NodeId, number: u64, claims: &[Claim]) -> Result<Verdict, Refusal> {
        self.keys.claim(&mut self.redis, node, &self.epoch, &batch(number, claims)).unwrap()
    }

    /// Renews the lease of a node that has no answered batch.
    fn renew(&mut self, node: &NodeId) -> Renewal {
        let known = Acknowledged { epoch: &self.epoch, answered: 0, restored_for: "" };
        self.keys.renew(&mut self.redis, node, &known).unwrap().unwrap()
    }

    fn edges(&mut self, node: &NodeId, claims: &[Claim]) -> String {
        String::from_utf8(self.claim(node, claims).unwrap().edges).unwrap()
    }

    fn reap(&mut self, dead: &NodeId) -> Result<Reaped, Refusal> {
        self.reap_up_to(dead, REAP_PORTION)
    }

    fn reap_up_to(&mut self, dead: &NodeId, portion: usize) -> Result<Reaped, Refusal> {
        self.keys.reap(&mut self.redis, dead.as_str(), &self.epoch, portion).unwrap()
    }

    /// Restores a hold of a node whose last answered batch was `answered`.
    fn reassert(&mut self, node: &NodeId, answered: u64, hold: &Hold) -> Result<usize, Refusal> {
        self.keys.reassert(&mut self.redis, node, &self.epoch, answered, "", [(hold.clone(), 0)].iter()).unwrap()
    }

    fn lapse(&mut self, node: &NodeId) {
        redis::cmd("ZADD").arg("wh:nodes").arg(1).arg(node.as_str()).exec(&mut self.redis).unwrap();
    }

    /// Takes the events out of the outbox, each as its kind and channel, with a user or a count after a slash.
    fn take_events(&mut self) -> Vec<String> {
        let (entries, _): (StreamRangeReply, u64) =
            redis::pipe().xrange_all("wh:out:0").del("wh:out:0").query(&mut self.redis).unwrap();
        entries.ids.iter().map(|entry| described(&entry.get::<Vec<u8>>("e").unwrap())).collect()
    }

    /// Returns all data in Redis.
    fn save(&mut self) -> Vec<(String, Vec<u8>)> {
        let dump = |key: String| {
            let value = redis::cmd("DUMP").arg(&key).query(&mut self.redis).unwrap();
            (key, value)
        };
        let keys: Vec<String> =
            redis::cmd("KEYS").arg("*").query(&mut self.server.as_ref().unwrap().connect()).unwrap();
        keys.into_iter().map(dump).collect()
    }

    /// Replaces all data in Redis.
    fn restore(&mut self, saved: &[(String, Vec<u8>)]) {
        redis::cmd("FLUSHALL").exec(&mut self.redis).unwrap();
        for (key, value) in saved {
            redis::cmd("RESTORE").arg(key).arg(0).arg(value).exec(&mut self.redis).unwrap();
        }
    }

    fn all_keys(&mut self) -> Vec<String> {
        let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut self.redis).unwrap();
        keys.sort();
        keys
    }
}

fn batch(number: u64, claims: &[Claim]) -> ClaimBatch {
    ClaimBatch { number, entries: claims.iter().cloned().map(BatchEntry::Claim).collect() }
}

fn channel(app: &str, channel: &str) -> Hold {
    Hold { app: AppId::from(app), channel: ChannelName::from(channel), user: None }
}

fn user(app: &str, channel: &str, user: &str) -> Hold {
    Hold { user: Some(UserId::from(user)), ..self::channel(app, channel) }
}

/// Describes an event of the outbox in words.
fn described(text: &[u8]) -> String {
    let kind = match text[0] {
        b'o' => "occupied",
        b'v' => "vacated",
        b'a' => "added",
        b'r' => "removed",
        b'k' => "connected",
        b't' => "terminated",
        b'n' => "count",
        b'm' => "miss",
        other => panic!("an event of kind {other}"),
    };
    let (_, rest) = take(&text[1..]).unwrap();
    let (channel, rest) = take(rest).unwrap();
    let [channel, rest] = [channel, rest].map(String::from_utf8_lossy);
    if rest.is_empty() { format!("{kind} {channel}") } else { format!("{kind} {channel}/{rest}") }
}

#[test]
fn only_the_first_node_in_and_the_last_node_out_make_an_edge() {
    let mut cluster = Cluster::start();
    let (a, b) = (cluster.node(1), cluster.node(2));
    let (join, leave) = ([Claim::join(channel("app", "news"))], [Claim::leave(channel("app", "news"))]);
    assert_eq!(cluster.edges(&a, &join), "1");
    assert_eq!(cluster.edges(&b, &join), "0");
    assert_eq!(cluster.edges(&a, &leave), "0");
    assert_eq!(cluster.edges(&b, &leave), "1");
    assert_eq!(cluster.edges(&b, &leave), "0", "a leave without a hold makes no edge");
}

#[test]
fn claims_of_one_batch_see_each_other() {
    let mut cluster = Cluster::start();
    let a = cluster.node(1);
    let hold = channel("app", "news");
    let claims = [Claim::join(hold.clone()), Claim::leave(hold.clone()), Claim::join(hold.clone()), Claim::join(hold)];
    assert_eq!(cluster.edges(&a, &claims), "1110");
}

#[test]
fn a_batch_sent_again_gets_its_first_reply_and_changes_nothing() {
    let mut cluster = Cluster::start();
    let (a, b) = (cluster.node(1), cluster.node(2));
    let join = [Claim::join(channel("app", "news"))];
    let first = cluster.claim_as(&a, 1, &join);
    cluster.claim_as(&b, 1, &join).unwrap();
    assert_eq!(cluster.claim_as(&a, 1, &join), first);
    assert_eq!(first.unwrap().edges, b"1");
}

#[test]
fn no_keys_remain_after_the_last_departure() {
    let mut cluster = Cluster::start();
    let a = cluster.node(1);
    let holds = [channel("app", "presence-a"), user("app", "presence-a", "7")];
    cluster.edges(&a, &holds.clone().map(Claim::join));
    assert!(cluster.all_keys().contains(&"wh:users:3:app:presence-a".to_owned()));
    cluster.edges(&a, &holds.map(Claim::leave));
    cluster.take_events();
    assert_eq!(cluster.all_keys(), ["wh:epoch", "wh:nodes", &format!("wh:reply:{a}")]);
}

#[test]
fn hostile_names_do_not_collide() {
    let mut cluster = Cluster::start();
    let a = cluster.node(1);
    let names = ["a:b", "a", "b", "*", "a|b", "", "0", "7", "\n", "é\u{1F600}", "3:app", "%s", "a\0b"];
    let mut holds = Vec::new();
    for app in ["app", "a:b", "a"] {
        for name in names {
            holds.push(channel(app, name));
            holds.extend(names.iter().filter(|id| !id.is_empty()).map(|id| user(app, name, id)));
        }
    }
    let joins: Vec<Claim> = holds.iter().cloned().map(Claim::join).collect();
    assert_eq!(cluster.edges(&a, &joins), "1".repeat(holds.len()));
    cluster.lapse(&a);
    let mut departed = 0;
    loop {
        let reaped = cluster.reap(&a).unwrap();
        departed += reaped.edges;
        if reaped.finished {
            break;
        }
    }
    assert_eq!(departed, holds.len() as u64);
    assert!(
        cluster
            .all_keys()
            .iter()
            .all(|key| !["channels", "users", "connections"].iter().any(|kind| key.contains(kind)))
    );
}

/// A node abandons a connection when no reply comes. Redis may still carry out what was sent on it, much later.
#[test]
fn a_batch_that_arrives_late_changes_nothing() {
    let mut cluster = Cluster::start();
    let a = cluster.node(1);
    let hold = channel("app", "news");
    cluster.claim_as(&a, 1, &[Claim::join(hold.clone())]).unwrap();
    cluster.claim_as(&a, 2, &[Claim::leave(hold.clone())]).unwrap();
    assert_eq!(cluster.claim_as(&a, 1, &[Claim::join(hold.clone())]), Err(Refusal::Reaped));
    assert_eq!(cluster.claim_as(&a, 3, &[Claim::join(hold)]).unwrap().edges, b"1", "the channel was empty");
}

#[test]
fn a_late_restore_of_holds_is_refused() {
    let mut cluster = Cluster::start();
    let a = cluster.node(1);
    let hold = channel("app", "news");
    cluster.reassert(&a, 0, &hold).unwrap();
    cluster.claim_as(&a, 1, &[Claim::leave(hold.clone())]).unwrap();
    assert_eq!(cluster.reassert(&a, 0, &hold), Err(Refusal::Reaped));
    assert_eq!(cluster.claim_as(&a, 2, &[Claim::join(hold)]).unwrap().edges, b"1", "the channel was empty");
}

#[test]
fn a_renewal_returns_its_own_lapse_and_other_lapsed_nodes() {
    let mut cluster = Cluster::start();
    let (a, b) = (cluster.node(1), cluster.node(2));
    cluster.lapse(&a);
    let renewal = cluster.renew(&b);
    assert_eq!(renewal, Renewal { unbroken: true, lapsed: vec![a.as_str().to_owned()], next_due: None });
    let renewal = cluster.renew(&a);
    assert_eq!(renewal, Renewal { unbroken: false, lapsed: Vec::new(), next_due: None });
}

#[test]
fn a_key_of_a_foreign_type_suspends_its_application_before_the_first_write() {
    let mut cluster = Cluster::start();
    let a = cluster.node(1);
    redis::cmd("SET").arg("wh:channels:other").arg("not ours").exec(&mut cluster.redis).unwrap();
    let claims = [Claim::join(channel("app", "news")), Claim::join(channel("other", "news"))];
    assert_eq!(cluster.claim_as(&a, 1, &claims), Err(Refusal::Suspended));
    assert_eq!(cluster.all_keys(), ["wh:channels:other", "wh:epoch", "wh:nodes", "wh:suspended"]);
    let suspended = cluster.keys.suspended(&mut cluster.redis).unwrap();
    assert_eq!(suspended.keys().collect::<Vec<_>>(), [&AppId::from("other")]);
    assert!(cluster.claim_as(&a, 1, &claims[..1]).is_ok(), "the other application continues");
}
