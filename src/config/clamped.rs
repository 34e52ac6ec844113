//! Numbers of the keys that the replaced package had. It cast them without a check, so every number has to work.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::place;
use super::scalar::Number;

impl Number {
    /// The number, or `too_small` or the upper bound in its place, with a warning that names `key`.
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
        // The replaced package's config file cast the keys at its top level, and none of a connection.
        let cast = if self.value == 0.0 && !key.contains('.') {
            ". An empty environment variable becomes 0 by a cast in a config file from before: remove the cast"
        } else {
            ""
        };
        warnings.push(format!(
            "{}: {} is out of range, allowed are {} to {}, and {used} is used instead{cast}",
            place(key),
            self.written,
            allowed.start(),
            allowed.end(),
        ));
        used
    }

    /// The same as a time, from a number of seconds.
    pub(super) fn clamped_seconds(
        &self,
        key: &str,
        allowed: &RangeInclusive<f64>,
        too_small: f64,
        warnings: &mut Vec<String>,
    ) -> Duration {
        Duration::from_secs_f64(self.clamped(key, allowed, too_small, warnings))
    }

    /// The same as a whole number. Decimals are cut off, as a cast to an integer does.
    pub(super) fn clamped_whole(&self, key: &str, allowed: &RangeInclusive<u32>, warnings: &mut Vec<String>) -> u32 {
        let (least, most) = (f64::from(*allowed.start()), f64::from(*allowed.end()));
        let number = self.clamped(key, &(least..=most), least, warnings);
        if number.fract() != 0.0 {
            warnings.push(format!(
                "{}: {} is not a whole number, and {} is used",
                place(key),
                self.written,
                number.trunc()
            ));
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the value is within the bounds of the type, and is to be cut"
        )]
        let whole = number as u32;
        whole
    }
}
