//! An outbox in memory that lets a test step in when it is used.

use std::fmt;

use resonate_webhooks::event::Event;
use resonate_webhooks::outbox::{Handover, LaneId, MemoryOutbox, Outbox, Passed, Queued};

type StepIn = Box<dyn Fn() + Send + Sync>;

/// A [`MemoryOutbox`], and what happens besides.
pub(crate) struct WatchedOutbox {
    memory: MemoryOutbox,
    before_take: StepIn,
    after_routed: StepIn,
    after_passed: StepIn,
}

impl WatchedOutbox {
    /// One for so many events, in which nobody steps yet.
    pub(crate) fn new(max_events: usize) -> Self {
        let nothing = || Box::new(|| ());
        Self {
            memory: MemoryOutbox::new(max_events),
            before_take: nothing(),
            after_routed: nothing(),
            after_passed: nothing(),
        }
    }

    /// The same, which calls this when the dispatcher asks for events.
    pub(crate) fn before_take(self, step_in: impl Fn() + Send + Sync + 'static) -> Self {
        Self { before_take: Box::new(step_in), ..self }
    }

    /// The same, which calls this when an event has found its lanes.
    pub(crate) fn after_routed(self, step_in: impl Fn() + Send + Sync + 'static) -> Self {
        Self { after_routed: Box::new(step_in), ..self }
    }

    /// The same, which calls this when a lane has passed a batch.
    pub(crate) fn after_passed(self, step_in: impl Fn() + Send + Sync + 'static) -> Self {
        Self { after_passed: Box::new(step_in), ..self }
    }
}

impl Outbox for WatchedOutbox {
    fn accept(&self, events: Vec<Event>) {
        self.memory.accept(events);
    }

    fn take(&self, waiting: usize) -> Handover {
        (self.before_take)();
        self.memory.take(waiting)
    }

    fn excess(&self, waiting: usize) -> usize {
        self.memory.excess(waiting)
    }

    fn origin(&self) -> u64 {
        self.memory.origin()
    }

    fn routed(&self, event: &Queued, lanes: &[LaneId]) {
        self.memory.routed(event, lanes);
        (self.after_routed)();
    }

    fn passed(&self, passed: Passed<'_>) {
        self.memory.passed(passed);
        (self.after_passed)();
    }

    fn queued(&self) -> usize {
        self.memory.queued()
    }
}

impl fmt::Debug for WatchedOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.memory.fmt(f)
    }
}
