//! The keys and scripts of the outbox.
//!
//! All keys behind `{prefix}:`, beside those of the presence:
//! - `out:{partition}`: stream of events, appended by the scripts that decide edges.
//! - `out_bytes`: hash, partition, and `all` → bytes of client events and of the application's own that wait; `bytes.lua`.
//! - `owners`: hash, partition → fencing token and node. `cluster` and `schema` as in
//!   `epoch`.
//! - `cursor:{partition}`: hash, lane → id of the last event that the lane has passed. The empty lane stands for all, once
//!   the stream was empty.
//! - `inflight:{partition}`: hash, lane → in-flight batch, stored with the partition of its first event.
//! - `dead`: stream of dead letters, bounded by number, bytes and age; `letters` describes their fields, `dead_letters.lua`
//!   the keys beside it.

mod commit;
mod send;
mod unreadable;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use redis::{Connection, ErrorKind, RedisResult};

use crate::cluster::Membership;
use crate::config::ClusterIdentity;
use crate::event::PARTITIONS;
use crate::outbox::{DeadLetterId, Position};
use crate::redis::{SCHEMA, Script, ScriptCall, identity_argument};

#[cfg(test)]
pub(super) use self::commit::BYTES_AT_ONCE;
pub(crate) use self::commit::DeadLetterLimits;
pub(super) use self::commit::{AckRequest, CommitReply, Load, PersistRequest};
pub(super) use self::send::Exclusion;
pub(super) use self::unreadable::GivenUp;

macro_rules! script {
    ($name:ident, $($file:literal),+) => {
        static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                include_str!("../../redis/scripts/cluster.lua"),
                include_str!("../../redis/scripts/refusals.lua"),
                $(include_str!($file)),+
            ))
        });
    };
}
script!(ASSIGN, "../../redis/scripts/identity.lua", "scripts/assign.lua");
script!(RELEASE, "scripts/owners.lua", "scripts/release.lua");
script!(
    COMMIT,
    "scripts/owners.lua",
    "scripts/cursors.lua",
    "scripts/full.lua",
    "scripts/dead_letters.lua",
    "scripts/add_dead_letter.lua",
    "scripts/ack.lua",
    "scripts/persist.lua",
    "scripts/commit.lua"
);
script!(TRIM, "scripts/owners.lua", "scripts/cursors.lua", "scripts/bytes.lua", "scripts/trim.lua");
script!(REMOVE, "scripts/owners.lua", "scripts/bytes.lua", "scripts/remove.lua");
script!(REDELIVER, "../../redis/scripts/next_millisecond.lua", "scripts/dead_letters.lua", "scripts/redeliver.lua");
script!(
    UNREADABLE,
    "scripts/owners.lua",
    "scripts/full.lua",
    "scripts/dead_letters.lua",
    "scripts/add_dead_letter.lua",
    "scripts/bytes.lua",
    "scripts/unreadable.lua"
);
script!(FORGET_DEAD_LETTERS, "scripts/dead_letters.lua", "scripts/forget_dead_letters.lua");
script!(
    SEND,
    "../../redis/scripts/identity.lua",
    "../../redis/scripts/next_millisecond.lua",
    "../../redis/scripts/append.lua",
    "scripts/send.lua"
);

/// Puts the scripts together, before there are threads: a child of this process might inherit them half-done.
pub(super) fn put_together() {
    for script in [&ASSIGN, &RELEASE, &COMMIT, &TRIM, &REMOVE, &REDELIVER, &UNREADABLE, &FORGET_DEAD_LETTERS] {
        LazyLock::force(script);
    }
}

/// Why a script changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommitRefusal {
    /// Redis has lost the data, or the node its lease: its place is not what it was.
    Displaced,
    /// The data is another cluster's, or in a newer schema.
    Excluded,
}

/// The partitions of a node.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    /// How many it should have, the nodes sharing them.
    pub(super) share: usize,
    /// Those it has, and the token of each.
    pub(super) owned: BTreeMap<u16, u64>,
}

/// The outbox's keys behind one prefix.
#[derive(Clone, Debug)]
pub(crate) struct OutboxScripts {
    prefix: String,
    /// The cluster of the node, as scripts take it.
    identity: String,
}

impl OutboxScripts {
    /// The keys behind `prefix`.
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), identity: identity_argument(None) }
    }

    /// The same keys for a node of this cluster.
    pub(super) fn with_identity(self, identity: Option<&ClusterIdentity>) -> Self {
        Self { identity: identity_argument(identity), ..self }
    }

    /// The stream of a partition.
    pub(crate) fn stream(&self, partition: u16) -> String {
        format!("{}:out:{partition}", self.prefix)
    }

    /// The cursors of a partition.
    pub(super) fn cursors(&self, partition: u16) -> String {
        format!("{}:cursor:{partition}", self.prefix)
    }

    /// The batches under way that begin in a partition.
    pub(super) fn in_flight(&self, partition: u16) -> String {
        format!("{}:inflight:{partition}", self.prefix)
    }

    /// The stream of dead letters.
    pub(crate) fn dead_letters(&self) -> String {
        format!("{}:dead", self.prefix)
    }

    /// The bodies of dead letters.
    pub(super) fn dead_letter_bodies(&self) -> String {
        format!("{}:dead_bodies", self.prefix)
    }

    /// Who owns the partitions.
    pub(crate) fn owners(&self) -> String {
        format!("{}:owners", self.prefix)
    }

    fn call<'a>(&self, script: &'a Script, place: &Membership) -> ScriptCall<'a> {
        let mut call = script.call();
        for name in ["epoch", "nodes", "owners"] {
            call.key(format!("{}:{name}", self.prefix));
        }
        call.arg(&self.prefix).arg(place.node.as_str()).arg(&*place.epoch);
        call
    }

    /// Asks for partitions, given those that the node has, with their ownership.
    pub(super) fn assign(
        &self,
        redis: &mut Connection,
        place: &Membership,
        held: &BTreeMap<u16, u64>,
    ) -> RedisResult<Result<Assignment, CommitRefusal>> {
        let mut call = self.call(&ASSIGN, place);
        call.arg(PARTITIONS).arg(&self.identity).arg(SCHEMA);
        for (partition, token) in held {
            call.arg(*partition).arg(*token);
        }
        let (status, share, owned): (String, usize, BTreeMap<u16, u64>) = call.invoke(redis)?;
        accepted(&status).map(|result| result.map(|()| Assignment { share, owned }))
    }

    /// Gives up a partition.
    pub(super) fn release(
        &self,
        redis: &mut Connection,
        place: &Membership,
        partition: u16,
        token: u64,
    ) -> RedisResult<()> {
        self.call(&RELEASE, place).arg(partition).arg(token).invoke(redis)
    }

    /// Has dead letters sent again, as part of the retry of this name. Returns how many of them there were.
    pub(super) fn redeliver(&self, redis: &mut Connection, run: &str, letters: &[DeadLetterId]) -> RedisResult<usize> {
        let mut call = REDELIVER.call();
        call.key(self.dead_letters()).arg(&self.prefix).arg(PARTITIONS).arg(run);
        for letter in letters {
            call.arg(letter.as_str());
        }
        call.invoke(redis)
    }

    /// Removes these dead letters. Returns how many there were.
    pub(super) fn forget_dead_letters(&self, redis: &mut Connection, letters: &[DeadLetterId]) -> RedisResult<usize> {
        self.forget(redis, "", letters)
    }

    /// Removes some of the oldest dead letters, up to `last`, an end of XRANGE. Returns how many; none when none is left.
    pub(super) fn forget_oldest_dead_letters(&self, redis: &mut Connection, last: &str) -> RedisResult<usize> {
        self.forget(redis, last, &[])
    }

    fn forget(&self, redis: &mut Connection, last: &str, letters: &[DeadLetterId]) -> RedisResult<usize> {
        let mut call = FORGET_DEAD_LETTERS.call();
        call.key(self.dead_letters()).arg(&self.prefix).arg(last);
        for letter in letters {
            call.arg(letter.as_str());
        }
        call.invoke(redis)
    }

    /// Removes the events up to and including the given ones.
    pub(super) fn trim(&self, redis: &mut Connection, place: &Membership, settled: &[Position]) -> RedisResult<()> {
        let mut call = self.call(&TRIM, place);
        for Position { partition, token, seq } in settled {
            call.arg(*partition).arg(*token).arg(id_behind(*seq)).arg(*seq);
        }
        call.invoke(redis)
    }

    /// Removes single events of a partition.
    pub(super) fn remove(
        &self,
        redis: &mut Connection,
        place: &Membership,
        partition: u16,
        token: u64,
        seqs: &[u64],
    ) -> RedisResult<()> {
        let mut call = self.call(&REMOVE, place);
        call.key(self.stream(partition)).arg(partition).arg(token);
        for seq in seqs {
            call.arg(stream_id(*seq));
        }
        call.invoke(redis)
    }
}

fn accepted(status: &str) -> RedisResult<Result<(), CommitRefusal>> {
    match status {
        "ok" => Ok(Ok(())),
        "lost" | "reaped" => Ok(Err(CommitRefusal::Displaced)),
        "excluded" => Ok(Err(CommitRefusal::Excluded)),
        other => {
            Err((ErrorKind::UnexpectedReturnType, "a script answered with an unknown status", other.to_owned()).into())
        }
    }
}

/// The bits of a place that number the events of one millisecond; Redis appends far fewer.
const BITS_WITHIN_MS: u32 = 20;

/// The place in a partition that a stream id stands for.
pub(super) fn parse_stream_id(id: &[u8]) -> Option<u64> {
    let (ms, n) = std::str::from_utf8(id).ok()?.split_once('-')?;
    let (ms, n): (u64, u64) = (ms.parse().ok()?, n.parse().ok()?);
    (n < 1 << BITS_WITHIN_MS).then_some(ms << BITS_WITHIN_MS | n)
}

/// The stream id of a place.
pub(super) fn stream_id(seq: u64) -> String {
    format!("{}-{}", time_ms(seq), seq & ((1 << BITS_WITHIN_MS) - 1))
}

/// The stream id behind a place. It is of the same millisecond, so that entries of it that no place can number are behind it.
fn id_behind(seq: u64) -> String {
    format!("{}-{}", time_ms(seq), (seq & ((1 << BITS_WITHIN_MS) - 1)) + 1)
}

/// When the event at a place happened, by Redis' clock.
pub(super) const fn time_ms(seq: u64) -> u64 {
    seq >> BITS_WITHIN_MS
}

#[cfg(test)]
#[path = "scripts_tests.rs"]
mod tests;
