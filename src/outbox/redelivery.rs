//! A dead letter that is retried.

use derive_more::{Debug, Display};
use serde::Serialize;

use super::LaneId;

/// Id of a dead letter: the id of its stream entry, `{Unix ms}-{number}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Debug, Display)]
#[debug("{_0:?}")]
pub struct DeadLetterId(Box<str>);

impl DeadLetterId {
    /// Parses an id. Returns `None` if `text` is not a stream id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (ms, number) = text.split_once('-')?;
        let digits = |part: &str| part.parse::<u64>().is_ok() && part.bytes().all(|byte| byte.is_ascii_digit());
        (digits(ms) && digits(number)).then(|| Self(text.into()))
    }

    /// Returns the id as text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns when the dead letter was written, in Unix ms by Redis' clock.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        self.0.split_once('-').and_then(|(ms, _)| ms.parse().ok()).unwrap_or_default()
    }
}

/// A dead letter that waits in its lane for a retry. It stays a dead letter until it has been delivered. Its body is
/// read only when it is its turn, so that many of them need little memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redelivery {
    /// The lane that dropped the batch.
    pub lane: LaneId,
    /// The dead letter.
    pub dead_letter: DeadLetterId,
    /// The batch's id (`webhook-id`), by which a receiver recognises a repetition.
    pub id: String,
    /// Number of events.
    pub events: usize,
    /// Attempts made before the retry.
    pub attempts: u32,
    /// Id of the retry that it is part of.
    pub run: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_two_numbers_and_nothing_else() {
        assert_eq!(DeadLetterId::parse("1700000000000-3").map(|id| id.time_ms()), Some(1_700_000_000_000));
        for text in ["", "-", "+", "1", "1-", "-1", "1-2-3", "+1-1", "1-99999999999999999999", "1 -1", "$"] {
            assert_eq!(DeadLetterId::parse(text), None, "{text}");
        }
    }
}
