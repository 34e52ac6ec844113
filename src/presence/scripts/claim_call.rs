//! A call of `claim.lua`, encoded before it can be sent.

use std::sync::Arc;

use redis::{Connection, FromRedisValue, RedisResult, Value};

use super::answers::{Verdict, waiting};
use super::arguments::add_entries;
use super::{CLAIM, PresenceScripts};
use crate::cluster::{Refusal, accepted};
use crate::event::NodeId;
use crate::presence::batch::ClaimBatch;
use crate::redis::{key_of_unmoved_slot, millis, must_send_code};

/// Most departures that one batch announces: 2 to 3 ms of Redis' time.
pub(super) const DUE_PER_BATCH: usize = 256;

/// Reply of `claim.lua`: status, number, edges, next, announced, refused, counted.
type Reply = (String, u64, Vec<u8>, i64, u64, u64, u64);

/// An encoded batch, with the node and the epoch it is for.
#[derive(Debug)]
pub(crate) struct ClaimCall {
    node: NodeId,
    epoch: String,
    pub(crate) batch: Arc<ClaimBatch>,
    command: Vec<u8>,
}

impl PresenceScripts {
    /// Encodes a batch.
    pub(crate) fn claim_call(&self, node: &NodeId, epoch: &str, batch: Arc<ClaimBatch>) -> ClaimCall {
        let unmoved = key_of_unmoved_slot(&self.prefix);
        let keys = 6 + usize::from(unmoved.is_some());
        let mut call = redis::cmd("EVALSHA");
        call.arg(CLAIM.hash()).arg(keys).arg(self.key("epoch")).arg(self.key("nodes"));
        for name in ["reply", "held_users", "held_channels", "held_connections"] {
            call.arg(self.key_of(name, node.as_str()));
        }
        call.arg(unmoved).arg(&self.prefix).arg(node.as_str()).arg(epoch).arg(batch.number).arg(self.partitions);
        call.arg(millis(self.grace)).arg(DUE_PER_BATCH).arg(&self.outbox_limits);
        call.arg(millis(self.count_interval)).arg(millis(self.miss_ttl));
        add_entries(&mut call, &batch, self.partitions);
        let command = call.get_packed_command();
        ClaimCall { node: node.clone(), epoch: epoch.to_owned(), batch, command }
    }
}

impl ClaimCall {
    /// Returns `true` if the call is for this node and epoch.
    pub(crate) fn is_for(&self, node: &NodeId, epoch: &str) -> bool {
        self.node == *node && self.epoch == epoch
    }

    /// Sends the batch, calls `meanwhile`, and waits for the reply. A batch that is sent again under the same number gets the
    /// same reply.
    pub(crate) fn send(
        &self,
        redis: &mut Connection,
        meanwhile: impl FnOnce(),
    ) -> RedisResult<Result<Verdict, Refusal>> {
        redis.send_packed_command(&self.command)?;
        meanwhile();
        let reply = match redis.recv_response()?.extract_error() {
            Err(error) if must_send_code(&error) => {
                redis.send_packed_command(&CLAIM.with_code(&self.command))?;
                redis.recv_response()?.extract_error()?
            }
            answered => answered?,
        };
        verdict(reply)
    }
}

fn verdict(reply: Value) -> RedisResult<Result<Verdict, Refusal>> {
    let (status, number, edges, next_due, announced, refused, counted) = Reply::from_redis_value(reply)?;
    let verdict = Verdict { time_ms: number, edges, announced, counted, refused, next_due: waiting(next_due) };
    accepted(&status, number).map(|result| result.map(|()| verdict))
}
