//! When a failed batch is sent again, and when it is given up. Pure: attempts and randomness are arguments.

use std::time::Duration;

/// The longest wait between two attempts, as in the package this one replaces.
const MAX_BACKOFF_SECONDS: u64 = 60;

/// How much jitter may lengthen a wait. It never shortens it: an endpoint may rely on the published schedule, and
/// lanes that failed together drift apart all the same.
const MAX_JITTER: f64 = 0.1;

/// How long a batch waits that the outbox could not keep: Redis is away, and its link has a backoff of its own.
const NOT_KEPT_WAIT: Duration = Duration::from_millis(250);

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The endpoint answered with this status.
    Status(u16),
    /// There was no answer, and why.
    Failed(String),
    /// Nothing was sent, for nobody could sign it.
    UnknownApplication,
    /// Nothing was sent, for the outbox could not keep the batch.
    NotKept,
    /// Nothing was sent, for another node sends it.
    Fenced,
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
    /// It was not sent; try again, without counting an attempt.
    Postpone {
        /// How long to wait.
        after: Duration,
    },
    /// Forget it: it is another node's.
    Abandon,
    /// Give it up.
    Drop {
        /// Why, for the operator.
        reason: String,
    },
}

/// Judges the answer to attempt number `attempts` (the first is 1). `jitter` is a random number from 0 to 1.
pub(crate) fn judge(answer: Answer, attempts: u32, max_attempts: u32, jitter: f64) -> Verdict {
    let reason = match answer {
        Answer::Status(status @ 200..=299) => return Verdict::Delivered { status },
        Answer::NotKept => return Verdict::Postpone { after: NOT_KEPT_WAIT },
        Answer::Fenced => return Verdict::Abandon,
        Answer::UnknownApplication => return Verdict::Drop { reason: "unknown application".to_owned() },
        Answer::Status(status) => format!("HTTP {status}"),
        Answer::Failed(reason) => reason,
    };
    if attempts >= max_attempts {
        Verdict::Drop { reason }
    } else {
        Verdict::Retry { after: backoff(attempts, jitter) }
    }
}

/// `min(60, 2^attempts)` seconds after `attempts` failed attempts, plus up to a tenth.
fn backoff(attempts: u32, jitter: f64) -> Duration {
    let seconds = 2u64.saturating_pow(attempts).min(MAX_BACKOFF_SECONDS);
    Duration::from_secs(seconds).mul_f64(1.0 + MAX_JITTER * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_two_seconds_up_to_a_minute() {
        let waits: Vec<u64> = [1, 2, 3, 4, 5, 6, 7, 1000].map(|attempts| backoff(attempts, 0.0).as_secs()).to_vec();
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn jitter_adds_at_most_a_tenth_and_never_shortens_the_wait() {
        assert_eq!(backoff(1, 1.0), Duration::from_millis(2200));
        assert_eq!(backoff(6, 1.0), Duration::from_secs(66));
        assert_eq!(backoff(1, -5.0), Duration::from_secs(2));
    }

    #[test]
    fn only_a_2xx_is_success() {
        for status in [200, 204, 299] {
            assert_eq!(judge(Answer::Status(status), 1, 5, 0.0), Verdict::Delivered { status });
        }
        for status in [199, 301, 304, 400, 410, 429, 500] {
            assert!(matches!(judge(Answer::Status(status), 1, 5, 0.0), Verdict::Retry { .. }), "{status}");
        }
    }

    #[test]
    fn the_last_allowed_attempt_that_fails_drops_the_batch_with_its_reason() {
        assert_eq!(judge(Answer::Status(500), 5, 5, 0.0), Verdict::Drop { reason: "HTTP 500".to_owned() });
        let refused = Answer::Failed("connection refused".to_owned());
        assert_eq!(judge(refused, 6, 5, 0.0), Verdict::Drop { reason: "connection refused".to_owned() });
    }

    #[test]
    fn a_batch_that_nobody_can_sign_is_not_tried_again() {
        let verdict = judge(Answer::UnknownApplication, 1, 5, 0.0);
        assert_eq!(verdict, Verdict::Drop { reason: "unknown application".to_owned() });
    }
}
