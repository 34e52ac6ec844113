//! Redis servers of a run, and their failures.

mod cluster;
mod pair;

pub(crate) use cluster::RedisClusterServers;
pub(crate) use pair::Pair;

use redis::{Connection, RedisResult};
use serde_json::Value;

use crate::Ms;
use crate::clock::Clock;
use crate::support::redis::documented_acl;

/// User name of the nodes.
pub(crate) const USER: &str = "webhooks";

/// Password of that user.
pub(crate) const PASSWORD: &str = "secret";

/// A failure of Redis. It lasts until [`Servers::repair`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The master is killed. It starts again from its append-only file.
    Killed,
    /// The master is stopped (SIGSTOP).
    Stopped,
    /// The master is full and evicts nothing.
    Full,
    /// The nodes' user lacks a right.
    Forbids(Right),
    /// The master becomes a replica of a server that does not exist. It keeps its connections and its data.
    Demoted,
    /// The replica takes over with all data.
    FailedOver(Cause),
    /// The slot of a shard is being moved to another master, and half of its keys have moved.
    SlotMoves,
}

/// Cause of a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A command. The old master keeps its connections; without a cluster, it serves the data of that moment.
    Command,
    /// The master is killed. It comes back as a replica.
    Kill,
    /// The master is stopped (SIGSTOP). It comes back as a replica.
    Stop,
}

/// A right that is taken from the nodes' user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Right {
    /// ACL rule that removes it.
    pub(crate) rule: &'static str,
    /// Renewals need this right.
    leases: bool,
    /// Maximum time without it (ms). After three seconds, a node sends batches that it cannot persist, and its
    /// successor would send their events again.
    pub(crate) longest: Ms,
}

/// Rights that nodes need. A right that is listed more often is chosen more often.
pub(crate) const RIGHTS: [Right; 16] = [
    right("-xadd", false, 3000),
    right("-xadd", false, 3000),
    right("-xadd", false, 3000),
    right("-sadd", false, 3000),
    right("-srem", false, 3000),
    right("-srem", false, 3000),
    right("-evalsha", false, 6000),
    right("-xread", false, 3000),
    right("-zadd", true, 5000),
    right("-hset", false, 1500),
    right("-hdel", false, 1500),
    right("-hdel", false, 1500),
    right("-xtrim", false, 1500),
    right("-del", true, 1500),
    right("-@write", true, 1500),
    right("-@scripting", true, 1500),
];

const fn right(rule: &'static str, leases: bool, longest: Ms) -> Right {
    Right { rule, leases, longest }
}

impl Failure {
    /// Returns true if nodes may be unable to renew their leases until the failure ends.
    pub(crate) const fn silences(self) -> bool {
        match self {
            Self::Killed | Self::Stopped | Self::Demoted | Self::SlotMoves => true,
            // The new master accepts renewals at once, or as soon as it is one.
            Self::Full | Self::FailedOver(_) => false,
            Self::Forbids(right) => right.leases,
        }
    }

    /// Returns true if the servers of a Redis Cluster have to agree, on a new master or that all is well. They measure that by
    /// the time of day.
    pub(crate) const fn needs_right_clock(self) -> bool {
        matches!(self, Self::FailedOver(Cause::Kill | Cause::Stop) | Self::SlotMoves)
    }
}

/// The current failure.
#[derive(Clone, Debug)]
pub(crate) struct Failing {
    pub(crate) failure: Failure,
    pub(crate) since: Ms,
    /// Shards that are affected.
    pub(crate) shards: Vec<u8>,
}

/// The running servers. Each keeps its data across a restart.
pub(crate) trait Servers {
    /// Returns their clock.
    fn clock(&mut self) -> &mut Clock;

    /// Returns the number of shards.
    fn shards(&self) -> u8;

    /// Returns the prefix of the keys of a shard.
    fn prefix(&self, shard: u8) -> String;

    /// Connects the harness to the server of a shard, with all rights.
    fn connect(&self, shard: u8) -> Connection;

    /// Returns the ports that nodes may connect to.
    fn ports(&self) -> Vec<u16>;

    /// Returns the port of the master of a shard.
    fn port_of(&self, shard: u8) -> u16;

    /// Returns `connection` of a configuration whose servers are reached at these ports.
    fn connection(&self, ports: &[u16]) -> Value;

    /// Returns the current failure.
    fn failing(&self) -> Option<&Failing>;

    /// Starts a failure of the server of `shard`. Returns false if that was not possible.
    fn fail(&mut self, failure: Failure, shard: u8) -> bool;

    /// Ends the failure, if there is one.
    fn repair(&mut self);

    /// Observes failovers. Returns the shards that no server serves.
    fn observe(&mut self) -> Vec<u8>;

    /// Returns how many failovers had to be forced so far.
    fn forced_failovers(&self) -> usize;
}

/// Returns the documented rights as ACL rules. The keys are those of a server with one shard.
fn rights() -> Vec<String> {
    documented_acl().split_off(3)
}

/// Runs a command.
fn run(redis: &mut Connection, words: &[&str]) -> RedisResult<()> {
    redis::cmd(words[0]).arg(&words[1..]).exec(redis)
}

/// Gives the nodes' user its rights back.
fn restore(redis: &mut Connection, rights: &[String]) -> RedisResult<()> {
    let words = ["ACL", "SETUSER", USER, "-@all"].into_iter().chain(rights.iter().map(String::as_str));
    run(redis, &words.collect::<Vec<_>>())
}
