//! Replies of the scripts that a node calls.

use std::time::Duration;

use redis::{ErrorKind, RedisResult};

use crate::redis::Mismatch;

/// Why a script changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The data is of another epoch: Redis lost what this node had written.
    Lost,
    /// Redis lost its last seconds, and with them what it had acknowledged to this node.
    Behind,
    /// This node's lease had lapsed and its holds were removed. Also the reply to a call that comes late.
    Reaped,
    /// Edges may not be decided yet; retry after this time.
    Settling(Duration),
    /// A claim belongs to an application that has a key of a foreign type.
    Suspended,
    /// The data belongs to another cluster or has a newer schema.
    Excluded,
}

/// Why a node gets no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The data belongs to another cluster, or its schema is too new for the node.
    Mismatch(Mismatch),
    /// The data has no identity, and the node may not claim it.
    Vacant,
}

/// The last acknowledgements of Redis that a node knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledged<'a> {
    pub(crate) epoch: &'a str,
    /// Number of the last acknowledged batch.
    pub(crate) answered: u64,
    /// Settling for which the node last restored its holds, empty for none.
    pub(crate) restored_for: &'a str,
}

/// An opened session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entered {
    pub(crate) epoch: String,
    /// Settling that waits for the node, empty for none.
    pub(crate) settling: String,
}

/// Reply to a poll or a confirmation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SettlingStatus {
    /// Settling that waits for the node, empty for none.
    pub(crate) settling: String,
    /// `true` if the node's lease has lapsed.
    pub(crate) lapsed: bool,
}

/// Converts the status in a script's reply.
pub(crate) fn accepted(status: &str, number: u64) -> RedisResult<Result<(), Refusal>> {
    match status {
        "ok" => Ok(Ok(())),
        "lost" => Ok(Err(Refusal::Lost)),
        "behind" => Ok(Err(Refusal::Behind)),
        "reaped" => Ok(Err(Refusal::Reaped)),
        "suspended" => Ok(Err(Refusal::Suspended)),
        "excluded" => Ok(Err(Refusal::Excluded)),
        "settling" => Ok(Err(Refusal::Settling(Duration::from_millis(number)))),
        other => {
            Err((ErrorKind::UnexpectedReturnType, "a script answered with an unknown status", other.to_owned()).into())
        }
    }
}
