//! Writes of the outbox to Redis.

use std::sync::Arc;

use redis::{Connection, RedisResult};

use crate::cluster::{Membership, Refusal, SharedMembership};
use crate::outbox::PersistError;
use crate::redis::{Link, OwnShard};

/// Writes to the outbox, for one thread at a time.
pub(super) struct Store {
    pub(super) keys: OwnShard,
    pub(super) link: Link,
    pub(super) membership: Arc<SharedMembership>,
}

impl Store {
    /// Makes a call for the node as which this process takes part now.
    pub(super) fn call<T>(
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
