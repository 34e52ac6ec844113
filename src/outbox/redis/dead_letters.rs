//! Dead letters: dropped batches, kept for inspection and retry.
//!
//! `{prefix}:dead` is a stream with one entry per dead letter, oldest first:
//!
//! | field | what |
//! |---|---|
//! | `id` | `webhook-id` |
//! | `endpoint` | the endpoint's id |
//! | `url` | the endpoint's URL, without userinfo and query; empty if the endpoint was not configured any more |
//! | `app_id` | application |
//! | `events` | number of events |
//! | `attempts` | attempts made in all; 0 if it was never sent |
//! | `reason` | `HTTP 500`, `outbox full`, or a description of the error |
//! | `answer`, `answer_ms`, `answer_status` | what the endpoint answered to the last attempt, if that is kept: the beginning as text, the time by the clock of the node, and the HTTP status if there was one |
//! | `time_ms` | time of the first event, in Unix ms |
//! | `bytes` | size including the body, in bytes |
//! | `partition`, `raw:{field}` | of an unreadable outbox entry: its partition and its fields. Then `endpoint` and `url` are empty, there is no body, and `id` is the entry's position |
//!
//! The id of the entry is the id of the dead letter and contains the time of the drop. The body, as it was or would have
//! been sent, is in `{prefix}:dead_bodies`, so that a list of dead letters stays small. Neither contains a secret.

use std::time::Duration;

use redis::{Commands, Connection, RedisResult};
use serde::Serialize;

use super::dead_letter_entry::DeadLetterEntry;
use super::unreadable::raw_text;
use crate::config::{Config, ConfigError};
use crate::event::Shard;
use crate::outbox::{Acked, DeadLetterId, DropReport, body, redelivery_of};
use crate::redis::{ClientError, OwnShard, ShardClients, millis, server_time_ms};
use crate::telemetry::AnswerExcerpt;

/// Dead letters per call, so that Redis serves other clients in between.
const PORTION: usize = 100;

/// A dropped batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// Its id.
    pub id: DeadLetterId,
    /// `webhook-id`.
    pub webhook_id: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// The endpoint's URL, without userinfo and query.
    pub url: String,
    /// The application.
    pub app_id: String,
    /// Number of events.
    pub events: u64,
    /// Attempts made in all.
    pub attempts: u64,
    /// Why the batch was dropped.
    pub reason: String,
    /// The answer of the endpoint to the last attempt, if it is kept.
    pub answer: Option<AnswerExcerpt>,
    /// Time of its first event, in Unix ms.
    pub time_ms: u64,
    /// Time of the drop, in Unix ms.
    pub dropped_ms: u64,
    /// Size including the body, in bytes.
    pub bytes: u64,
    /// The body as JSON; `None` in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// The dead letters of a cluster, on any machine that reaches its Redis. Every method blocks on Redis: do not call
/// them in an event loop. Reading changes nothing: only servers remove dead letters beyond their limits of age and size.
///
/// Shards that do not answer are left out, and [`Self::missing`] returns them. If none answers, that is an error.
#[derive(Debug)]
pub struct DeadLetters {
    clients: ShardClients,
    missing: Vec<ClientError>,
}

impl DeadLetters {
    /// Opens the dead letters of the cluster in `config`. Connects with the first call.
    ///
    /// # Errors
    /// If a TLS file of the connection cannot be used.
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self { clients: ShardClients::of(config)?, missing: Vec::new() })
    }

    /// Returns the shards that the last call left out, and why.
    #[must_use]
    pub fn missing(&self) -> &[ClientError] {
        &self.missing
    }

    /// Returns the number of dead letters.
    ///
    /// # Errors
    /// If Redis is unreachable or refuses the call.
    pub fn count(&mut self) -> Result<usize, ClientError> {
        self.sum(&self.all(), |dead_letters, shard| {
            dead_letters.clients.call(shard, |redis, keys| redis.xlen(keys.key("dead")))
        })
    }

    /// Returns up to `limit` dead letters older than `before`, newest first, without bodies.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn list(&mut self, before: Option<&DeadLetterId>, limit: usize) -> Result<Vec<DeadLetter>, ClientError> {
        let pages = self.each(&self.all(), |dead_letters, shard| dead_letters.list_of(shard, before, limit))?;
        let mut merged: Vec<DeadLetter> = pages.into_iter().flatten().collect();
        merged.sort_by_key(|dead_letter| std::cmp::Reverse(dead_letter.id));
        merged.truncate(limit);
        Ok(merged)
    }

    fn list_of(
        &self,
        shard: Shard,
        before: Option<&DeadLetterId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ClientError> {
        let newest = before.map_or_else(
            || "+".to_owned(),
            // Of two shards with the same id, the greater shard comes first.
            |before| if shard < before.shard { before.entry() } else { format!("({}", before.entry()) },
        );
        let page: Vec<DeadLetterEntry> =
            self.clients.call(shard, |redis, keys| redis.xrevrange_count(keys.key("dead"), newest, "-", limit))?;
        let keys = self.clients.own(shard);
        Ok(page.iter().filter_map(|entry| entry.dead_letter(keys)).collect())
    }

    /// Returns one dead letter with its body, if it exists.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn find(&mut self, id: &DeadLetterId) -> Result<Option<DeadLetter>, ClientError> {
        self.missing.clear();
        if self.clients.shards().all(|shard| shard != id.shard) {
            return self.clients.check(Shard::FIRST).map(|()| None);
        }
        self.clients.check(id.shard)?;
        self.clients.call(id.shard, |redis, keys| find(redis, keys, id))
    }

    /// Retries dead letters: sends each once, under its old id and with a new signature, after everything else that
    /// waits for its endpoint. Each stays a dead letter until it has been delivered. If one fails, the rest of the
    /// retry is not sent to that endpoint. Returns how many were found.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn retry(&mut self, ids: &[DeadLetterId]) -> Result<usize, ClientError> {
        let run = run();
        self.sum(&self.shards_of(ids), |dead_letters, shard| dead_letters.retry_as(shard, &run, &of_shard(ids, shard)))
    }

    fn retry_as(&self, shard: Shard, run: &str, ids: &[DeadLetterId]) -> Result<usize, ClientError> {
        let retry = |portion| self.clients.call(shard, |redis, keys| keys.redeliver(redis, run, portion));
        ids.chunks(PORTION).map(retry).sum()
    }

    /// Retries all existing dead letters, oldest first in each shard, as [`Self::retry`] does. Returns how many.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn retry_all(&mut self) -> Result<usize, ClientError> {
        let run = run();
        self.sum(&self.all(), |dead_letters, shard| {
            // A dead letter that fails again is written anew: this bound keeps the loop from retrying it again.
            let last = dead_letters.list_of(shard, None, 1)?.pop().map(|dead_letter| dead_letter.id);
            let (mut found, mut after) = (0, None);
            while let Some(last) = &last {
                let ids = dead_letters.ids_between(after.as_ref(), last)?;
                found += dead_letters.retry_as(shard, &run, &ids)?;
                match ids.into_iter().next_back() {
                    Some(id) => after = Some(id),
                    None => break,
                }
            }
            Ok(found)
        })
    }

    /// Removes dead letters. Returns how many existed.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn forget(&mut self, ids: &[DeadLetterId]) -> Result<usize, ClientError> {
        self.sum(&self.shards_of(ids), |dead_letters, shard| {
            let forget = |portion| dead_letters.clients.call(shard, |redis, keys| keys.forget(redis, portion, ""));
            of_shard(ids, shard).chunks(PORTION).map(forget).sum()
        })
    }

    /// Removes dead letters that are older than `age`; all of them if `age` is zero. Returns how many.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn forget_older_than(&mut self, age: Duration) -> Result<usize, ClientError> {
        self.sum(&self.all(), |dead_letters, shard| {
            let last = dead_letters.clients.call(shard, |redis, keys| {
                if !age.is_zero() {
                    return older_than(redis, age).map(Some);
                }
                let newest: Vec<DeadLetterEntry> = redis.xrevrange_count(keys.key("dead"), "+", "-", 1)?;
                Ok(newest.into_iter().next().map(|newest| newest.id))
            })?;
            let Some(last) = last else { return Ok(0) };
            let mut removed = 0;
            loop {
                match dead_letters.clients.call(shard, |redis, keys| keys.forget(redis, &[], &last))? {
                    0 => return Ok(removed),
                    portion => removed += portion,
                }
            }
        })
    }

    /// Returns the next ids after `after`, up to and including `last`, oldest first.
    fn ids_between(&self, after: Option<&DeadLetterId>, last: &DeadLetterId) -> Result<Vec<DeadLetterId>, ClientError> {
        let from = after.map_or_else(|| "-".to_owned(), |after| format!("({}", after.entry()));
        let page: Vec<DeadLetterEntry> = self
            .clients
            .call(last.shard, |redis, keys| redis.xrange_count(keys.key("dead"), from, last.entry(), PORTION))?;
        let keys = self.clients.own(last.shard);
        Ok(page.iter().filter_map(|entry| keys.dead_letter_id(&entry.id)).collect())
    }

    fn all(&self) -> Vec<Shard> {
        self.clients.shards().collect()
    }

    /// Returns the shards of these ids.
    fn shards_of(&self, ids: &[DeadLetterId]) -> Vec<Shard> {
        self.clients.shards().filter(|shard| ids.iter().any(|id| id.shard == *shard)).collect()
    }

    /// Makes a call to each of these shards, to all at the same time. Returns the replies. Notes the shards without one; that
    /// is an error if there is no reply.
    fn each<T: Send>(
        &mut self,
        shards: &[Shard],
        call: impl Fn(&Self, Shard) -> Result<T, ClientError> + Sync,
    ) -> Result<Vec<T>, ClientError> {
        self.missing.clear();
        let dead_letters = &*self;
        let results = ShardClients::ask_all(shards, |shard| {
            dead_letters.clients.check_one(shard)?;
            call(dead_letters, shard)
        });
        let (replies, missing) = ShardClients::separate(results)?;
        // If these shards have no data, others know the number.
        self.clients.check_others(shards)?;
        self.missing = missing;
        Ok(replies)
    }

    fn sum(
        &mut self,
        shards: &[Shard],
        call: impl Fn(&Self, Shard) -> Result<usize, ClientError> + Sync,
    ) -> Result<usize, ClientError> {
        self.each(shards, call).map(|counts| counts.into_iter().sum())
    }
}

/// Returns the ids in a shard.
fn of_shard(ids: &[DeadLetterId], shard: Shard) -> Vec<DeadLetterId> {
    ids.iter().copied().filter(|id| id.shard == shard).collect()
}

/// Returns an id for one retry, by which nodes recognise its parts.
fn run() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Returns the fields of the dead letter for dropped events of the outbox `origin`. Empty if they have one already.
pub(super) fn fields(acked: &Acked<'_>, report: &DropReport, origin: u64) -> Vec<(&'static str, Vec<u8>)> {
    let redelivery = redelivery_of(acked.events);
    let body = match (acked.body, redelivery) {
        (Some(body), _) => body.to_vec(),
        // Dropped before its turn: its body was never read, and the dead letter still exists.
        (None, Some(_)) => return Vec::new(),
        (None, None) => body::encode(acked.events, acked.payload, origin),
    };
    let time_ms = acked.events.iter().find_map(|queued| queued.event()).map(|event| event.time_ms);
    let time_ms = time_ms.or_else(|| body_time_ms(&body)).unwrap_or_default();
    let attempts = report.attempts + redelivery.map_or(0, |before| before.attempts);
    let mut fields = vec![
        ("id", acked.id.as_bytes().to_vec()),
        ("endpoint", acked.lane.endpoint.as_str().as_bytes().to_vec()),
        ("url", report.url.clone().into_bytes()),
        ("app_id", acked.lane.app.as_bytes().to_vec()),
        ("events", report.events.to_string().into_bytes()),
        ("attempts", attempts.to_string().into_bytes()),
        ("reason", report.reason.clone().into_bytes()),
        ("time_ms", time_ms.to_string().into_bytes()),
        ("body", body),
    ];
    if let Some(AnswerExcerpt { status, text, time_ms }) = &report.answer {
        fields.push(("answer", text.clone().into_bytes()));
        fields.push(("answer_ms", time_ms.to_string().into_bytes()));
        fields.extend(status.map(|status| ("answer_status", status.to_string().into_bytes())));
    }
    fields
}

/// Parses the time of the first event from the start of a body.
fn body_time_ms(body: &[u8]) -> Option<u64> {
    let digits = body.strip_prefix(br#"{"time_ms":"#)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

fn find(redis: &mut Connection, keys: &OwnShard, id: &DeadLetterId) -> RedisResult<Option<DeadLetter>> {
    let (found, body): (Vec<DeadLetterEntry>, Option<Vec<u8>>) = redis::pipe()
        .xrange(keys.key("dead"), id.entry(), id.entry())
        .hget(keys.key("dead_bodies"), id.entry())
        .query(redis)?;
    let Some(entry) = found.first() else { return Ok(None) };
    let body = body.map(|body| String::from_utf8_lossy(&body).into_owned()).or_else(|| raw_text(&entry.fields));
    Ok(entry.dead_letter(keys).map(|dead_letter| DeadLetter { body: Some(body.unwrap_or_default()), ..dead_letter }))
}

/// Returns the end of XRANGE for dead letters older than `age`, by Redis' clock.
pub(super) fn older_than(redis: &mut Connection, age: Duration) -> RedisResult<String> {
    Ok(format!("({}-0", server_time_ms(redis)?.saturating_sub(millis(age))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_parsed_from_the_start_of_a_body() {
        assert_eq!(body_time_ms(br#"{"time_ms":1700000000000,"events":[]}"#), Some(1_700_000_000_000));
        assert_eq!(body_time_ms(br#"{"events":[]}"#), None);
    }
}
