//! What is said about events that were given up.

use std::sync::Arc;

use super::DeadLetterId;
use crate::telemetry::{Cause, Level, Outcome, Telemetry};

/// Events that were given up, to be told and counted exactly once: not by a node whose partitions another one has taken,
/// which sends them again.
#[derive(Clone, Debug)]
#[must_use = "a drop that is not published is silent"]
pub struct DropReport {
    pub(crate) telemetry: Arc<Telemetry>,
    /// Where they were to go, without userinfo and query.
    pub(crate) url: String,
    /// The same with the query, for listeners only.
    pub(crate) configured_url: String,
    /// The endpoint, as it is called in the log.
    pub(crate) endpoint: String,
    /// The id of the endpoint; empty for an entry that could not be read.
    pub(crate) endpoint_id: String,
    /// The id of their batch; empty for such an entry.
    pub(crate) webhook_id: String,
    /// The dead letter that they are kept as, if they are and that is known.
    pub(crate) dead_letter: Option<DeadLetterId>,
    /// Whose they were.
    pub(crate) app_id: String,
    /// How many.
    pub(crate) events: usize,
    /// Attempts made; none when they were never in a batch.
    pub(crate) attempts: u32,
    /// `HTTP 500`, `outbox full`, or what went wrong on the way.
    pub(crate) reason: String,
}

impl DropReport {
    /// The same, kept as this dead letter if there is one.
    pub(crate) fn kept_as(self, letter: Option<DeadLetterId>) -> Self {
        Self { dead_letter: letter.or(self.dead_letter), ..self }
    }

    /// Counts it, logs it, and has a `WebhookDropped` fired.
    pub fn publish(self) {
        let Self { telemetry, configured_url, endpoint, app_id, events, attempts, reason, .. } = self;
        telemetry.dropped(events as u64, Cause::of(&reason));
        let line = if attempts > 0 {
            telemetry.counters().batches_dropped.add(1);
            format!("Webhook dropped after {attempts} attempts ({reason}): {endpoint}")
        } else {
            format!("{events} webhook events given up ({reason}): {endpoint}")
        };
        telemetry.report(Outcome::Dropped {
            url: configured_url,
            app_id,
            attempts,
            reason,
            webhook_id: self.webhook_id,
            endpoint: self.endpoint_id,
            events: events as u64,
            dead_letter: self.dead_letter.map(|letter| letter.to_string()),
        });
        telemetry.log_about(&endpoint, Level::Warning, line);
    }
}
