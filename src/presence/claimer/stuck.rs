//! Conversations of the claimer with Redis, and why they end a step.

use std::time::Instant;

use redis::{Connection, RedisResult};

use super::super::node_state::SharedNodeState;
use crate::cluster::{Closed, Known, Refusal, Session};
use crate::redis::Link;

/// Why a step could not be finished.
#[derive(Debug)]
pub(super) enum Stuck {
    /// Redis is out of reach; when to try again.
    Unreachable(Instant),
    /// Redis refused to decide.
    Refused(Refusal),
    /// The data is not this node's to work on.
    Closed(Closed),
    /// Redis has rejected the restoring of holds for a whole lease.
    Hindered,
}

impl From<Closed> for Stuck {
    fn from(closed: Closed) -> Self {
        Self::Closed(closed)
    }
}

impl From<Refusal> for Stuck {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What Redis has answered to the node.
pub(super) fn known<'a>(session: &'a Session, node_state: &SharedNodeState) -> Known<'a> {
    let answered = node_state.lock().pending.last_answered();
    Known { epoch: session.epoch().unwrap_or_default(), answered, restored_for: session.restored_for() }
}

/// One conversation with Redis. Why it failed stands in the log; here it matters only when to try again.
pub(super) fn call<T>(link: &mut Link, talk: impl FnOnce(&mut Connection) -> RedisResult<T>) -> Result<T, Stuck> {
    link.with(talk).map_err(|_| stuck(link))
}

/// The same for what Redis carries out while it is full.
pub(super) fn relieve<T>(link: &mut Link, talk: impl FnOnce(&mut Connection) -> RedisResult<T>) -> Result<T, Stuck> {
    link.write_while_full(talk).map_err(|_| stuck(link))
}

pub(super) fn stuck(link: &Link) -> Stuck {
    Stuck::Unreachable(link.ready_at().unwrap_or_else(Instant::now))
}
