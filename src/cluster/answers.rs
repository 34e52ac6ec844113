//! What the scripts that a node calls answer.

use std::time::Duration;

use redis::{ErrorKind, RedisResult};

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

/// What the status that a script answers means.
pub(crate) fn accepted(status: &str, number: u64) -> RedisResult<Result<(), Refusal>> {
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
