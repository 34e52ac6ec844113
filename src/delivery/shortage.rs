//! A system that gives no more threads, and how the dispatcher does with those it has.
//!
//! ```text
//!  enough ───── one more is refused while attempts wait: said, slots for the workers that there are ────▶ short
//!     ▲                                                                                                    │
//!     └────────────────────── enough are started for what waits: every slot there is ◀── after RETRY ──────┘
//! ```
//! There is an idle worker for each endpoint whose turn has come, and one more, before the first of them gets one. So when the
//! system refuses a thread, at least one worker is idle, and the slots, which are as many as the workers from then on, leave
//! one to endpoints that answer.

use std::io;
use std::time::{Duration, Instant};

use super::dispatcher::Dispatcher;
use super::slots::MAX_WORKERS;
use crate::telemetry::Level;

/// The wait before another thread is asked for after one was refused.
const RETRY: Duration = Duration::from_secs(5);

/// A shortage that comes back sooner than this after the last refusal is the same one: it is not said again.
const OVER_AFTER: Duration = Duration::from_secs(600);

/// The endpoints that get a worker at the same time at most, three quarters of all workers: see [`Slots`](super::slots::Slots).
const ENDPOINTS: usize = MAX_WORKERS * 3 / 4;

/// Whether the system gives threads.
#[derive(Debug, Default)]
pub(crate) struct Shortage {
    until: Option<Instant>,
    refused_at: Option<Instant>,
}

impl Shortage {
    /// Until when no thread is asked for.
    pub(crate) const fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Nothing needs a thread now.
    fn put_off(&mut self, now: Instant) {
        self.until = self.until.map(|_| now + RETRY);
    }

    /// A thread was refused. Whether this is a new shortage.
    fn begin(&mut self, now: Instant) -> bool {
        self.until = Some(now + RETRY);
        let last = self.refused_at.replace(now);
        last.is_none_or(|last| now.saturating_duration_since(last) >= OVER_AFTER)
    }
}

impl Dispatcher {
    /// Sees to it that there are idle workers for what is due, as far as the system gives threads.
    pub(super) fn make_room(&mut self, now: Instant) {
        if self.shortage.until.is_some_and(|until| now < until) {
            return;
        }
        let due = self.desk.open().due(now);
        if due == 0 {
            // Whether there are threads again shows when one is needed.
            self.shortage.put_off(now);
            return;
        }
        while self.workers.idle() <= due.min(ENDPOINTS) && self.workers.count() < MAX_WORKERS {
            if let Err(error) = self.workers.add() {
                return self.run_short(&error, now);
            }
        }
        if self.shortage.until.take().is_some() {
            self.workers.keep_idle(false);
            self.desk.open().lanes().limit_workers(None);
        }
    }

    fn run_short(&mut self, error: &io::Error, now: Instant) {
        self.workers.keep_idle(true);
        let workers = self.workers.count();
        self.desk.open().lanes().limit_workers(Some(workers));
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
        let (mut shortage, start) = (Shortage::default(), Instant::now());
        assert!(shortage.begin(start));
        for seconds in 1..1_000 {
            assert!(!shortage.begin(start + Duration::from_secs(seconds)), "after {seconds} s");
        }
        assert!(shortage.begin(start + Duration::from_secs(1_000) + OVER_AFTER));
    }
}
