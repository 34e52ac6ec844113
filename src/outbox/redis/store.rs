//! Writes of the outbox to Redis.

use std::sync::Arc;
use std::time::Duration;

use redis::{Connection, RedisResult};

use super::dead_letters;
use super::scripts::{AckRequest, CommitReply, DeadLetterLimits, PersistRequest};
use crate::cluster::{Membership, Refusal, SharedMembership};
use crate::outbox::{DeadLetterId, PersistError, Position};
use crate::redis::{Link, OwnShard};

/// Writes to the outbox, for one thread at a time.
pub(super) struct Store {
    pub(super) keys: OwnShard,
    pub(super) link: Link,
    pub(super) membership: Arc<SharedMembership>,
    pub(super) limits: DeadLetterLimits,
}

impl Store {
    /// Writes acknowledgements, then persists batches.
    pub(super) fn write(
        &mut self,
        acks: &[&AckRequest],
        batches: &[PersistRequest],
    ) -> Result<CommitReply, PersistError> {
        let limits = self.limits;
        self.call(|keys, redis, membership| keys.write(redis, membership, limits, acks, batches))
    }

    /// Trims streams up to and including these positions.
    pub(super) fn trim(&mut self, acked: &[Position]) -> Result<(), PersistError> {
        if acked.is_empty() {
            return Ok(());
        }
        self.call(|keys, redis, membership| keys.trim(redis, membership, acked).map(Ok))
    }

    /// Removes single events of a partition.
    pub(super) fn remove(&mut self, partition: u16, token: u64, seqs: &[u64]) -> Result<(), PersistError> {
        self.call(|keys, redis, membership| keys.remove(redis, membership, partition, token, seqs).map(Ok))
    }

    /// Releases partitions whose events are all acknowledged.
    pub(super) fn release(&mut self, partitions: &[(u16, u64)]) -> Result<(), PersistError> {
        partitions.iter().try_for_each(|(partition, token)| {
            self.call(|keys, redis, membership| keys.release(redis, membership, *partition, *token).map(Ok))
        })
    }

    /// Returns the body of a dead letter, if it exists.
    pub(super) fn dead_letter_body(&mut self, id: &DeadLetterId) -> Result<Option<Vec<u8>>, PersistError> {
        self.link.read(|redis| dead_letters::body(redis, &self.keys, id)).map_err(|_| PersistError::Unavailable)
    }

    /// Returns `true` if Redis has refused writes for at least `time`.
    pub(super) fn is_refused_for(&self, time: Duration) -> bool {
        self.link.refused_since().is_some_and(|since| since.elapsed() >= time)
    }

    fn call<T>(
        &mut self,
        talk: impl FnOnce(&OwnShard, &mut Connection, &Membership) -> RedisResult<Result<T, Refusal>>,
    ) -> Result<T, PersistError> {
        let membership = self.membership.current().ok_or(PersistError::Unavailable)?;
        match self.link.write_while_full(|redis| talk(&self.keys, redis, &membership)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) | Err(_) => Err(PersistError::Unavailable),
        }
    }
}
