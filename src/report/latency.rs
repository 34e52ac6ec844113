//! The latency of attempts: a histogram with fixed buckets, so that the histograms of several nodes can be summed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The inclusive upper bounds of the buckets in ms. One more bucket follows above the last bound.
pub const LATENCY_BOUNDS_MS: [u64; 13] = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/// A histogram of durations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// The number of durations in each bucket; not cumulative.
    pub counts: [u64; LATENCY_BOUNDS_MS.len() + 1],
    /// Their sum in µs.
    pub sum_us: u64,
}

impl Latency {
    /// Adds a duration.
    pub fn add(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.counts[LATENCY_BOUNDS_MS.partition_point(|bound| bound * 1_000 < us)] += 1;
        self.sum_us = self.sum_us.saturating_add(us);
    }

    /// Adds another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
    }

    /// Returns the number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Estimates a quantile in ms, by linear interpolation within a bucket. `None` without a duration.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        let total = self.count();
        let wanted = share.clamp(0.0, 1.0) * total as f64;
        let (mut below, mut lower) = (0.0, 0.0);
        for (place, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            if place > 0 {
                lower = LATENCY_BOUNDS_MS[place - 1] as f64;
            }
            // The last bucket has no upper bound.
            let upper = LATENCY_BOUNDS_MS.get(place).map_or(lower, |bound| *bound as f64);
            let count = *count as f64;
            if below + count >= wanted {
                let ms = lower + (upper - lower) * (wanted - below) / count;
                return Some((ms * 10.0).round() / 10.0);
            }
            below += count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times_ms: &[u64]) -> Latency {
        let mut latency = Latency::default();
        for ms in times_ms {
            latency.add(Duration::from_millis(*ms));
        }
        latency
    }

    #[test]
    fn a_time_falls_into_the_first_bucket_whose_bound_it_does_not_exceed() {
        let latency = of(&[0, 1, 2, 30_000, 30_001]);
        assert_eq!((latency.counts[0], latency.counts[1]), (2, 1));
        assert_eq!((latency.counts[12], latency.counts[13]), (1, 1));
        assert_eq!((latency.count(), latency.sum_us), (5, 60_004_000));
    }

    #[test]
    fn quantiles_are_within_their_bucket() {
        assert_eq!(of(&[]).quantile_ms(0.5), None);
        let latency = of(&[3, 3, 3, 3, 3, 3, 3, 3, 3, 400]);
        let (median, slowest) = (latency.quantile_ms(0.5).unwrap(), latency.quantile_ms(0.99).unwrap());
        assert!(median > 1.0 && median <= 5.0, "{median}");
        assert!(slowest > 250.0 && slowest <= 500.0, "{slowest}");
        assert_eq!(of(&[60_000]).quantile_ms(0.5), Some(30_000.0), "the last bucket has no upper bound");
    }

    #[test]
    fn histograms_of_several_nodes_add_up() {
        let mut one = of(&[3, 400]);
        one.merge(&of(&[3]));
        assert_eq!(one, of(&[3, 3, 400]));
    }
}
