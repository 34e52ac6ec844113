//! What the PHP side is told: deliveries and drops become Laravel events, lines go to Laravel's log.

use std::fmt;

use crossbeam_queue::ArrayQueue;
use parking_lot::Mutex;

use super::notices::{NoticeKind, Notices};

/// Deliveries kept until the PHP side polls.
const DELIVERIES: usize = 8192;

/// The severity of a log line, named as in PSR-3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Worth a line.
    Info,
    /// Something to look at.
    Warning,
    /// Something that failed.
    Error,
}

impl Level {
    /// The PSR-3 name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that happened on a background thread. URLs in it carry no userinfo, and no query but where
/// that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// An endpoint answered 2xx.
    Delivered {
        /// Where, with the query that the config has.
        url: String,
        /// The status code.
        status: u16,
        /// Whose events.
        app_id: String,
        /// Attempts, the successful one included.
        attempts: u32,
        /// `webhook-id` of the POST.
        webhook_id: String,
        /// The endpoint's id.
        endpoint: String,
        /// Events in the POST.
        events: u64,
    },
    /// A batch was given up.
    Dropped {
        /// Where, with the query that the config has.
        url: String,
        /// Whose events.
        app_id: String,
        /// Attempts made.
        attempts: u32,
        /// `HTTP 500`, or what went wrong on the way.
        reason: String,
        /// `webhook-id` of the POST; empty for an entry of the outbox that could not be read.
        webhook_id: String,
        /// The endpoint's id; empty for such an entry.
        endpoint: String,
        /// Events in the batch.
        events: u64,
        /// The id of the dead letter, if one is kept and that is known.
        dead_letter: Option<String>,
    },
    /// An endpoint gets nothing more until it is resumed.
    EndpointDisabled {
        /// Where.
        url: String,
        /// Its id.
        endpoint: String,
        /// What it answered.
        reason: String,
    },
    /// A batch for an endpoint has failed for a while: its events wait.
    EndpointFailing {
        /// Where.
        url: String,
        /// Its id.
        endpoint: String,
        /// What was wrong with the last attempt.
        reason: String,
        /// For how long none has succeeded.
        seconds: u64,
    },
    /// It answers again.
    EndpointRecovered {
        /// Where.
        url: String,
        /// Its id.
        endpoint: String,
        /// For how long it had failed.
        seconds: u64,
    },
    /// A line for the log.
    Log {
        /// Its severity.
        level: Level,
        /// The line, without a line break of foreign origin.
        message: String,
    },
}

/// Outcomes that wait for the PHP side, in two bounded queues: a delivery pushes out the oldest delivery, and nothing else.
pub struct Outcomes {
    notices: Mutex<Notices>,
    deliveries: ArrayQueue<Outcome>,
}

/// Without what waits: the URLs in it are whole.
impl fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes").finish_non_exhaustive()
    }
}

impl Default for Outcomes {
    fn default() -> Self {
        Self { notices: Mutex::default(), deliveries: ArrayQueue::new(DELIVERIES) }
    }
}

impl Outcomes {
    /// Adds an outcome that is not a log line. `true` when one was lost for want of room.
    pub(super) fn push(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Delivered { .. } => self.deliveries.force_push(outcome).is_some(),
            notice => !self.notices.lock().push(notice),
        }
    }

    /// Adds a log line. `true` when it was lost for want of room.
    pub(super) fn log(&self, level: Level, kind: NoticeKind, message: impl FnOnce() -> String) -> bool {
        !self.notices.lock().log(level, kind, message)
    }

    /// Takes up to `max` outcomes: deliveries, oldest first, after everything else, oldest first.
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
    fn a_flood_of_deliveries_pushes_out_deliveries_and_nothing_else() {
        let telemetry = Telemetry::default();
        telemetry.log(Level::Warning, "a warning");
        let disabled =
            Outcome::EndpointDisabled { url: "u".to_owned(), endpoint: "e".to_owned(), reason: "HTTP 410".to_owned() };
        telemetry.report(disabled.clone());
        let flood = u32::try_from(DELIVERIES).unwrap() + 1;
        for n in 0..flood {
            telemetry.report(delivered(n));
        }
        assert_eq!(telemetry.counters().outcomes_lost.get(), 1);
        let warning = Outcome::Log { level: Level::Warning, message: "a warning".to_owned() };
        assert_eq!(telemetry.outcomes().take(3), [warning, disabled, delivered(1)]);
    }
}
