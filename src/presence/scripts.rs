//! The scripts that decide edges, and their replies.
//!
//! Redis model, beside the keys of [`crate::cluster`]; all behind `{prefix}:` (default `wh`):
//! - `epoch`: the hash of [`crate::cluster`], with `grace`, `counts` and `suspended`: something is in `due`, `counts` or
//!   `suspended`.
//! - `channels:{app}`: hash, channel → hold set (the nodes that serve it).
//! - `users:{app length}:{app}:{channel}`: hash, user → hold set.
//! - `connections:{app}`: hash, socket of a connection → hold set.
//! - `suspended`: hash, application → the type that its key should have, and the key, which is of another; see
//!   `scripts/suspended.lua`. The field `suspended` of `epoch` says that there is something in it.
//! - `due`: sorted set, departures in their grace → when they become edges (ms). Only ever looked at with a grace.
//! - `by`: hash, departure in its grace → the connection that left last. Only where an endpoint wants to know.
//! - `counts`: hash, channel → how many connections each node has on it, and what was announced last.
//! - `counts_due`: sorted set, channels whose number waits → when it may be announced (ms). Neither is looked at when nobody
//!   wants to know.
//! - `miss:{app length}:{app}:{channel}`: string that expires, a cache channel that is known to be empty.
//!
//! A renewal of the lease and the reaping of a dead node stand here and not in [`crate::cluster`]: both look at departures,
//! counts and holds, and reaping decides edges.
//!
//! The cost of an operation depends on the number of nodes that share a hold, and on nothing else; with a grace, also on
//! the logarithm of the number of departures in it.

mod answers;
mod arguments;
mod claim_call;
mod suspended;

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Connection, RedisResult};

pub(crate) use answers::{Fate, Reaped, Renewal, Verdict};
use answers::{holds, waiting};
use arguments::add_hold;
pub(crate) use claim_call::ClaimCall;
pub(crate) use suspended::{Progress, Resumed};

use super::claim::Hold;
use crate::cluster::{Known, MembershipScripts, Refusal, accepted};
use crate::config::{ClusterIdentity, Roster};
use crate::event::NodeId;
use crate::redis::{Script, millis};

macro_rules! script {
    ($name:ident, $($file:literal),+) => {
        static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                include_str!("../redis/scripts/cluster.lua"),
                include_str!("../redis/scripts/refusals.lua"),
                include_str!("../redis/scripts/next_millisecond.lua"),
                include_str!("../redis/scripts/append.lua"),
                include_str!("scripts/suspended.lua"),
                include_str!("scripts/holds.lua"),
                include_str!("scripts/due.lua"),
                include_str!("scripts/counts.lua"),
                $(include_str!($file)),+
            ))
        });
    };
}

script!(CLAIM, "scripts/misses.lua", "../cluster/scripts/settling.lua", "scripts/slots.lua", "scripts/claim.lua");
script!(REASSERT, "../cluster/scripts/held.lua", "../cluster/scripts/settling.lua", "scripts/reassert.lua");
script!(LEAVING, "../cluster/scripts/settling.lua", "scripts/leaving.lua");
script!(FORGET, "../cluster/scripts/held.lua", "../cluster/scripts/settling.lua", "scripts/forget.lua");
script!(RENEW, "scripts/mend_times.lua", "scripts/renew.lua");
script!(REAP, "../cluster/scripts/held.lua", "../cluster/scripts/settling.lua", "scripts/reap.lua");
script!(RESUME, "scripts/resume.lua");

/// Puts the scripts together. A process that forks while a thread of its does so would leave them to its child in the midst
/// of that for ever, so that it is done before there are threads.
pub(crate) fn put_together() {
    for script in [&CLAIM, &REASSERT, &LEAVING, &FORGET, &RENEW, &REAP, &RESUME] {
        LazyLock::force(script);
    }
}

/// Lapsed nodes that one renewal names.
const LAPSED_PER_RENEWAL: usize = 16;

/// How long a reaped node and its last reply are remembered (s), for a process that was only paused.
const KEEP_REPLY_SECONDS: u64 = 86_400;

/// What `reap.lua` returns: status, time, edges, finished, leaving, counted, waiting.
type ReapReply = (String, u64, u64, u64, Vec<Vec<u8>>, u64, u64);

/// The keys of one prefix, as one node uses them.
#[derive(Clone, Debug)]
pub(crate) struct PresenceScripts {
    /// Those by which the node is in its cluster.
    pub(crate) membership: MembershipScripts,
    /// How long a departure can be made good before it is an edge.
    grace: Duration,
    /// Where the roster keeps its keys, if there is one.
    roster: Option<Roster>,
    /// Partitions of the outbox.
    partitions: u16,
    /// How many events may wait in one before it takes no client events.
    partition_max: usize,
    /// Client events of how many bytes may wait in all of them before they take no more, if there is a limit.
    client_bytes_max: Option<usize>,
    /// The time between two counts of a channel.
    count_interval: Duration,
    /// How long a cache channel is known to be empty; nothing when nobody wants to know.
    miss_ttl: Duration,
}

impl PresenceScripts {
    /// The keys behind `prefix`, for nodes that stay in the cluster for `lease` without a sign of life. Events are
    /// appended to the `partitions` of the outbox.
    pub(crate) fn new(prefix: &str, lease: Duration, partitions: u16) -> Self {
        Self {
            membership: MembershipScripts::new(prefix, lease),
            grace: Duration::ZERO,
            roster: None,
            partitions,
            partition_max: usize::MAX,
            client_bytes_max: None,
            count_interval: Duration::ZERO,
            miss_ttl: Duration::ZERO,
        }
    }

    /// The same keys for a node that grants departures a `grace`.
    pub(crate) fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// The same keys for a node whose client events are refused by a partition in which `events` wait.
    pub(crate) fn with_partition_max(self, events: usize) -> Self {
        Self { partition_max: events, ..self }
    }

    /// The same keys for a node whose client events are refused while such ones of so many `bytes` wait.
    pub(crate) fn with_client_bytes_max(self, bytes: Option<usize>) -> Self {
        Self { client_bytes_max: bytes, ..self }
    }

    /// The same keys for a node that announces how many are on a channel once per `interval` at most.
    pub(crate) fn with_count_interval(self, interval: Duration) -> Self {
        Self { count_interval: interval, ..self }
    }

    /// The same keys for a node that tells of empty cache channels, of each once per `ttl`.
    pub(crate) fn with_miss_ttl(self, ttl: Duration) -> Self {
        Self { miss_ttl: ttl, ..self }
    }

    /// The same keys for a node of this cluster.
    pub(crate) fn with_identity(self, identity: Option<ClusterIdentity>) -> Self {
        Self { membership: self.membership.with_identity(identity), ..self }
    }

    /// The same keys in a cluster whose public record is `roster`.
    pub(crate) fn with_roster(self, roster: Option<Roster>) -> Self {
        Self { roster, ..self }
    }

    /// How long a departure can be made good before it is an edge.
    pub(crate) const fn grace(&self) -> Duration {
        self.grace
    }

    /// The time between two counts of a channel.
    pub(crate) const fn count_interval(&self) -> Duration {
        self.count_interval
    }

    /// Puts back holds that Redis has lost, without an edge: those of a node whose last answered batch was `answered`, with
    /// how many connections it had told of, negative when that may not have been announced. The `settling` waits for the
    /// node; it is empty when single holds are repaired. Returns how many were missing.
    pub(crate) fn reassert<'a>(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        epoch: &str,
        answered: u64,
        settling: &str,
        holds: impl Iterator<Item = &'a (Hold, i64)>,
    ) -> RedisResult<Result<usize, Refusal>> {
        let mut call = self.membership.call(&REASSERT, node.as_str());
        self.membership.add_held(&mut call, node.as_str());
        call.key(self.membership.of_node("reply", node.as_str()));
        call.arg(epoch).arg(answered).arg(settling);
        for (hold, number) in holds {
            add_hold(&mut call, hold);
            call.arg(number);
        }
        let (status, missing): (String, usize) = call.invoke(redis)?;
        accepted(&status, 0).map(|result| result.map(|()| missing))
    }

    /// Puts departures back that were in their grace when Redis lost them, each with the time when that is over: those of
    /// a node whose last answered batch was `answered`, and which the `settling` waits for.
    pub(crate) fn put_leavings_back<'a>(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        epoch: &str,
        answered: u64,
        settling: &str,
        leavings: impl Iterator<Item = &'a (u64, Hold)>,
    ) -> RedisResult<Result<(), Refusal>> {
        let mut call = self.membership.call(&LEAVING, node.as_str());
        call.key(self.membership.of_node("reply", node.as_str()));
        call.arg(epoch).arg(answered).arg(millis(self.grace)).arg(settling);
        for (due_ms, hold) in leavings {
            add_hold(call.arg(due_ms), hold);
        }
        let status: String = call.invoke(redis)?;
        accepted(&status, 0)
    }

    /// Takes away up to `portion` of what Redis thinks that a node holds, before the node restores what is true: Redis has
    /// lost answers to it, up to the one to batch `answered`. Returns whether nothing is left.
    pub(crate) fn forget(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        epoch: &str,
        answered: u64,
        portion: usize,
        settling: &str,
    ) -> RedisResult<Result<bool, Refusal>> {
        let mut call = self.membership.call(&FORGET, node.as_str());
        self.membership.add_held(&mut call, node.as_str());
        call.key(self.membership.of_node("reply", node.as_str()));
        let (status, finished): (String, u64) =
            call.arg(epoch).arg(answered).arg(portion).arg(settling).invoke(redis)?;
        accepted(&status, 0).map(|result| result.map(|()| finished == 1))
    }

    /// Renews the lease of a node.
    pub(crate) fn renew(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        known: &Known<'_>,
    ) -> RedisResult<Result<Renewal, Refusal>> {
        let mut call = self.membership.call(&RENEW, node.as_str());
        call.key(self.membership.of_node("reply", node.as_str()));
        let (status, unbroken, lapsed, next_due): (String, u64, Vec<String>, i64) = call
            .arg(known.epoch)
            .arg(millis(self.membership.lease()))
            .arg(LAPSED_PER_RENEWAL)
            .arg(known.answered)
            .arg(known.restored_for)
            .invoke(redis)?;
        let renewal = Renewal { unbroken: unbroken == 1, lapsed, next_due: waiting(next_due) };
        accepted(&status, 0).map(|result| result.map(|()| renewal))
    }

    /// Takes away up to `portion` of what a dead node held. A node that is not dead is finished without an event.
    pub(crate) fn reap(
        &self,
        redis: &mut Connection,
        dead: &str,
        epoch: &str,
        portion: usize,
    ) -> RedisResult<Result<Reaped, Refusal>> {
        let mut call = self.membership.call(&REAP, dead);
        self.membership.add_held(&mut call, dead);
        call.key(self.membership.of_node("reply", dead));
        call.arg(epoch).arg(portion).arg(KEEP_REPLY_SECONDS).arg(self.partitions).arg(millis(self.grace));
        let (ttl, prefix) =
            self.roster.as_ref().map_or((0, ""), |roster| (millis(roster.ttl), roster.key_prefix.as_str()));
        call.arg(millis(self.membership.lease())).arg(ttl).arg(prefix).arg(millis(self.count_interval));
        let (status, time_ms, edges, finished, leaving, counted, waits): ReapReply = call.invoke(redis)?;
        let fate = match status.as_str() {
            "alive" => Fate::Alive,
            "spared" => Fate::Spared,
            _ => Fate::Dead,
        };
        let (leaving, waiting, finished) = (holds(&leaving).collect(), waits == 1, finished == 1);
        let reaped = Reaped { fate, time_ms, edges, leaving, counted, waiting, finished };
        match fate {
            Fate::Dead => accepted(&status, time_ms).map(|result| result.map(|()| reaped)),
            Fate::Alive | Fate::Spared => Ok(Ok(reaped)),
        }
    }
}

#[cfg(test)]
#[path = "scripts_tests.rs"]
mod tests;
