//! Outcomes for the PHP side, which dispatches them as Laravel events or writes them to Laravel's log.

use crossbeam_queue::ArrayQueue;
use parking_lot::Mutex;
use serde::Serialize;
use strum::Display;

use super::AnswerExcerpt;
use super::notices::{NoticeKind, Notices};

/// The maximum number of deliveries in the queue.
const DELIVERIES: usize = 8192;

/// The severity of a log line, named as in PSR-3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Level {
    /// Information only.
    Info,
    /// An operator should check it.
    Warning,
    /// Something failed.
    Error,
}

/// An outcome on a background thread. Its URLs have no userinfo, and no query unless stated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// An endpoint answered 2xx.
    Delivered {
        /// URL of the endpoint, with the query from the config.
        url: String,
        /// Status code.
        status: u16,
        /// Application.
        app_id: String,
        /// Number of attempts, including the successful one.
        attempts: u32,
        /// `webhook-id` of the POST.
        webhook_id: String,
        /// Id of the endpoint.
        endpoint: String,
        /// Number of events in the POST.
        events: u64,
    },
    /// A batch was dropped.
    Dropped {
        /// URL of the endpoint, with the query from the config.
        url: String,
        /// Application.
        app_id: String,
        /// Number of attempts.
        attempts: u32,
        /// Reason, such as `HTTP 500` or a connection error.
        reason: String,
        /// `webhook-id` of the POST; empty for an unreadable entry of the outbox.
        webhook_id: String,
        /// Id of the endpoint; empty for an unreadable entry.
        endpoint: String,
        /// Number of events in the batch.
        events: u64,
        /// Id of the dead letter, if one was written and its id is known.
        dead_letter: Option<String>,
    },
    /// An endpoint was disabled. It gets no more POSTs until it is resumed.
    EndpointDisabled {
        /// URL of the endpoint.
        url: String,
        /// Id of the endpoint.
        endpoint: String,
        /// Response that disabled it.
        reason: String,
    },
    /// Attempts to an endpoint have failed for some time, and its events wait.
    EndpointFailing {
        /// URL of the endpoint.
        url: String,
        /// Id of the endpoint.
        endpoint: String,
        /// Error of the last attempt.
        reason: String,
        /// The answer of the endpoint to it, if it is kept.
        answer: Option<AnswerExcerpt>,
        /// Time without a successful attempt, in seconds.
        seconds: u64,
    },
    /// A failing endpoint has recovered.
    EndpointRecovered {
        /// URL of the endpoint.
        url: String,
        /// Id of the endpoint.
        endpoint: String,
        /// Time for which it had failed, in seconds.
        seconds: u64,
    },
    /// A log line.
    Log {
        /// Severity.
        level: Level,
        /// The line. It contains no line break from external text.
        message: String,
    },
}

/// The outcomes that wait for the PHP side, in two bounded queues. A new delivery displaces only the oldest delivery.
#[derive(derive_more::Debug)]
#[debug("Outcomes")]
pub struct Outcomes {
    notices: Mutex<Notices>,
    deliveries: ArrayQueue<Outcome>,
}

impl Default for Outcomes {
    fn default() -> Self {
        Self { notices: Mutex::default(), deliveries: ArrayQueue::new(DELIVERIES) }
    }
}

impl Outcomes {
    /// Adds an outcome other than a log line. Returns `true` if an outcome was lost because the queue is full.
    pub(super) fn push(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Delivered { .. } => self.deliveries.force_push(outcome).is_some(),
            notice => !self.notices.lock().push(notice),
        }
    }

    /// Adds a log line. Returns `true` if it was lost because the queue is full.
    pub(super) fn log(&self, level: Level, kind: NoticeKind, message: impl FnOnce() -> String) -> bool {
        !self.notices.lock().log(level, kind, message)
    }

    /// Takes up to `max` outcomes: first the notices, then the deliveries, each oldest first.
    #[must_use]
    pub fn take(&self, max: usize) -> Vec<Outcome> {
        let next = || self.notices.lock().pop().or_else(|| self.deliveries.pop());
        std::iter::from_fn(next).take(max).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Telemetry;

    fn delivered(attempts: u32) -> Outcome {
        let [url, app_id, webhook_id, endpoint] = ["u", "a", "msg_1", "e"].map(str::to_owned);
        Outcome::Delivered { url, status: 200, app_id, attempts, webhook_id, endpoint, events: 1 }
    }

    #[test]
    fn a_flood_of_deliveries_displaces_only_deliveries() {
        let telemetry = Telemetry::default();
        telemetry.log_warning("a warning");
        let disabled =
            Outcome::EndpointDisabled { url: "u".to_owned(), endpoint: "e".to_owned(), reason: "HTTP 410".to_owned() };
        telemetry.report(disabled.clone());
        let flood = u32::try_from(DELIVERIES).unwrap() + 1;
        for n in 0..flood {
            telemetry.report(delivered(n));
        }
        assert_eq!(telemetry.counters.outcomes_lost.get(), 1);
        let warning = Outcome::Log { level: Level::Warning, message: "a warning".to_owned() };
        assert_eq!(telemetry.outcomes.take(3), [warning, disabled, delivered(1)]);
    }
}
