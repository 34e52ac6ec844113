//! Numbers that are clamped to their range instead of refused. They belong to the keys of the replaced package, which
//! accepted any number.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::place;
use super::scalar::Number;

impl Number {
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

    /// Returns the clamped number of seconds as a duration.
    pub(super) fn clamped_seconds(
        &self,
        key: &str,
        allowed: &RangeInclusive<f64>,
        too_small: f64,
        warnings: &mut Vec<String>,
    ) -> Duration {
        Duration::from_secs_f64(self.clamped(key, allowed, too_small, warnings))
    }

    /// Returns the clamped number as an integer. Decimals are truncated, as by PHP's integer cast.
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
