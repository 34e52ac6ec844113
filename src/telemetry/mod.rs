//! Reports from the threads: counters for monitoring, and outcomes and log lines for the PHP side.

mod answer;
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

use parking_lot::Mutex;
use strum::{EnumCount, VariantArray};

pub use answer::AnswerExcerpt;
pub use cause::Cause;
pub(crate) use cause::{NO_EVENT, NO_PLACE, OUTBOX_FULL, UNCONFIGURED, UNKNOWN_APPLICATION, UNKNOWN_KIND, UNREADABLE};
pub use counters::{Counter, Counters};
use notices::NoticeKind;
pub use outcome::{Level, Outcome, Outcomes};
pub(crate) use paced::PacedCount;
pub use redis_fault::RedisFault;
pub use watch::Sight;
pub(crate) use watch::Watch;

/// The telemetry of one engine, shared by all of its threads.
#[derive(Debug, Default)]
pub struct Telemetry {
    /// The counters.
    pub counters: Counters,
    drops: [Counter; Cause::COUNT],
    redis_failures: Mutex<[(u64, Option<Instant>); RedisFault::COUNT]>,
    /// The queue of outcomes, which the PHP side polls.
    pub outcomes: Outcomes,
    /// The attempts for watchers.
    pub(crate) watch: Watch,
    /// The number of links that have each kind of shared trouble.
    troubled: [AtomicUsize; TROUBLES],
}

/// The number of kinds of trouble that are logged once, although several threads detect them.
pub(crate) const TROUBLES: usize = 3;

impl Telemetry {
    /// Counts dropped events.
    pub(crate) fn dropped(&self, events: u64, cause: Cause) {
        self.counters.events_dropped.add(events);
        self.drops[cause as usize].add(events);
    }

    /// Returns the numbers of dropped events by cause.
    pub(crate) fn drops(&self) -> impl Iterator<Item = (Cause, u64)> {
        Cause::VARIANTS.iter().zip(&self.drops).map(|(cause, counter)| (*cause, counter.get()))
    }

    /// Counts a failed request to Redis.
    pub(crate) fn redis_failed(&self, fault: RedisFault) {
        self.counters.redis_errors.add(1);
        let (count, last) = &mut self.redis_failures.lock()[fault as usize];
        *count += 1;
        *last = Some(Instant::now());
    }

    /// Returns the numbers of failed requests to Redis, and the times of the last ones, by reason.
    pub(crate) fn redis_failures(&self) -> impl Iterator<Item = (RedisFault, u64, Option<Instant>)> {
        RedisFault::VARIANTS.iter().zip(*self.redis_failures.lock()).map(|(fault, (count, last))| (*fault, count, last))
    }

    /// Queues an outcome for the PHP side.
    pub fn report(&self, outcome: Outcome) {
        if self.outcomes.push(outcome) {
            self.counters.outcomes_lost.add(1);
        }
    }

    /// Queues a log line with the level [`Level::Error`].
    #[track_caller]
    pub(crate) fn log_error(&self, message: impl Display) {
        self.log(Level::Error, message);
    }

    /// Queues a log line with the level [`Level::Warning`].
    #[track_caller]
    pub(crate) fn log_warning(&self, message: impl Display) {
        self.log(Level::Warning, message);
    }

    /// Queues a log line with the level [`Level::Info`].
    #[track_caller]
    pub(crate) fn log_info(&self, message: impl Display) {
        self.log(Level::Info, message);
    }

    /// Queues a line for Laravel's log. Lines from the same place in the code are of one kind, and the queue keeps only
    /// some of each kind.
    #[track_caller]
    pub fn log(&self, level: Level, message: impl Display) {
        self.log_about("", level, message);
    }

    /// Queues a log line about a subject. Each subject is a kind of its own.
    #[track_caller]
    pub(crate) fn log_about(&self, subject: &str, level: Level, message: impl Display) {
        let kind = NoticeKind { at: Location::caller(), subject: subject.into() };
        if self.outcomes.log(level, kind, || message.to_string()) {
            self.counters.outcomes_lost.add(1);
        }
    }

    /// Records that a link has a trouble of this kind. Returns `true` if it is the first one.
    pub(crate) fn trouble_begins(&self, kind: usize) -> bool {
        self.troubled[kind].fetch_add(1, Ordering::SeqCst) == 0
    }

    /// Records that a link no longer has a trouble of this kind. Returns `true` if it was the last one.
    pub(crate) fn trouble_ends(&self, kind: usize) -> bool {
        self.troubled[kind].fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// Counts and logs the panic of a background thread, which is restarted.
    pub(crate) fn thread_panicked(&self, thread: &str, message: &str) {
        self.counters.thread_panics.add(1);
        self.log_error(format_args!("Background thread {thread} panicked and was restarted: {message}"));
    }
}
