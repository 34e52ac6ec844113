//! The retry policy. Pure: attempts, time and randomness are arguments.

use std::time::{Duration, SystemTime};

use super::apps::UNKNOWN_WAIT;
use super::attempt::AttemptResult;
use crate::config::{Backoff, Endpoint};
use crate::telemetry::UNKNOWN_APPLICATION;

/// The longest exponential backoff. `webpatser/resonate-webhooks` has the same limit.
const MAX_BACKOFF_SECONDS: u64 = 60;

/// The largest share by which jitter lengthens a wait. Jitter never shortens a wait, because an endpoint may rely on the
/// published schedule, and longer waits also spread lanes that failed together.
const MAX_JITTER: f64 = 0.1;

/// The wait after the outbox could not persist a batch. Short, because the link to Redis has its own backoff.
const NOT_PERSISTED_WAIT: Duration = Duration::from_millis(250);

/// The wait after an interrupted attempt, so that other lanes get the worker first.
const INTERRUPTED_WAIT: Duration = Duration::from_millis(50);

/// The interval at which a batch that cannot be signed checks whether its application is known.
const UNKNOWN_RETRY: Duration = Duration::from_millis(500);

/// The drop reason for an endpoint that has answered 410.
pub(crate) const HTTP_GONE: &str = "HTTP 410";

/// The decision about a batch after an attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RetryDecision {
    /// The endpoint accepted it with this HTTP status.
    Delivered { status: u16 },
    /// Send it again after this wait.
    Retry { after: Duration },
    /// Try again after this wait without counting an attempt, because nothing was sent or the attempt was interrupted.
    Postpone { after: Duration },
    /// Send it in two halves, because the endpoint answered that it is too large.
    Halve { reason: String },
    /// Send it without the events of partitions that another node owns. The ownerships with these tokens ended.
    Revoke { tokens: Vec<u64> },
    /// Forget it, because the dead letter was deleted.
    Forget,
    /// Drop it, with this reason for the operator.
    Drop { reason: String },
    /// Drop it and disable the endpoint, which has answered 410 Gone.
    Disable,
}

impl RetryDecision {
    /// Returns the drop reason, if the batch is dropped.
    pub(crate) fn failure(&self) -> Option<&str> {
        match self {
            Self::Drop { reason } => Some(reason),
            Self::Disable => Some(HTTP_GONE),
            _ => None,
        }
    }
}

impl Endpoint {
    /// Decides about a batch after attempt number `attempts`, counted from 1. `elapsed` is the time since its first attempt
    /// began or, if nothing was sent, since its oldest event arrived. `jitter` is a random number from 0 to 1.
    ///
    /// A batch is dropped as soon as its next attempt would be too late. Waiting until then would only delay the events
    /// after it.
    pub(crate) fn decide(&self, result: AttemptResult, attempts: u32, elapsed: Duration, jitter: f64) -> RetryDecision {
        let (reason, retry_after) = match result {
            AttemptResult::Status { status: status @ 200..=299, .. } => return RetryDecision::Delivered { status },
            AttemptResult::Status { status: 410, .. } => return RetryDecision::Disable,
            AttemptResult::Status { status: status @ 413, .. } => {
                return RetryDecision::Halve { reason: format!("HTTP {status}") };
            }
            AttemptResult::TooLarge(reason) => return RetryDecision::Halve { reason },
            AttemptResult::NotPersisted => return RetryDecision::Postpone { after: NOT_PERSISTED_WAIT },
            AttemptResult::Interrupted => return RetryDecision::Postpone { after: INTERRUPTED_WAIT },
            AttemptResult::Fenced { tokens } => return RetryDecision::Revoke { tokens },
            AttemptResult::Forgotten => return RetryDecision::Forget,
            AttemptResult::UnknownApplication if elapsed < UNKNOWN_WAIT => {
                return RetryDecision::Postpone { after: UNKNOWN_RETRY };
            }
            AttemptResult::UnknownApplication => return RetryDecision::Drop { reason: UNKNOWN_APPLICATION.to_owned() },
            AttemptResult::Status { status, retry_after, .. } => (format!("HTTP {status}"), retry_after),
            AttemptResult::Refused { reason, retry_after, .. } => (reason, retry_after),
            AttemptResult::Failed(reason) => (reason, None),
        };
        let after = self.wait(attempts, retry_after, jitter);
        if attempts >= self.max_attempts || self.retry_for.is_some_and(|window| elapsed + after > window) {
            RetryDecision::Drop { reason }
        } else {
            RetryDecision::Retry { after }
        }
    }

    /// Returns the wait after `attempts` failed attempts: `min(60, 2^attempts)` seconds or the entry of the schedule. A longer
    /// wait that the endpoint requests takes precedence. Jitter adds up to a tenth.
    fn wait(&self, attempts: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
        let backoff = match &self.backoff {
            Backoff::Exponential => Duration::from_secs(2u64.saturating_pow(attempts).min(MAX_BACKOFF_SECONDS)),
            Backoff::Schedule(waits) => {
                let failures = usize::try_from(attempts).unwrap_or(usize::MAX);
                waits[failures.clamp(1, waits.len()) - 1]
            }
        };
        let requested = retry_after.unwrap_or_default().min(self.retry_after_max);
        backoff.max(requested).mul_f64(1.0 + MAX_JITTER * jitter.clamp(0.0, 1.0))
    }
}

/// Parses a `Retry-After` header (RFC 9110, section 10.2.3): a number of seconds, or a date. Returns `None` for anything
/// else and zero for a date in the past.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that do not parse are a number that is too large.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::lanes::tests::endpoint;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy() -> Endpoint {
        Endpoint { max_attempts: 5, ..endpoint(0) }
    }

    fn status(status: u16) -> AttemptResult {
        AttemptResult::Status { status, retry_after: None }
    }

    fn requesting(seconds: u64) -> AttemptResult {
        AttemptResult::Status { status: 429, retry_after: Some(Duration::from_secs(seconds)) }
    }

    fn wait(decision: &RetryDecision) -> Duration {
        let RetryDecision::Retry { after } = decision else { panic!("{decision:?}") };
        *after
    }

    #[test]
    fn the_wait_doubles_from_two_seconds_up_to_a_minute() {
        let waits = [1, 2, 3, 4, 5, 6, 7, 1000].map(|attempts| policy().wait(attempts, None, 0.0).as_secs());
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn the_last_wait_of_a_schedule_repeats() {
        let backoff = Backoff::Schedule([5, 1, 30].map(Duration::from_secs).into());
        let policy = Endpoint { backoff, ..policy() };
        let waits = [1, 2, 3, 4, u32::MAX].map(|attempts| policy.wait(attempts, None, 0.0).as_secs());
        assert_eq!(waits, [5, 1, 30, 30, 30]);
        assert_eq!(policy.wait(2, Some(20 * SECOND), 0.5).as_secs(), 21, "requested by the endpoint, plus jitter");
    }

    #[test]
    fn jitter_adds_at_most_a_tenth_and_never_shortens_the_wait() {
        assert_eq!(policy().wait(1, None, 1.0), Duration::from_millis(2200));
        assert_eq!(policy().wait(6, None, 1.0), Duration::from_secs(66));
        assert_eq!(policy().wait(1, None, -5.0), Duration::from_secs(2));
        assert_eq!(policy().wait(1, Some(100 * SECOND), 0.5), Duration::from_secs(105));
    }

    #[test]
    fn only_a_2xx_is_success() {
        for code in [200, 204, 299] {
            assert_eq!(policy().decide(status(code), 1, SECOND, 0.0), RetryDecision::Delivered { status: code });
        }
        for code in [199, 301, 304, 400, 429, 500] {
            assert!(matches!(policy().decide(status(code), 1, SECOND, 0.0), RetryDecision::Retry { .. }), "{code}");
        }
    }

    #[test]
    fn the_last_allowed_attempt_that_fails_drops_the_batch_with_its_reason() {
        assert_eq!(policy().decide(status(500), 5, SECOND, 0.0), RetryDecision::Drop { reason: "HTTP 500".to_owned() });
        let refused = AttemptResult::Failed("connection refused".to_owned());
        assert_eq!(
            policy().decide(refused, 6, SECOND, 0.0),
            RetryDecision::Drop { reason: "connection refused".to_owned() }
        );
    }

    #[test]
    fn a_batch_that_cannot_be_signed_waits_a_minute_for_its_application() {
        let early = policy().decide(AttemptResult::UnknownApplication, 1, SECOND, 0.0);
        assert!(matches!(early, RetryDecision::Postpone { .. }));
        let late = policy().decide(AttemptResult::UnknownApplication, 1, 60 * SECOND, 0.0);
        assert_eq!(late, RetryDecision::Drop { reason: "unknown application".to_owned() });
    }

    #[test]
    fn an_interrupted_attempt_is_repeated_whatever_the_number_of_attempts() {
        let interrupted = policy().decide(AttemptResult::Interrupted, policy().max_attempts, 1_000 * SECOND, 0.0);
        assert_eq!(interrupted, RetryDecision::Postpone { after: INTERRUPTED_WAIT });
    }

    #[test]
    fn the_first_410_disables_the_endpoint() {
        assert_eq!(policy().decide(status(410), 1, SECOND, 0.0), RetryDecision::Disable);
    }

    #[test]
    fn a_batch_that_is_too_large_is_halved() {
        let halve = RetryDecision::Halve { reason: "HTTP 413".to_owned() };
        assert_eq!(policy().decide(status(413), 1, SECOND, 0.0), halve);
        assert_eq!(policy().decide(AttemptResult::TooLarge("HTTP 413".to_owned()), 9, SECOND, 0.0), halve);
    }

    #[test]
    fn retry_after_delays_the_next_attempt_but_never_makes_it_earlier() {
        for (requested, waited) in [(0, 2), (1, 2), (2, 2), (3, 3), (120, 120)] {
            assert_eq!(wait(&policy().decide(requesting(requested), 1, SECOND, 0.0)).as_secs(), waited);
        }
    }

    #[test]
    fn a_requested_wait_is_capped() {
        assert_eq!(wait(&policy().decide(requesting(u64::MAX), 1, SECOND, 0.0)).as_secs(), 300);
        let ignoring = Endpoint { retry_after_max: Duration::ZERO, ..policy() };
        assert_eq!(wait(&ignoring.decide(requesting(50), 1, SECOND, 0.0)).as_secs(), 2);
    }

    #[test]
    fn a_batch_is_retried_any_number_of_times_within_its_window() {
        let window = Endpoint { max_attempts: u32::MAX, retry_for: Some(300 * SECOND), ..policy() };
        let (mut elapsed, mut attempts) = (Duration::ZERO, 1);
        while let RetryDecision::Retry { after } = window.decide(status(500), attempts, elapsed, 0.0) {
            elapsed += after;
            attempts += 1;
        }
        // 2 + 4 + 8 + 16 + 32, then 60 s each. One more attempt would be at 302 s.
        assert_eq!((attempts, elapsed.as_secs()), (9, 242));
    }

    #[test]
    fn a_window_and_a_number_of_attempts_both_apply() {
        let both = Endpoint { max_attempts: 3, retry_for: Some(10 * SECOND), ..policy() };
        assert!(matches!(both.decide(status(500), 3, SECOND, 0.0), RetryDecision::Drop { .. }));
        assert!(matches!(both.decide(status(500), 2, 6 * SECOND, 0.0), RetryDecision::Retry { .. }));
        assert!(matches!(both.decide(status(500), 2, 7 * SECOND, 0.0), RetryDecision::Drop { .. }));
        assert!(
            matches!(both.decide(requesting(60), 1, SECOND, 0.0), RetryDecision::Drop { .. }),
            "the requested wait ends after the window"
        );
    }

    #[test]
    fn retry_after_accepts_seconds_and_dates() {
        let now = httpdate::parse_http_date("Fri, 31 Dec 1999 23:59:00 GMT").unwrap();
        for (value, wait) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999", Some(u64::MAX)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(59)),
            ("Friday, 31-Dec-99 23:59:59 GMT", Some(59)),
            ("Fri Dec 31 23:59:59 1999", Some(59)),
            ("Fri, 31 Dec 1999 23:58:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), wait.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn a_batch_that_ends_undelivered_has_a_reason() {
        let reasons = [
            RetryDecision::Drop { reason: "HTTP 500".to_owned() },
            RetryDecision::Disable,
            RetryDecision::Forget,
            RetryDecision::Delivered { status: 200 },
        ];
        assert_eq!(reasons.each_ref().map(RetryDecision::failure), [Some("HTTP 500"), Some(HTTP_GONE), None, None]);
    }
}
