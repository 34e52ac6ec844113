//! Keys and scripts of the outbox.
//!
//! Keys after `{prefix}:`, in addition to those of presence:
//! - `out:{partition}`: stream of events, appended by the scripts that decide edges.
//! - `out_bytes`: hash, partition or `all` → bytes of waiting client and custom events; see `bytes.lua`.
//! - `owners`: hash, partition → fencing token and node. `cluster` and `schema` as in `epoch`.
//! - `cursor:{partition}`: hash, lane → number of the last event that the lane has acknowledged. The empty lane stands
//!   for all lanes, once the stream was empty.
//! - `inflight:{partition}`: hash, lane → in-flight batch, stored in the partition of its first event.
//! - `dead`: stream of dead letters, limited in number, bytes and age. `dead_letters.rs` describes their fields,
//!   `dead_letters.lua` the other keys.

pub(super) mod commit;
mod send;
mod unreadable;

use std::collections::BTreeMap;

use redis::{Connection, RedisResult};

use crate::cluster::{Membership, Refusal, accepted};
use crate::event::PARTITIONS;
use crate::outbox::{DeadLetterId, Position};
use crate::redis::{OwnShard, Script, ScriptCall, code};

pub(crate) use self::commit::DeadLetterLimits;
pub(super) use self::commit::{AckRequest, CommitReply, Load, PersistRequest};
pub(super) use self::send::Exclusion;

macro_rules! script {
    ($($file:literal),+) => {
        Script::new(&[
            code!("../../redis/scripts/cluster.lua"),
            code!("../../redis/scripts/refusals.lua"),
            $(code!($file)),+
        ])
    };
}

static ASSIGN: Script =
    script!("../../redis/scripts/while_full.lua", "../../redis/scripts/identity.lua", "scripts/assign.lua");
static RELEASE: Script = script!("../../redis/scripts/while_full.lua", "scripts/owners.lua", "scripts/release.lua");
static COMMIT: Script = script!(
    "../../redis/scripts/while_full.lua",
    "scripts/owners.lua",
    "scripts/cursors.lua",
    "scripts/full.lua",
    "scripts/dead_letters.lua",
    "scripts/add_dead_letter.lua",
    "scripts/ack.lua",
    "scripts/persist.lua",
    "scripts/commit.lua"
);
static TRIM: Script = script!(
    "../../redis/scripts/while_full.lua",
    "scripts/owners.lua",
    "scripts/cursors.lua",
    "scripts/bytes.lua",
    "scripts/trim.lua"
);
static REMOVE: Script =
    script!("../../redis/scripts/while_full.lua", "scripts/owners.lua", "scripts/bytes.lua", "scripts/remove.lua");
static REDELIVER: Script =
    script!("../../redis/scripts/next_millisecond.lua", "scripts/dead_letters.lua", "scripts/redeliver.lua");
static UNREADABLE: Script = script!(
    "../../redis/scripts/while_full.lua",
    "scripts/owners.lua",
    "scripts/full.lua",
    "scripts/dead_letters.lua",
    "scripts/add_dead_letter.lua",
    "scripts/bytes.lua",
    "scripts/unreadable.lua"
);
static FORGET_DEAD_LETTERS: Script =
    script!("../../redis/scripts/while_full.lua", "scripts/dead_letters.lua", "scripts/forget_dead_letters.lua");
static SEND: Script = script!(
    "../../redis/scripts/identity.lua",
    "../../redis/scripts/next_millisecond.lua",
    "../../redis/scripts/append.lua",
    "scripts/send.lua"
);

/// Partitions of a node.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The number that the node should own when the nodes share them evenly.
    pub(super) share: usize,
    /// Partitions that the node owns, each with its fencing token.
    pub(super) owned: BTreeMap<u16, u64>,
}

/// The scripts of the outbox.
impl OwnShard {
    /// Parses the id of an entry in the stream of dead letters.
    pub(super) fn dead_letter_id(&self, entry: &str) -> Option<DeadLetterId> {
        DeadLetterId::parse(entry).map(|id| id.of_shard(self.shard))
    }

    fn outbox_call<'a>(&self, script: &'a Script, membership: &Membership) -> ScriptCall<'a> {
        let mut call = script.call(&self.prefix);
        call.key(&["epoch", "nodes", "owners"].map(|name| self.key(name)));
        call.arg(&self.prefix).arg(membership.node.as_str()).arg(&*membership.epoch);
        call
    }

    /// Assigns partitions to the node. `held` has the partitions that it owns, with their fencing tokens.
    pub(super) fn assign(
        &self,
        redis: &mut Connection,
        membership: &Membership,
        held: &BTreeMap<u16, u64>,
    ) -> RedisResult<Result<Assignment, Refusal>> {
        let mut call = self.outbox_call(&ASSIGN, membership);
        call.arg(PARTITIONS);
        self.add_to(&mut call);
        for (partition, token) in held {
            call.arg(*partition).arg(*token);
        }
        let (status, share, owned): (String, usize, BTreeMap<u16, u64>) = call.invoke(redis)?;
        accepted(&status, 0).map(|result| result.map(|()| Assignment { share, owned }))
    }

    /// Releases a partition.
    pub(super) fn release(
        &self,
        redis: &mut Connection,
        membership: &Membership,
        partition: u16,
        token: u64,
    ) -> RedisResult<()> {
        self.outbox_call(&RELEASE, membership).arg(partition).arg(token).invoke(redis)
    }

    /// Retries dead letters as part of the retry `run`. Returns how many of them exist.
    pub(super) fn redeliver(
        &self,
        redis: &mut Connection,
        run: &str,
        dead_letters: &[DeadLetterId],
    ) -> RedisResult<usize> {
        let mut call = REDELIVER.call(&self.prefix);
        call.key(self.key("dead")).arg(&self.prefix).arg(PARTITIONS).arg(run);
        for dead_letter in dead_letters {
            call.arg(dead_letter.entry());
        }
        call.invoke(redis)
    }

    /// Removes these dead letters, and some of the oldest up to `last`, an end of XRANGE, unless it is empty. Returns how many
    /// existed.
    pub(super) fn forget(
        &self,
        redis: &mut Connection,
        dead_letters: &[DeadLetterId],
        last: &str,
    ) -> RedisResult<usize> {
        let mut call = FORGET_DEAD_LETTERS.call(&self.prefix);
        call.key(self.key("dead")).arg(&self.prefix).arg(last);
        for dead_letter in dead_letters {
            call.arg(dead_letter.entry());
        }
        call.invoke(redis)
    }

    /// Removes the events up to and including these positions.
    pub(super) fn trim(&self, redis: &mut Connection, membership: &Membership, acked: &[Position]) -> RedisResult<()> {
        let mut call = self.outbox_call(&TRIM, membership);
        for Position { partition, token, seq, .. } in acked {
            call.arg(*partition).arg(*token).arg(id_behind(*seq)).arg(*seq);
        }
        call.invoke(redis)
    }

    /// Removes single events of a partition.
    pub(super) fn remove(
        &self,
        redis: &mut Connection,
        membership: &Membership,
        partition: u16,
        token: u64,
        seqs: &[u64],
    ) -> RedisResult<()> {
        let mut call = self.outbox_call(&REMOVE, membership);
        call.key(self.key_of("out", partition)).arg(partition).arg(token);
        for seq in seqs {
            call.arg(stream_id(*seq));
        }
        call.invoke(redis)
    }
}

/// Bits of an event's number that count the events of one millisecond. Redis appends far fewer.
const BITS_WITHIN_MS: u32 = 20;

/// Converts a stream id to the number of the event in its partition.
pub(super) fn parse_stream_id(id: &[u8]) -> Option<u64> {
    let (ms, n) = std::str::from_utf8(id).ok()?.split_once('-')?;
    let (ms, n): (u64, u64) = (ms.parse().ok()?, n.parse().ok()?);
    (ms <= time_ms(u64::MAX) && n < 1 << BITS_WITHIN_MS).then_some(ms << BITS_WITHIN_MS | n)
}

/// Converts the number of an event to its stream id.
pub(super) fn stream_id(seq: u64) -> String {
    format!("{}-{}", time_ms(seq), seq & ((1 << BITS_WITHIN_MS) - 1))
}

/// Returns the stream id after an event, in the same millisecond, so that entries whose ids have no number come after
/// it.
fn id_behind(seq: u64) -> String {
    format!("{}-{}", time_ms(seq), (seq & ((1 << BITS_WITHIN_MS) - 1)) + 1)
}

/// Returns when an event happened, in Unix ms by Redis' clock.
pub(super) const fn time_ms(seq: u64) -> u64 {
    seq >> BITS_WITHIN_MS
}

#[cfg(test)]
#[path = "scripts_tests.rs"]
pub(super) mod tests;
