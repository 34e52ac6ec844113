//! The health of an endpoint, derived from the results of its attempts. Pure: time is an argument.

use std::time::{Duration, Instant};

use super::attempt::EndedAttempt;
use crate::outbox::BatchOutcome;
use crate::report::{FAILURES, Latency};
use crate::telemetry::{AnswerExcerpt, Cause};

/// An endpoint is failing after this many failed attempts of one batch. With the default backoff that is about 6 s after the
/// first attempt, so a restart of the receiver is not reported.
const FAILED_OFTEN: u32 = 3;

/// An endpoint with slow attempts is failing after one batch has failed for this long.
const FAILED_LONG: Duration = Duration::from_secs(30);

/// The health of one endpoint since the process began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// Attempts that were sent.
    pub(crate) attempts: u64,
    /// Batches delivered.
    pub(crate) deliveries: u64,
    pub(crate) events_delivered: u64,
    /// Batches dropped.
    pub(crate) drops: u64,
    /// Events dropped, in a batch or before they were in one.
    pub(crate) events_dropped: u64,
    /// Failed attempts, in the order of [`FAILURES`].
    pub(crate) failures: [u64; FAILURES.len()],
    pub(crate) last: Option<LastAttempt>,
    pub(crate) last_success: Option<Instant>,
    pub(crate) last_failure: Option<Instant>,
    /// The first failure since the last success.
    pub(crate) failing_since: Option<Instant>,
    pub(crate) consecutive_failures: u64,
    /// The time at which a 410 disabled the endpoint.
    pub(crate) disabled_since: Option<Instant>,
    pub(crate) latency: Latency,
    /// The value of `failing_since` that was last reported.
    reported_since: Option<Instant>,
    reported_too_large: bool,
}

/// A change in the health of an endpoint, to be reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HealthTransition {
    /// A batch failed [`FAILED_OFTEN`] times or for [`FAILED_LONG`], or was dropped: the error of the last attempt, what
    /// the endpoint answered to it, if that is kept, and the time since the first failure.
    Failing { reason: String, answer: Option<AnswerExcerpt>, after: Duration },
    /// An attempt succeeded, this long after the first failure.
    Recovered { after: Duration },
    /// A batch of so many events was too large. Reported only once.
    TooLarge { events: usize },
    /// The endpoint answered 410, so nothing more is sent to it.
    Disabled,
    /// The retry of a dead letter failed with this error, so the rest of that retry is not sent.
    RetryEnded { reason: String },
}

/// The result of the last attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastAttempt {
    /// The time at which it ended.
    pub(crate) at: Instant,
    /// The HTTP status, if the endpoint answered.
    pub(crate) status: Option<u16>,
    /// The error, if it failed.
    pub(crate) error: Option<String>,
    /// The answer of the endpoint, if the attempt failed and the answer is kept.
    pub(crate) answer: Option<AnswerExcerpt>,
}

impl Health {
    /// Records an attempt. Ignores it if nothing was sent.
    pub(crate) fn record_attempt(&mut self, ended: &EndedAttempt, now: Instant) {
        let Some((status, error)) = ended.result.status_and_error() else { return };
        self.attempts += 1;
        self.latency.add(ended.took);
        if let Some(error) = &error {
            let cause = Cause::of(error);
            self.failures.iter_mut().zip(FAILURES).filter(|(_, of)| *of == cause).for_each(|(failed, _)| *failed += 1);
            self.consecutive_failures += 1;
            self.failing_since.get_or_insert(now);
            self.last_failure = Some(now);
        } else {
            self.consecutive_failures = 0;
            self.failing_since = None;
            self.last_success = Some(now);
        }
        self.last = Some(LastAttempt { at: now, status, error, answer: ended.answer.clone() });
    }

    /// Returns the change to report after an attempt, if any. `attempts` is the number of the attempt within its batch,
    /// `elapsed` is the time since the first one began, and `given_up` is `true` if there will be no further one.
    pub(crate) fn transition(
        &mut self,
        attempts: u32,
        elapsed: Duration,
        given_up: bool,
        now: Instant,
    ) -> Option<HealthTransition> {
        let Some(since) = self.failing_since else {
            let since = self.reported_since.take()?;
            return Some(HealthTransition::Recovered { after: now.saturating_duration_since(since) });
        };
        let is_lasting = given_up || attempts >= FAILED_OFTEN || elapsed >= FAILED_LONG;
        if self.reported_since.is_some() || !is_lasting {
            return None;
        }
        self.reported_since = Some(since);
        let (reason, answer) = self.last.clone().map(|last| (last.error, last.answer)).unwrap_or_default();
        Some(HealthTransition::Failing {
            reason: reason.unwrap_or_default(),
            answer,
            after: now.saturating_duration_since(since),
        })
    }

    /// Records that a batch of `events` was too large. Returns a change only the first time.
    pub(crate) fn too_large(&mut self, events: usize) -> Option<HealthTransition> {
        (!std::mem::replace(&mut self.reported_too_large, true)).then_some(HealthTransition::TooLarge { events })
    }

    /// Records the outcome of a batch of `events`.
    pub(crate) fn record_outcome(&mut self, outcome: &BatchOutcome, events: usize) {
        let events = events as u64;
        match outcome {
            BatchOutcome::Delivered { .. } => {
                self.deliveries += 1;
                self.events_delivered += events;
            }
            BatchOutcome::Dropped { .. } => {
                self.drops += 1;
                self.events_dropped += events;
            }
            BatchOutcome::Forgotten => {}
        }
    }

    /// Records events that were dropped before they were in a batch.
    pub(crate) fn record_drop(&mut self, events: usize) {
        self.events_dropped += events as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::EndpointId;
    use crate::delivery::attempt::AttemptResult;
    use crate::event::{Event, EventKind, Shard};
    use crate::outbox::{DeadLetterId, Item, LaneId, Position, Queued, Redelivery, count_events};

    const SECOND: Duration = Duration::from_secs(1);

    fn status(status: u16) -> EndedAttempt {
        AttemptResult::Status { status, retry_after: None }.into()
    }

    #[test]
    fn an_endpoint_fails_from_its_first_failure_to_its_next_success() {
        let (mut health, began) = (Health::default(), Instant::now());
        health.record_attempt(&status(200), began);
        assert_eq!(health.failing_since, None);
        health.record_attempt(&status(500), began + SECOND);
        health.record_attempt(&AttemptResult::Failed("connection refused".to_owned()).into(), began + 2 * SECOND);
        assert_eq!((health.failing_since, health.consecutive_failures), (Some(began + SECOND), 2));
        let last = health.last.clone().unwrap();
        assert_eq!((last.status, last.error.as_deref()), (None, Some("connection refused")));
        health.record_attempt(&status(204), began + 3 * SECOND);
        assert_eq!((health.failing_since, health.consecutive_failures, health.attempts), (None, 0, 4));
        assert_eq!(health.last_failure, Some(began + 2 * SECOND));
    }

    #[test]
    fn only_a_lasting_failure_is_reported_and_a_recovery_only_after_such_a_report() {
        let (mut health, began) = (Health::default(), Instant::now());
        let mut attempt = |code: u16, attempts: u32, second: u32, given_up: bool| {
            let now = began + second * SECOND;
            health.record_attempt(&status(code), now);
            health.transition(attempts, second * SECOND, given_up, now)
        };
        let failing = |after: u32| {
            let reason = "HTTP 500".to_owned();
            Some(HealthTransition::Failing { reason, answer: None, after: after * SECOND })
        };
        assert_eq!(attempt(500, 1, 0, false), None, "a single failure may be brief");
        assert_eq!(attempt(500, 2, 2, false), None);
        assert_eq!(attempt(200, 3, 6, false), None, "the failure was not reported");
        assert_eq!(attempt(500, 2, 7, false), None);
        assert_eq!(attempt(500, 3, 10, false), failing(3));
        assert_eq!(attempt(500, 4, 20, false), None, "the failure was reported already");
        assert_eq!(attempt(200, 5, 37, false), Some(HealthTransition::Recovered { after: 30 * SECOND }));
        assert_eq!(attempt(200, 1, 38, false), None);
        assert_eq!(attempt(500, 2, 40, false), failing(0), "it has failed for FAILED_LONG");
        assert_eq!(attempt(200, 3, 41, false), Some(HealthTransition::Recovered { after: SECOND }));
        assert_eq!(attempt(500, 1, 2, true), failing(0), "there is no further attempt");
    }

    #[test]
    fn an_unsent_attempt_does_not_count() {
        let mut health = Health::default();
        let fenced = AttemptResult::Fenced { tokens: vec![1] };
        for result in [
            AttemptResult::Interrupted,
            AttemptResult::UnknownApplication,
            AttemptResult::Forgotten,
            AttemptResult::NotPersisted,
            fenced,
        ] {
            health.record_attempt(&result.into(), Instant::now());
        }
        assert_eq!((health.attempts, health.last), (0, None));
    }

    #[test]
    fn failed_attempts_are_counted_by_their_cause() {
        let (mut health, now) = (Health::default(), Instant::now());
        for code in [200, 404, 429, 500, 301] {
            health.record_attempt(&status(code), now);
        }
        health.record_attempt(&AttemptResult::Failed("connection refused".to_owned()).into(), now);
        assert_eq!(health.failures, [2, 1, 1, 1]);
    }

    #[test]
    fn a_batch_that_is_too_large_is_reported_once() {
        let mut health = Health::default();
        assert_eq!(health.too_large(7), Some(HealthTransition::TooLarge { events: 7 }));
        assert_eq!(health.too_large(5), None);
    }

    fn queued(item: Item) -> Arc<Queued> {
        let position = Position { shard: Shard::FIRST, partition: 0, token: 0, seq: 0 };
        Arc::new(Queued::new(item, position, Instant::now()))
    }

    /// Returns an event, and a dead letter of three events.
    fn four_events() -> [Arc<Queued>; 2] {
        let event = Event { app: "app".into(), channel: "c".into(), time_ms: 1, kind: EventKind::ChannelOccupied };
        let lane = LaneId { endpoint: EndpointId::new("0"), app: "app".into(), shard: Shard::FIRST };
        let dead_letter = DeadLetterId::parse("1-1").unwrap();
        let redelivery =
            Redelivery { lane, dead_letter, id: "msg_1".to_owned(), events: 3, attempts: 5, run: "run".into() };
        [queued(Item::Event(event)), queued(Item::Redelivery(Box::new(redelivery)))]
    }

    #[test]
    fn a_finished_batch_counts_with_all_its_events() {
        let (mut health, events) = (Health::default(), four_events());
        for outcome in
            [BatchOutcome::Delivered { status: 200 }, BatchOutcome::dropped("HTTP 500"), BatchOutcome::Forgotten]
        {
            health.record_outcome(&outcome, count_events(&events));
        }
        health.record_outcome(&BatchOutcome::Delivered { status: 204 }, count_events(&events[..1]));
        assert_eq!((health.deliveries, health.events_delivered), (2, 5));
        assert_eq!((health.drops, health.events_dropped), (1, 4));
    }

    #[test]
    fn events_that_are_dropped_before_they_are_in_a_batch_count_without_one() {
        let mut health = Health::default();
        health.record_drop(count_events(&four_events()));
        health.record_drop(count_events(&four_events()[..1]));
        assert_eq!((health.drops, health.events_dropped), (0, 5));
    }
}
