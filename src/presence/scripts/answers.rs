//! What the scripts answer.

use std::time::Duration;

use redis::{ErrorKind, RedisResult};

use super::super::claim::Hold;
use crate::event::{Event, EventKind};
use crate::names::{AppId, ChannelName, UserId};
use crate::redis::Mismatch;

/// Why a script changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The data is of another epoch: Redis lost what this node had told it.
    Lost,
    /// Redis has lost its last seconds, and with them what it had answered to this node.
    Behind,
    /// This node's lease had lapsed and its holds were taken away. Also the answer to a call that comes late.
    Reaped,
    /// Edges may not be decided yet; ask again after this time.
    Settling(Duration),
    /// A claim is of an application that has a key of a foreign type.
    Suspended,
}

/// Why a node gets no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The data is another cluster's, or in a schema that the node does not know.
    Mismatch(Mismatch),
    /// The data has no identity, and the node may not take it.
    Vacant,
}

/// What Redis has answered to a node, as far as the node knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    /// The epoch.
    pub(crate) epoch: &'a str,
    /// The number of its last batch that was answered.
    pub(crate) answered: u64,
    /// The settling for which it last restored its holds, empty for none.
    pub(crate) restored_for: &'a str,
}

/// A session that was opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entered {
    /// The epoch.
    pub(crate) epoch: String,
    /// The settling that waits for the node, empty for none.
    pub(crate) settling: String,
}

/// What a node sees that looks, or confirms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// The settling that waits for the node, empty for none.
    pub(crate) settling: String,
    /// Whether its lease has lapsed.
    pub(crate) lapsed: bool,
}

/// The answer to a batch of claims.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// When the edges were decided, in Unix milliseconds.
    pub(crate) time_ms: u64,
    /// One `1` (edge), `0` or `2` (a departure whose grace began) per claim, and one `m` (news) or `0` per empty cache
    /// channel.
    pub(crate) edges: Vec<u8>,
    /// The departures that became edges before the claims were judged.
    pub(crate) announced: u64,
    /// Their events, unless the outbox is in Redis and has them.
    pub(crate) fired: Vec<Event>,
    /// The numbers of connections that were announced.
    pub(crate) counted: u64,
    /// Their events, unless the outbox is in Redis and has them.
    pub(crate) counts: Vec<Event>,
    /// Client events that the outbox did not take, because it was full.
    pub(crate) refused: u64,
    /// When the next departure becomes an edge, or the next number may be announced, unless none is waiting.
    pub(crate) next_due: Option<Duration>,
}

/// A lease renewed, and whose lease has lapsed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// Whether this node's lease had not lapsed before it was renewed.
    pub(crate) unbroken: bool,
    /// Nodes whose lease has lapsed.
    pub(crate) lapsed: Vec<String>,
    /// The same as in a verdict.
    pub(crate) next_due: Option<Duration>,
}

/// What became of a node whose lease had lapsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is being reaped.
    Dead,
    /// It has renewed its lease after all, or was reaped before.
    Alive,
    /// The roster says that its process lives: it gets another lease.
    Spared,
}

/// A portion of a dead node's holds, taken away.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reaped {
    /// What became of the node.
    pub(crate) fate: Fate,
    /// When they were taken away, in Unix milliseconds.
    pub(crate) time_ms: u64,
    /// The departures that followed, in order.
    pub(crate) events: Vec<Event>,
    /// The departures whose grace began.
    pub(crate) leaving: Vec<Hold>,
    /// The numbers of connections that were announced.
    pub(crate) counted: u64,
    /// Whether some are to be announced with a claim.
    pub(crate) waiting: bool,
    /// Whether nothing is left to do.
    pub(crate) finished: bool,
}

/// What stands in a reply as three texts each: app, channel and user, the latter empty for the channel itself.
pub(super) fn holds(texts: &[Vec<u8>]) -> impl Iterator<Item = Hold> {
    texts.chunks_exact(3).map(|hold| Hold {
        app: AppId::new(&hold[0]),
        channel: ChannelName::new(&hold[1]),
        user: (!hold[2].is_empty()).then(|| UserId::new(&hold[2])),
    })
}

/// An announcement that stands in a reply as three texts: app, channel and number.
pub(super) fn count_event(count: &[Vec<u8>], time_ms: u64) -> Option<Event> {
    let [app, channel, number] = count else { return None };
    let count = std::str::from_utf8(number).ok()?.parse().ok()?;
    let (app, channel) = (AppId::new(app), ChannelName::new(channel));
    Some(Event { app, channel, time_ms, kind: EventKind::SubscriptionCount { count } })
}

/// A time in a reply, where -1 says that there is nothing to wait for.
pub(super) fn waiting(next_due: i64) -> Option<Duration> {
    u64::try_from(next_due).ok().map(Duration::from_millis)
}

pub(super) fn accepted(status: &str, number: u64) -> RedisResult<Result<(), Refusal>> {
    match status {
        "ok" => Ok(Ok(())),
        "lost" => Ok(Err(Refusal::Lost)),
        "behind" => Ok(Err(Refusal::Behind)),
        "reaped" => Ok(Err(Refusal::Reaped)),
        "suspended" => Ok(Err(Refusal::Suspended)),
        "settling" => Ok(Err(Refusal::Settling(Duration::from_millis(number)))),
        other => {
            Err((ErrorKind::UnexpectedReturnType, "a script answered with an unknown status", other.to_owned()).into())
        }
    }
}
