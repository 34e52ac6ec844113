//! What the PHP side is told: deliveries and drops become Laravel events, lines go to Laravel's log.

use crossbeam_queue::ArrayQueue;

/// Outcomes kept until the PHP side polls. Ticks stop when a server drains, so nobody may ever come for them.
const CAPACITY: usize = 8192;

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
    },
    /// An endpoint gets nothing more until the process starts anew.
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

/// A bounded lock-free queue of outcomes; the newest pushes out the oldest.
#[derive(Debug)]
pub struct Outcomes(ArrayQueue<Outcome>);

impl Default for Outcomes {
    fn default() -> Self {
        Self(ArrayQueue::new(CAPACITY))
    }
}

impl Outcomes {
    /// Adds an outcome. `true` when an older one was lost to make room.
    pub(super) fn push(&self, outcome: Outcome) -> bool {
        self.0.force_push(outcome).is_some()
    }

    /// Takes up to `max` outcomes, oldest first.
    #[must_use]
    pub fn take(&self, max: usize) -> Vec<Outcome> {
        std::iter::from_fn(|| self.0.pop()).take(max).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Telemetry;

    #[test]
    fn a_full_queue_gives_up_its_oldest_outcome_and_counts_it() {
        let telemetry = Telemetry::default();
        for n in 0..=CAPACITY {
            telemetry.log(Level::Info, n);
        }
        assert_eq!(telemetry.counters().outcomes_lost.get(), 1);
        let first = telemetry.outcomes().take(1);
        assert_eq!(first, [Outcome::Log { level: Level::Info, message: "1".to_owned() }]);
    }
}
