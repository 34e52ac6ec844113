//! Time limits for endpoints that have not answered yet, while the system refuses further threads. Pure.
//!
//! An endpoint shows only by an answer that it does not hang, and at the start none has answered. Each gets a short limit
//! first. An attempt that reaches it is interrupted, the next endpoint gets the worker, and the limit of this one doubles.
//! So a prompt endpoint is found soon among many that hang, and a slow one gets the time it needs; until then it may receive
//! the same batch several times. An interrupted attempt is no failure: the endpoint's timeout was not reached.

use std::time::Duration;

use super::attempt::AttemptResult;

/// The limit of the first attempt.
const FIRST: Duration = Duration::from_millis(250);

/// Counts the attempts of an endpoint that were interrupted since its last answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AttemptLimit {
    interrupted: u32,
}

impl AttemptLimit {
    /// The limit of the next attempt, if it is shorter than the endpoint's `timeout`.
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
    fn an_endpoint_gets_twice_the_time_whenever_it_has_not_answered_until_it_has_all_of_it() {
        let (mut limit, timeout) = (AttemptLimit::default(), Duration::from_secs(10));
        let limits = std::iter::from_fn(|| {
            let next = limit.next(timeout);
            limit.record(&AttemptResult::Interrupted);
            next
        });
        assert_eq!(limits.map(|limit| limit.as_millis()).collect::<Vec<_>>(), [250, 500, 1000, 2000, 4000, 8000]);
        limit.record(&AttemptResult::Failed("no answer within 10s".to_owned()));
        assert_eq!(limit.next(timeout), None, "it has shown that it hangs");
        limit.record(&AttemptResult::Status { status: 200, retry_after: None });
        assert_eq!(limit.next(timeout), Some(FIRST));
        assert_eq!(limit.next(FIRST), None, "its own timeout is no longer");
    }
}
