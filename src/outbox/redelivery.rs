//! A dead letter that is retried.

use derive_more::{Debug, Display};
use serde::{Serialize, Serializer};

use super::LaneId;
use crate::event::Shard;

/// Id of a dead letter: `{Unix ms}-{number}`, the id of its stream entry, and after another hyphen its shard, unless that is
/// the first. Ids sort by age.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Display)]
#[display("{ms}-{number}{}", self.suffix())]
#[debug("{self}")]
pub struct DeadLetterId {
    ms: u64,
    number: u64,
    pub(crate) shard: Shard,
}

/// As text.
impl Serialize for DeadLetterId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl DeadLetterId {
    /// Parses an id. Returns `None` if `text` is not an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u64>().ok())?;
        let mut parts = text.split('-');
        let (ms, number) = (digits(parts.next()?)?, digits(parts.next()?)?);
        let shard = match parts.next() {
            Some(shard) => Shard::new(u8::try_from(digits(shard)?).ok()?).filter(|shard| *shard != Shard::FIRST)?,
            None => Shard::FIRST,
        };
        parts.next().is_none().then_some(Self { ms, number, shard })
    }

    /// Returns the id with this shard.
    pub(crate) const fn of_shard(self, shard: Shard) -> Self {
        Self { shard, ..self }
    }

    /// Returns the end of the text.
    fn suffix(&self) -> String {
        if self.shard == Shard::FIRST { String::new() } else { format!("-{}", self.shard) }
    }

    /// Returns the id of the entry in the shard's stream.
    pub(crate) fn entry(&self) -> String {
        format!("{}-{}", self.ms, self.number)
    }

    /// Returns when the dead letter was written, in Unix ms by Redis' clock.
    #[must_use]
    pub const fn time_ms(&self) -> u64 {
        self.ms
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

impl Redelivery {
    /// Moves the redelivery, as decoded, to the shard in which it is.
    pub(crate) fn set_shard(&mut self, shard: Shard) {
        self.lane.shard = shard;
        self.dead_letter = self.dead_letter.of_shard(shard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_two_numbers_and_perhaps_a_shard() {
        assert_eq!(DeadLetterId::parse("1700000000000-3").map(|id| id.time_ms()), Some(1_700_000_000_000));
        let of_shard = DeadLetterId::parse("1-2").unwrap().of_shard(Shard::new(3).unwrap());
        assert_eq!((of_shard.to_string().as_str(), of_shard.entry().as_str()), ("1-2-3", "1-2"));
        assert_eq!(DeadLetterId::parse("1-2-3"), Some(of_shard));
        for text in [
            "",
            "-",
            "+",
            "1",
            "1-",
            "-1",
            "1-2-",
            "1-2-0",
            "1-2-64",
            "1-2-3-4",
            "+1-1",
            "1-99999999999999999999",
            "1 -1",
            "$",
        ] {
            assert_eq!(DeadLetterId::parse(text), None, "{text}");
        }
    }
}
