//! What the scripts answer.

use std::time::Duration;

use super::super::claim::Hold;
use crate::event::Event;

/// Why a script changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The data is of another epoch: Redis lost what this node had told it.
    Lost,
    /// Redis has lost its last seconds, and with them what it had answered to this node.
    Behind,
    /// This node's lease had lapsed and its holds were taken away. Also the answer to a call that comes late.
    Reaped,
    /// Edges may not be decided before this time has passed.
    Settling(Duration),
}

/// The answer to a batch of claims.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// When the edges were decided, in Unix milliseconds.
    pub(crate) time_ms: u64,
    /// One `1` (edge), `0` or `2` (a departure whose grace began) per claim.
    pub(crate) edges: Vec<u8>,
    /// The departures that became edges before the claims were judged.
    pub(crate) announced: u64,
    /// Their events, unless the outbox is in Redis and has them.
    pub(crate) fired: Vec<Event>,
    /// Client events that the outbox did not take, because it was full.
    pub(crate) refused: u64,
    /// When the next departure becomes an edge, unless none is waiting.
    pub(crate) next_due: Option<Duration>,
}

/// A lease renewed, and whose lease has lapsed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// Whether this node's lease had not lapsed before it was renewed.
    pub(crate) unbroken: bool,
    /// Nodes whose lease has lapsed.
    pub(crate) lapsed: Vec<String>,
    /// When the next departure becomes an edge, unless none is waiting.
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
    /// Whether nothing is left to do.
    pub(crate) finished: bool,
}
