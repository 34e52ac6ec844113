//! Calls of the claimer to Redis, and the reasons for which they end a step.

use std::time::Instant;

use derive_more::From;
use redis::{Connection, RedisResult};

use super::super::node_state::SharedNodeState;
use crate::cluster::{Acknowledged, Closed, Refusal, Session};
use crate::redis::Link;

/// Why a step ended early.
#[derive(Debug, From)]
pub(super) enum Stuck {
    /// Redis is unreachable. Contains the time of the next attempt.
    Unreachable(Instant),
    /// Redis refused to decide edges.
    #[from]
    Refused(Refusal),
    /// This node may not work on the data.
    #[from]
    Closed(Closed),
    /// For a whole lease, Redis has rejected the calls that restore holds.
    Hindered,
}

/// Returns the epoch, the last answered batch and the last restored settling of this node.
pub(super) fn known<'a>(session: &'a Session, node_state: &SharedNodeState) -> Acknowledged<'a> {
    let answered = node_state.lock().pending.last_answered();
    Acknowledged { epoch: session.epoch().unwrap_or_default(), answered, restored_for: &session.restored_for }
}

/// Calls Redis. The link logs a failure; the caller only needs the time of the next attempt.
pub(super) fn call<T>(link: &mut Link, talk: impl FnOnce(&mut Connection) -> RedisResult<T>) -> Result<T, Stuck> {
    link.with(talk).map_err(|_| stuck(link))
}

/// Calls Redis with a script that may also write while Redis is full.
pub(super) fn call_while_full<T>(
    link: &mut Link,
    talk: impl FnOnce(&mut Connection) -> RedisResult<T>,
) -> Result<T, Stuck> {
    link.write_while_full(talk).map_err(|_| stuck(link))
}

pub(super) fn stuck(link: &Link) -> Stuck {
    Stuck::Unreachable(link.ready_at().unwrap_or_else(Instant::now))
}
