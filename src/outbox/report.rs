//! Reports of dropped events.

use super::DeadLetterId;
use crate::telemetry::{AnswerExcerpt, Cause, Level, Outcome, Telemetry};

/// Dropped events, to be logged and counted exactly once. A node whose partitions another node has taken does not
/// report them: the other node sends them again.
#[derive(Clone, Debug, Default)]
#[must_use = "a drop that is not published is silent"]
pub struct DropReport {
    /// The endpoint's URL, without userinfo and query.
    pub(crate) url: String,
    /// The endpoint's URL with its query, only for listeners.
    pub(crate) configured_url: String,
    /// The endpoint's name in the log.
    pub(crate) endpoint: String,
    /// The id of the endpoint; empty for an unreadable entry.
    pub(crate) endpoint_id: String,
    /// The id of the batch; empty for an unreadable entry.
    pub(crate) webhook_id: String,
    /// The dead letter of the events, if there is one and its id is known.
    pub(crate) dead_letter: Option<DeadLetterId>,
    /// The application of the events.
    pub(crate) app_id: String,
    /// Number of events.
    pub(crate) events: usize,
    /// Attempts made; 0 if the events were never in a batch.
    pub(crate) attempts: u32,
    /// `HTTP 500`, `outbox full`, or a description of the error.
    pub(crate) reason: String,
    /// The answer of the endpoint to the last attempt, if it is kept.
    pub(crate) answer: Option<AnswerExcerpt>,
}

impl DropReport {
    /// Sets the dead letter, if there is one.
    pub(crate) fn with_dead_letter(self, dead_letter: Option<DeadLetterId>) -> Self {
        Self { dead_letter: dead_letter.or(self.dead_letter), ..self }
    }

    /// Counts the drop, logs it, and queues a `WebhookDropped` event.
    pub fn publish(self, telemetry: &Telemetry) {
        let Self { configured_url, endpoint, app_id, events, attempts, reason, .. } = self;
        telemetry.dropped(events as u64, Cause::of(&reason));
        let line = if attempts > 0 {
            telemetry.counters.batches_dropped.add(1);
            format!("Webhook dropped after {attempts} attempts ({reason}): {endpoint}")
        } else {
            format!("{events} webhook events dropped ({reason}): {endpoint}")
        };
        telemetry.report(Outcome::Dropped {
            url: configured_url,
            app_id,
            attempts,
            reason,
            webhook_id: self.webhook_id,
            endpoint: self.endpoint_id,
            events: events as u64,
            dead_letter: self.dead_letter.map(|dead_letter| dead_letter.to_string()),
        });
        telemetry.log_about(&endpoint, Level::Warning, line);
    }
}
