//! The waits between the attempts of a batch: `backoff`.

use std::time::Duration;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::HOUR_MS;
use super::scalar::Seconds;
use super::value::List;

/// The maximum number of waits in a schedule.
const MOST: usize = 100;

/// One wait. The minimum bounds the rate of attempts if only `retry_for` is set.
type Wait = Seconds<100, { 24 * HOUR_MS }>;

/// The wait after a failed attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Backoff {
    /// 2 s after the first failure, doubled after each further one, up to 60 s.
    #[default]
    Exponential,
    /// One wait per failure; the last one repeats. Never empty.
    Schedule(Box<[Duration]>),
}

/// `backoff` before it is resolved. `None` for `''`, the value of an unset environment variable.
pub(super) struct WrittenBackoff(Option<Backoff>);

impl WrittenBackoff {
    /// Returns the setting, or `otherwise` if it is not set.
    pub(super) fn or(self, otherwise: &Backoff) -> Backoff {
        self.0.unwrap_or_else(|| otherwise.clone())
    }

    fn schedule<E: Error>(waits: Vec<Duration>) -> Result<Self, E> {
        match waits.len() {
            0 => Err(E::custom("is empty, expected a list of seconds")),
            1..=MOST => Ok(Self(Some(Backoff::Schedule(waits.into())))),
            count => Err(E::custom(format_args!("has {count} waits: at most {MOST} are allowed"))),
        }
    }

    fn list<E: Error>(List(waits): List<Wait>) -> Result<Self, E> {
        Self::schedule(waits.into_iter().map(|(_, wait)| wait.duration()).collect())
    }
}

impl<'de> Deserialize<'de> for WrittenBackoff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BackoffVisitor;

        impl<'de> Visitor<'de> for BackoffVisitor {
            type Value = WrittenBackoff;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of seconds or \"exponential\"")
            }

            fn visit_i64<E: Error>(self, wait: i64) -> Result<WrittenBackoff, E> {
                self.visit_str(&wait.to_string())
            }

            fn visit_f64<E: Error>(self, wait: f64) -> Result<WrittenBackoff, E> {
                self.visit_str(&wait.to_string())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<WrittenBackoff, E> {
                match text.trim() {
                    "" => Ok(WrittenBackoff(None)),
                    "exponential" => Ok(WrittenBackoff(Some(Backoff::Exponential))),
                    text => {
                        let wait = |text: &str| {
                            Wait::deserialize(serde::de::value::StrDeserializer::<E>::new(text)).map(Wait::duration)
                        };
                        WrittenBackoff::schedule(text.split(',').map(wait).collect::<Result<_, E>>()?)
                    }
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<WrittenBackoff, A::Error> {
                WrittenBackoff::list(List::deserialize(SeqAccessDeserializer::new(items))?)
            }

            fn visit_map<A: MapAccess<'de>>(self, items: A) -> Result<WrittenBackoff, A::Error> {
                WrittenBackoff::list(List::deserialize(MapAccessDeserializer::new(items))?)
            }
        }

        deserializer.deserialize_any(BackoffVisitor)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::{Value, json};

    use super::super::value::Setting;
    use super::*;

    fn read(value: Value) -> Result<Option<Backoff>, String> {
        WrittenBackoff::deserialize(Setting::root(value, &RefCell::default()))
            .map(|WrittenBackoff(backoff)| backoff)
            .map_err(|fault| fault.to_string())
    }

    fn schedule(ms: &[u64]) -> Backoff {
        Backoff::Schedule(ms.iter().copied().map(Duration::from_millis).collect())
    }

    #[test]
    fn a_schedule_is_a_list_or_a_text_with_commas() {
        assert_eq!(read(json!([5, 30.5, "300"])), Ok(Some(schedule(&[5000, 30_500, 300_000]))));
        assert_eq!(read(json!({ "3": 5 })), Ok(Some(schedule(&[5000]))), "PHP keeps the gaps of a list");
        assert_eq!(read(json!("5, 30.5,300")), Ok(Some(schedule(&[5000, 30_500, 300_000]))));
        assert_eq!(read(json!(7)), Ok(Some(schedule(&[7000]))));
        assert_eq!(read(json!("exponential")), Ok(Some(Backoff::Exponential)));
        assert_eq!(read(json!("")), Ok(None));
    }

    #[test]
    fn an_invalid_schedule_is_refused_with_a_reason() {
        assert_eq!(read(json!([])), Err("is empty, expected a list of seconds".to_owned()));
        assert_eq!(read(json!("5,soon")), Err("\"soon\" is not a number".to_owned()));
        assert_eq!(read(json!([0])), Err("0 is out of range: must be from 0.1 to 86400 seconds".to_owned()));
        assert_eq!(read(json!(vec![1; 101])), Err("has 101 waits: at most 100 are allowed".to_owned()));
        let expected = "expected a list of seconds or \"exponential\", found true or false".to_owned();
        assert_eq!(read(json!(true)), Err(expected));
    }
}
