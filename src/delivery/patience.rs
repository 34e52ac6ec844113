//! Time limits for endpoints that have not answered yet, while the system gives no more threads. Pure.
//!
//! Which endpoints answer is not known before they do, and at the start not of any. Each is asked for a moment; if it has not
//! answered, the attempt is broken off, the next one is asked, and it gets twice the time when its turn comes again. So one
//! that answers promptly is found soon among many that hang, and one that is slow gets the time it needs, and by then perhaps
//! the same batch several times. An attempt that was broken off is no failure: the endpoint has not had its time.

use std::time::Duration;

use super::retry::Answer;

/// The limit of the first attempt.
const FIRST: Duration = Duration::from_millis(250);

/// The attempts of an endpoint that were broken off since it last answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    interrupted: u32,
}

impl Patience {
    /// When to break the next attempt off, if that is before the endpoint's `timeout`.
    pub(super) fn limit(self, timeout: Duration) -> Option<Duration> {
        let limit = FIRST.checked_mul(2_u32.checked_pow(self.interrupted)?)?;
        (limit < timeout).then_some(limit)
    }

    /// An attempt ended.
    pub(super) const fn heard(&mut self, answer: &Answer) {
        match answer {
            Answer::Interrupted => self.interrupted = self.interrupted.saturating_add(1),
            Answer::Status { .. } | Answer::Refused { .. } => self.interrupted = 0,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_gets_twice_the_time_whenever_it_has_not_answered_until_it_has_all_of_it() {
        let (mut patience, timeout) = (Patience::default(), Duration::from_secs(10));
        let limits = std::iter::from_fn(|| {
            let limit = patience.limit(timeout);
            patience.heard(&Answer::Interrupted);
            limit
        });
        assert_eq!(limits.map(|limit| limit.as_millis()).collect::<Vec<_>>(), [250, 500, 1000, 2000, 4000, 8000]);
        patience.heard(&Answer::Failed("no answer within 10s".to_owned()));
        assert_eq!(patience.limit(timeout), None, "it has shown that it hangs");
        patience.heard(&Answer::Status { status: 200, retry_after: None });
        assert_eq!(patience.limit(timeout), Some(FIRST));
        assert_eq!(patience.limit(FIRST), None, "its own timeout is no longer");
    }
}
