//! Secrets that still sign during a rotation, in addition to the current one: `previous_secrets`.

use std::time::UNIX_EPOCH;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::value::List;
use crate::aws::parse_time;
use crate::secret::Secret;

/// A secret that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: Secret,
    /// End of its use, in Unix seconds. `None` for no end.
    pub until: Option<u64>,
}

impl PreviousSecret {
    /// Returns `true` if the secret still signs at this time, in Unix seconds.
    #[must_use]
    pub fn signs_at(&self, unix_seconds: u64) -> bool {
        self.until.is_none_or(|until| unix_seconds < until)
    }
}

/// `previous_secrets`: one secret or a list. Empty entries are left out, because their environment variables may be
/// unset.
#[derive(Default)]
pub(super) struct PreviousSecrets(pub(super) Vec<PreviousSecret>);

/// One entry of the list.
struct SecretEntry(Option<PreviousSecret>);

/// An entry with `secret` and `until`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPreviousSecret {
    secret: Option<String>,
    until: Option<Until>,
}

/// A time, in Unix seconds.
struct Until(u64);

impl From<List<SecretEntry>> for PreviousSecrets {
    fn from(List(entries): List<SecretEntry>) -> Self {
        Self(entries.into_iter().filter_map(|(_, SecretEntry(entry))| entry).collect())
    }
}

impl<'de> Deserialize<'de> for PreviousSecrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PreviousSecretsVisitor;

        impl<'de> Visitor<'de> for PreviousSecretsVisitor {
            type Value = PreviousSecrets;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a secret, or a list of them")
            }

            fn visit_str<E: Error>(self, secret: &str) -> Result<PreviousSecrets, E> {
                Ok(PreviousSecrets(entry(secret, None).into_iter().collect()))
            }

            fn visit_unit<E: Error>(self) -> Result<PreviousSecrets, E> {
                Ok(PreviousSecrets::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<PreviousSecrets, A::Error> {
                List::deserialize(SeqAccessDeserializer::new(items)).map(PreviousSecrets::from)
            }

            fn visit_map<A: MapAccess<'de>>(self, items: A) -> Result<PreviousSecrets, A::Error> {
                let entries = List::<SecretEntry>::deserialize(MapAccessDeserializer::new(items))?;
                // Without this check, the value of `until` would become a secret.
                if entries.0.iter().any(|(key, _)| key == "until") {
                    return Err(A::Error::custom(
                        "must be a list: put an entry with an end in its own brackets, [['secret' => …, 'until' => …]]",
                    ));
                }
                Ok(entries.into())
            }
        }

        deserializer.deserialize_any(PreviousSecretsVisitor)
    }
}

impl<'de> Deserialize<'de> for SecretEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecretOrMore;

        impl<'de> Visitor<'de> for SecretOrMore {
            type Value = SecretEntry;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a secret, or an array with secret and until")
            }

            fn visit_unit<E: Error>(self) -> Result<SecretEntry, E> {
                Ok(SecretEntry(None))
            }

            fn visit_str<E: Error>(self, secret: &str) -> Result<SecretEntry, E> {
                Ok(SecretEntry(entry(secret, None)))
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<SecretEntry, A::Error> {
                let WrittenPreviousSecret { secret, until } =
                    WrittenPreviousSecret::deserialize(MapAccessDeserializer::new(entries))?;
                Ok(SecretEntry(entry(&secret.unwrap_or_default(), until)))
            }
        }

        deserializer.deserialize_any(SecretOrMore)
    }
}

fn entry(secret: &str, until: Option<Until>) -> Option<PreviousSecret> {
    let until = until.map(|Until(seconds)| seconds);
    (!secret.is_empty()).then(|| PreviousSecret { secret: Secret::new(secret), until })
}

impl<'de> Deserialize<'de> for Until {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Time;

        impl Visitor<'_> for Time {
            type Value = Until;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("Unix seconds, or a time such as 2026-12-31T23:59:59+00:00")
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Until, E> {
                self.visit_str(&seconds.to_string())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Until, E> {
                // The message does not quote the text, which may be a misplaced secret.
                let wrong = || {
                    E::custom(
                        "is not a time: use Unix seconds, or a time with a zone such as 2026-12-31T23:59:59+00:00",
                    )
                };
                text.parse().ok().or_else(|| unix_seconds(text)).map(Until).ok_or_else(wrong)
            }
        }

        deserializer.deserialize_any(Time)
    }
}

/// Parses an RFC 3339 time in UTC (`Z`) or with an offset.
fn unix_seconds(text: &str) -> Option<u64> {
    let (time, offset) = if let Some(time) = text.strip_suffix('Z') {
        (time, 0)
    } else {
        let (time, zone) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
        (time, offset_seconds(zone)?)
    };
    let time = parse_time(&format!("{time}Z"))?.duration_since(UNIX_EPOCH).ok()?.as_secs();
    time.checked_add_signed(-offset)
}

/// Parses an offset such as `+02:00` into seconds.
fn offset_seconds(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let number = |text: &str, most: i64| -> Option<i64> {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten().filter(|number| *number <= most)
    };
    Some(sign * (number(hours, 23)? * 3600 + number(minutes, 59)? * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected values from `date -u -d TEXT +%s`.
    #[test]
    fn a_time_is_read_in_utc_or_with_an_offset() {
        for (text, seconds) in [
            ("2015-08-30T12:36:00Z", 1_440_938_160),
            ("2015-08-30T12:36:00+00:00", 1_440_938_160),
            ("2015-08-30T14:36:00.123+02:00", 1_440_938_160),
            ("2015-08-30T07:06:00-05:30", 1_440_938_160),
        ] {
            assert_eq!(unix_seconds(text), Some(seconds), "{text}");
        }
        for text in ["", "soon", "2015-08-30", "2015-08-30T12:36:00", "2015-08-30T12:36:00+2:00", "é2015-08-30T12:36:0"]
        {
            assert_eq!(unix_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_previous_secret_signs_until_its_end() {
        let previous = |until| PreviousSecret { secret: Secret::new("s"), until };
        assert!(previous(None).signs_at(u64::MAX));
        assert!(previous(Some(100)).signs_at(99));
        assert!(!previous(Some(100)).signs_at(100));
    }
}
