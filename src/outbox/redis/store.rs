//! What is written down about batches: kept before they are sent, passed afterwards.

use std::sync::Arc;
use std::time::Duration;

use redis::{Connection, RedisResult};

use super::letters;
use super::scripts::{DeadLetterLimits, Frozen, Keys, Passage, Refusal, Written};
use crate::cluster::{Membership, SharedMembership};
use crate::outbox::{LetterId, NotKept, Position};
use crate::redis::Link;

/// The writing side of the outbox, for one thread at a time.
pub(super) struct Store {
    keys: Keys,
    link: Link,
    membership: Arc<SharedMembership>,
    limits: DeadLetterLimits,
}

impl Store {
    /// A store behind `link`.
    pub(super) const fn new(
        keys: Keys,
        link: Link,
        membership: Arc<SharedMembership>,
        limits: DeadLetterLimits,
    ) -> Self {
        Self { keys, link, membership, limits }
    }

    /// Writes down what lanes have passed, and then keeps batches.
    pub(super) fn write(&mut self, passages: &[&Passage], frozen: &[Frozen]) -> Result<Written, NotKept> {
        let limits = self.limits;
        self.call(|keys, redis, place| keys.write(redis, place, limits, passages, frozen))
    }

    /// Removes settled events.
    pub(super) fn trim(&mut self, settled: &[Position]) -> Result<(), NotKept> {
        if settled.is_empty() {
            return Ok(());
        }
        self.call(|keys, redis, place| keys.trim(redis, place, settled).map(Ok))
    }

    /// Removes single events.
    pub(super) fn remove(&mut self, partition: u16, tenure: u64, seqs: &[u64]) -> Result<(), NotKept> {
        self.call(|keys, redis, place| keys.remove(redis, place, partition, tenure, seqs).map(Ok))
    }

    /// Gives up partitions of which nothing is left.
    pub(super) fn release(&mut self, partitions: &[(u16, u64)]) -> Result<(), NotKept> {
        partitions.iter().try_for_each(|(partition, tenure)| {
            self.call(|keys, redis, place| keys.release(redis, place, *partition, *tenure).map(Ok))
        })
    }

    /// The body of a dead letter.
    pub(super) fn letter(&mut self, letter: &LetterId) -> Result<Option<Vec<u8>>, NotKept> {
        self.link.read(|redis| letters::body(redis, &self.keys, letter)).map_err(|_| NotKept::Unavailable)
    }

    /// Whether Redis has refused to write for this long.
    pub(super) fn is_refused_for(&self, time: Duration) -> bool {
        self.link.refused_since().is_some_and(|since| since.elapsed() >= time)
    }

    fn call<T>(
        &mut self,
        talk: impl FnOnce(&Keys, &mut Connection, &Membership) -> RedisResult<Result<T, Refusal>>,
    ) -> Result<T, NotKept> {
        let place = self.membership.current().ok_or(NotKept::Unavailable)?;
        match self.link.write_while_full(|redis| talk(&self.keys, redis, &place)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Refusal::Displaced | Refusal::Excluded)) | Err(_) => Err(NotKept::Unavailable),
        }
    }
}
