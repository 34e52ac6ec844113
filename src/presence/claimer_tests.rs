//! Tests of batches that are encoded while the previous one is in flight, and of interruptions in between.

use super::super::claim::{Claim, Hold};
use super::*;
use crate::cluster::Past;
use crate::config::{Address, Config, Connection as Settings};
use crate::event::{AppId, ChannelName, Shard};
use crate::presence::scripts::tests::scripts_of_one_partition;
use crate::support::redis::RedisServer;
use crate::support::wait::eventually;

impl Claimer {
    /// Makes the next step check whether Redis has lost data.
    pub(in crate::presence) const fn look_next(&mut self) {
        self.session.poll_next();
    }
}

const LEASE: Duration = Duration::from_secs(3600);

const CHANNELS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// A node that has joined the channels and not sent its claims, two per batch.
struct Node {
    node_state: Arc<SharedNodeState>,
    claimer: Claimer,
}

impl Node {
    fn on(server: &RedisServer) -> Self {
        Self::granting(server, Duration::ZERO)
    }

    /// Returns a node that gives departures `grace`.
    fn granting(server: &RedisServer, grace: Duration) -> Self {
        let telemetry = Arc::<Telemetry>::default();
        let connection = Settings {
            address: Address::Unix(server.socket()),
            timeout: Duration::from_millis(200),
            ..Settings::default()
        };
        let config = Config { connection, ..Config::default() };
        let node_state = Arc::new(SharedNodeState::new(usize::MAX));
        node_state.lock().pending.set_portion(2);
        let mut boots = 0;
        let cluster = ClaimerParts {
            link: Link::new(crate::redis::Settings::of(&config, Shard::FIRST).unwrap(), Arc::clone(&telemetry)),
            keys: PresenceScripts { grace, ..scripts_of_one_partition(LEASE) },
            audit: None,
            compare_every: Duration::from_secs(3600),
            membership: Arc::default(),
            next_incarnation: Box::new(move || {
                boots += 1;
                NodeId::new("node", 1, boots)
            }),
            others: OtherData::default(),
        };
        let mut claimer = Claimer::new(Arc::clone(&node_state), cluster, Arc::default(), telemetry);
        // On a busy machine, Redis may take longer than the timeout.
        eventually("a session", || claimer.step(Instant::now()).is_none().then_some(()));
        let claims = CHANNELS
            .map(|name| Claim::join(Hold { app: AppId::from("app"), channel: ChannelName::from(name), user: None }));
        let mut locked = node_state.lock();
        for name in CHANNELS {
            locked.table.subscribe(&AppId::from("app"), name.as_bytes(), b"1.1", None, None, &mut Vec::new());
        }
        locked.pending.push_claims(claims);
        drop(locked);
        Self { node_state, claimer }
    }

    /// Sends one batch. Afterwards the next one is prepared.
    fn send_one(&mut self) {
        assert!(self.claimer.claim(Instant::now()).unwrap());
        let next = self.node_state.lock().pending.last_answered() + 1;
        assert_eq!(self.claimer.prepared.as_ref().map(|call| call.batch.number), Some(next));
    }

    /// Sends two batches. Redis applies the second one, and its reply is lost. Returns the key of the stored reply, and the
    /// number of the batch.
    fn lose_a_reply(&mut self, server: &RedisServer) -> (String, u64) {
        self.send_one();
        server.hang();
        assert!(self.claimer.step(Instant::now()).is_some(), "no reply");
        server.resume();
        let reply = format!("wh:reply:{}", self.claimer.session.node);
        let number = self.node_state.lock().pending.last_answered() + 1;
        let stored = || redis::cmd("HGET").arg(&reply).arg("batch").query::<u64>(&mut server.connect()) == Ok(number);
        eventually("the batch is applied", || stored().then_some(()));
        (reply, number)
    }

    /// Keeps the lease unbroken, from `now`, until the node may reap others. Returns the time afterwards.
    fn keep_a_lease(&mut self, mut now: Instant) -> Instant {
        while !self.claimer.session.may_reap() {
            now += LEASE / 3;
            self.claimer.renew_lease(now).unwrap();
        }
        now
    }

    /// Leaves all channels.
    fn leave(&mut self) {
        let leave = |name| Claim::leave(Hold { app: AppId::from("app"), channel: ChannelName::from(name), user: None });
        let mut locked = self.node_state.lock();
        locked.table.close_all(&mut Vec::new());
        locked.pending.push_claims(CHANNELS.map(leave));
        drop(locked);
        self.come_to_rest();
    }

    fn come_to_rest(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.node_state.lock().pending.is_empty() {
            assert!(Instant::now() < deadline, "claims still wait");
            if let Some(until) = self.claimer.step(Instant::now()) {
                std::thread::sleep(until.saturating_duration_since(Instant::now()));
            }
        }
    }
}

/// Returns the events in the outbox, each as its kind and channel.
fn events(server: &RedisServer) -> Vec<String> {
    let entries: Vec<(String, Vec<String>)> =
        redis::cmd("XRANGE").arg("wh:out:0").arg("-").arg("+").query(&mut server.connect()).unwrap();
    entries.into_iter().map(|(_, fields)| fields[1].clone()).collect()
}

fn each(kind: &str) -> Vec<String> {
    CHANNELS.map(|name| format!("{kind}3:app1:{name}")).to_vec()
}

#[test]
fn a_lost_reply_while_the_next_batch_is_ready_loses_and_repeats_nothing() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    server.hang();
    assert!(node.claimer.step(Instant::now()).is_some(), "no reply");
    assert!(node.node_state.lock().pending.has_next());
    server.resume();
    node.come_to_rest();
    assert_eq!(events(&server), each("o"));
}

#[test]
fn the_time_of_a_stored_reply_does_not_set_the_clock() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    let (reply, number) = node.lose_a_reply(&server);
    // As if it had been applied long ago.
    redis::cmd("HSET").arg(&reply).arg("time").arg(1_000_000).exec(&mut server.connect()).unwrap();
    // Only once: the next batch would correct the clock.
    let deadline = Instant::now() + Duration::from_secs(10);
    while node.claimer.claim(Instant::now()).is_err() {
        assert!(Instant::now() < deadline, "the batch was never answered");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(node.node_state.lock().pending.last_answered(), number);
    let ahead = node.claimer.clock.now_ms().abs_diff(crate::cluster::system_ms());
    assert!(ahead < 60_000, "the clock is {ahead} ms off");
}

#[test]
fn holds_are_restored_after_a_reply_and_the_epoch_are_lost() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.lose_a_reply(&server);
    redis::cmd("DEL").arg("wh:epoch").exec(&mut server.connect()).unwrap();
    let mut now = Instant::now();
    eventually("all claims", || {
        // All nodes have had time to register.
        now += LEASE;
        let is_held_up = node.claimer.step(now).is_some();
        (!is_held_up && node.node_state.lock().pending.is_empty()).then_some(())
    });
    assert_eq!(events(&server), each("o"));
    let held: usize = redis::cmd("HLEN").arg("wh:channels:app").query(&mut server.connect()).unwrap();
    assert_eq!(held, CHANNELS.len());
}

#[test]
fn a_prepared_batch_is_sent_after_the_connection_breaks() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.send_one();
    redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec(&mut server.connect()).unwrap();
    assert!(node.claimer.step(Instant::now()).is_some(), "the connection is broken");
    node.come_to_rest();
    assert_eq!(events(&server), each("o"));
}

#[test]
fn a_prepared_batch_is_sent_under_the_new_id_after_its_node_is_reaped() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.send_one();
    let (dead, other) = (node.claimer.session.node.clone(), NodeId::new("other", 1, 1));
    let (keys, mut redis) = (node.claimer.keys.clone(), server.connect());
    let epoch = keys.membership.open(&mut redis, &other, "unused", Past::None).unwrap().epoch;
    redis::cmd("ZADD").arg("wh:nodes").arg(1).arg(dead.as_str()).exec(&mut redis).unwrap();
    assert!(keys.reap(&mut redis, dead.as_str(), &epoch, 10).unwrap().unwrap().finished);
    node.come_to_rest();
    assert_ne!(node.claimer.session.node, dead);
    let mut events = events(&server);
    events[2..4].sort();
    events[4..].sort();
    assert_eq!(events[..4], [&each("o")[..2], &each("v")[..2]].concat());
    assert_eq!(events[4..], each("o"));
}

#[test]
fn a_prepared_batch_is_decided_in_the_next_epoch_after_redis_loses_its_data() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.send_one();
    redis::cmd("FLUSHALL").exec(&mut server.connect()).unwrap();
    // As after a failure: the renewal of the lease detects the loss. The node restores the answered holds, and waits until
    // all nodes have had time to register.
    node.claimer.session.renew_next();
    while node.claimer.step(Instant::now()).is_none() {}
    assert_eq!(events(&server), Vec::<String>::new());
    while node.claimer.step(Instant::now() + 2 * LEASE / 3).is_some() {}
    node.come_to_rest();
    assert_eq!(events(&server), each("o")[2..]);
    assert_eq!(node.claimer.telemetry.counters.hold_rebuilds.get(), 1, "nothing of the old epoch was sent");
}

#[test]
fn reaping_a_large_node_does_not_delay_the_reapers_own_claims() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    let (dead, keys, mut redis) = (NodeId::new("dead", 1, 1), node.claimer.keys.clone(), server.connect());
    let epoch = keys.membership.open(&mut redis, &dead, "unused", Past::None).unwrap().epoch;
    let hold =
        |n: u32| Hold { app: AppId::from("app"), channel: ChannelName::new(format!("{n:03}").as_bytes()), user: None };
    let holds: Vec<(Hold, i64)> = (0..1000).map(|n| (hold(n), 0)).collect();
    keys.reassert(&mut redis, &dead, &epoch, 0, "", holds.iter()).unwrap().unwrap();
    redis::cmd("ZADD").arg("wh:nodes").arg(1).arg(dead.as_str()).exec(&mut redis).unwrap();
    let now = node.keep_a_lease(Instant::now());
    node.claimer.lapsed.push(dead.to_string());
    assert!(node.claimer.step(now).is_none());
    let events = events(&server);
    assert_eq!(events.len(), 1000 + CHANNELS.len());
    let last_claim = events.iter().rposition(|event| event.starts_with('o')).unwrap();
    assert!(last_claim < 999, "the claims are among the departures: {last_claim}");
}

#[test]
fn a_deleted_key_is_restored_without_events() {
    for key in ["wh:channels:app", "wh:held_channels:{node}", "wh:nodes"] {
        let server = RedisServer::start();
        let mut node = Node::on(&server);
        node.come_to_rest();
        let key = key.replace("{node}", node.claimer.session.node.as_str());
        redis::cmd("DEL").arg(&key).exec(&mut server.connect()).unwrap();
        // A renewal and a comparison of holds are due.
        let later = Instant::now() + Duration::from_secs(3601);
        assert!(node.claimer.step(later).is_none());
        assert!(redis::cmd("EXISTS").arg(&key).query::<bool>(&mut server.connect()).unwrap(), "{key}");
        assert_eq!(events(&server), each("o"), "{key}");
        node.leave();
        assert_eq!(events(&server), [each("o"), each("v")].concat(), "{key}");
    }
}

#[test]
fn departures_in_their_grace_are_restored_when_they_alone_are_lost() {
    let server = RedisServer::start();
    let mut node = Node::granting(&server, Duration::from_secs(3));
    node.come_to_rest();
    node.leave();
    redis::cmd("DEL").arg("wh:due").exec(&mut server.connect()).unwrap();
    // A comparison is due.
    let mut now = Instant::now() + Duration::from_secs(3601);
    assert!(node.claimer.step(now).is_none());
    let due: usize = redis::cmd("ZCARD").arg("wh:due").query(&mut server.connect()).unwrap();
    assert_eq!(due, CHANNELS.len());
    assert_eq!(events(&server), each("o"), "the grace is not over");
    eventually("the departures", || {
        now += Duration::from_secs(5);
        node.claimer.step(now);
        (events(&server).len() >= 2 * CHANNELS.len()).then_some(())
    });
    assert_eq!(events(&server), [each("o"), each("v")].concat());
}

#[test]
fn a_node_keeps_its_id_when_all_leases_are_lost() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.send_one();
    let before = node.claimer.session.node.clone();
    redis::cmd("DEL").arg("wh:nodes").exec(&mut server.connect()).unwrap();
    node.come_to_rest();
    assert_eq!(node.claimer.session.node, before, "the node was not reaped");
    assert_eq!(events(&server), each("o"));
}

#[test]
fn a_lease_lapsed_by_a_clock_step_is_renewed_before_the_second_check() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.come_to_rest();
    let (own, other) = (node.claimer.session.node.to_string(), NodeId::new("other", 1, 1));
    let (keys, mut redis) = (node.claimer.keys.clone(), server.connect());
    let lease_of =
        |redis: &mut redis::Connection, node: &str| redis::cmd("ZSCORE").arg("wh:nodes").arg(node).query::<f64>(redis);
    keys.membership.open(&mut redis, &other, "unused", Past::None).unwrap();
    let now = node.keep_a_lease(Instant::now());
    for lapsed in [own.as_str(), other.as_str()] {
        redis::cmd("ZADD").arg("wh:nodes").arg(1).arg(lapsed).exec(&mut redis).unwrap();
    }
    node.claimer.suspect(vec![other.to_string()], now);
    assert!(node.claimer.step(now + Duration::from_secs(1)).is_none());
    assert!(lease_of(&mut redis, &own).unwrap() > 1e12, "the node renews its lease");
    assert!(node.claimer.step(now + Duration::from_secs(4)).is_none());
    assert_eq!(lease_of(&mut redis, other.as_str()), Ok(1.0), "the own lease was broken, too");

    let now = node.keep_a_lease(now);
    assert!(node.claimer.step(now + Duration::from_secs(1)).is_none());
    assert_eq!(lease_of(&mut redis, other.as_str()), Ok(1.0), "the other node has time to renew");
    assert!(node.claimer.step(now + Duration::from_secs(3)).is_none());
    assert!(lease_of(&mut redis, other.as_str()).is_err(), "the other node did not renew and is reaped");
}

#[test]
fn after_a_large_batch_the_next_one_waits_to_fill_and_after_a_small_one_it_is_sent_at_once() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.come_to_rest();
    node.node_state.lock().pending.set_portion(MANY * 2);
    let mut number = 0;
    let mut claim = |node: &mut Node, count: usize| {
        let claims = (0..count).map(|_| {
            number += 1;
            let channel = ChannelName::from(format!("more-{number}").as_str());
            Claim::join(Hold { app: AppId::from("app"), channel, user: None })
        });
        node.node_state.lock().pending.push_claims(claims);
        let began = Instant::now();
        assert!(node.claimer.claim(Instant::now()).unwrap());
        began.elapsed()
    };
    for _ in 0..5 {
        claim(&mut node, MANY);
        assert!(claim(&mut node, 1) >= FILLING, "too few");
    }
    eventually("a batch after a small one", || (claim(&mut node, 1) < FILLING).then_some(()));
    eventually("a full batch", || {
        claim(&mut node, MANY * 2);
        (claim(&mut node, MANY * 2) < FILLING).then_some(())
    });
    eventually("a batch after a rest", || {
        claim(&mut node, MANY);
        assert!(!node.claimer.claim(Instant::now()).unwrap(), "nothing waits");
        (claim(&mut node, 1) < FILLING).then_some(())
    });
}
