//! `Webpatser\ResonateWebhooks\Native\DeadLetters`: the batches that were given up, for commands and pages.

#![allow(elided_lifetimes_in_paths, reason = "php_impl writes the lifetimes of arguments itself and expects none")]
#![allow(non_snake_case, reason = "PHP calls methods and named arguments by the identifiers as they stand here")]

use std::time::Duration;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::exception::PhpResult;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::{php_class, php_impl};
use ext_php_rs::types::ZendHashTable;

use super::config_array;
use super::exceptions::{invalid_config, redis_failed};
use crate::outbox::{DeadLetter, DeadLetterId, DeadLetters as Core};

/// The batches that were given up, newest first. Every method waits for Redis, so this is not for an event loop.
#[php_class]
#[php(name = "Webpatser\\ResonateWebhooks\\Native\\DeadLetters", flags = ClassFlags::Final)]
pub struct DeadLetters {
    core: Core,
}

#[allow(missing_docs, reason = "the generated stub describes them to PHP, and ext-php-rs adds the parameters")]
#[allow(clippy::needless_pass_by_value, reason = "ext-php-rs hands arguments over by value")]
#[php_impl]
impl DeadLetters {
    /// Looks after the dead letters of the servers with this `resonate-webhooks` config array; connects when first used.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig naming the key that is wrong
    pub fn __construct(config: &ZendHashTable) -> PhpResult<Self> {
        Ok(Self { core: Core::of(&config_array::read(config)?).map_err(invalid_config)? })
    }

    /// How many there are.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed when Redis cannot be asked, as all methods do
    pub fn count(&mut self) -> PhpResult<i64> {
        Ok(number(self.core.count().map_err(redis_failed)?))
    }

    /// Up to limit letters, newest first, older than the letter before: arrays with the keys letter (its name), id
    /// (webhook-id), endpoint, url, `app_id`, events, attempts, reason, `time_ms` (of the first event), `dropped_ms`,
    /// bytes (that it takes).
    #[php(defaults(limit = 50))]
    pub fn list(&mut self, limit: i64, before: Option<String>) -> PhpResult<ZBox<ZendHashTable>> {
        let mut list = ZendHashTable::new();
        let before = match before.as_deref().map(DeadLetterId::parse) {
            Some(None) => return Ok(list),
            Some(before) => before,
            None => None,
        };
        let limit = usize::try_from(limit).unwrap_or(0);
        for letter in self.core.list(before.as_ref(), limit).map_err(redis_failed)? {
            list.push(letter_array(letter)?)?;
        }
        Ok(list)
    }

    /// One letter, as in `list()`, with its body; null when it is not there.
    pub fn find(&mut self, letter: String) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let Some(letter) = DeadLetterId::parse(&letter) else { return Ok(None) };
        self.core.find(&letter).map_err(redis_failed)?.map(letter_array).transpose()
    }

    /// Has letters sent again, by whichever server their turn comes to, under their old ids and signed anew. Each stays a
    /// dead letter until it has been delivered. Returns how many were found.
    pub fn retry(&mut self, letters: Vec<String>) -> PhpResult<i64> {
        Ok(number(self.core.retry(&parse(&letters)).map_err(redis_failed)?))
    }

    /// Has every letter sent again, oldest first. Returns how many.
    pub fn retry_all(&mut self) -> PhpResult<i64> {
        Ok(number(self.core.retry_all().map_err(redis_failed)?))
    }

    /// Removes letters. Returns how many were there.
    pub fn forget(&mut self, letters: Vec<String>) -> PhpResult<i64> {
        Ok(number(self.core.forget(&parse(&letters)).map_err(redis_failed)?))
    }

    /// Removes the letters that are older than so many seconds; all with 0. Returns how many.
    #[php(defaults(olderThan = 0))]
    pub fn flush(&mut self, olderThan: i64) -> PhpResult<i64> {
        let age = Duration::from_secs(u64::try_from(olderThan).unwrap_or(0));
        Ok(number(self.core.forget_older_than(age).map_err(redis_failed)?))
    }
}

/// The ids among `letters`; what is none names no letter.
fn parse(letters: &[String]) -> Vec<DeadLetterId> {
    letters.iter().filter_map(|letter| DeadLetterId::parse(letter)).collect()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn letter_array(letter: DeadLetter) -> PhpResult<ZBox<ZendHashTable>> {
    let mut array = ZendHashTable::with_capacity(12);
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    array.insert("letter", letter.letter.as_str())?;
    array.insert("id", letter.id)?;
    array.insert("endpoint", letter.endpoint)?;
    array.insert("url", letter.url)?;
    array.insert("app_id", letter.app_id)?;
    array.insert("events", whole(letter.events))?;
    array.insert("attempts", whole(letter.attempts))?;
    array.insert("reason", letter.reason)?;
    array.insert("time_ms", whole(letter.time_ms))?;
    array.insert("dropped_ms", whole(letter.letter.time_ms()))?;
    array.insert("bytes", whole(letter.bytes))?;
    if let Some(body) = letter.body {
        array.insert("body", body)?;
    }
    Ok(array)
}
