//! Numbers with bounds, and switches. Environment variables are text, so `"6379"` equals `6379`.

use std::fmt::{self, Display};
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A duration between two bounds in ms. The config has it in seconds, with an optional fraction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seconds<const MIN_MS: u32, const MAX_MS: u32>(Duration);

impl<const MIN_MS: u32, const MAX_MS: u32> Seconds<MIN_MS, MAX_MS> {
    pub(super) const fn duration(self) -> Duration {
        self.0
    }
}

impl<'de, const MIN_MS: u32, const MAX_MS: u32> Deserialize<'de> for Seconds<MIN_MS, MAX_MS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Number { value, written } = Number::deserialize(deserializer)?;
        let (min, max) = (f64::from(MIN_MS) / 1000.0, f64::from(MAX_MS) / 1000.0);
        if !(min..=max).contains(&value) {
            return Err(D::Error::custom(format_args!(
                "{written} is out of range: must be from {min} to {max} seconds"
            )));
        }
        Ok(Self(Duration::from_secs_f64(value)))
    }
}

/// A rate per second.
#[derive(Clone, Copy, Debug)]
pub(super) struct PerSecond(f64);

impl PerSecond {
    /// Returns the time between two requests.
    pub(super) fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }
}

impl<'de> Deserialize<'de> for PerSecond {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Number { value, written } = Number::deserialize(deserializer)?;
        if !(0.001..=10_000.0).contains(&value) {
            return Err(D::Error::custom(format_args!(
                "{written} is out of range: must be from 0.001 to 10000 per second"
            )));
        }
        Ok(Self(value))
    }
}

/// A whole number between two bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Whole<MIN, MAX> {
    pub(super) const fn get(self) -> u32 {
        self.0
    }

    /// Returns the number as a `usize`.
    pub(super) const fn size(self) -> usize {
        self.0 as usize
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Number { value, written } = Number::deserialize(deserializer)?;
        if value.fract() != 0.0 {
            return Err(D::Error::custom(format_args!("{written} is not a whole number")));
        }
        if !(f64::from(MIN)..=f64::from(MAX)).contains(&value) {
            return Err(D::Error::custom(format_args!("{written} is out of range: must be from {MIN} to {MAX}")));
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the value is whole and within the bounds of the type"
        )]
        Ok(Self(value as u32))
    }
}

/// A boolean in any of the spellings that environment variables have. `''` counts as not set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Switch(pub(super) Option<bool>);

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct YesOrNo;

        impl Visitor<'_> for YesOrNo {
            type Value = Switch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E: Error>(self, on: bool) -> Result<Switch, E> {
                Ok(Switch(Some(on)))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Switch, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Switch, E> {
                match text.trim().to_ascii_lowercase().as_str() {
                    "" => Ok(Switch(None)),
                    "true" | "1" | "on" | "yes" => Ok(Switch(Some(true))),
                    "false" | "0" | "off" | "no" => Ok(Switch(Some(false))),
                    _ => Err(E::custom(format_args!("{text:?} is neither true nor false"))),
                }
            }
        }

        deserializer.deserialize_any(YesOrNo)
    }
}

/// A finite number, with its spelling for messages.
#[derive(Clone, Debug)]
pub(super) struct Number {
    pub(super) value: f64,
    pub(super) written: String,
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;

        impl Visitor<'_> for Digits {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            #[allow(clippy::cast_precision_loss, reason = "all bounds are far below 2^53, up to which an f64 is exact")]
            fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
                Ok(number(value as f64, value))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
                Ok(number(value, value))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                match text.trim().parse::<f64>() {
                    Ok(value) if value.is_finite() => Ok(number(value, text.trim())),
                    _ => Err(E::custom(format_args!("{text:?} is not a number"))),
                }
            }
        }

        deserializer.deserialize_any(Digits)
    }
}

fn number(value: f64, written: impl Display) -> Number {
    Number { value, written: written.to_string() }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::{Value, json};

    use super::super::value::Setting;
    use super::*;

    fn seconds(value: Value) -> Result<Duration, String> {
        Seconds::<10, 3_600_000>::deserialize(Setting::root(value, &RefCell::default()))
            .map(Seconds::duration)
            .map_err(|fault| fault.to_string())
    }

    fn whole(value: Value) -> Result<u32, String> {
        Whole::<1, 100>::deserialize(Setting::root(value, &RefCell::default()))
            .map(Whole::get)
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn text_is_accepted_as_a_number() {
        assert_eq!(seconds(json!("1.5")), Ok(Duration::from_millis(1500)));
        assert_eq!(seconds(json!(" 2 ")), Ok(Duration::from_secs(2)));
        assert_eq!(whole(json!("5")), Ok(5));
        assert_eq!(whole(json!(1e2)), Ok(100), "PHP's 1e2 is a float");
    }

    #[test]
    fn other_text_is_refused() {
        assert_eq!(seconds(json!("soon")), Err("\"soon\" is not a number".to_owned()));
        assert_eq!(seconds(json!("INF")), Err("\"INF\" is not a number".to_owned()));
        assert_eq!(whole(json!("")), Err("\"\" is not a number".to_owned()));
        assert_eq!(whole(json!(true)), Err("expected a number, found true or false".to_owned()));
        assert_eq!(whole(json!("2.5")), Err("2.5 is not a whole number".to_owned()));
    }

    #[test]
    fn a_switch_accepts_the_spellings_of_the_environment() {
        let switch = |value| {
            Switch::deserialize(Setting::root(value, &RefCell::default()))
                .map(|Switch(on)| on)
                .map_err(|fault| fault.to_string())
        };
        for on in [json!(true), json!(1), json!("1"), json!("True"), json!(" on "), json!("yes")] {
            assert_eq!(switch(on), Ok(Some(true)));
        }
        for off in [json!(false), json!(0), json!("0"), json!("FALSE"), json!("off"), json!("no")] {
            assert_eq!(switch(off), Ok(Some(false)));
        }
        assert_eq!(switch(json!("")), Ok(None));
        assert_eq!(switch(json!("maybe")), Err("\"maybe\" is neither true nor false".to_owned()));
        assert_eq!(switch(json!(2)), Err("\"2\" is neither true nor false".to_owned()));
        assert_eq!(switch(json!([])), Err("expected true or false, found a list".to_owned()));
    }

    #[test]
    fn a_rate_becomes_the_time_between_two_requests() {
        let rate = |value: Value| PerSecond::deserialize(Setting::root(value, &RefCell::default()));
        assert_eq!(rate(json!("2.5")).map(PerSecond::interval).ok(), Some(Duration::from_millis(400)));
        let refused = rate(json!(0)).map(PerSecond::interval).map_err(|fault| fault.to_string());
        assert_eq!(refused, Err("0 is out of range: must be from 0.001 to 10000 per second".to_owned()));
    }

    #[test]
    fn the_error_for_a_number_out_of_range_has_the_range() {
        assert_eq!(seconds(json!(0)), Err("0 is out of range: must be from 0.01 to 3600 seconds".to_owned()));
        assert_eq!(whole(json!(-1)), Err("-1 is out of range: must be from 1 to 100".to_owned()));
        assert_eq!(whole(json!("101")), Err("101 is out of range: must be from 1 to 100".to_owned()));
    }
}
