//! Dead letters: the batches that were given up, for whoever looks into it.
//!
//! `{prefix}:dead` is a stream, one entry a batch, oldest first:
//!
//! | field | what |
//! |---|---|
//! | `id` | `webhook-id` |
//! | `endpoint` | the endpoint's id |
//! | `url` | where it was to go, without userinfo and query; empty when no such endpoint was configured any more |
//! | `app_id` | whose events |
//! | `events` | how many |
//! | `attempts` | made in all; 0 when it was never sent |
//! | `reason` | `HTTP 500`, `outbox full`, or what went wrong on the way |
//! | `time_ms` | when the first event happened, in Unix ms |
//! | `bytes` | that the letter takes, its body included |
//! | `partition`, `raw:{field}` | of an entry of the outbox that could not be read: where it stood, and its fields. `endpoint` and `url` are empty, and it has no body. `id` is its place |
//!
//! The entry's own id names the letter and tells when it was given up. Its body, as it was or would have been sent, is in
//! `{prefix}:dead_bodies`: a list of letters must not weigh what they say. Nothing in either is secret.

use std::time::Duration;

use redis::streams::{StreamId, StreamRangeReply};
use redis::{Commands, Connection, RedisResult};

use super::scripts::OutboxScripts;
use super::unreadable::raw_text;
use crate::config::{Config, ConfigError};
use crate::outbox::{Acked, DeadLetterId, DropReport, body, redelivery_of};
use crate::redis::{Client, ClientError, Settings, millis};

/// Letters that one call to Redis moves or reads, so that it serves others in between.
const PORTION: usize = 100;

/// A batch that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// ID of the entry in the stream of dead letters.
    pub id: DeadLetterId,
    /// `webhook-id`.
    pub webhook_id: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// Where it was to go, without userinfo and query.
    pub url: String,
    /// Whose events.
    pub app_id: String,
    /// How many.
    pub events: u64,
    /// Attempts made in all.
    pub attempts: u64,
    /// Why it was given up.
    pub reason: String,
    /// When its first event happened, in Unix ms.
    pub time_ms: u64,
    /// Bytes that it takes, its body included.
    pub bytes: u64,
    /// The JSON; `None` in a list.
    pub body: Option<String>,
}

/// The dead letters of a cluster, from any machine that reaches its Redis. Every method waits for Redis: not for an event
/// loop. To look changes nothing: only servers remove what their config finds too old or too much.
#[derive(Debug)]
pub struct DeadLetters {
    scripts: OutboxScripts,
    client: Client,
}

impl DeadLetters {
    /// The dead letters of the cluster that `config` describes. Connects with the first call.
    ///
    /// # Errors
    /// When a TLS file of the connection cannot be used.
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        let settings = Settings::of(config)?;
        Ok(Self { scripts: OutboxScripts::new(&config.key_prefix), client: Client::new(settings) })
    }

    /// How many there are.
    ///
    /// # Errors
    /// When Redis cannot be asked; so with all that follow.
    pub fn count(&mut self) -> Result<usize, ClientError> {
        self.call(|redis, keys| redis.xlen(keys.dead_letters()))
    }

    /// Up to `limit` letters, newest first, older than `before`, without their bodies.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn list(&mut self, before: Option<&DeadLetterId>, limit: usize) -> Result<Vec<DeadLetter>, ClientError> {
        let newest = before.map_or_else(|| "+".to_owned(), |before| format!("({before}"));
        let page: StreamRangeReply =
            self.call(|redis, keys| redis.xrevrange_count(keys.dead_letters(), newest, "-", limit))?;
        Ok(page.ids.iter().filter_map(DeadLetter::read).collect())
    }

    /// One letter, if it is there.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn find(&mut self, letter: &DeadLetterId) -> Result<Option<DeadLetter>, ClientError> {
        self.call(|redis, keys| find(redis, keys, letter))
    }

    /// Sends letters again, once each, under their old ids and signed anew. What their endpoints have to send otherwise goes
    /// first. Each stays a dead letter until it has been delivered; after one that fails, its endpoint gets no more of them.
    /// Returns how many were found.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn retry(&mut self, letters: &[DeadLetterId]) -> Result<usize, ClientError> {
        self.retry_as(&run(), letters)
    }

    fn retry_as(&mut self, run: &str, letters: &[DeadLetterId]) -> Result<usize, ClientError> {
        let mut found = 0;
        for portion in letters.chunks(PORTION) {
            found += self.call(|redis, keys| keys.redeliver(redis, run, portion))?;
        }
        Ok(found)
    }

    /// Sends every letter again that is there now, oldest first, as [`Self::retry`] does. Returns how many.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn retry_all(&mut self) -> Result<usize, ClientError> {
        // A letter that fails again is a new one: without this bound the walk would meet it.
        let last = self.list(None, 1)?.pop().map(|letter| letter.id);
        let (run, mut found, mut after) = (run(), 0, None);
        while let Some(last) = &last {
            let letters = self.ids_between(after.as_ref(), last)?;
            found += self.retry_as(&run, &letters)?;
            match letters.into_iter().next_back() {
                Some(letter) => after = Some(letter),
                None => break,
            }
        }
        Ok(found)
    }

    /// Removes letters. Returns how many were there.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn forget(&mut self, letters: &[DeadLetterId]) -> Result<usize, ClientError> {
        let mut removed = 0;
        for portion in letters.chunks(PORTION) {
            removed += self.call(|redis, keys| keys.forget_dead_letters(redis, portion))?;
        }
        Ok(removed)
    }

    /// Removes the letters that were given up longer than `age` ago; all with an age of zero. Returns how many.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn forget_older_than(&mut self, age: Duration) -> Result<usize, ClientError> {
        let last = self.call(|redis, keys| {
            if !age.is_zero() {
                return older_than(redis, age).map(Some);
            }
            let newest: StreamRangeReply = redis.xrevrange_count(keys.dead_letters(), "+", "-", 1)?;
            Ok(newest.ids.into_iter().next().map(|newest| newest.id))
        })?;
        let Some(last) = last else { return Ok(0) };
        let mut removed = 0;
        loop {
            match self.call(|redis, keys| keys.forget_oldest_dead_letters(redis, &last))? {
                0 => return Ok(removed),
                portion => removed += portion,
            }
        }
    }

    /// The next letters behind `after`, up to and including `last`, oldest first.
    fn ids_between(
        &mut self,
        after: Option<&DeadLetterId>,
        last: &DeadLetterId,
    ) -> Result<Vec<DeadLetterId>, ClientError> {
        let from = after.map_or_else(|| "-".to_owned(), |after| format!("({after}"));
        let page: StreamRangeReply =
            self.call(|redis, keys| redis.xrange_count(keys.dead_letters(), from, last.as_str(), PORTION))?;
        Ok(page.ids.iter().filter_map(|entry| DeadLetterId::parse(&entry.id)).collect())
    }

    fn call<T>(&self, talk: impl FnOnce(&mut Connection, &OutboxScripts) -> RedisResult<T>) -> Result<T, ClientError> {
        self.client.call(|redis| talk(redis, &self.scripts))
    }
}

impl DeadLetter {
    /// Reads an entry of the stream. `None` when it is none of ours.
    fn read(entry: &StreamId) -> Option<Self> {
        let text = |field| entry.get::<Vec<u8>>(field).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let number = |field| entry.get::<u64>(field).unwrap_or_default();
        Some(Self {
            id: DeadLetterId::parse(&entry.id)?,
            webhook_id: text("id")?,
            endpoint: text("endpoint")?,
            url: text("url").unwrap_or_default(),
            app_id: text("app_id")?,
            events: number("events"),
            attempts: number("attempts"),
            reason: text("reason").unwrap_or_default(),
            time_ms: number("time_ms"),
            bytes: number("bytes"),
            body: None,
        })
    }

    /// What an entry that could not be read says, out of its letter.
    fn raw(entry: &StreamId) -> Option<String> {
        raw_text(entry.map.keys().filter_map(|name| Some((name.as_str(), entry.get(name)?))))
    }
}

/// A name for one retry, by which nodes know what is part of it.
fn run() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// The fields of what is kept of `passed`, which came from the outbox of this `origin` and was given up; none when its letter is there already.
pub(super) fn fields(acked: &Acked<'_>, report: &DropReport, origin: u64) -> Vec<(&'static str, Vec<u8>)> {
    let redelivery = redelivery_of(acked.events);
    let body = match (acked.body, redelivery) {
        (Some(body), _) => body.to_vec(),
        // It was given up before its turn came, and its body was never read.
        (None, Some(_)) => return Vec::new(),
        (None, None) => body::encode(acked.events, acked.payload, origin),
    };
    let time_ms = acked.events.iter().find_map(|queued| queued.event()).map(|event| event.time_ms);
    let time_ms = time_ms.or_else(|| body_time_ms(&body)).unwrap_or_default();
    let attempts = report.attempts + redelivery.map_or(0, |before| before.attempts);
    vec![
        ("id", acked.id.as_bytes().to_vec()),
        ("endpoint", acked.lane.endpoint.as_str().as_bytes().to_vec()),
        ("url", report.url.clone().into_bytes()),
        ("app_id", acked.lane.app.as_bytes().to_vec()),
        ("events", report.events.to_string().into_bytes()),
        ("attempts", attempts.to_string().into_bytes()),
        ("reason", report.reason.clone().into_bytes()),
        ("time_ms", time_ms.to_string().into_bytes()),
        ("body", body),
    ]
}

/// When the first event of a body happened, which stands at its front.
fn body_time_ms(body: &[u8]) -> Option<u64> {
    let digits = body.strip_prefix(br#"{"time_ms":"#)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// The body of a letter, if it is there.
pub(super) fn body(
    redis: &mut Connection,
    keys: &OutboxScripts,
    letter: &DeadLetterId,
) -> RedisResult<Option<Vec<u8>>> {
    redis.hget(keys.dead_letter_bodies(), letter.as_str())
}

fn find(redis: &mut Connection, keys: &OutboxScripts, letter: &DeadLetterId) -> RedisResult<Option<DeadLetter>> {
    let (found, body): (StreamRangeReply, Option<Vec<u8>>) = redis::pipe()
        .xrange(keys.dead_letters(), letter.as_str(), letter.as_str())
        .hget(keys.dead_letter_bodies(), letter.as_str())
        .query(redis)?;
    let Some(entry) = found.ids.first() else { return Ok(None) };
    let body = body.map(|body| String::from_utf8_lossy(&body).into_owned()).or_else(|| DeadLetter::raw(entry));
    Ok(DeadLetter::read(entry).map(|letter| DeadLetter { body: Some(body.unwrap_or_default()), ..letter }))
}

/// The end of XRANGE up to which letters are older than `age`, by Redis' clock.
pub(super) fn older_than(redis: &mut Connection, age: Duration) -> RedisResult<String> {
    let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(redis)?;
    let now_ms = seconds * 1000 + micros / 1000;
    Ok(format!("({}-0", now_ms.saturating_sub(millis(age))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_body_is_read_from_its_front() {
        assert_eq!(body_time_ms(br#"{"time_ms":1700000000000,"events":[]}"#), Some(1_700_000_000_000));
        assert_eq!(body_time_ms(br#"{"events":[]}"#), None);
    }
}
