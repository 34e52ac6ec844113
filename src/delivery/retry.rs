//! When a failed batch is sent again, and when it is given up. Pure: attempts, time and randomness are arguments.

use std::time::{Duration, SystemTime};

use super::apps::UNKNOWN_WAIT;
use crate::config::{Backoff, Endpoint};
use crate::telemetry::UNKNOWN_APPLICATION;

/// The longest backoff between two attempts, as in the package this one replaces.
const MAX_BACKOFF_SECONDS: u64 = 60;

/// How much jitter may lengthen a wait. It never shortens it: an endpoint may rely on the published schedule, and
/// lanes that failed together, or were told to come back together, drift apart all the same.
const MAX_JITTER: f64 = 0.1;

/// How long a batch waits that the outbox could not keep: Redis is away, and its link has a backoff of its own.
const NOT_KEPT_WAIT: Duration = Duration::from_millis(250);

/// How long a batch waits whose attempt was broken off for others, which get their turn first.
const INTERRUPTED_WAIT: Duration = Duration::from_millis(50);

/// How often a batch looks whether its application is known.
const UNKNOWN_RETRY: Duration = Duration::from_millis(500);

/// Why everything for an endpoint is given up that has answered 410.
pub(crate) const GONE: &str = "HTTP 410";

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The endpoint answered.
    Status {
        /// With this status.
        status: u16,
        /// Asking for this wait.
        retry_after: Option<Duration>,
    },
    /// There was an answer, but not the receiver's own, and why.
    Refused {
        /// What it was.
        reason: String,
        /// Asking for this wait.
        retry_after: Option<Duration>,
    },
    /// The batch is too large for the receiver, in these words.
    TooLarge {
        /// What it answered.
        reason: String,
    },
    /// There was no answer, and why.
    Failed(String),
    /// There was none yet when the attempt was broken off, for others to have their turn.
    Interrupted,
    /// Nothing was sent, for nobody could sign it.
    UnknownApplication,
    /// Nothing was sent, for the dead letter is there no more.
    Forgotten,
    /// Nothing was sent, for the outbox could not keep the batch.
    NotKept,
    /// Nothing was sent, for another node sends some of it.
    Fenced {
        /// What was read under these ownerships.
        tenures: Vec<u64>,
    },
}

/// What to do with the batch now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// The endpoint has it.
    Delivered {
        /// The status it answered with.
        status: u16,
    },
    /// Send it again.
    Retry {
        /// How long to wait.
        after: Duration,
    },
    /// It was not sent, or not for long enough; try again, without counting an attempt.
    Postpone {
        /// How long to wait.
        after: Duration,
    },
    /// Send it in halves, if it has any: it is too large.
    Halve {
        /// What the endpoint answered.
        reason: String,
    },
    /// Send it without the events that are another node's.
    Revoke {
        /// Those that were read under these ownerships.
        tenures: Vec<u64>,
    },
    /// Forget it: it is nobody's any more.
    Forget,
    /// Give it up.
    Drop {
        /// Why, for the operator.
        reason: String,
    },
    /// Give it up, and everything else for this endpoint: it asked for it (410 Gone).
    Gone,
}

impl Verdict {
    /// Why the batch is given up, if it is.
    pub(crate) fn failure(&self) -> Option<&str> {
        match self {
            Self::Drop { reason } => Some(reason),
            Self::Gone => Some(GONE),
            _ => None,
        }
    }
}

/// How patient an endpoint's deliveries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy<'a> {
    /// Attempts before a batch is given up.
    pub(crate) max_attempts: u32,
    /// How long after its first attempt a batch may still be tried.
    pub(crate) retry_for: Option<Duration>,
    /// The longest wait that the endpoint may ask for.
    pub(crate) retry_after_max: Duration,
    /// The waits that it does not ask for.
    pub(crate) backoff: &'a Backoff,
}

impl<'a> From<&'a Endpoint> for Policy<'a> {
    fn from(endpoint: &'a Endpoint) -> Self {
        Self {
            max_attempts: endpoint.max_attempts,
            retry_for: endpoint.retry_for,
            retry_after_max: endpoint.retry_after_max,
            backoff: &endpoint.backoff,
        }
    }
}

impl Policy<'_> {
    /// Judges the answer to attempt number `attempts` (the first is 1), `elapsed` after the first one began, or, where
    /// nothing was sent, after its oldest event came. `jitter` is a random number from 0 to 1.
    ///
    /// A batch is given up as soon as its next attempt would come too late: waiting for it would only keep the events
    /// behind it waiting too.
    pub(crate) fn judge(&self, answer: Answer, attempts: u32, elapsed: Duration, jitter: f64) -> Verdict {
        let (reason, retry_after) = match answer {
            Answer::Status { status: status @ 200..=299, .. } => return Verdict::Delivered { status },
            Answer::Status { status: 410, .. } => return Verdict::Gone,
            Answer::Status { status: status @ 413, .. } => return Verdict::Halve { reason: format!("HTTP {status}") },
            Answer::TooLarge { reason } => return Verdict::Halve { reason },
            Answer::NotKept => return Verdict::Postpone { after: NOT_KEPT_WAIT },
            Answer::Interrupted => return Verdict::Postpone { after: INTERRUPTED_WAIT },
            Answer::Fenced { tenures } => return Verdict::Revoke { tenures },
            Answer::Forgotten => return Verdict::Forget,
            Answer::UnknownApplication if elapsed < UNKNOWN_WAIT => {
                return Verdict::Postpone { after: UNKNOWN_RETRY };
            }
            Answer::UnknownApplication => return Verdict::Drop { reason: UNKNOWN_APPLICATION.to_owned() },
            Answer::Status { status, retry_after } => (format!("HTTP {status}"), retry_after),
            Answer::Refused { reason, retry_after } => (reason, retry_after),
            Answer::Failed(reason) => (reason, None),
        };
        let after = self.wait(attempts, retry_after, jitter);
        if attempts >= self.max_attempts || self.retry_for.is_some_and(|window| elapsed + after > window) {
            Verdict::Drop { reason }
        } else {
            Verdict::Retry { after }
        }
    }

    /// `min(60, 2^attempts)` seconds after `attempts` failed attempts, or those of the schedule, or what the endpoint asked
    /// for if that is longer, plus up to a tenth.
    fn wait(&self, attempts: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
        let backoff = match self.backoff {
            Backoff::Exponential => Duration::from_secs(2u64.saturating_pow(attempts).min(MAX_BACKOFF_SECONDS)),
            Backoff::Schedule(waits) => {
                let failures = usize::try_from(attempts).unwrap_or(usize::MAX);
                waits[failures.clamp(1, waits.len()) - 1]
            }
        };
        let asked = retry_after.unwrap_or_default().min(self.retry_after_max);
        backoff.max(asked).mul_f64(1.0 + MAX_JITTER * jitter.clamp(0.0, 1.0))
    }
}

/// The wait that a `Retry-After` header asks for (RFC 9110, section 10.2.3): a number of seconds, or a date. What is
/// neither asks for nothing, and a date in the past for no wait.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits without a number are more than it can hold.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const POLICY: Policy<'_> = Policy {
        max_attempts: 5,
        retry_for: None,
        retry_after_max: Duration::from_secs(300),
        backoff: &Backoff::Exponential,
    };

    fn status(status: u16) -> Answer {
        Answer::Status { status, retry_after: None }
    }

    fn asking(seconds: u64) -> Answer {
        Answer::Status { status: 429, retry_after: Some(Duration::from_secs(seconds)) }
    }

    fn wait(verdict: &Verdict) -> Duration {
        let Verdict::Retry { after } = verdict else { panic!("{verdict:?}") };
        *after
    }

    #[test]
    fn the_wait_doubles_from_two_seconds_up_to_a_minute() {
        let waits = [1, 2, 3, 4, 5, 6, 7, 1000].map(|attempts| POLICY.wait(attempts, None, 0.0).as_secs());
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn a_schedule_gives_the_waits_and_its_last_one_repeats() {
        let backoff = Backoff::Schedule([5, 1, 30].map(Duration::from_secs).into());
        let policy = Policy { backoff: &backoff, ..POLICY };
        let waits = [1, 2, 3, 4, u32::MAX].map(|attempts| policy.wait(attempts, None, 0.0).as_secs());
        assert_eq!(waits, [5, 1, 30, 30, 30]);
        assert_eq!(policy.wait(2, Some(20 * SECOND), 0.5).as_secs(), 21, "asked for by the endpoint, and jitter");
    }

    #[test]
    fn jitter_adds_at_most_a_tenth_and_never_shortens_the_wait() {
        assert_eq!(POLICY.wait(1, None, 1.0), Duration::from_millis(2200));
        assert_eq!(POLICY.wait(6, None, 1.0), Duration::from_secs(66));
        assert_eq!(POLICY.wait(1, None, -5.0), Duration::from_secs(2));
        assert_eq!(POLICY.wait(1, Some(100 * SECOND), 0.5), Duration::from_secs(105));
    }

    #[test]
    fn only_a_2xx_is_success() {
        for code in [200, 204, 299] {
            assert_eq!(POLICY.judge(status(code), 1, SECOND, 0.0), Verdict::Delivered { status: code });
        }
        for code in [199, 301, 304, 400, 429, 500] {
            assert!(matches!(POLICY.judge(status(code), 1, SECOND, 0.0), Verdict::Retry { .. }), "{code}");
        }
    }

    #[test]
    fn the_last_allowed_attempt_that_fails_drops_the_batch_with_its_reason() {
        assert_eq!(POLICY.judge(status(500), 5, SECOND, 0.0), Verdict::Drop { reason: "HTTP 500".to_owned() });
        let refused = Answer::Failed("connection refused".to_owned());
        assert_eq!(POLICY.judge(refused, 6, SECOND, 0.0), Verdict::Drop { reason: "connection refused".to_owned() });
    }

    #[test]
    fn a_batch_that_nobody_can_sign_waits_a_minute_for_its_application() {
        let early = POLICY.judge(Answer::UnknownApplication, 1, SECOND, 0.0);
        assert!(matches!(early, Verdict::Postpone { .. }));
        let late = POLICY.judge(Answer::UnknownApplication, 1, 60 * SECOND, 0.0);
        assert_eq!(late, Verdict::Drop { reason: "unknown application".to_owned() });
    }

    #[test]
    fn an_attempt_that_was_broken_off_is_made_again_however_many_there_were() {
        let broken_off = POLICY.judge(Answer::Interrupted, POLICY.max_attempts, 1_000 * SECOND, 0.0);
        assert_eq!(broken_off, Verdict::Postpone { after: INTERRUPTED_WAIT });
    }

    #[test]
    fn an_endpoint_that_is_gone_is_gone_at_its_first_word() {
        assert_eq!(POLICY.judge(status(410), 1, SECOND, 0.0), Verdict::Gone);
    }

    #[test]
    fn a_batch_that_is_too_large_is_not_sent_again_as_it_is() {
        let halve = Verdict::Halve { reason: "HTTP 413".to_owned() };
        assert_eq!(POLICY.judge(status(413), 1, SECOND, 0.0), halve);
        assert_eq!(POLICY.judge(Answer::TooLarge { reason: "HTTP 413".to_owned() }, 9, SECOND, 0.0), halve);
    }

    #[test]
    fn retry_after_delays_but_never_hurries_the_next_attempt() {
        for (asked, waited) in [(0, 2), (1, 2), (2, 2), (3, 3), (120, 120)] {
            assert_eq!(wait(&POLICY.judge(asking(asked), 1, SECOND, 0.0)).as_secs(), waited);
        }
    }

    #[test]
    fn no_endpoint_can_ask_for_more_than_the_cap() {
        assert_eq!(wait(&POLICY.judge(asking(u64::MAX), 1, SECOND, 0.0)).as_secs(), 300);
        let deaf = Policy { retry_after_max: Duration::ZERO, ..POLICY };
        assert_eq!(wait(&deaf.judge(asking(50), 1, SECOND, 0.0)).as_secs(), 2);
    }

    #[test]
    fn within_its_window_a_batch_is_tried_any_number_of_times() {
        let window = Policy { max_attempts: u32::MAX, retry_for: Some(300 * SECOND), ..POLICY };
        let (mut elapsed, mut attempts) = (Duration::ZERO, 1);
        while let Verdict::Retry { after } = window.judge(status(500), attempts, elapsed, 0.0) {
            elapsed += after;
            attempts += 1;
        }
        // 2 + 4 + 8 + 16 + 32 and then a minute each; one more would come after 302 seconds.
        assert_eq!((attempts, elapsed.as_secs()), (9, 242));
    }

    #[test]
    fn a_window_and_a_number_of_attempts_both_hold() {
        let both = Policy { max_attempts: 3, retry_for: Some(10 * SECOND), ..POLICY };
        assert!(matches!(both.judge(status(500), 3, SECOND, 0.0), Verdict::Drop { .. }));
        assert!(matches!(both.judge(status(500), 2, 6 * SECOND, 0.0), Verdict::Retry { .. }));
        assert!(matches!(both.judge(status(500), 2, 7 * SECOND, 0.0), Verdict::Drop { .. }));
        assert!(matches!(both.judge(asking(60), 1, SECOND, 0.0), Verdict::Drop { .. }), "asked to come too late");
    }

    #[test]
    fn retry_after_is_read_in_both_its_forms() {
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
}
