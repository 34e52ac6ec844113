//! The dispatcher's handling of a system that refuses further threads.
//!
//! ```text
//!  enough ── a thread is refused while attempts wait: logged, permits limited to the existing workers ──▶ short
//!     ▲                                                                                                   │
//!     └──────────────────── enough workers could be started: all permits are back ◀── after RETRY ────────┘
//! ```
//! The dispatcher starts an idle worker for each due endpoint, and one more, before it submits the first attempt. So at least
//! one worker is idle when the system refuses a thread. The permits, which are as many as the workers from then on, leave
//! one worker to endpoints that answer.

use std::io;
use std::time::{Duration, Instant};

use super::Dispatcher;
use crate::delivery::permits::MAX_WORKERS;
use crate::telemetry::Level;

/// The pause before another thread is requested after a refusal.
const RETRY: Duration = Duration::from_secs(5);

/// A shortage that returns within this time after the last refusal is the same one and is not logged again.
const OVER_AFTER: Duration = Duration::from_secs(600);

/// The most endpoints that get a worker at the same time, three quarters of all workers: see
/// [`WorkerPermits`](crate::delivery::permits::WorkerPermits).
const ENDPOINTS: usize = MAX_WORKERS * 3 / 4;

/// Records whether the system refuses threads.
#[derive(Debug, Default)]
pub(super) struct ThreadShortage {
    until: Option<Instant>,
    refused_at: Option<Instant>,
}

impl ThreadShortage {
    /// The time until which no thread is requested.
    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Postpones the next request: no thread is needed now.
    fn postpone(&mut self, now: Instant) {
        self.until = self.until.map(|_| now + RETRY);
    }

    /// Records a refusal. Returns whether it begins a new shortage.
    fn begin(&mut self, now: Instant) -> bool {
        self.until = Some(now + RETRY);
        let last = self.refused_at.replace(now);
        last.is_none_or(|last| now.saturating_duration_since(last) >= OVER_AFTER)
    }
}

impl Dispatcher {
    /// Starts idle workers for the attempts that are due, as far as the system provides threads.
    pub(super) fn add_workers(&mut self, now: Instant) {
        if self.shortage.until.is_some_and(|until| now < until) {
            return;
        }
        let due = self.scheduler.lock().due(now);
        if due == 0 {
            self.shortage.postpone(now);
            return;
        }
        while self.workers.idle() <= due.min(ENDPOINTS) && self.workers.count() < MAX_WORKERS {
            if let Err(error) = self.workers.add() {
                return self.limit_workers(&error, now);
            }
        }
        if self.shortage.until.take().is_some() {
            self.workers.keep_idle(false);
            self.scheduler.lock().lanes().limit_workers(None);
        }
    }

    fn limit_workers(&mut self, error: &io::Error, now: Instant) {
        self.workers.keep_idle(true);
        let workers = self.workers.count();
        self.scheduler.lock().lanes().limit_workers(Some(workers));
        if self.shortage.begin(now) {
            self.telemetry.log(
                Level::Warning,
                format_args!(
                    "Only {workers} threads send webhooks, so that slow endpoints delay each other; one is left to those that \
                     answer: {error}"
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_that_goes_on_is_said_once() {
        let (mut shortage, start) = (ThreadShortage::default(), Instant::now());
        assert!(shortage.begin(start));
        for seconds in 1..1_000 {
            assert!(!shortage.begin(start + Duration::from_secs(seconds)), "after {seconds} s");
        }
        assert!(shortage.begin(start + Duration::from_secs(1_000) + OVER_AFTER));
    }
}
