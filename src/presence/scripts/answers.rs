//! Replies of the scripts.

use std::time::Duration;

use super::super::claim::Hold;
use crate::event::{AppId, ChannelName, UserId};

/// Reply to a batch of claims.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Time of the edges, in Unix milliseconds.
    pub(crate) time_ms: u64,
    /// Per claim: `1` (edge), `0` (none), `2` (a departure whose grace began) or `3` (a rejoin within the grace). Per empty
    /// cache channel: `m` (an event) or `0`.
    pub(crate) edges: Vec<u8>,
    /// Number of departures that became edges before the claims were applied.
    pub(crate) announced: u64,
    /// Number of connection counts that were announced.
    pub(crate) counted: u64,
    /// Number of client events that were dropped because the outbox was full.
    pub(crate) refused: u64,
    /// Time until the next departure becomes an edge or the next count may be announced. `None` if neither waits.
    pub(crate) next_due: Option<Duration>,
}

/// Reply to a renewal of the lease.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// `true` if this node's lease had not lapsed.
    pub(crate) unbroken: bool,
    /// Nodes whose lease has lapsed.
    pub(crate) lapsed: Vec<String>,
    /// As in [`Verdict`].
    pub(crate) next_due: Option<Duration>,
}

/// State of a node whose lease had lapsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is being reaped.
    Dead,
    /// It has renewed its lease, or another node has reaped it.
    Alive,
    /// The roster shows that its process lives, so it gets another lease.
    Spared,
}

/// Reply to the reaping of a portion of a dead node's holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reaped {
    /// State of the node.
    pub(crate) fate: Fate,
    /// Time of the removal, in Unix milliseconds.
    pub(crate) time_ms: u64,
    /// Number of departures that became edges.
    pub(crate) edges: u64,
    /// Departures whose grace began.
    pub(crate) leaving: Vec<Hold>,
    /// Number of connection counts that were announced.
    pub(crate) counted: u64,
    /// `true` if counts wait to be announced with a claim.
    pub(crate) waiting: bool,
    /// `true` if the reaping is complete.
    pub(crate) finished: bool,
}

/// Decodes holds from a reply: app, channel and user each, with an empty user for the channel itself.
pub(super) fn holds(texts: &[Vec<u8>]) -> impl Iterator<Item = Hold> {
    texts.chunks_exact(3).map(|hold| Hold {
        app: AppId::new(&hold[0]),
        channel: ChannelName::new(&hold[1]),
        user: (!hold[2].is_empty()).then(|| UserId::new(&hold[2])),
    })
}

/// Decodes a time in a reply, where -1 means that nothing waits.
pub(super) fn waiting(next_due: i64) -> Option<Duration> {
    u64::try_from(next_due).ok().map(Duration::from_millis)
}
