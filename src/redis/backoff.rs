//! When to try again after a failure.

use std::time::{Duration, Instant};

/// The longest wait after a first failure: a restarted Redis is back within this order of time.
const BASE: Duration = Duration::from_millis(50);

/// The longest wait of all. Events pile up meanwhile, so it stays short; one attempt per node in two seconds is nothing
/// to a Redis that comes up.
const CAP: Duration = Duration::from_secs(2);

/// The longest wait after a refusal: a login, or a server that cannot serve. It takes a person to mend that, and each
/// attempt may leave a line in Redis' log.
const REFUSED: Duration = Duration::from_secs(10);

/// Exponential backoff with jitter: 50 to 100 % of 50 ms, 100 ms, 200 ms, … 2 s, so that the nodes of a cluster do not
/// come back all at once.
#[derive(Debug, Default)]
pub(super) struct ReconnectBackoff {
    failures: u32,
    ready_at: Option<Instant>,
}

impl ReconnectBackoff {
    /// Counts a failure at `now`. `random` lies in `0.0..1.0`.
    pub(super) fn failed(&mut self, now: Instant, random: f64) {
        let longest = BASE.saturating_mul(2_u32.saturating_pow(self.failures)).min(CAP);
        self.failures = self.failures.saturating_add(1);
        self.ready_at = Some(now + jittered(longest, random));
    }

    /// Counts a refusal at `now`. `random` lies in `0.0..1.0`.
    pub(super) fn refused(&mut self, now: Instant, random: f64) {
        self.ready_at = Some(now + jittered(REFUSED, random));
    }

    /// Starts afresh after a success.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// When the next attempt may be made, if it has to wait at `now`.
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

    /// The waits after consecutive failures, in milliseconds.
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
    fn luck_shortens_a_wait_to_its_half_at_most() {
        assert_eq!(waits(3, 0.0), [25, 50, 100]);
    }

    #[test]
    fn an_outage_of_years_overflows_nothing() {
        assert_eq!(waits(200, 1.0).last(), Some(&2000));
    }

    #[test]
    fn a_success_ends_the_wait_and_forgets_the_failures() {
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
    fn the_wait_is_over_when_its_time_has_come() {
        let now = Instant::now();
        let mut backoff = ReconnectBackoff::default();
        backoff.failed(now, 1.0);
        assert_eq!(backoff.wait_until(now + BASE), None);
    }

    #[test]
    fn a_refused_login_is_tried_again_slowly() {
        let now = Instant::now();
        let mut backoff = ReconnectBackoff::default();
        backoff.refused(now, 0.0);
        assert_eq!(backoff.wait_until(now), Some(now + REFUSED / 2));
    }
}
