//! Secrets that still sign during a rotation, in addition to the current one: `previous_secrets`.

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::form::{Form, List, read};
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
    pub(crate) fn signs_at(&self, unix_seconds: u64) -> bool {
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
    secret: Option<Secret>,
    until: Option<Until>,
}

/// A time, in Unix seconds.
struct Until(u64);

impl<'de> Deserialize<'de> for PreviousSecrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "a secret, or a list of them", |form: Form<SecretEntry>| match form {
            Form::Null => Some(Ok(Self::default())),
            Form::Text(secret) => Some(Ok(Self(entry(secret.into(), None).into_iter().collect()))),
            // Without this check, the value of `until` would become a secret.
            Form::List(List(entries)) if entries.iter().any(|(key, _)| key == "until") => Some(Err(
                "must be a list: put an entry with an end in its own brackets, [['secret' => …, 'until' => …]]"
                    .to_owned(),
            )),
            Form::List(entries) => Some(Ok(Self(entries.items().filter_map(|SecretEntry(entry)| entry).collect()))),
            _ => None,
        })
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
                self.visit_string(secret.to_owned())
            }

            // The default would leave a copy in memory.
            fn visit_string<E: Error>(self, secret: String) -> Result<SecretEntry, E> {
                Ok(SecretEntry(entry(secret.into(), None)))
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<SecretEntry, A::Error> {
                let WrittenPreviousSecret { secret, until } =
                    WrittenPreviousSecret::deserialize(MapAccessDeserializer::new(entries))?;
                Ok(SecretEntry(entry(secret.unwrap_or_default(), until)))
            }
        }

        deserializer.deserialize_any(SecretOrMore)
    }
}

fn entry(secret: Secret, until: Option<Until>) -> Option<PreviousSecret> {
    let until = until.map(|Until(seconds)| seconds);
    (!secret.expose().is_empty()).then_some(PreviousSecret { secret, until })
}

impl<'de> Deserialize<'de> for Until {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "Unix seconds, or a time such as 2026-12-31T23:59:59+00:00";
        read(deserializer, expected, |form: Form<IgnoredAny>| {
            let until = match form {
                Form::Whole(seconds) => u64::try_from(seconds).ok(),
                Form::Text(text) => text.parse().ok().or_else(|| unix_seconds(&text)),
                _ => return None,
            };
            // The message does not quote the text, which may be a misplaced secret.
            let wrong = "is not a time: use Unix seconds, or a time with a zone such as 2026-12-31T23:59:59+00:00";
            Some(until.map(Self).ok_or_else(|| wrong.to_owned()))
        })
    }
}

/// Parses an RFC 3339 time.
fn unix_seconds(text: &str) -> Option<u64> {
    OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp().try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::{Value, json};

    use super::super::value::Setting;
    use super::*;

    fn read(written: Value) -> Result<Vec<PreviousSecret>, String> {
        PreviousSecrets::deserialize(Setting::root(written, &RefCell::default()))
            .map(|PreviousSecrets(secrets)| secrets)
            .map_err(|fault| fault.to_string())
    }

    fn previous(secret: &str, until: Option<u64>) -> PreviousSecret {
        PreviousSecret { secret: Secret::new(secret), until }
    }

    #[test]
    fn a_secret_a_list_and_entries_with_an_end_are_read() {
        assert_eq!(read(json!("a")), Ok(vec![previous("a", None)]));
        let listed = json!(["a", { "secret": "b", "until": 5 }, { "secret": "c", "until": "1970-01-01T00:00:07Z" }]);
        assert_eq!(read(listed), Ok(vec![previous("a", None), previous("b", Some(5)), previous("c", Some(7))]));
        for nothing in [json!(null), json!(""), json!([null, "", { "until": 5 }])] {
            assert_eq!(read(nothing), Ok(Vec::new()));
        }
    }

    #[test]
    fn an_entry_outside_of_a_list_is_refused_with_a_remedy() {
        let refusal = read(json!({ "secret": "a", "until": "b" })).unwrap_err();
        assert!(refusal.starts_with("must be a list: put an entry with an end in its own brackets"), "{refusal}");
        assert_eq!(read(json!({ "old": "a" })), Ok(vec![previous("a", None)]), "other keys are names");
    }

    #[test]
    fn other_values_are_refused_without_quoting_them() {
        assert_eq!(
            read(json!([5])),
            Err("expected a secret, or an array with secret and until, found a number".to_owned())
        );
        for until in [json!(-1), json!("hunter2")] {
            let refusal = read(json!([{ "secret": "a", "until": until }])).unwrap_err();
            assert!(refusal.starts_with("is not a time: ") && !refusal.contains("hunter2"), "{refusal}");
        }
    }

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
        assert!(previous("s", None).signs_at(u64::MAX));
        assert!(previous("s", Some(100)).signs_at(99));
        assert!(!previous("s", Some(100)).signs_at(100));
    }
}
