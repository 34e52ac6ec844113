//! What the scripts answer.

use std::time::Duration;

use super::super::claim::Hold;
use crate::event::{AppId, ChannelName, UserId};

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
    /// The numbers of connections that were announced.
    pub(crate) counted: u64,
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
    /// The departures that became edges.
    pub(crate) edges: u64,
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

/// A time in a reply, where -1 says that there is nothing to wait for.
pub(super) fn waiting(next_due: i64) -> Option<Duration> {
    u64::try_from(next_due).ok().map(Duration::from_millis)
}
