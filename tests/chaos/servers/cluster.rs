//! A Redis Cluster: three masters with a replica each, and several shards.
//!
//! Redis replicates asynchronously, so a failover may lose the last writes. These lose none, because the checker
//! expects that: before a master is killed or stopped, it accepts no more writes until its replica has all of them. And
//! no replica may take over unless its master is meant to fail, because a busy machine delays servers, too.

use std::time::{Duration, Instant};

use redis::Connection;
use serde_json::{Value, json};

use super::{Cause, Failing, Failure, PASSWORD, Servers, USER, restore, rights, run};
use crate::clock::Clock;
use crate::support::redis_cluster::{self, RedisCluster, tag};
use crate::support::watched::info;
use crate::{Ms, now};

/// Number of masters. The replica of master `n` is server `n + MASTERS`.
const MASTERS: usize = 3;

/// Options of the servers.
const OPTIONS: [&str; 10] = [
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--cluster-require-full-coverage",
    "no",
    "--cluster-replica-no-failover",
    "yes",
    "--cluster-node-timeout",
    "1000",
];

/// Time after which a failover is forced if no replica was elected (ms).
const FORCED_AFTER: Ms = 6000;

/// Maximum time in which a replica must have what its master has.
const SYNCS: Duration = Duration::from_secs(2);

/// Time after which Redis has abandoned a failover by command: its limit is 5 s.
const ABANDONED_AFTER: Duration = Duration::from_secs(6);

/// Maximum time for other changes of the cluster.
const GOSSIP: Duration = Duration::from_secs(15);

/// Pause of writes on a master that is about to fail (ms). It lasts until the master is a replica.
const PAUSE: &str = "120000";

/// Interval between checks.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The running servers.
pub(crate) struct RedisClusterServers {
    clock: Clock,
    cluster: RedisCluster,
    rights: Vec<String>,
    /// Index of the current master, for each pair of servers.
    masters: [usize; MASTERS],
    /// Pair that has the slot of each shard.
    homes: Vec<usize>,
    failing: Option<Failing>,
    /// Pair whose failover is under way.
    electing: Option<(usize, Ms)>,
    forced: usize,
}

impl RedisClusterServers {
    /// Starts the servers, with a user that has the documented rights.
    pub(crate) fn start(shards: u8) -> Self {
        let clock = Clock::new();
        let mut rights = rights();
        rights.retain(|right| !right.contains('~') && right != "+scan");
        rights.extend(["~{wh:*}:*", "+cluster|slots"].map(str::to_owned));
        let mut options = OPTIONS.to_vec();
        options.extend(["--user", USER]);
        options.extend(rights.iter().map(String::as_str));
        let cluster = RedisCluster::start_in(&clock.environment(), &options);
        let homes = (0..shards).map(|shard| cluster.master_of(shard)).collect();
        Self {
            clock,
            cluster,
            rights,
            masters: std::array::from_fn(|n| n),
            homes,
            failing: None,
            electing: None,
            forced: 0,
        }
    }

    /// Returns the shards of a pair.
    fn shards_of(&self, pair: usize) -> Vec<u8> {
        (0..self.shards()).filter(|shard| self.homes[usize::from(*shard)] == pair).collect()
    }

    /// Returns the index of the current replica of a pair.
    const fn replica(&self, pair: usize) -> usize {
        2 * pair + MASTERS - self.masters[pair]
    }

    fn connect_to(&self, server: usize) -> Connection {
        let connection = self.cluster.servers[server].connect();
        connection.set_read_timeout(Some(GOSSIP)).expect("a connection with a timeout");
        connection
    }

    /// Runs a command on the master of a pair.
    fn command(&self, pair: usize, words: &[&str]) -> bool {
        run(&mut self.connect_to(self.masters[pair]), words).is_ok()
    }

    /// Returns a field of `INFO replication`.
    fn replication(&self, server: usize, field: &str) -> String {
        let info = info(&self.cluster.servers[server], "replication");
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_default().trim_end().to_owned()
    }

    fn is_master(&self, server: usize) -> bool {
        self.replication(server, "role") == "master"
    }

    /// Returns true if the replica of a pair has everything that its master has.
    fn is_replicated(&self, pair: usize) -> bool {
        let replica = self.replica(pair);
        self.replication(replica, "master_link_status") == "up"
            && self.replication(replica, "slave_repl_offset")
                == self.replication(self.masters[pair], "master_repl_offset")
    }

    /// Promotes the replica by command.
    fn fail_over(&mut self, pair: usize) -> bool {
        let replica = self.replica(pair);
        // Fails while the replica is not connected to its master.
        if redis_cluster::run::<()>(&self.cluster.servers[replica], &["FAILOVER"]).is_err() {
            return false;
        }
        let old = self.masters[pair];
        let done = within(ABANDONED_AFTER, || self.is_master(replica));
        if done {
            // Until the old master knows, only a pause keeps it from writes that would be lost, and a step of the clock may end
            // the pause.
            assert!(within(GOSSIP, || !self.is_master(old)), "the old master does not become a replica");
            self.masters[pair] = replica;
        }
        done
    }

    /// Kills or stops the master of a pair once its replica has everything.
    fn end_master(&mut self, pair: usize, cause: Cause) -> bool {
        let (master, replica) = (self.masters[pair], self.replica(pair));
        if !self.command(pair, &["CLIENT", "PAUSE", PAUSE, "WRITE"]) {
            return false;
        }
        let mut allow = self.connect_to(replica);
        if !within(SYNCS, || self.is_replicated(pair))
            || run(&mut allow, &["CONFIG", "SET", "cluster-replica-no-failover", "no"]).is_err()
        {
            assert!(self.command(pair, &["CLIENT", "UNPAUSE"]), "the end of the pause");
            return false;
        }
        match cause {
            Cause::Stop => self.cluster.servers[master].hang(),
            Cause::Kill | Cause::Command => self.cluster.servers[master].kill(),
        }
        self.electing = Some((pair, now()));
        true
    }

    /// Brings the old master of a pair back as a replica.
    fn bring_back(&mut self, pair: usize, cause: Cause) {
        let elected = |servers: &mut Self| {
            servers.observe();
            servers.electing.is_none()
        };
        assert!(within(GOSSIP, || elected(self)), "the failover does not end");
        let (master, old) = (self.masters[pair], self.replica(pair));
        if cause == Cause::Kill {
            self.cluster.servers[old].restart();
        } else {
            self.cluster.servers[old].resume();
        }
        assert!(within(GOSSIP, || !self.is_master(old)), "the old master does not become a replica");
        run(&mut self.connect_to(old), &["CLIENT", "UNPAUSE"]).expect("the end of the pause");
        let disallow = ["CONFIG", "SET", "cluster-replica-no-failover", "yes"];
        run(&mut self.connect_to(master), &disallow).expect("the default");
    }

    /// Returns the servers between which the slot of a shard moves.
    fn route(&self, shard: u8) -> [usize; 2] {
        let from = self.homes[usize::from(shard)];
        [from, (from + 1) % MASTERS].map(|pair| self.masters[pair])
    }
}

impl Servers for RedisClusterServers {
    fn clock(&mut self) -> &mut Clock {
        &mut self.clock
    }

    fn shards(&self) -> u8 {
        u8::try_from(self.homes.len()).expect("a small number")
    }

    fn prefix(&self, shard: u8) -> String {
        tag(shard)
    }

    fn connect(&self, shard: u8) -> Connection {
        self.connect_to(self.masters[self.homes[usize::from(shard)]])
    }

    fn ports(&self) -> Vec<u16> {
        self.cluster.servers.iter().map(crate::support::redis::RedisServer::port).collect()
    }

    fn port_of(&self, shard: u8) -> u16 {
        self.cluster.servers[self.masters[self.homes[usize::from(shard)]]].port()
    }

    fn connection(&self, ports: &[u16]) -> Value {
        let seeds: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        json!({ "cluster": seeds, "shards": self.shards(), "username": USER, "password": PASSWORD, "timeout": 1 })
    }

    fn failing(&self) -> Option<&Failing> {
        self.failing.as_ref()
    }

    fn fail(&mut self, failure: Failure, shard: u8) -> bool {
        let (since, pair) = (now(), self.homes[usize::from(shard)]);
        let mut shards = self.shards_of(pair);
        let done = match failure {
            Failure::Killed => {
                self.cluster.servers[self.masters[pair]].kill();
                true
            }
            Failure::Stopped => {
                self.cluster.servers[self.masters[pair]].hang();
                true
            }
            Failure::Full => self.command(pair, &["CONFIG", "SET", "maxmemory", "1"]),
            Failure::Forbids(right) => self.command(pair, &["ACL", "SETUSER", USER, right.rule]),
            Failure::FailedOver(Cause::Command) => self.fail_over(pair),
            Failure::FailedOver(cause) => self.end_master(pair, cause),
            Failure::SlotMoves => {
                shards = vec![shard];
                self.cluster.move_half(shard, self.route(shard));
                true
            }
            Failure::Demoted => unreachable!("a failure of servers without a cluster"),
        };
        self.failing = done.then_some(Failing { failure, since, shards });
        done
    }

    fn repair(&mut self) {
        let Some(Failing { failure, shards, .. }) = self.failing.take() else { return };
        let pair = self.homes[usize::from(shards[0])];
        match failure {
            Failure::Killed => self.cluster.servers[self.masters[pair]].restart(),
            Failure::Stopped => self.cluster.servers[self.masters[pair]].resume(),
            Failure::Full => assert!(self.command(pair, &["CONFIG", "SET", "maxmemory", "0"])),
            Failure::Forbids(_) => {
                restore(&mut self.connect(shards[0]), &self.rights).expect("restored rights");
            }
            Failure::FailedOver(Cause::Command) | Failure::Demoted => {}
            Failure::FailedOver(cause) => self.bring_back(pair, cause),
            Failure::SlotMoves => {
                self.cluster.move_rest(shards[0], self.route(shards[0]));
                self.homes[usize::from(shards[0])] = (pair + 1) % MASTERS;
            }
        }
    }

    fn observe(&mut self) -> Vec<u8> {
        if let Some((pair, since)) = self.electing {
            let replica = self.replica(pair);
            if self.is_master(replica) {
                (self.masters[pair], self.electing) = (replica, None);
            } else if since + FORCED_AFTER < now() {
                // Fails if the replica was elected meanwhile.
                let forced = redis_cluster::run::<()>(&self.cluster.servers[replica], &["FAILOVER", "TAKEOVER"]);
                self.forced += usize::from(forced.is_ok());
            }
        }
        let is_down = |pair: usize| {
            let known = self
                .failing
                .as_ref()
                .filter(|failing| failing.shards.iter().any(|shard| self.homes[usize::from(*shard)] == pair));
            match known.map(|failing| failing.failure) {
                Some(Failure::Killed | Failure::Stopped) => true,
                _ if self.electing.is_some_and(|(electing, _)| electing == pair) => true,
                _ => {
                    let state = redis_cluster::run::<String>(&self.cluster.servers[self.masters[pair]], &["INFO"]);
                    !state.is_ok_and(|state| state.contains("cluster_state:ok"))
                }
            }
        };
        let down: Vec<usize> = (0..MASTERS).filter(|pair| is_down(*pair)).collect();
        (0..self.shards()).filter(|shard| down.contains(&self.homes[usize::from(*shard)])).collect()
    }

    fn forced_failovers(&self) -> usize {
        self.forced
    }
}

/// Returns true if `condition` holds within `time`.
fn within(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    true
}

#[cfg(test)]
mod tests {
    use redis::Commands;

    use super::*;
    use crate::support::wait::eventually;

    const SHARD: u8 = 2;

    fn set(servers: &RedisClusterServers, value: u64) {
        servers.connect(SHARD).set::<_, _, ()>("{wh:2}:x", value).unwrap();
    }

    fn get(servers: &RedisClusterServers) -> Option<u64> {
        servers.connect(SHARD).get("{wh:2}:x").unwrap()
    }

    #[test]
    fn a_failover_loses_nothing_and_the_old_master_comes_back_as_a_replica() {
        let mut servers = RedisClusterServers::start(4);
        for (value, cause) in (1..).zip([Cause::Kill, Cause::Stop, Cause::Command]) {
            let old = servers.port_of(SHARD);
            set(&servers, value);
            eventually("a failure", || servers.fail(Failure::FailedOver(cause), SHARD).then_some(()));
            assert_eq!(servers.observe().contains(&SHARD), cause != Cause::Command);
            eventually("a new master", || servers.observe().is_empty().then_some(()));
            assert_ne!(servers.port_of(SHARD), old);
            assert_eq!(get(&servers), Some(value), "{cause:?}");
            servers.repair();
        }
    }

    #[test]
    fn a_slot_moves_with_its_keys_to_another_master() {
        let mut servers = RedisClusterServers::start(4);
        set(&servers, 7);
        let old = servers.port_of(SHARD);
        assert!(servers.fail(Failure::SlotMoves, SHARD));
        servers.repair();
        assert_ne!(servers.port_of(SHARD), old);
        assert_eq!(get(&servers), Some(7));
        assert!(servers.observe().is_empty());
    }
}
