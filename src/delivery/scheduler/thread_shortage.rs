//! Handles a system that refuses more threads.
//!
//! ```text
//!  enough ── a thread is refused while attempts wait: log it, limit permits to the existing workers ──▶ short
//!     ▲                                                                                                 │
//!     └──────────────── enough workers could be started: restore all permits ◀── after RETRY ───────────┘
//! ```
//! The dispatcher starts an idle worker for each due endpoint, and one more, before it submits the first attempt. So at least
//! one worker is idle when the system refuses a thread. From then on there are as many permits as workers, and the permits
//! always leave one worker for endpoints that answer.

use std::io;
use std::time::{Duration, Instant};

use super::Dispatcher;
use crate::delivery::permits::MAX_WORKERS;

/// The pause before another thread is requested after a refusal.
const RETRY: Duration = Duration::from_secs(5);

/// A refusal within this time after the last one belongs to the same shortage and is not logged again.
const OVER_AFTER: Duration = Duration::from_secs(600);

/// The maximum number of endpoints that get a worker at the same time: three quarters of all workers, see
/// [`WorkerPermits`](crate::delivery::permits::WorkerPermits).
const ENDPOINTS: usize = MAX_WORKERS * 3 / 4;

/// The state of a thread shortage.
#[derive(Debug, Default)]
pub(crate) struct ThreadShortage {
    /// The time until which no thread is requested.
    pub(super) until: Option<Instant>,
    refused_at: Option<Instant>,
}

impl ThreadShortage {
    /// Postpones the next request, because no thread is needed now.
    fn postpone(&mut self, now: Instant) {
        self.until = self.until.map(|_| now + RETRY);
    }

    /// Records a refusal. Returns `true` if it begins a new shortage.
    fn begin(&mut self, now: Instant) -> bool {
        self.until = Some(now + RETRY);
        let last = self.refused_at.replace(now);
        last.is_none_or(|last| now.saturating_duration_since(last) >= OVER_AFTER)
    }
}

impl Dispatcher {
    /// Starts idle workers for the due attempts, as far as the system provides threads.
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
            self.scheduler.telemetry.log_warning(format_args!(
                    "Only {workers} threads send webhooks, so slow endpoints may delay each other. One thread stays free for \
                     endpoints that answer: {error}"
                ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Fixture;
    use super::*;
    use crate::delivery::permits::WorkerPermits;
    use crate::process::refuse_next;
    use crate::telemetry::Outcome;

    #[test]
    fn a_lasting_shortage_is_logged_once() {
        let (mut shortage, start) = (ThreadShortage::default(), Instant::now());
        assert!(shortage.begin(start));
        for seconds in 1..1_000 {
            assert!(!shortage.begin(start + Duration::from_secs(seconds)), "after {seconds} s");
        }
        assert!(shortage.begin(start + Duration::from_secs(1_000) + OVER_AFTER));
    }

    #[test]
    fn as_many_endpoints_get_a_worker_at_once_as_get_a_first_permit() {
        let mut permits = WorkerPermits::new(MAX_WORKERS, MAX_WORKERS);
        assert_eq!((0..MAX_WORKERS).filter(|endpoint| permits.try_acquire(*endpoint, true)).count(), ENDPOINTS);
    }

    #[test]
    fn a_shortage_lasts_longer_while_no_thread_is_needed() {
        let (mut shortage, now) = (ThreadShortage::default(), Instant::now());
        shortage.postpone(now);
        assert_eq!(shortage.until, None, "there is none");
        shortage.begin(now);
        assert_eq!(shortage.until, Some(now + RETRY));
        shortage.postpone(now + RETRY);
        assert_eq!(shortage.until, Some(now + 2 * RETRY));
    }

    /// Returns a dispatcher with two idle workers that needs four.
    fn dispatcher(fixture: &Fixture) -> Dispatcher {
        fixture.push("a");
        let dispatcher = fixture.dispatcher();
        assert_eq!((dispatcher.workers.idle(), dispatcher.workers.count()), (2, 2));
        dispatcher
    }

    #[test]
    fn each_due_endpoint_gets_an_idle_worker_and_one_more_is_ready() {
        let fixture = Fixture::new(3);
        let mut dispatcher = dispatcher(&fixture);
        dispatcher.add_workers(Instant::now());
        assert_eq!((dispatcher.workers.idle(), dispatcher.workers.count()), (4, 4));
    }

    #[test]
    fn a_refused_thread_limits_the_permits_to_the_workers_until_enough_can_be_started() {
        let fixture = Fixture::new(3);
        let mut dispatcher = dispatcher(&fixture);
        let now = Instant::now();
        refuse_next("wh-post");
        dispatcher.add_workers(now);
        let warnings = fixture.telemetry.outcomes.take(10);
        assert!(
            matches!(&warnings[..], [Outcome::Log { message, .. }] if message.starts_with("Only 2 threads")),
            "{warnings:?}"
        );
        dispatcher.add_workers(now + RETRY / 2);
        assert_eq!((dispatcher.workers.idle(), dispatcher.workers.count()), (2, 2));
        assert!(fixture.scheduler.lock().lanes().limited);
        dispatcher.add_workers(now + RETRY);
        assert_eq!((dispatcher.workers.idle(), dispatcher.workers.count()), (4, 4));
        assert!(!fixture.scheduler.lock().lanes().limited);
        assert_eq!(dispatcher.shortage.until, None);
    }

    #[test]
    fn a_shortage_does_not_end_while_no_worker_is_needed() {
        let fixture = Fixture::new(3);
        let mut dispatcher = fixture.dispatcher();
        let now = Instant::now();
        dispatcher.shortage.begin(now);
        dispatcher.add_workers(now + RETRY);
        assert_eq!((dispatcher.shortage.until, dispatcher.workers.count()), (Some(now + 2 * RETRY), 2));
    }
}
