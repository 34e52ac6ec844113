//! Time limits for endpoints that have not answered yet, while the system refuses more threads. Pure.
//!
//! An endpoint may hang until it has answered once, and after a start no endpoint has answered. So each endpoint starts with
//! a short limit. An attempt that reaches the limit is interrupted, the next endpoint gets the worker, and the limit doubles:
//!
//! ```text
//! attempt   1        2        3      4      …  until the limit reaches the endpoint's timeout
//! limit     250 ms   500 ms   1 s    2 s
//! ```
//! This finds a prompt endpoint soon among many that hang, and gives a slow one the time that it needs. A slow endpoint may
//! receive the same batch several times. An interrupted attempt does not count as failed, because the endpoint's timeout has
//! not expired.

use std::time::Duration;

use super::attempt::AttemptResult;

/// The limit of the first attempt.
const FIRST: Duration = Duration::from_millis(250);

/// The number of interrupted attempts since the endpoint's last answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AttemptLimit {
    interrupted: u32,
}

impl AttemptLimit {
    /// Returns the limit of the next attempt, if it is shorter than the endpoint's `timeout`.
    pub(super) fn next(self, timeout: Duration) -> Option<Duration> {
        let limit = FIRST.checked_mul(2_u32.checked_pow(self.interrupted)?)?;
        (limit < timeout).then_some(limit)
    }

    /// Records the result of an attempt.
    pub(super) const fn record(&mut self, result: &AttemptResult) {
        match result {
            AttemptResult::Interrupted => self.interrupted = self.interrupted.saturating_add(1),
            AttemptResult::Status { .. } | AttemptResult::Refused { .. } => self.interrupted = 0,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_doubles_with_each_interrupted_attempt_up_to_the_timeout() {
        let (mut limit, timeout) = (AttemptLimit::default(), Duration::from_secs(10));
        let limits = std::iter::from_fn(|| {
            let next = limit.next(timeout);
            limit.record(&AttemptResult::Interrupted);
            next
        });
        assert_eq!(limits.map(|limit| limit.as_millis()).collect::<Vec<_>>(), [250, 500, 1000, 2000, 4000, 8000]);
        limit.record(&AttemptResult::Failed("no answer within 10s".to_owned()));
        assert_eq!(limit.next(timeout), None, "after a real timeout there is no limit");
        limit.record(&AttemptResult::Status { status: 200, retry_after: None });
        assert_eq!(limit.next(timeout), Some(FIRST));
        assert_eq!(limit.next(FIRST), None, "the timeout is not longer than the limit");
    }
}
