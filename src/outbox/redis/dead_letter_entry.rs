//! Parses an entry of the stream of dead letters.

use redis::{FromRedisValue, ParsingError, Value};

use super::dead_letters::DeadLetter;
use crate::redis::OwnShard;
use crate::telemetry::AnswerExcerpt;

/// An entry of the stream of dead letters. The names of its fields may be any bytes: the dead letter of an unreadable entry has
/// those of that entry.
#[derive(Debug)]
pub(super) struct DeadLetterEntry {
    pub(super) id: String,
    /// Names and values in turn.
    pub(super) fields: Vec<Vec<u8>>,
}

impl FromRedisValue for DeadLetterEntry {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (id, fields) = FromRedisValue::from_redis_value(value)?;
        Ok(Self { id, fields })
    }
}

impl DeadLetterEntry {
    /// Returns the dead letter, without its body. A missing field is empty. `None` if it has no id, which Redis gives to every
    /// entry.
    pub(super) fn dead_letter(&self, keys: &OwnShard) -> Option<DeadLetter> {
        let id = keys.dead_letter_id(&self.id)?;
        let text = |name| self.text(name).unwrap_or_default();
        Some(DeadLetter {
            dropped_ms: id.time_ms(),
            id,
            webhook_id: text("id"),
            endpoint: text("endpoint"),
            url: text("url"),
            app_id: text("app_id"),
            events: self.number("events"),
            attempts: self.number("attempts"),
            reason: text("reason"),
            answer: self.text("answer").map(|text| AnswerExcerpt {
                status: self.text("answer_status").and_then(|status| status.parse().ok()),
                text,
                time_ms: self.number("answer_ms"),
            }),
            time_ms: self.number("time_ms"),
            bytes: self.number("bytes"),
            body: None,
        })
    }

    fn text(&self, name: &str) -> Option<String> {
        let field = self.fields.as_chunks().0.iter().find(|[own, _]| own == name.as_bytes());
        field.map(|[_, value]| String::from_utf8_lossy(value).into_owned())
    }

    fn number(&self, name: &str) -> u64 {
        self.text(name).and_then(|number| number.parse().ok()).unwrap_or_default()
    }
}
