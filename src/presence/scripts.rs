//! The scripts that decide edges, and their replies.
//!
//! Redis model, all keys behind `{prefix}:` (default `wh`); one server or Sentinel, the database of the roster:
//! - `epoch`: hash, `id` and `settled` (ms). One life of the data: when the key is gone, Redis has lost everything.
//! - `nodes`: sorted set, node → expiry of its lease (ms by Redis' clock); negative while it is being reaped.
//! - `occ:{app}`: hash, channel → hold set (the nodes that serve it).
//! - `mem:{app length}:{app}:{channel}`: hash, user → hold set.
//! - `held:{node}`: sorted set, what a node holds, users (0) before channels (1): the reaper of a dead node costs what
//!   the node held, not what Redis holds.
//! - `reply:{node}`: hash, number, time and edges of the node's last batch: a batch sent twice is applied once.
//!
//! The cost of an operation depends on the number of nodes that share a hold, and on nothing else.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Connection, ErrorKind, RedisResult, Script, ScriptInvocation};

use super::claim::{Change, Claim, Hold};
use super::pending::{Batch, Entry};
use crate::event::{Event, EventKind};
use crate::names::{AppId, ChannelName, NodeId, UserId};
use crate::outbox::redis::codec;

macro_rules! script {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                include_str!("../redis/scripts/cluster.lua"),
                include_str!("../outbox/redis/scripts/append.lua"),
                include_str!("scripts/holds.lua"),
                include_str!($file)
            ))
        });
    };
}

script!(OPEN, "scripts/open.lua");
script!(CLAIM, "scripts/claim.lua");
script!(REASSERT, "scripts/reassert.lua");
script!(RENEW, "scripts/renew.lua");
script!(REAP, "scripts/reap.lua");
script!(BYE, "scripts/bye.lua");

/// Lapsed nodes that one renewal names.
const LAPSED_PER_RENEWAL: usize = 16;

/// Holds that one call of the reaper takes away.
const HOLDS_PER_REAP: usize = 256;

/// How long the last reply of a reaped node is kept (s), for a process that was only paused.
const KEEP_REPLY_SECONDS: u64 = 86_400;

/// Why a script changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The data is of another epoch: Redis lost what this node had told it.
    Lost,
    /// This node's lease had lapsed and its holds were taken away.
    Reaped,
    /// Edges may not be decided before this time has passed.
    Settling(Duration),
}

/// The answer to a batch of claims.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// When the edges were decided, in Unix milliseconds.
    pub(crate) time_ms: u64,
    /// One `1` (edge) or `0` per claim.
    pub(crate) edges: Vec<u8>,
}

/// The keys of one prefix, as one node uses them.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
    lease: Duration,
    /// Partitions of the outbox; 0 when it is not in Redis.
    partitions: u16,
}

/// A lease renewed, and whose lease has lapsed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// Whether this node's lease had not lapsed before it was renewed.
    pub(crate) unbroken: bool,
    /// Nodes whose lease has lapsed.
    pub(crate) lapsed: Vec<String>,
}

/// A portion of a dead node's holds, taken away.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reaped {
    /// The departures that followed, in order.
    pub(crate) events: Vec<Event>,
    /// Whether nothing is left of the node.
    pub(crate) finished: bool,
}

impl Keys {
    /// The keys behind `prefix`, for nodes that stay in the cluster for `lease` without a sign of life. Events are
    /// appended to the `partitions` of the outbox, unless there are none: then it is not in Redis.
    pub(crate) fn new(prefix: &str, lease: Duration, partitions: u16) -> Self {
        Self { prefix: prefix.to_owned(), lease, partitions }
    }

    /// How long a node stays in the cluster without a sign of life.
    pub(crate) const fn lease(&self) -> Duration {
        self.lease
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    fn of_node(&self, name: &str, node: &str) -> String {
        format!("{}:{name}:{node}", self.prefix)
    }

    /// A call of `script` with the keys and arguments that every script takes first.
    fn call<'a>(&self, script: &'a Script, node: &str) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        call.key(self.key("epoch")).key(self.key("nodes")).arg(&self.prefix).arg(node);
        call
    }

    /// Enters the node into the cluster; makes `new_epoch` the epoch when there is none, to settle for `settle`.
    /// Returns the epoch, and how long no edge may be decided.
    pub(crate) fn open(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        new_epoch: &str,
        settle: Duration,
    ) -> RedisResult<(String, Duration)> {
        let mut call = self.call(&OPEN, node.as_str());
        let (epoch, settling): (String, u64) =
            call.arg(millis(self.lease)).arg(new_epoch).arg(millis(settle)).invoke(redis)?;
        Ok((epoch, Duration::from_millis(settling)))
    }

    /// Applies a batch. Sent again under the same number, it returns what it returned before.
    pub(crate) fn claim(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        epoch: &str,
        batch: &Batch,
    ) -> RedisResult<Result<Verdict, Refusal>> {
        let mut call = self.call(&CLAIM, node.as_str());
        call.key(self.of_node("reply", node.as_str())).key(self.of_node("held", node.as_str()));
        call.arg(epoch).arg(batch.number()).arg(self.partitions);
        for entry in batch.entries() {
            match entry {
                Entry::Claim(Claim { hold, change }) => {
                    call.arg(if *change == Change::Join { "+" } else { "-" });
                    add_hold(&mut call, hold);
                }
                Entry::Whisper(whisper) if self.partitions > 0 => {
                    call.arg("c").arg(whisper.app.as_bytes()).arg(whisper.channel.as_bytes());
                    call.arg(codec::encode_client_event(&whisper.event));
                }
                Entry::Whisper(_) => {}
            }
        }
        let (status, number, edges): (String, u64, Vec<u8>) = call.invoke(redis)?;
        accepted(&status, number).map(|result| result.map(|()| Verdict { time_ms: number, edges }))
    }

    /// Puts back holds that Redis has lost, without an edge.
    pub(crate) fn reassert<'a>(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        epoch: &str,
        holds: impl Iterator<Item = &'a Hold>,
    ) -> RedisResult<Result<(), Refusal>> {
        let mut call = self.call(&REASSERT, node.as_str());
        call.key(self.of_node("held", node.as_str())).arg(epoch);
        for hold in holds {
            add_hold(&mut call, hold);
        }
        let status: String = call.invoke(redis)?;
        accepted(&status, 0)
    }

    /// Renews the node's lease.
    pub(crate) fn renew(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        epoch: &str,
    ) -> RedisResult<Result<Renewal, Refusal>> {
        let mut call = self.call(&RENEW, node.as_str());
        let (status, unbroken, lapsed): (String, u64, Vec<String>) =
            call.arg(epoch).arg(millis(self.lease)).arg(LAPSED_PER_RENEWAL).invoke(redis)?;
        accepted(&status, 0).map(|result| result.map(|()| Renewal { unbroken: unbroken == 1, lapsed }))
    }

    /// Takes away a portion of what a dead node held. A node that is alive after all is finished without an event.
    pub(crate) fn reap(&self, redis: &mut Connection, dead: &str, epoch: &str) -> RedisResult<Result<Reaped, Refusal>> {
        let mut call = self.call(&REAP, dead);
        call.key(self.of_node("held", dead)).key(self.of_node("reply", dead));
        call.arg(epoch).arg(HOLDS_PER_REAP).arg(KEEP_REPLY_SECONDS).arg(self.partitions);
        let (status, time_ms, edges, finished): (String, u64, Vec<Vec<u8>>, u64) = call.invoke(redis)?;
        if status == "alive" {
            return Ok(Ok(Reaped { events: Vec::new(), finished: true }));
        }
        let events = edges.chunks_exact(3).map(|edge| departure(&edge[0], &edge[1], &edge[2], time_ms)).collect();
        accepted(&status, time_ms).map(|result| result.map(|()| Reaped { events, finished: finished == 1 }))
    }

    /// Takes a node that holds nothing any more out of the cluster.
    pub(crate) fn bye(&self, redis: &mut Connection, node: &NodeId) -> RedisResult<()> {
        let mut call = self.call(&BYE, node.as_str());
        call.key(self.of_node("held", node.as_str())).key(self.of_node("reply", node.as_str()));
        call.invoke(redis)
    }
}

fn add_hold(call: &mut ScriptInvocation<'_>, hold: &Hold) {
    let user = hold.user.as_ref().map_or(&b""[..], UserId::as_bytes);
    call.arg(hold.app.as_bytes()).arg(hold.channel.as_bytes()).arg(user);
}

fn departure(app: &[u8], channel: &[u8], user: &[u8], time_ms: u64) -> Event {
    let kind =
        if user.is_empty() { EventKind::ChannelVacated } else { EventKind::MemberRemoved { user: UserId::new(user) } };
    Event { app: AppId::new(app), channel: ChannelName::new(channel), time_ms, kind }
}

fn accepted(status: &str, number: u64) -> RedisResult<Result<(), Refusal>> {
    match status {
        "ok" => Ok(Ok(())),
        "lost" => Ok(Err(Refusal::Lost)),
        "reaped" => Ok(Err(Refusal::Reaped)),
        "settling" => Ok(Err(Refusal::Settling(Duration::from_millis(number)))),
        other => {
            Err((ErrorKind::UnexpectedReturnType, "a script answered with an unknown status", other.to_owned()).into())
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "scripts_tests.rs"]
mod tests;
