//! The history: what happened in each minute of the last 24 hours, by endpoint and for all nodes together.
//!
//! Each key has an hour, counted from 1970, of 60 minutes. A minute is a row of numbers of [`BITS`] bits each, to which all
//! nodes add. A key exists only if something happened, has its full length from the beginning, and expires a day after
//! its hour, so an endpoint has at most 25. Their names, after the prefix:
//!
//! | key | numbers of a minute |
//! |---|---|
//! | `history:{hour}:{endpoint}` | [`Attempts`] of an endpoint |
//! | `history:{hour}` | those of all endpoints |
//! | `load:{hour}` | [`Load`] of the nodes |
//!
//! `counted:{node}` has the number of the node's last call of `history.lua`, so that a repeated one counts once.

mod pending;

pub(crate) use pending::{HistoryWrite, PendingHistory};

use super::latency::{LATENCY_BOUNDS_MS, Latency};
use super::record::EndpointStatus;
use crate::telemetry::Cause;

/// The duration of a minute in ms.
pub(crate) const MINUTE_MS: u64 = 60_000;

/// The number of minutes for which the history is kept.
pub(crate) const MINUTES: u64 = 24 * 60;

/// The number of bits of a number. A larger number counts as the largest one: 4 194 303.
pub(crate) const BITS: usize = 22;

/// The causes of failed attempts.
pub(crate) const FAILURES: [Cause; 4] = [Cause::Http4xx, Cause::Http5xx, Cause::HttpOther, Cause::NoAnswer];

/// The number of buckets of a latency histogram.
const BUCKETS: usize = LATENCY_BOUNDS_MS.len() + 1;

/// The minutes in a key.
const MINUTES_OF_A_KEY: u64 = 60;

/// The subject of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Series {
    /// The attempts to all endpoints.
    All,
    /// The attempts to the endpoint with this id.
    Endpoint(String),
    /// The load of the nodes.
    Load,
}

/// The attempts in a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// Batches delivered.
    pub(crate) delivered: u64,
    /// Batches that became dead letters.
    pub(crate) given_up: u64,
    /// Failed attempts, by [cause](FAILURES).
    pub(crate) failed: [u64; FAILURES.len()],
    /// The latency of attempts, including failed ones. It has no sum in a history.
    pub(crate) latency: Latency,
}

/// The load of the nodes in a minute, or in several: hook calls, events accepted by the outbox, and events delivered, once for
/// each endpoint; then the most of a node: hook calls in the queue, events that waited, and tenths of a second for which an event
/// waited.
pub(crate) type Load = [u64; 6];

/// The first number of a [`Load`] that is the most of a node, not a sum.
const FIRST_OF_MOST: usize = 3;

impl Series {
    /// Returns the name of the key of an hour, without the prefix.
    pub(crate) fn key(&self, hour: u64) -> String {
        match self {
            Self::All => format!("history:{hour}"),
            Self::Endpoint(id) => format!("history:{hour}:{id}"),
            Self::Load => format!("load:{hour}"),
        }
    }

    /// Returns the number of numbers of a minute.
    pub(crate) const fn width(&self) -> usize {
        match self {
            Self::All | Self::Endpoint(_) => Attempts::WIDTH,
            Self::Load => size_of::<Load>() / size_of::<u64>(),
        }
    }

    /// Returns the length of a key in bytes.
    #[allow(clippy::cast_possible_truncation, reason = "an hour has 60 minutes")]
    pub(crate) const fn key_bytes(&self) -> usize {
        (MINUTES_OF_A_KEY as usize * self.width() * BITS).div_ceil(8)
    }

    /// Returns `true` if a number of a minute is the most of all nodes, not their sum.
    pub(crate) const fn is_most(&self, place: usize) -> bool {
        matches!(self, Self::Load) && place >= FIRST_OF_MOST
    }

    /// Adds to the numbers of a minute, or of several.
    pub(crate) fn add(&self, sum: &mut [u64], numbers: &[u64]) {
        for (place, (sum, more)) in sum.iter_mut().zip(numbers).enumerate() {
            *sum = if self.is_most(place) { (*sum).max(*more) } else { *sum + more };
        }
    }
}

/// Returns the hour of a minute and its place in the hour. Both are counted from 0.
pub(crate) const fn hour_of(minute: u64) -> (u64, u64) {
    (minute / MINUTES_OF_A_KEY, minute % MINUTES_OF_A_KEY)
}

/// Returns the time at which the key of an hour expires, in Unix ms: when its last minute is 24 hours old.
pub(crate) const fn expiry_of(hour: u64) -> u64 {
    ((hour + 1) * MINUTES_OF_A_KEY + MINUTES) * MINUTE_MS
}

/// Reads the numbers of a minute from the value of a key. Those behind the end of the value are 0.
pub(crate) fn numbers(value: &[u8], minute: u64, width: usize) -> Vec<u64> {
    let first = usize::try_from(minute).unwrap_or_default() * width;
    // A number begins in the first of four bytes, and ends within them.
    let number = |place: usize| {
        let at = place * BITS;
        let bytes = std::array::from_fn(|n| value.get(at / 8 + n).copied().unwrap_or_default());
        u64::from(u32::from_be_bytes(bytes) << (at % 8) >> (32 - BITS))
    };
    (first..first + width).map(number).collect()
}

impl Attempts {
    /// The number of numbers of a minute.
    const WIDTH: usize = 2 + FAILURES.len() + BUCKETS;

    /// Takes the numbers of a minute, or of several.
    pub(crate) fn of(numbers: &[u64]) -> Self {
        let mut numbers = numbers.iter().copied();
        let mut next = |_| numbers.next().unwrap_or_default();
        let [delivered, given_up] = std::array::from_fn(&mut next);
        let failed = std::array::from_fn(&mut next);
        Self { delivered, given_up, failed, latency: Latency { counts: std::array::from_fn(next), sum_us: 0 } }
    }
}

/// Returns the totals of an endpoint since the start of its node, in the order of the numbers of a minute.
pub(crate) fn totals(endpoint: &EndpointStatus) -> Vec<u64> {
    let failed = FAILURES.map(|cause| endpoint.failures.get(<&str>::from(cause)).copied().unwrap_or_default());
    [&[endpoint.deliveries, endpoint.drops][..], &failed, &endpoint.latency.counts].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_redis_packs_them() {
        // 22 bits each: 1, 2^22 - 1, 0.
        let value = [0b0000_0000, 0b0000_0000, 0b0000_0111, 0b1111_1111, 0b1111_1111, 0b1111_0000, 0, 0, 0];
        assert_eq!(numbers(&value, 0, 3), [1, 4_194_303, 0]);
        assert_eq!(numbers(&value, 7, 2), [0, 0], "behind the end");
    }

    #[test]
    fn an_endpoint_has_at_most_25_keys_that_fit_into_the_bound() {
        let endpoint = Series::Endpoint("billing".to_owned());
        assert_eq!((endpoint.width(), endpoint.key_bytes()), (20, 3300));
        assert_eq!(Series::Load.key_bytes(), 990);
        // A key is there while one of its minutes is among the last 24 hours.
        let at = |minute| minute * MINUTE_MS;
        assert!(expiry_of(0) <= at(25 * 60) && expiry_of(0) > at(25 * 60 - 1));
        assert_eq!((hour_of(59), hour_of(60), hour_of(121)), ((0, 59), (1, 0), (2, 1)));
    }

    #[test]
    fn numbers_are_added_in_the_order_in_which_they_are_written() {
        let mut endpoint = EndpointStatus { deliveries: 1, drops: 2, ..EndpointStatus::default() };
        for (count, cause) in (3..).zip(FAILURES) {
            endpoint.failures.insert(<&str>::from(cause).to_owned(), count);
        }
        endpoint.latency.add(std::time::Duration::from_millis(3));
        let minute = totals(&endpoint);
        let mut sum = minute.clone();
        Series::All.add(&mut sum, &minute);
        let sum = Attempts::of(&sum);
        assert_eq!((sum.delivered, sum.given_up, sum.failed, sum.latency.counts[1]), (2, 4, [6, 8, 10, 12], 2));
        let mut load = [1, 2, 3, 4, 5, 6];
        Series::Load.add(&mut load, &[1, 1, 1, 9, 1, 9]);
        assert_eq!(load, [2, 3, 4, 9, 5, 9]);
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|place| Series::Load.is_most(place)),
            [false, false, false, true, true, true]
        );
    }
}

#[cfg(test)]
#[path = "history/script_tests.rs"]
mod script_tests;
