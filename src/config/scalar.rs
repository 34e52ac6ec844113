//! Numbers with bounds, and switches. Environment variables are text, so `"6379"` equals `6379`.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::error::place;
use super::form::{Form, read};

/// A duration between two bounds in ms, with a default in ms. The config has it in seconds, with an optional fraction.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "Number")]
pub(super) struct Seconds<const MIN_MS: u32, const MAX_MS: u32, const DEFAULT_MS: u32 = 0>(Duration);

impl<const MIN_MS: u32, const MAX_MS: u32, const DEFAULT_MS: u32> Seconds<MIN_MS, MAX_MS, DEFAULT_MS> {
    pub(super) const fn duration(self) -> Duration {
        self.0
    }
}

impl<const MIN_MS: u32, const MAX_MS: u32, const DEFAULT_MS: u32> Default for Seconds<MIN_MS, MAX_MS, DEFAULT_MS> {
    fn default() -> Self {
        Self(Duration::from_millis(DEFAULT_MS.into()))
    }
}

impl<const MIN_MS: u32, const MAX_MS: u32, const DEFAULT_MS: u32> TryFrom<Number>
    for Seconds<MIN_MS, MAX_MS, DEFAULT_MS>
{
    type Error = String;

    fn try_from(number: Number) -> Result<Self, String> {
        number.seconds(MIN_MS, MAX_MS).map(Self)
    }
}

/// A rate per second.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "Number")]
pub(super) struct PerSecond(f64);

impl PerSecond {
    /// Returns the time between two requests.
    pub(super) fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }
}

impl TryFrom<Number> for PerSecond {
    type Error = String;

    fn try_from(Number { value, written }: Number) -> Result<Self, String> {
        if !(0.001..=10_000.0).contains(&value) {
            return Err(format!("{written} is out of range: must be from 0.001 to 10000 per second"));
        }
        Ok(Self(value))
    }
}

/// A whole number between two bounds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "Number")]
pub(super) struct Whole<const MIN: u32, const MAX: u32, const DEFAULT: u32 = 0>(u32);

impl<const MIN: u32, const MAX: u32, const DEFAULT: u32> Whole<MIN, MAX, DEFAULT> {
    pub(super) const fn get(self) -> u32 {
        self.0
    }

    /// Returns the number as a `usize`.
    pub(super) const fn size(self) -> usize {
        self.0 as usize
    }
}

impl<const MIN: u32, const MAX: u32, const DEFAULT: u32> Default for Whole<MIN, MAX, DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<const MIN: u32, const MAX: u32, const DEFAULT: u32> TryFrom<Number> for Whole<MIN, MAX, DEFAULT> {
    type Error = String;

    fn try_from(number: Number) -> Result<Self, String> {
        number.whole(MIN, MAX).map(Self)
    }
}

/// A boolean in any of the spellings that environment variables have. Blank text counts as not set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Switch(Option<bool>);

impl Switch {
    /// Returns the value, or `otherwise` if it is not set.
    pub(super) fn or(self, otherwise: bool) -> bool {
        self.0.unwrap_or(otherwise)
    }

    /// Parses text as in an environment variable.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "" => Ok(Self(None)),
            "true" | "1" | "on" | "yes" => Ok(Self(Some(true))),
            "false" | "0" | "off" | "no" => Ok(Self(Some(false))),
            _ => Err(format!("{text:?} is neither true nor false")),
        }
    }
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "true or false", |form: Form<IgnoredAny>| match form {
            Form::Bool(on) => Some(Ok(Self(Some(on)))),
            Form::Whole(number) => Some(Self::parse(&number.to_string())),
            Form::Text(text) => Some(Self::parse(&text)),
            _ => None,
        })
    }
}

/// A finite number, with its spelling for messages.
#[derive(Clone, Debug)]
pub(super) struct Number {
    pub(super) value: f64,
    pub(super) written: String,
}

impl<'de> Deserialize<'de> for Number {
    // All ranges share it.
    #[inline(never)]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "a number", |form: Form<IgnoredAny>| match form {
            Form::Whole(number) => Some(Self::parse(&number.to_string())),
            Form::Float(number) => Some(Self::parse(&number.to_string())),
            Form::Text(text) => Some(Self::parse(&text)),
            _ => None,
        })
    }
}

impl Number {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Self { value, written: text.trim().to_owned() }),
            _ => Err(format!("{text:?} is not a number")),
        }
    }

    fn seconds(self, min_ms: u32, max_ms: u32) -> Result<Duration, String> {
        let Self { value, written } = self;
        let (min, max) = (f64::from(min_ms) / 1000.0, f64::from(max_ms) / 1000.0);
        if !(min..=max).contains(&value) {
            return Err(format!("{written} is out of range: must be from {min} to {max} seconds"));
        }
        Ok(Duration::from_secs_f64(value))
    }

    fn whole(self, min: u32, max: u32) -> Result<u32, String> {
        let Self { value, written } = self;
        if value.fract() != 0.0 {
            return Err(format!("{written} is not a whole number"));
        }
        if !(f64::from(min)..=f64::from(max)).contains(&value) {
            return Err(format!("{written} is out of range: must be from {min} to {max}"));
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the value is whole and within the bounds of the type"
        )]
        Ok(value as u32)
    }

    /// Clamps a number instead of refusing it, at the keys of the replaced package, which accepted any number.
    ///
    /// Returns the number if it is in range. Otherwise returns `too_small` or the upper bound, with a warning that
    /// names `key`.
    pub(super) fn clamped(
        &self,
        key: &str,
        allowed: &RangeInclusive<f64>,
        too_small: f64,
        warnings: &mut Vec<String>,
    ) -> f64 {
        if allowed.contains(&self.value) {
            return self.value;
        }
        let used = if self.value < *allowed.start() { too_small } else { *allowed.end() };
        // The replaced package's config file has casts at its top level, but not in `connection`.
        let cast = if self.value == 0.0 && !key.contains('.') {
            ". If the variable is empty, a cast in an old config file turns it into 0: remove the cast"
        } else {
            ""
        };
        warnings.push(format!(
            "{}: {} is out of range: must be from {} to {}; using {used}{cast}",
            place(key),
            self.written,
            allowed.start(),
            allowed.end(),
        ));
        used
    }

    pub(super) fn clamped_whole(&self, key: &str, allowed: &RangeInclusive<u32>, warnings: &mut Vec<String>) -> u32 {
        let (least, most) = (f64::from(*allowed.start()), f64::from(*allowed.end()));
        let number = self.clamped(key, &(least..=most), least, warnings);
        if number.fract() != 0.0 {
            warnings.push(format!("{}: {} is not a whole number; using {}", place(key), self.written, number.trunc()));
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the value is within the bounds of the type, and decimals are truncated"
        )]
        let whole = number as u32;
        whole
    }
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

    #[test]
    fn only_a_zero_at_the_top_level_may_come_from_a_cast() {
        let warns_of_a_cast = |key: &str, text: &str| {
            let mut warnings = Vec::new();
            Number::parse(text).unwrap().clamped(key, &(1.0..=10.0), 1.0, &mut warnings);
            warnings[0].ends_with("remove the cast")
        };
        assert!(warns_of_a_cast("ttl", "0"));
        assert!(!warns_of_a_cast("ttl", "-1") && !warns_of_a_cast("connection.timeout", "0"));
    }
}
