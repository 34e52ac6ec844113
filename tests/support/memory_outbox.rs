//! An outbox in memory, for tests of the delivery alone. A test can run code at certain points.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use resonate_webhooks::event::{Event, Shard};
use resonate_webhooks::outbox::{
    Acked, DeadLetterId, Handover, Item, LaneId, Outbox, PersistError, Position, Queued, ShardToken,
};
use resonate_webhooks::telemetry::Telemetry;

type StepIn = Box<dyn Fn() + Send + Sync>;

/// An outbox with one partition and no other owner.
pub(crate) struct MemoryOutbox {
    /// Where it reports drops.
    pub(crate) telemetry: Arc<Telemetry>,
    max_events: usize,
    queued: AtomicUsize,
    inbox: Mutex<Inbox>,
    before_take: StepIn,
    after_routed: StepIn,
    after_acked: StepIn,
}

#[derive(Default)]
struct Inbox {
    revoked: Vec<ShardToken>,
    events: Vec<Queued>,
    seq: u64,
}

impl MemoryOutbox {
    /// Creates an outbox. At most `max_events` events wait in all lanes together.
    pub(crate) fn new(max_events: usize) -> Self {
        let nothing = || Box::new(|| ());
        Self {
            telemetry: Arc::default(),
            max_events,
            queued: AtomicUsize::new(0),
            inbox: Mutex::default(),
            before_take: nothing(),
            after_routed: nothing(),
            after_acked: nothing(),
        }
    }

    /// Calls `step_in` before the dispatcher takes events.
    pub(crate) fn before_take(self, step_in: impl Fn() + Send + Sync + 'static) -> Self {
        Self { before_take: Box::new(step_in), ..self }
    }

    /// Calls `step_in` after an event was routed to its lanes.
    pub(crate) fn after_routed(self, step_in: impl Fn() + Send + Sync + 'static) -> Self {
        Self { after_routed: Box::new(step_in), ..self }
    }

    /// Calls `step_in` after a lane acknowledged a batch.
    pub(crate) fn after_acked(self, step_in: impl Fn() + Send + Sync + 'static) -> Self {
        Self { after_acked: Box::new(step_in), ..self }
    }

    /// Ends the ownership with this token.
    pub(crate) fn revoke(&self, token: ShardToken) {
        self.inbox.lock().revoked.push(token);
    }

    /// Appends events, oldest first.
    pub(crate) fn append(&self, events: Vec<Event>) {
        let now = Instant::now();
        self.queued.fetch_add(events.len(), Ordering::Relaxed);
        let mut inbox = self.inbox.lock();
        for event in events {
            let position = Position { shard: Shard::FIRST, partition: 0, token: 0, seq: inbox.seq };
            inbox.seq += 1;
            inbox.events.push(Queued::new(Item::Event(event), position, now));
        }
    }
}

impl Outbox for MemoryOutbox {
    fn take(&self) -> Handover {
        (self.before_take)();
        let mut inbox = self.inbox.lock();
        let (revoked, events) = (std::mem::take(&mut inbox.revoked), std::mem::take(&mut inbox.events));
        Handover { revoked, events, ..Handover::default() }
    }

    fn max_events(&self) -> usize {
        self.max_events
    }

    fn routed(&self, _event: &Queued, lanes: &[LaneId]) {
        match lanes.len() {
            0 => self.queued.fetch_sub(1, Ordering::Relaxed),
            lanes => self.queued.fetch_add(lanes - 1, Ordering::Relaxed),
        };
        (self.after_routed)();
    }

    fn persist(&self, _lane: &LaneId, _id: &str, _body: &[u8], _events: &[Arc<Queued>]) -> Result<(), PersistError> {
        Ok(())
    }

    fn confirm(&self, _events: &[Arc<Queued>]) -> Result<(), PersistError> {
        Ok(())
    }

    fn dead_letter_body(&self, _letter: &DeadLetterId) -> Result<Option<Vec<u8>>, PersistError> {
        Ok(None)
    }

    fn ack(&self, acked: Acked<'_>) {
        self.queued.fetch_sub(acked.events.len(), Ordering::Relaxed);
        if let Some(report) = acked.report {
            report.publish(&self.telemetry);
        }
        (self.after_acked)();
    }

    fn catch_up(&self, _deadline: Instant) -> bool {
        true
    }

    fn flush_acks(&self, _deadline: Instant) {}

    fn origin(&self, _shard: Shard) -> u64 {
        0
    }

    fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for MemoryOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryOutbox")
    }
}
