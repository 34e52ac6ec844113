//! `Webpatser\ResonateWebhooks\Native\DeadLetters`: the dead letters, for commands and pages.

use std::time::Duration;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::exception::PhpResult;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::{php_class, php_impl};
use ext_php_rs::types::ZendHashTable;

use super::exceptions::{invalid_config, redis_failed};
use super::{array_keys, config_array, json_array};
use crate::outbox::{DeadLetterId, DeadLetters as Core};

/// The dead letters: batches that will not be tried again. Every method waits for Redis, so do not call it in an event loop.
#[php_class]
#[php(name = "Webpatser\\ResonateWebhooks\\Native\\DeadLetters", flags = ClassFlags::Final)]
pub struct DeadLetters {
    core: Core,
}

#[php_impl]
impl DeadLetters {
    /// Creates a client for the dead letters of the servers with this `resonate-webhooks` config array. Connects on first use.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key
    pub fn __construct(config: &ZendHashTable) -> PhpResult<Self> {
        Ok(Self { core: Core::of(&config_array::read(config)?).map_err(invalid_config)? })
    }

    /// Returns the number of dead letters.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed if Redis is unavailable, like every method
    pub fn count(&mut self) -> PhpResult<i64> {
        Ok(number(self.core.count().map_err(redis_failed)?))
    }

    /// Returns up to limit dead letters, newest first, that are older than the dead letter before: arrays with the keys id,
    /// `webhook_id`, endpoint, url, `app_id`, events, attempts, reason, answer (to the last attempt: [status, text, `time_ms`], or
    /// null), `time_ms` (of the first event), `dropped_ms` and bytes (its size in Redis).
    #[php(defaults(limit = 50))]
    pub fn list(&mut self, limit: i64, before: Option<String>) -> PhpResult<ZBox<ZendHashTable>> {
        let before = match before.as_deref().map(DeadLetterId::parse) {
            Some(None) => return Ok(ZendHashTable::new()),
            before => before.flatten(),
        };
        let limit = usize::try_from(limit).unwrap_or(0);
        json_array::list(self.core.list(before.as_ref(), limit).map_err(redis_failed)?)
    }

    /// Returns a dead letter as in `list()`, with its body, or null if it does not exist.
    pub fn find(&mut self, id: String) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let Some(id) = DeadLetterId::parse(&id) else { return Ok(None) };
        self.core.find(&id).map_err(redis_failed)?.map(|found| json_array::of(&found)).transpose()
    }

    /// Sends dead letters again. Any server may send them, with the same webhook-id and a new signature. Each stays a dead letter
    /// until it is delivered. Returns how many exist.
    pub fn retry(&mut self, ids: &ZendHashTable) -> PhpResult<i64> {
        Ok(number(self.core.retry(&parse(ids)).map_err(redis_failed)?))
    }

    /// Sends all dead letters again, oldest first. Returns how many there are.
    pub fn retry_all(&mut self) -> PhpResult<i64> {
        Ok(number(self.core.retry_all().map_err(redis_failed)?))
    }

    /// Deletes dead letters. Returns how many existed.
    pub fn forget(&mut self, ids: &ZendHashTable) -> PhpResult<i64> {
        Ok(number(self.core.forget(&parse(ids)).map_err(redis_failed)?))
    }

    /// Returns the shards that the last call left out because they did not answer: a reason for each. Empty with one shard, where
    /// that is an error.
    pub fn missing(&self) -> Vec<String> {
        self.core.missing().iter().map(ToString::to_string).collect()
    }

    /// Deletes the dead letters older than a number of seconds, or all with 0. Returns how many were deleted.
    #[php(defaults(olderThan = 0))]
    pub fn flush(&mut self, olderThan: i64) -> PhpResult<i64> {
        let age = Duration::from_secs(u64::try_from(olderThan).unwrap_or(0));
        Ok(number(self.core.forget_older_than(age).map_err(redis_failed)?))
    }
}

/// Parses ids. Skips what is not an id, because no dead letter has it.
fn parse(ids: &ZendHashTable) -> Vec<DeadLetterId> {
    array_keys::entries(ids).filter_map(|(_, id)| DeadLetterId::parse(id.dereference().str()?)).collect()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
