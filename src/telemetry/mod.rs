//! What the threads tell the outside: counters for monitoring, outcomes for the PHP side.

mod cause;
mod counters;
mod notices;
mod outcome;
mod paced;
mod redis_fault;
mod watch;

use std::fmt::Display;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

pub use cause::Cause;
pub(crate) use cause::{NO_EVENT, NO_PLACE, OUTBOX_FULL, UNCONFIGURED, UNKNOWN_APPLICATION, UNKNOWN_KIND, UNREADABLE};
pub use counters::{Counter, Counters};
use notices::NoticeKind;
pub use outcome::{Level, Outcome, Outcomes};
pub(crate) use paced::PacedCount;
pub use redis_fault::RedisFault;
pub use watch::Sight;
pub(crate) use watch::Watch;

/// Shared by every thread of one engine.
#[derive(Debug, Default)]
pub struct Telemetry {
    counters: Counters,
    drops: [Counter; Cause::ALL.len()],
    redis_failures: [redis_fault::Failures; RedisFault::ALL.len()],
    outcomes: Outcomes,
    watch: Watch,
    /// How many links suffer from each kind of trouble that all of them have at the same time.
    troubled: [AtomicUsize; TROUBLES],
}

/// Kinds of trouble that one line in the log is enough for, though several threads notice.
pub(crate) const TROUBLES: usize = 3;

impl Telemetry {
    /// The counters.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counts events that were given up.
    pub(crate) fn dropped(&self, events: u64, cause: Cause) {
        self.counters.events_dropped.add(events);
        self.drops[cause as usize].add(events);
    }

    /// How many events were given up, by cause.
    pub(crate) fn drops(&self) -> impl Iterator<Item = (Cause, u64)> {
        Cause::ALL.into_iter().zip(&self.drops).map(|(cause, counter)| (cause, counter.get()))
    }

    /// Counts a request to Redis that failed.
    pub(crate) fn redis_failed(&self, fault: RedisFault) {
        self.counters.redis_errors.add(1);
        self.redis_failures[fault as usize].add(Instant::now());
    }

    /// How many requests to Redis failed, and when one did last, by the reason.
    pub(crate) fn redis_failures(&self) -> impl Iterator<Item = (RedisFault, u64, Option<Instant>)> {
        let told = self.redis_failures.iter().map(redis_fault::Failures::told);
        RedisFault::ALL.into_iter().zip(told).map(|(fault, (count, last))| (fault, count, last))
    }

    /// The queue of outcomes that the PHP side polls.
    #[must_use]
    pub const fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// What those see who watch.
    pub(crate) const fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Reports what just happened, for Laravel's events and log.
    pub fn report(&self, outcome: Outcome) {
        if self.outcomes.push(outcome) {
            self.counters.outcomes_lost.add(1);
        }
    }

    /// Writes a line to Laravel's log, through the PHP side. Lines from the same place in the code are of one kind, of which
    /// only some are kept while they wait.
    #[track_caller]
    pub fn log(&self, level: Level, message: impl Display) {
        self.log_about("", level, message);
    }

    /// The same, from a place in the code that writes about several subjects: each has its own kind.
    #[track_caller]
    pub(crate) fn log_about(&self, subject: &str, level: Level, message: impl Display) {
        let kind = NoticeKind { at: Location::caller(), subject: subject.into() };
        if self.outcomes.log(level, kind, || message.to_string()) {
            self.counters.outcomes_lost.add(1);
        }
    }

    /// One more thread notices a trouble of this kind. Returns whether it is the first.
    pub(crate) fn trouble_begins(&self, kind: usize) -> bool {
        self.troubled[kind].fetch_add(1, Ordering::SeqCst) == 0
    }

    /// One of those that noticed it has it no more. Returns whether it is the last.
    pub(crate) fn trouble_ends(&self, kind: usize) -> bool {
        self.troubled[kind].fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// Records the panic of a background thread, which runs on.
    pub(crate) fn thread_panicked(&self, thread: &str, message: &str) {
        self.counters.thread_panics.add(1);
        self.log(Level::Error, format_args!("Background thread {thread} panicked and was restarted: {message}"));
    }
}
