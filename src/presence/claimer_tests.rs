//! A batch that is written out while the one before it is under way, and what can come between.

use super::super::claim::{Claim, Hold};
use super::*;
use crate::cluster::Past;
use crate::config::{Address, Connection as Settings};
use crate::event::{AppId, ChannelName};
use crate::support::redis::RedisServer;
use crate::support::wait::eventually;

const LEASE: Duration = Duration::from_secs(3600);

const CHANNELS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// A node that has joined the channels, two in a batch, and has told nobody.
struct Node {
    node_state: Arc<SharedNodeState>,
    claimer: Claimer,
}

impl Node {
    fn on(server: &RedisServer) -> Self {
        let telemetry = Arc::<Telemetry>::default();
        let settings = Settings {
            address: Address::Unix(server.socket()),
            timeout: Duration::from_millis(200),
            ..Settings::default()
        };
        let node_state = Arc::new(SharedNodeState::new(usize::MAX).in_batches_of(2));
        let mut boots = 0;
        let cluster = ClaimerParts {
            link: Link::new(crate::redis::Settings::new(settings).unwrap(), Arc::clone(&telemetry)),
            keys: PresenceScripts::new("wh", LEASE, 1),
            audit: None,
            compare_every: Duration::from_secs(3600),
            membership: Arc::default(),
            next_incarnation: Box::new(move || {
                boots += 1;
                NodeId::new("node", 1, boots)
            }),
        };
        let mut claimer = Claimer::new(Arc::clone(&node_state), cluster, Arc::default(), telemetry);
        // On a busy machine, Redis may take longer than the time-out.
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

    /// Has one batch answered. The next one is ready.
    fn send_one(&mut self) {
        assert!(self.claimer.claim(Instant::now()).unwrap());
        assert!(self.has_ready(1));
    }

    /// Whether the batch is written out that comes so many numbers behind the last one that was answered.
    fn has_ready(&self, behind: u64) -> bool {
        let number = self.node_state.lock().pending.last_answered() + behind;
        let session = &self.claimer.session;
        let epoch = session.epoch().unwrap();
        self.claimer.prepared.as_ref().is_some_and(|call| call.is_for(session.node(), epoch, number))
    }

    fn come_to_rest(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.node_state.lock().pending.is_empty() {
            assert!(Instant::now() < deadline, "something still waits");
            if let Some(until) = self.claimer.step(Instant::now()) {
                std::thread::sleep(until.saturating_duration_since(Instant::now()));
            }
        }
    }
}

/// The channels of the events in the outbox, with their kind.
fn told(server: &RedisServer) -> Vec<String> {
    let entries: Vec<(String, Vec<String>)> =
        redis::cmd("XRANGE").arg("wh:out:0").arg("-").arg("+").query(&mut server.connect()).unwrap();
    entries.into_iter().map(|(_, fields)| fields[1].clone()).collect()
}

fn each(kind: &str) -> Vec<String> {
    CHANNELS.map(|name| format!("{kind}3:app1:{name}")).to_vec()
}

#[test]
fn an_answer_that_is_lost_while_the_next_batch_is_ready_costs_and_repeats_nothing() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    server.hang();
    assert!(node.claimer.step(Instant::now()).is_some(), "no answer");
    assert!(node.has_ready(2));
    server.go_on();
    node.come_to_rest();
    assert_eq!(told(&server), each("o"));
}

#[test]
fn the_time_of_a_stored_reply_does_not_set_the_clock() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.send_one();
    server.hang();
    assert!(node.claimer.step(Instant::now()).is_some(), "no answer");
    server.go_on();
    let reply = format!("wh:reply:{}", node.claimer.session.node());
    let number = node.node_state.lock().pending.last_answered() + 1;
    let stored = || redis::cmd("HGET").arg(&reply).arg("batch").query::<u64>(&mut server.connect()) == Ok(number);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !stored() {
        assert!(Instant::now() < deadline, "the batch was never carried out");
        std::thread::sleep(Duration::from_millis(5));
    }
    // As if it had been carried out long ago.
    redis::cmd("HSET").arg(&reply).arg("time").arg(1_000_000).exec(&mut server.connect()).unwrap();
    // Once: the next batch would set the clock right again.
    while node.claimer.claim(Instant::now()).is_err() {
        assert!(Instant::now() < deadline, "the batch was never answered");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(node.node_state.lock().pending.last_answered(), number);
    let ahead = node.claimer.clock.now_ms().abs_diff(crate::cluster::system_ms());
    assert!(ahead < 60_000, "the clock is {ahead} ms off");
}

#[test]
fn a_batch_that_is_ready_is_sent_though_the_connection_breaks_before() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.send_one();
    redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec(&mut server.connect()).unwrap();
    assert!(node.claimer.step(Instant::now()).is_some(), "a broken connection");
    node.come_to_rest();
    assert_eq!(told(&server), each("o"));
}

#[test]
fn a_batch_that_is_ready_when_its_node_is_reaped_is_told_under_the_next_name() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.send_one();
    let (dead, other) = (node.claimer.session.node().clone(), NodeId::new("other", 1, 1));
    let (keys, mut redis) = (node.claimer.keys.clone(), server.connect());
    let epoch = keys.membership.open(&mut redis, &other, "unused", Past::None).unwrap().epoch;
    redis::cmd("ZADD").arg("wh:nodes").arg(1).arg(dead.as_str()).exec(&mut redis).unwrap();
    assert!(keys.reap(&mut redis, dead.as_str(), &epoch, 10).unwrap().unwrap().finished);
    node.come_to_rest();
    assert_ne!(node.claimer.session.node(), &dead);
    let mut told = told(&server);
    told[2..4].sort();
    told[4..].sort();
    assert_eq!(told[..4], [&each("o")[..2], &each("v")[..2]].concat());
    assert_eq!(told[4..], each("o"));
}

#[test]
fn a_batch_that_is_ready_when_redis_loses_its_data_is_decided_in_the_next_epoch() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.send_one();
    redis::cmd("FLUSHALL").exec(&mut server.connect()).unwrap();
    // As after a failure: its lease tells it of the loss. It restores what was answered, and waits until all nodes have had the
    // time to register.
    node.claimer.session.renew_next();
    while node.claimer.step(Instant::now()).is_none() {}
    assert_eq!(told(&server), Vec::<String>::new());
    while node.claimer.step(Instant::now() + 2 * LEASE / 3).is_some() {}
    node.come_to_rest();
    assert_eq!(told(&server), each("o")[2..]);
    assert_eq!(node.claimer.telemetry.counters().hold_rebuilds.get(), 1, "nothing was sent that is of the old epoch");
}

#[test]
fn a_node_that_reaps_a_large_one_has_its_own_claims_judged_meanwhile() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    let (dead, keys, mut redis) = (NodeId::new("dead", 1, 1), node.claimer.keys.clone(), server.connect());
    let epoch = keys.membership.open(&mut redis, &dead, "unused", Past::None).unwrap().epoch;
    let hold =
        |n: u32| Hold { app: AppId::from("app"), channel: ChannelName::new(format!("{n:03}").as_bytes()), user: None };
    let holds: Vec<(Hold, i64)> = (0..1000).map(|n| (hold(n), 0)).collect();
    keys.reassert(&mut redis, &dead, &epoch, 0, "", holds.iter()).unwrap().unwrap();
    redis::cmd("ZADD").arg("wh:nodes").arg(1).arg(dead.as_str()).exec(&mut redis).unwrap();
    node.claimer.lapsed.push(dead.to_string());
    assert!(node.claimer.step(Instant::now()).is_none());
    let told = told(&server);
    assert_eq!(told.len(), 1000 + CHANNELS.len());
    let last_claim = told.iter().rposition(|event| event.starts_with('o')).unwrap();
    assert!(last_claim < 999, "the claims came between the departures: {last_claim}");
}

#[test]
fn a_key_that_was_deleted_is_put_back_in_silence() {
    for key in ["wh:channels:app", "wh:held_channels:{node}", "wh:nodes"] {
        let server = RedisServer::start();
        let mut node = Node::on(&server);
        node.come_to_rest();
        let key = key.replace("{node}", node.claimer.session.node().as_str());
        redis::cmd("DEL").arg(&key).exec(&mut server.connect()).unwrap();
        // A third of the lease, and the time after which holds are compared, are over.
        let later = Instant::now() + Duration::from_secs(3601);
        assert!(node.claimer.step(later).is_none());
        assert!(redis::cmd("EXISTS").arg(&key).query::<bool>(&mut server.connect()).unwrap(), "{key}");
        assert_eq!(told(&server), each("o"), "{key}");
        node.node_state.lock().table.close_all(&mut Vec::new());
        node.node_state.lock().pending.push_claims(
            CHANNELS.map(|name| {
                Claim::leave(Hold { app: AppId::from("app"), channel: ChannelName::from(name), user: None })
            }),
        );
        node.come_to_rest();
        assert_eq!(told(&server), [each("o"), each("v")].concat(), "{key}");
    }
}

#[test]
fn a_node_whose_lease_was_lost_with_all_leases_goes_on_where_it_was() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.send_one();
    let before = node.claimer.session.node().clone();
    redis::cmd("DEL").arg("wh:nodes").exec(&mut server.connect()).unwrap();
    node.come_to_rest();
    assert_eq!(node.claimer.session.node(), &before, "it was not reaped");
    assert_eq!(told(&server), each("o"));
}

#[test]
fn a_node_whose_lease_lapses_by_a_step_of_the_clock_renews_it_before_another_looks_twice() {
    let server = RedisServer::start();
    let mut node = Node::on(&server);
    node.come_to_rest();
    let (own, other) = (node.claimer.session.node().to_string(), NodeId::new("other", 1, 1));
    let (keys, mut redis) = (node.claimer.keys.clone(), server.connect());
    let lease_of =
        |redis: &mut redis::Connection, node: &str| redis::cmd("ZSCORE").arg("wh:nodes").arg(node).query::<f64>(redis);
    keys.membership.open(&mut redis, &other, "unused", Past::None).unwrap();
    for lapsed in [own.as_str(), other.as_str()] {
        redis::cmd("ZADD").arg("wh:nodes").arg(1).arg(lapsed).exec(&mut redis).unwrap();
    }
    let now = Instant::now();
    node.claimer.suspect(vec![other.to_string()], now);
    assert!(node.claimer.step(now + Duration::from_secs(1)).is_none());
    assert!(lease_of(&mut redis, &own).unwrap() > 1e12, "the node renews its own lease");
    assert_eq!(lease_of(&mut redis, other.as_str()), Ok(1.0), "the other one has time to renew");
    assert!(node.claimer.step(now + Duration::from_secs(3)).is_none());
    assert!(lease_of(&mut redis, other.as_str()).is_err(), "it has not, and is reaped");
}
