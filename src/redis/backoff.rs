//! Backoff between attempts to reach Redis.

use std::time::{Duration, Instant};

/// Longest wait after the first failure. A restarted Redis is back in about this time.
const BASE: Duration = Duration::from_millis(50);

/// Longest wait after any failure. Short, because events pile up meanwhile; one attempt per node every 2 s is no load
/// for a Redis that starts up.
const CAP: Duration = Duration::from_secs(2);

/// Longest wait after a refusal: a rejected login, or a server that cannot be used. An operator has to fix it, and each
/// attempt may write a line to Redis' log.
const REFUSED: Duration = Duration::from_secs(10);

/// Exponential backoff with jitter: 50 to 100 % of 50 ms, 100 ms, 200 ms, … 2 s. The jitter keeps the nodes of a
/// cluster from reconnecting at the same moment.
#[derive(Debug, Default)]
pub(super) struct ReconnectBackoff {
    failures: u32,
    ready_at: Option<Instant>,
}

impl ReconnectBackoff {
    /// Records a failure at `now`. `random` is in `0.0..1.0`.
    pub(super) fn failed(&mut self, now: Instant, random: f64) {
        let longest = BASE.saturating_mul(2_u32.saturating_pow(self.failures)).min(CAP);
        self.failures = self.failures.saturating_add(1);
        self.ready_at = Some(now + jittered(longest, random));
    }

    /// Records a refusal at `now`. `random` is in `0.0..1.0`.
    pub(super) fn refused(&mut self, now: Instant, random: f64) {
        self.ready_at = Some(now + jittered(REFUSED, random));
    }

    /// Resets the backoff after a success.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Returns when the next attempt is allowed, or `None` if it is allowed at `now`.
    pub(super) fn wait_until(&self, now: Instant) -> Option<Instant> {
        self.ready_at.filter(|ready_at| *ready_at > now)
    }
}

fn jittered(longest: Duration, random: f64) -> Duration {
    longest.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the waits after consecutive failures, in ms.
    fn waits(failures: usize, random: f64) -> Vec<u128> {
        let now = Instant::now();
        let mut backoff = ReconnectBackoff::default();
        let mut waits = Vec::new();
        for _ in 0..failures {
            backoff.failed(now, random);
            waits.push((backoff.wait_until(now).unwrap() - now).as_millis());
        }
        waits
    }

    #[test]
    fn the_wait_doubles_up_to_two_seconds() {
        assert_eq!(waits(8, 1.0), [50, 100, 200, 400, 800, 1600, 2000, 2000]);
    }

    #[test]
    fn jitter_shortens_a_wait_by_half_at_most() {
        assert_eq!(waits(3, 0.0), [25, 50, 100]);
    }

    #[test]
    fn a_very_long_outage_does_not_overflow() {
        assert_eq!(waits(200, 1.0).last(), Some(&2000));
    }

    #[test]
    fn a_success_resets_the_backoff() {
        let now = Instant::now();
        let mut backoff = ReconnectBackoff::default();
        backoff.failed(now, 1.0);
        backoff.failed(now, 1.0);
        backoff.succeeded();
        assert_eq!(backoff.wait_until(now), None);
        backoff.failed(now, 1.0);
        assert_eq!(backoff.wait_until(now), Some(now + BASE));
    }

    #[test]
    fn no_wait_remains_once_its_time_has_passed() {
        let now = Instant::now();
        let mut backoff = ReconnectBackoff::default();
        backoff.failed(now, 1.0);
        assert_eq!(backoff.wait_until(now + BASE), None);
    }

    #[test]
    fn a_refused_login_is_retried_slowly() {
        let now = Instant::now();
        let mut backoff = ReconnectBackoff::default();
        backoff.refused(now, 0.0);
        assert_eq!(backoff.wait_until(now), Some(now + REFUSED / 2));
    }
}
