//! What is said about events that were given up.

use std::sync::Arc;

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
    /// Counts it, logs it, and has a `WebhookDropped` fired.
    pub fn publish(self) {
        let Self { telemetry, url: _, configured_url, endpoint, app_id, events, attempts, reason } = self;
        telemetry.dropped(events as u64, Cause::of(&reason));
        let line = if attempts > 0 {
            telemetry.counters().batches_dropped.add(1);
            format!("Webhook dropped after {attempts} attempts ({reason}): {endpoint}")
        } else {
            format!("{events} webhook events given up ({reason}): {endpoint}")
        };
        telemetry.report(Outcome::Dropped { url: configured_url, app_id, attempts, reason });
        telemetry.log_about(&endpoint, Level::Warning, line);
    }
}
