//! How an endpoint is doing: what its attempts came to. Pure: time is an argument.

use std::time::{Duration, Instant};

use super::lanes::Ending;
use super::retry::Answer;
use crate::outbox::Queued;
use crate::status::Latency;

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
        let (status, error) = match answer {
            Answer::Status { status: status @ 200..=299, .. } => (Some(*status), None),
            Answer::Status { status, .. } => (Some(*status), Some(format!("HTTP {status}"))),
            Answer::Failed(reason) => (None, Some(reason.chars().take(LONGEST_ERROR).collect())),
            Answer::UnknownApplication | Answer::Forgotten | Answer::NotKept | Answer::Fenced => return,
        };
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
    fn what_was_not_sent_is_no_attempt() {
        let mut health = Health::default();
        for answer in [Answer::UnknownApplication, Answer::Forgotten, Answer::NotKept, Answer::Fenced] {
            health.attempted(&answer, SECOND, Instant::now());
        }
        assert_eq!((health.attempts, health.last), (0, None));
    }
}
