//! The waits between the attempts of a batch: `backoff`.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer};

use super::form::{Form, read};
use super::scalar::Number;
use super::{HOUR_MS, Seconds};

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

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Ok(Self(None)),
            "exponential" => Ok(Self(Some(Backoff::Exponential))),
            waits => {
                let wait = |text| Wait::try_from(Number::parse(text)?).map(Wait::duration);
                Self::schedule(waits.split(',').map(wait).collect::<Result<_, _>>()?)
            }
        }
    }

    fn schedule(waits: Vec<Duration>) -> Result<Self, String> {
        match waits.len() {
            0 => Err("is empty, expected a list of seconds".to_owned()),
            1..=MOST => Ok(Self(Some(Backoff::Schedule(waits.into())))),
            count => Err(format!("has {count} waits: at most {MOST} are allowed")),
        }
    }
}

impl<'de> Deserialize<'de> for WrittenBackoff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "a list of seconds or \"exponential\"", |form: Form<Wait>| match form {
            Form::List(waits) => Some(Self::schedule(waits.items().map(Wait::duration).collect())),
            Form::Whole(wait) => Some(Self::parse(&wait.to_string())),
            Form::Float(wait) => Some(Self::parse(&wait.to_string())),
            Form::Text(text) => Some(Self::parse(&text)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::{Value, json};

    use super::super::value::Setting;
    use super::*;
    use crate::config::Config;

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
        assert_eq!(read(json!(7.5)), Ok(Some(schedule(&[7500]))));
        assert_eq!(read(json!("exponential")), Ok(Some(Backoff::Exponential)));
        assert_eq!(read(json!("")), Ok(None));
    }

    #[test]
    fn an_endpoint_has_its_own_schedule_or_that_of_all() {
        let endpoints = [json!("7"), json!("exponential"), json!(""), json!(null)]
            .map(|backoff| json!({ "url": "https://a", "backoff": backoff }));
        let config = Config::from_value(json!({ "backoff": 5, "endpoints": endpoints })).unwrap();
        let backoffs: Vec<Backoff> = config.endpoints.into_iter().map(|endpoint| endpoint.backoff).collect();
        assert_eq!(backoffs, [schedule(&[7000]), Backoff::Exponential, schedule(&[5000]), schedule(&[5000])]);
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
