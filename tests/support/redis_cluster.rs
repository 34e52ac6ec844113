//! A real Redis Cluster: three masters, each with a replica.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redis::{Connection, RedisResult, Value};
use resonate_webhooks::engine::Engine;
use serde_json::{Value as Json, json};

use super::cluster::all_decided;
use super::engine::APP;
use super::redis::RedisServer;
use super::watched::info;

/// Timeout for what a cluster does by itself.
const GOSSIP: Duration = Duration::from_secs(60);

/// First slot of each master.
const FIRST_SLOTS: [u16; 4] = [0, 5461, 10_923, 16_384];

/// The sockets of the visits, one on each node.
const SOCKETS: [&[u8]; 2] = [b"1.1", b"2.2"];

/// The hash tag of all keys with the default prefix in the first shard.
pub(crate) const TAG: &str = "{wh:0}";

/// Returns the hash tag of a shard.
pub(crate) fn tag(shard: u8) -> String {
    format!("{{wh:{shard}}}")
}

/// A running cluster. Its first three servers start as masters, and each of the others is the replica of one.
pub(crate) struct RedisCluster {
    pub(crate) servers: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts a cluster and waits until it is complete.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a cluster whose servers have these options. Waits until it is complete.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        Self::start_in(&[], options)
    }

    /// The same, with additional environment variables.
    pub(crate) fn start_in(environment: &[(&'static str, PathBuf)], options: &[&str]) -> Self {
        let servers: Vec<RedisServer> = (0..6).map(|_| RedisServer::start_in_cluster(environment, options)).collect();
        for (server, number) in servers.iter().zip(1..) {
            run::<()>(server, &["SET-CONFIG-EPOCH", &number.to_string()]).expect("an epoch");
        }
        for (server, range) in servers.iter().zip(FIRST_SLOTS.windows(2)) {
            add_slots(server, range[0]..range[1]);
        }
        for other in &servers[1..] {
            run::<()>(&servers[0], &["MEET", "127.0.0.1", &other.port().to_string()]).expect("a meeting");
        }
        let cluster = Self { servers };
        for (master, replica) in [(0, 3), (1, 4), (2, 5)] {
            let master = id(&cluster.servers[master]);
            patiently("a replica", || run::<()>(&cluster.servers[replica], &["REPLICATE", &master]).is_ok());
        }
        patiently("the whole cluster", || cluster.servers.iter().all(is_complete_at));
        cluster
    }

    /// Returns the slot of the first shard.
    pub(crate) fn slot(&self) -> u16 {
        self.slot_of(0)
    }

    /// Returns the slot of a shard, as Redis computes it.
    pub(crate) fn slot_of(&self, shard: u8) -> u16 {
        run(self.alive(), &["KEYSLOT", &tag(shard)]).expect("a slot")
    }

    /// Returns the master of the first shard's slot.
    pub(crate) fn master(&self) -> usize {
        self.master_of(0)
    }

    /// Returns the index of the server that a living server takes for the master of a shard's slot.
    pub(crate) fn master_of(&self, shard: u8) -> usize {
        let port = self.master_at(self.alive(), shard);
        self.servers.iter().position(|server| server.port() == port).expect("a server of the cluster")
    }

    fn master_at(&self, server: &RedisServer, shard: u8) -> u16 {
        let slot = i64::from(self.slot_of(shard));
        let ranges: Vec<Vec<Value>> = run(server, &["SLOTS"]).expect("slots");
        let master = ranges.iter().find_map(|range| match range.as_slice() {
            [Value::Int(first), Value::Int(last), Value::Array(master), ..] if (*first..=*last).contains(&slot) => {
                Some(master)
            }
            _ => None,
        });
        let Some([_, Value::Int(port), ..]) = master.map(Vec::as_slice) else { panic!("no master: {ranges:?}") };
        u16::try_from(*port).expect("a port")
    }

    fn alive(&self) -> &RedisServer {
        self.servers.iter().find(|server| server.try_connect().is_ok()).expect("a living server")
    }

    /// Returns the index of a replica of our slot's master.
    pub(crate) fn replica(&self) -> usize {
        self.master() + 3
    }

    /// Connects to the master of the first shard's slot.
    pub(crate) fn connect(&self) -> Connection {
        self.servers[self.master()].connect()
    }

    /// Waits until the replica of the first shard's master has all data.
    pub(crate) fn replicate(&self) {
        self.replicate_of(0);
    }

    /// Waits until the replica of a shard's master has all data.
    pub(crate) fn replicate_of(&self, shard: u8) {
        let mut master = self.servers[self.master_of(shard)].connect();
        // WAIT waits for the writes of this connection.
        redis::cmd("SET").arg(format!("{}:mark", tag(shard))).arg(1).exec(&mut master).expect("a write");
        patiently("the replica has everything", || {
            redis::cmd("WAIT").arg(1).arg(1000).query::<u64>(&mut master).expect("an answer") == 1
        });
    }

    /// Returns the number of events in the outbox of the first shard.
    pub(crate) fn outbox_events(&self) -> usize {
        self.outbox_events_of(0)
    }

    /// Returns the number of events in the outbox of a shard.
    pub(crate) fn outbox_events_of(&self, shard: u8) -> usize {
        let Ok(mut master) = self.servers[self.master_of(shard)].try_connect() else { return usize::MAX };
        let stream = |partition: u8| format!("{}:out:{partition}", tag(shard));
        let length = |partition| redis::cmd("XLEN").arg(stream(partition)).query::<usize>(&mut master);
        (0..16).map(length).sum::<RedisResult<usize>>().unwrap_or(usize::MAX)
    }

    /// Returns the number of events in the outboxes of the first `shards` shards.
    pub(crate) fn outbox_events_in(&self, shards: u8) -> usize {
        (0..shards).map(|shard| self.outbox_events_of(shard)).fold(0, usize::saturating_add)
    }

    /// Moves the slot of the first shard to another master.
    pub(crate) fn move_slot(&self, to: usize, halfway: impl FnOnce()) {
        self.move_slot_of(0, to, halfway);
    }

    /// Moves the slot of a shard to another master, key by key, as `redis-cli --cluster reshard` does. Calls `halfway` when
    /// half of the keys have moved.
    pub(crate) fn move_slot_of(&self, shard: u8, to: usize, halfway: impl FnOnce()) {
        let route = [self.master_of(shard), to];
        self.move_half(shard, route);
        halfway();
        self.move_rest(shard, route);
    }

    /// Starts to move the slot of a shard from the first to the second master, and moves half of its keys.
    pub(crate) fn move_half(&self, shard: u8, route: [usize; 2]) {
        let ([from, to], slot) = (route.map(|server| &self.servers[server]), self.slot_of(shard).to_string());
        run::<()>(to, &["SETSLOT", &slot, "IMPORTING", &id(from)]).expect("an import");
        run::<()>(from, &["SETSLOT", &slot, "MIGRATING", &id(to)]).expect("a migration");
        let keys: usize = run(from, &["COUNTKEYSINSLOT", &slot]).expect("a count");
        for _ in 0..keys / 2 {
            move_keys(from, to, &slot, 1);
        }
    }

    /// Moves the other keys of the slot, and gives the slot to the second master.
    pub(crate) fn move_rest(&self, shard: u8, route: [usize; 2]) {
        let ([from, to], slot) = (route.map(|server| &self.servers[server]), self.slot_of(shard).to_string());
        while move_keys(from, to, &slot, 100) > 0 {}
        for server in [to, from] {
            run::<()>(server, &["SETSLOT", &slot, "NODE", &id(to)]).expect("a new owner");
        }
    }

    /// Moves the slot of a shard to another master, while one socket on each of two nodes joins and leaves all `channels`.
    /// Waits until the outbox of every shard is empty and the nodes have ended. Returns the number of visits.
    pub(crate) fn move_slot_during_visits(
        &self,
        shard: u8,
        shards: u8,
        nodes: [Engine; 2],
        channels: &[String],
    ) -> usize {
        let to = (self.master_of(shard) + 1) % 3;
        let (ends, mut rounds) = (AtomicBool::new(false), 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                self.move_slot_of(shard, to, || std::thread::sleep(Duration::from_secs(1)));
                std::thread::sleep(Duration::from_secs(1));
                ends.store(true, Ordering::SeqCst);
            });
            while !ends.load(Ordering::SeqCst) {
                for (node, socket) in nodes.iter().zip(SOCKETS) {
                    for channel in channels {
                        node.subscribed(APP, channel.as_bytes(), socket, None);
                    }
                    if rounds % 2 == 1 {
                        node.closed(APP, socket);
                    }
                }
                rounds += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        for (node, socket) in nodes.iter().zip(SOCKETS) {
            node.closed(APP, socket);
            all_decided(node);
        }
        assert_eq!(self.master_of(shard), to);
        super::engine::eventually("an empty outbox", || self.outbox_events_in(shards) == 0);
        for node in nodes {
            assert!(node.end(Duration::from_secs(1)).is_nothing());
        }
        rounds
    }

    /// Returns `connection` of a configuration with these servers as seeds and one shard.
    pub(crate) fn connection(&self, seeds: &[usize]) -> Json {
        self.sharded_connection(seeds, 1)
    }

    /// Returns `connection` of a configuration with these servers as seeds and this number of shards.
    pub(crate) fn sharded_connection(&self, seeds: &[usize], shards: u8) -> Json {
        let seeds: Vec<String> = seeds.iter().map(|n| format!("127.0.0.1:{}", self.servers[*n].port())).collect();
        json!({ "cluster": seeds, "timeout": 1, "shards": shards })
    }
}

/// Returns `true` if the server sees a complete cluster, and follows its master if it is a replica.
fn is_complete_at(server: &RedisServer) -> bool {
    let state: String = run(server, &["INFO"]).expect("a state");
    let ranges: Vec<Vec<Value>> = run(server, &["SLOTS"]).expect("slots");
    let replication = info(server, "replication");
    state.contains("cluster_state:ok")
        && ranges.iter().filter(|range| range.len() == 4).count() == 3
        && (replication.contains("role:master") || replication.contains("master_link_status:up"))
}

/// Moves some keys of the slot. Returns how many.
fn move_keys(from: &RedisServer, to: &RedisServer, slot: &str, most: u8) -> usize {
    let keys: Vec<Vec<u8>> = run(from, &["GETKEYSINSLOT", slot, &most.to_string()]).expect("keys");
    if !keys.is_empty() {
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(to.port()).arg("").arg(0).arg(5000).arg("REPLACE").arg("KEYS").arg(&keys);
        let deadline = Instant::now() + GOSSIP;
        // On a busy machine, the servers may take each other for dead for a moment.
        while let Err(error) = migrate.exec(&mut from.connect()) {
            assert!(Instant::now() < deadline, "the keys of slot {slot} do not move: {error}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    keys.len()
}

/// Runs a `CLUSTER` command.
pub(crate) fn run<T: redis::FromRedisValue>(server: &RedisServer, words: &[&str]) -> RedisResult<T> {
    redis::cmd("CLUSTER").arg(words).query(&mut server.try_connect()?)
}

/// Returns the cluster's id of a server.
fn id(server: &RedisServer) -> String {
    run(server, &["MYID"]).expect("an id")
}

/// Gives a server these slots.
pub(crate) fn add_slots(server: &RedisServer, slots: std::ops::Range<u16>) {
    let slots: Vec<u16> = slots.collect();
    redis::cmd("CLUSTER").arg("ADDSLOTS").arg(slots).exec(&mut server.connect()).expect("slots");
}

fn patiently(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + GOSSIP;
    while !condition() {
        assert!(Instant::now() < deadline, "timed out after {GOSSIP:?}, waiting for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
