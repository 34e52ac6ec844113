//! How an endpoint is doing: what its attempts came to. Pure: time is an argument.

use std::time::{Duration, Instant};

use super::lanes::Ending;
use super::retry::Answer;
use crate::outbox::Queued;
use crate::report::Latency;

/// A batch that has failed so often makes its endpoint a failing one: with the usual backoff, some six seconds after the
/// first attempt. What a restart of the receiver breaks off is not worth a message.
const FAILED_OFTEN: u32 = 3;

/// So does one that has failed for so long, if its attempts take their time.
const FAILED_LONG: Duration = Duration::from_secs(30);

/// The longest text about a failure that is kept.
const LONGEST_ERROR: usize = 200;

/// What is known of one endpoint since the process began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// POSTs that were answered, or that nobody answered.
    pub(crate) attempts: u64,
    /// Batches that were delivered.
    pub(crate) deliveries: u64,
    /// Events in them.
    pub(crate) events_delivered: u64,
    /// Batches that were given up.
    pub(crate) drops: u64,
    /// Events in them, or given up before they were in one.
    pub(crate) events_dropped: u64,
    /// What the last attempt came to.
    pub(crate) last: Option<Attempt>,
    /// When one last succeeded.
    pub(crate) last_success: Option<Instant>,
    /// When one last failed.
    pub(crate) last_failure: Option<Instant>,
    /// Since when none has succeeded, if the last one failed.
    pub(crate) failing_since: Option<Instant>,
    /// Failures since then.
    pub(crate) consecutive_failures: u64,
    /// When it answered 410.
    pub(crate) disabled_since: Option<Instant>,
    /// How long attempts took.
    pub(crate) latency: Latency,
    /// Since when it fails, if that was told.
    told: Option<Instant>,
    /// A `TooLarge` was reported.
    reported_too_large: bool,
}

/// A change in an endpoint's health that is worth a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A batch has failed often enough, or for long enough, or was given up.
    Failing {
        /// What was wrong with the last attempt.
        reason: String,
        /// For how long none has succeeded.
        after: Duration,
    },
    /// An attempt has succeeded.
    Recovered {
        /// How long none had.
        after: Duration,
    },
    /// A batch was too large, for the first time.
    TooLarge {
        /// Its events.
        events: usize,
    },
    /// A dead letter could not be delivered that was sent again, and the rest of that retry is not sent.
    RetryEnded {
        /// Why not.
        reason: String,
    },
}

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// When it ended.
    pub(crate) at: Instant,
    /// The status, if it was answered.
    pub(crate) status: Option<u16>,
    /// What was wrong, in words.
    pub(crate) error: Option<String>,
}

impl Health {
    /// An attempt ended after `took`, and did or did not deliver its batch. What was not sent is none.
    pub(crate) fn attempted(&mut self, answer: &Answer, took: Duration, now: Instant) {
        let Some((status, error)) = outcome(answer) else { return };
        self.attempts += 1;
        self.latency.add(took);
        if error.is_some() {
            self.consecutive_failures += 1;
            self.failing_since.get_or_insert(now);
            self.last_failure = Some(now);
        } else {
            self.consecutive_failures = 0;
            self.failing_since = None;
            self.last_success = Some(now);
        }
        self.last = Some(Attempt { at: now, status, error });
    }

    /// What is to be told after an attempt, which was number `attempts` of its batch and ended `elapsed` after the first one
    /// began; `given_up`, if it was the last one.
    pub(crate) fn news(&mut self, attempts: u32, elapsed: Duration, given_up: bool, now: Instant) -> Option<News> {
        let Some(since) = self.failing_since else {
            let since = self.told.take()?;
            return Some(News::Recovered { after: now.saturating_duration_since(since) });
        };
        let lasting = given_up || attempts >= FAILED_OFTEN || elapsed >= FAILED_LONG;
        if self.told.is_some() || !lasting {
            return None;
        }
        self.told = Some(since);
        let reason = self.last.as_ref().and_then(|last| last.error.clone()).unwrap_or_default();
        Some(News::Failing { reason, after: now.saturating_duration_since(since) })
    }

    /// A batch of so many events is too large. Reported once.
    pub(crate) fn too_large(&mut self, events: usize) -> Option<News> {
        (!std::mem::replace(&mut self.reported_too_large, true)).then_some(News::TooLarge { events })
    }

    /// A batch of `events` came to its end.
    pub(crate) fn ended<'a>(&mut self, ending: &Ending, events: impl Iterator<Item = &'a Queued>) {
        let events = count(events);
        match ending {
            Ending::Delivered { .. } => {
                self.deliveries += 1;
                self.events_delivered += events;
            }
            Ending::Dropped { .. } => {
                self.drops += 1;
                self.events_dropped += events;
            }
            Ending::Forgotten => {}
        }
    }

    /// Events were given up that were in no batch.
    pub(crate) fn gave_up<'a>(&mut self, events: impl Iterator<Item = &'a Queued>) {
        self.events_dropped += count(events);
    }
}

/// The status of an attempt and what was wrong with it, each if there was one. `None` for what was not sent.
pub(crate) fn outcome(answer: &Answer) -> Option<(Option<u16>, Option<String>)> {
    match answer {
        Answer::Status { status: status @ 200..=299, .. } => Some((Some(*status), None)),
        Answer::Status { status, .. } => Some((Some(*status), Some(format!("HTTP {status}")))),
        Answer::Refused { reason, .. } | Answer::TooLarge { reason } | Answer::Failed(reason) => {
            Some((None, Some(reason.chars().take(LONGEST_ERROR).collect())))
        }
        Answer::Interrupted
        | Answer::UnknownApplication
        | Answer::Forgotten
        | Answer::NotKept
        | Answer::Fenced { .. } => None,
    }
}

/// For how many events these stand.
fn count<'a>(events: impl Iterator<Item = &'a Queued>) -> u64 {
    events.map(|queued| queued.item.events() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn status(status: u16) -> Answer {
        Answer::Status { status, retry_after: None }
    }

    #[test]
    fn an_endpoint_fails_since_its_first_failure_and_until_its_next_success() {
        let (mut health, began) = (Health::default(), Instant::now());
        health.attempted(&status(200), SECOND, began);
        assert_eq!(health.failing_since, None);
        health.attempted(&status(500), SECOND, began + SECOND);
        health.attempted(&Answer::Failed("connection refused".to_owned()), SECOND, began + 2 * SECOND);
        assert_eq!((health.failing_since, health.consecutive_failures), (Some(began + SECOND), 2));
        let last = health.last.clone().unwrap();
        assert_eq!((last.status, last.error.as_deref()), (None, Some("connection refused")));
        health.attempted(&status(204), SECOND, began + 3 * SECOND);
        assert_eq!((health.failing_since, health.consecutive_failures, health.attempts), (None, 0, 4));
        assert_eq!(health.last_failure, Some(began + 2 * SECOND));
    }

    #[test]
    fn a_failure_is_told_when_it_lasts_and_its_end_when_it_was_told() {
        let (mut health, began) = (Health::default(), Instant::now());
        let mut attempt = |code: u16, attempts: u32, second: u32, given_up: bool| {
            let now = began + second * SECOND;
            health.attempted(&status(code), SECOND, now);
            health.news(attempts, second * SECOND, given_up, now)
        };
        let failing = |after: u32| Some(News::Failing { reason: "HTTP 500".to_owned(), after: after * SECOND });
        assert_eq!(attempt(500, 1, 0, false), None, "this may mend itself");
        assert_eq!(attempt(500, 2, 2, false), None);
        assert_eq!(attempt(200, 3, 6, false), None, "nobody has heard of it");
        assert_eq!(attempt(500, 2, 7, false), None);
        assert_eq!(attempt(500, 3, 10, false), failing(3));
        assert_eq!(attempt(500, 4, 20, false), None, "it was told");
        assert_eq!(attempt(200, 5, 37, false), Some(News::Recovered { after: 30 * SECOND }));
        assert_eq!(attempt(200, 1, 38, false), None);
        assert_eq!(attempt(500, 2, 40, false), failing(0), "it has been tried for long");
        assert_eq!(attempt(200, 3, 41, false), Some(News::Recovered { after: SECOND }));
        assert_eq!(attempt(500, 1, 2, true), failing(0), "there is no further attempt");
    }

    #[test]
    fn what_was_not_sent_is_no_attempt() {
        let mut health = Health::default();
        let fenced = Answer::Fenced { tenures: vec![1] };
        for answer in [Answer::Interrupted, Answer::UnknownApplication, Answer::Forgotten, Answer::NotKept, fenced] {
            health.attempted(&answer, SECOND, Instant::now());
        }
        assert_eq!((health.attempts, health.last), (0, None));
    }
}
