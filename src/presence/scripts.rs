//! The scripts that decide edges, and their replies.
//!
//! Redis keys, in addition to those of [`crate::cluster`]; all start with `{prefix}:` (default `wh`):
//! - `epoch`: the hash of [`crate::cluster`], with the fields `grace`, `counts` and `suspended`. Each marks that the key of
//!   the same purpose may have entries: `due`, `counts`, `suspended`.
//! - `channels:{app}`: hash, channel → hold set (the nodes that serve it).
//! - `users:{app length}:{app}:{channel}`: hash, user → hold set.
//! - `connections:{app}`: hash, socket of a connection → hold set.
//! - `suspended`: hash, application → the type that its key should have, and the key, whose type is another; see
//!   `scripts/suspended.lua`.
//! - `due`: sorted set, departure in its grace → when it becomes an edge (ms). Never read in a cluster without a grace.
//! - `by`: hash, departure in its grace → the connection that left last. Only where an endpoint has `extended` payloads.
//! - `counts`: hash, channel → the connection count of each node, and the count that was announced last.
//! - `counts_due`: sorted set, channel whose count waits → when it may be announced (ms). `counts` and `counts_due` are never
//!   read where no endpoint wants counts.
//! - `miss:{app length}:{app}:{channel}`: string that expires; the cache channel was announced as empty.
//!
//! Lease renewal and reaping are here and not in [`crate::cluster`]: both access departures, counts and holds, and reaping
//! decides edges.
//!
//! The cost of an operation depends only on the number of nodes that share a hold and, with a grace, on the logarithm of
//! the number of departures in it.

mod answers;
mod arguments;
mod claim_call;
mod suspended;

use std::time::Duration;

use derive_more::Deref;
use redis::{Connection, RedisResult};

pub(crate) use answers::{Fate, Reaped, Renewal, Verdict};
use answers::{holds, waiting};
use arguments::add_hold;
pub(crate) use claim_call::ClaimCall;
pub(crate) use suspended::{Progress, Resumed};

use super::claim::Hold;
use crate::cluster::{Acknowledged, MembershipScripts, Refusal, accepted};
use crate::config::{Config, Roster};
use crate::event::{EventName, NodeId, PARTITIONS, Shard};
use crate::redis::{Script, code, millis, outbox_limits};

macro_rules! script {
    ($($file:literal),+) => {
        Script::new(&[
            code!("../redis/scripts/cluster.lua"),
            code!("../redis/scripts/refusals.lua"),
            code!("../redis/scripts/next_millisecond.lua"),
            code!("../redis/scripts/append.lua"),
            code!("scripts/suspended.lua"),
            code!("scripts/holds.lua"),
            code!("scripts/due.lua"),
            code!("scripts/counts.lua"),
            $(code!($file)),+
        ])
    };
}

static CLAIM: Script = script!(
    "../redis/scripts/late.lua",
    "scripts/misses.lua",
    "../cluster/scripts/settling.lua",
    "scripts/slots.lua",
    "scripts/claim.lua"
);
static REASSERT: Script = script!(
    "../redis/scripts/late.lua",
    "../cluster/scripts/held.lua",
    "../cluster/scripts/waited_for.lua",
    "scripts/reassert.lua"
);
static LEAVING: Script =
    script!("../redis/scripts/late.lua", "../cluster/scripts/waited_for.lua", "scripts/leaving.lua");
static FORGET: Script =
    script!("../cluster/scripts/held.lua", "../cluster/scripts/waited_for.lua", "scripts/forget.lua");
static RENEW: Script = script!(
    "../redis/scripts/behind.lua",
    "../redis/scripts/while_full.lua",
    "scripts/fix_times.lua",
    "scripts/renew.lua"
);
static REAP: Script = script!("../cluster/scripts/held.lua", "../cluster/scripts/settling.lua", "scripts/reap.lua");
static RESUME: Script = script!("scripts/resume.lua");

/// Most lapsed nodes that one renewal returns.
const LAPSED_PER_RENEWAL: usize = 16;

/// Time for which the mark and the last reply of a reaped node are kept (s), for a process that was only paused.
const KEEP_REPLY_SECONDS: u64 = 86_400;

/// Reply of `reap.lua`: status, time, edges, finished, leaving, counted, waiting.
type ReapReply = (String, u64, u64, u64, Vec<Vec<u8>>, u64, u64);

/// The presence scripts with their keys and settings, for one node.
#[derive(Clone, Debug, Deref)]
pub(crate) struct PresenceScripts {
    /// The scripts of the node's membership.
    #[deref]
    pub(crate) membership: MembershipScripts,
    /// Delay before a departure becomes an edge.
    pub(crate) grace: Duration,
    /// The key prefix and the time to live of the roster, if there is one.
    pub(super) roster: Option<Roster>,
    /// Number of partitions of the outbox.
    pub(super) partitions: u16,
    /// See [`outbox_limits`].
    pub(super) outbox_limits: String,
    /// Shortest time between two announced counts of a channel.
    pub(crate) count_interval: Duration,
    /// Time before an empty cache channel is announced again. Zero if no endpoint wants misses.
    pub(super) miss_ttl: Duration,
}

impl PresenceScripts {
    /// Creates the scripts for a shard of the cluster in `config`.
    pub(crate) fn of(config: &Config, shard: Shard) -> Self {
        Self {
            membership: MembershipScripts::of(config, shard),
            grace: config.departure_grace,
            roster: config.roster.clone(),
            partitions: PARTITIONS,
            outbox_limits: outbox_limits(config),
            count_interval: config.subscription_count_interval,
            miss_ttl: if config.wants(EventName::CacheMiss) { config.cache_miss_ttl } else { Duration::ZERO },
        }
    }

    /// Restores holds that Redis has lost, without an edge. `answered` is the node's last answered batch. Each hold has the
    /// connection count that the node sent last, negative if it may not have been announced. `settling` is the settling that
    /// waits for the node, or empty when single holds are repaired. Returns how many holds were missing.
    pub(crate) fn reassert<'a>(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        epoch: &str,
        answered: u64,
        settling: &str,
        holds: impl Iterator<Item = &'a (Hold, i64)>,
    ) -> RedisResult<Result<usize, Refusal>> {
        let mut call = self.call_with_holds(&REASSERT, node.as_str());
        call.arg(epoch).arg(answered).arg(settling);
        for (hold, number) in holds {
            add_hold(&mut call, hold);
            call.arg(number);
        }
        let (status, missing): (String, usize) = call.invoke(redis)?;
        accepted(&status, 0).map(|result| result.map(|()| missing))
    }

    /// Restores departures that were in their grace when Redis lost them, each with the end of its grace (Unix ms). `answered`
    /// is the node's last answered batch, `settling` the settling that waits for the node, or empty when Redis may have lost
    /// only departures. Returns how many departures were missing.
    pub(crate) fn restore_departures<'a>(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        epoch: &str,
        answered: u64,
        settling: &str,
        departures: impl Iterator<Item = &'a (u64, Hold)>,
    ) -> RedisResult<Result<usize, Refusal>> {
        let mut call = self.call(&LEAVING, node.as_str());
        call.key(self.key_of("reply", node.as_str()));
        call.arg(epoch).arg(answered).arg(millis(self.grace)).arg(settling);
        for (due_ms, hold) in departures {
            add_hold(call.arg(due_ms), hold);
        }
        let (status, missing): (String, usize) = call.invoke(redis)?;
        accepted(&status, 0).map(|result| result.map(|()| missing))
    }

    /// Removes up to `portion` holds that Redis has for a node, before the node restores its actual ones. Used when Redis has
    /// lost replies to the node; `answered` is the last batch that it had answered. Returns `true` if nothing is left.
    pub(crate) fn forget(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        epoch: &str,
        answered: u64,
        portion: usize,
        settling: &str,
    ) -> RedisResult<Result<bool, Refusal>> {
        let mut call = self.call_with_holds(&FORGET, node.as_str());
        let (status, finished): (String, u64) =
            call.arg(epoch).arg(answered).arg(portion).arg(settling).invoke(redis)?;
        accepted(&status, 0).map(|result| result.map(|()| finished == 1))
    }

    /// Renews the lease of a node.
    pub(crate) fn renew(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        known: &Acknowledged<'_>,
    ) -> RedisResult<Result<Renewal, Refusal>> {
        let mut call = self.call(&RENEW, node.as_str());
        call.key(self.key_of("reply", node.as_str()));
        call.arg(known.epoch).arg(millis(self.lease)).arg(LAPSED_PER_RENEWAL);
        call.arg(known.answered).arg(known.restored_for);
        let (status, unbroken, lapsed, next_due): (String, u64, Vec<String>, i64) = call.invoke(redis)?;
        let renewal = Renewal { unbroken: unbroken == 1, lapsed, next_due: waiting(next_due) };
        accepted(&status, 0).map(|result| result.map(|()| renewal))
    }

    /// Removes up to `portion` holds of a dead node. Changes nothing if the node is alive, and reports it as finished.
    pub(crate) fn reap(
        &self,
        redis: &mut Connection,
        dead: &str,
        epoch: &str,
        portion: usize,
    ) -> RedisResult<Result<Reaped, Refusal>> {
        let mut call = self.call_with_holds(&REAP, dead);
        call.arg(epoch).arg(portion).arg(KEEP_REPLY_SECONDS).arg(self.partitions).arg(millis(self.grace));
        let (ttl, prefix) =
            self.roster.as_ref().map_or((0, ""), |roster| (millis(roster.ttl), roster.key_prefix.as_str()));
        call.arg(millis(self.lease)).arg(ttl).arg(prefix).arg(millis(self.count_interval));
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
pub(crate) mod tests;
