//! The outbox: events wait here until every endpoint that wants them has acknowledged them or got a dead letter.
//!
//! ```text
//! outbox ─take─▶ dispatcher ─▶ lanes ─▶ batch ─▶ POST
//!    ▲ routed: which lanes want the event         │
//!    └ ack: this lane has handled these events ◀──┘
//! ```
//! An event is done once every lane that it was routed to has acknowledged it. Each lane acknowledges its events in the
//! order in which it received them, so an outbox that outlives the process needs one cursor per lane to know which
//! events to hand out again.

pub(crate) mod body;
pub(crate) mod custom;
#[cfg(test)]
mod fuzz;
mod redelivery;
pub(crate) mod redis;
mod report;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::config::{EndpointId, Payload};
use crate::event::body::encoded_len;
use crate::event::{AppId, Event, Shard};

pub use custom::SendError;
pub use redelivery::{DeadLetterId, Redelivery};
pub use redis::dead_letters::{DeadLetter, DeadLetters};
pub use redis::event_sender::EventSender;
pub use report::DropReport;

/// Position of an event in its outbox. Within a partition, positions grow in the order of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Shard.
    pub shard: Shard,
    /// Partition, which keeps the order of the event's channel.
    pub partition: u16,
    /// Fencing token under which the event was read.
    pub token: u64,
    /// Number within the partition.
    pub seq: u64,
}

/// A fencing token with its shard. Two shards may have the same token.
pub type ShardToken = (Shard, u64);

impl Position {
    /// Returns the fencing token with its shard.
    #[must_use]
    pub const fn shard_token(&self) -> ShardToken {
        (self.shard, self.token)
    }
}

/// Entry of the outbox, as lanes process it.
#[derive(Clone, Debug)]
pub enum Item {
    /// An event, for every lane that wants it.
    Event(Event),
    /// A dead letter that is retried by its own lane, in a batch of its own. Boxed because it is rare and must not
    /// enlarge events.
    Redelivery(Box<Redelivery>),
}

impl Item {
    /// Returns the application.
    pub(crate) const fn app(&self) -> &AppId {
        match self {
            Self::Event(event) => &event.app,
            Self::Redelivery(redelivery) => &redelivery.lane.app,
        }
    }

    /// Returns the number of events.
    pub(crate) const fn events(&self) -> usize {
        match self {
            Self::Event(_) => 1,
            Self::Redelivery(redelivery) => redelivery.events,
        }
    }
}

/// An item in the outbox, shared by the lanes that want it.
#[derive(Debug)]
pub struct Queued {
    /// The entry.
    pub item: Item,
    /// The position.
    pub position: Position,
    /// The time at which this node received it. The flush interval is measured from here.
    pub arrived: Instant,
    /// The length of the event as JSON, in bytes; 0 for a redelivery.
    pub encoded_len: usize,
    /// The progress of an earlier owner's lanes, if there was one.
    pub resume: Option<Arc<Resume>>,
}

/// Progress of the lanes when a partition changed owners.
#[derive(Debug, Default)]
pub struct Resume {
    /// The last event that each lane has acknowledged.
    pub cursors: HashMap<LaneId, u64>,
    /// The lanes that have an event in an in-flight batch, by the event's number.
    pub in_flight: HashMap<u64, Vec<LaneId>>,
}

impl Resume {
    /// Returns the last event with any progress; 0 if there is none.
    pub(crate) fn last(&self) -> u64 {
        self.cursors.values().chain(self.in_flight.keys()).copied().max().unwrap_or_default()
    }

    /// Returns `true` if `lane` has acknowledged the event at `seq`.
    pub(crate) fn has_acked(&self, lane: &LaneId, seq: u64) -> bool {
        self.cursors.get(lane).is_some_and(|cursor| *cursor >= seq)
    }

    /// Returns `true` if `lane` has acknowledged the event at `seq`, or has it in an in-flight batch.
    pub(crate) fn has(&self, lane: &LaneId, seq: u64) -> bool {
        self.has_acked(lane, seq) || self.in_flight.get(&seq).is_some_and(|lanes| lanes.contains(lane))
    }
}

/// A batch that was in flight when its partitions changed owners.
#[derive(Clone, Debug)]
pub struct InFlightBatch {
    /// The lane.
    pub lane: LaneId,
    /// The batch's id.
    pub id: String,
    /// The body, byte for byte as it was persisted.
    pub body: Vec<u8>,
    /// The events, oldest first.
    pub events: Vec<Arc<Queued>>,
}

/// New work for the lanes, to be processed in the order of the fields.
#[derive(Debug, Default)]
pub struct Handover {
    /// In-flight batches of an earlier owner. They come before the events.
    pub in_flight: Vec<InFlightBatch>,
    /// Expired fencing tokens. Other nodes deliver the events read under them, including those in lanes and inherited
    /// batches.
    pub revoked: Vec<ShardToken>,
    /// Events, oldest first.
    pub events: Vec<Queued>,
}

/// The cursors that an acknowledgement moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// Those of its events, and those that waited: the lane has no other batch that they could overtake.
    All,
    /// Those of its events only: the lane has other batches in flight or inherited.
    Own,
    /// None yet: the events come after an in-flight batch. Their cursors wait until that batch is acknowledged.
    Nothing,
    /// None, ever: retries of dead letters are outside the order of the lane.
    Never,
}

/// An acknowledgement: events that a lane has handled.
#[derive(Debug)]
pub struct Acked<'a> {
    /// The lane.
    pub lane: &'a LaneId,
    /// The events: the lane's oldest, except for those of in-flight batches.
    pub events: &'a [Arc<Queued>],
    /// The id of their batch; a new id for events that were dropped before they were in one.
    pub id: &'a str,
    /// The body of their batch, if it was frozen.
    pub body: Option<&'a [u8]>,
    /// The endpoint's payload format, used to encode a body if there is none.
    pub payload: Payload,
    /// The cursors that move.
    pub moves: Moves,
    /// The outcome of their batch.
    pub outcome: &'a BatchOutcome,
    /// The report of a drop.
    pub report: Option<Box<DropReport>>,
}

/// Why a batch must not be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersistError {
    /// Redis did not store it; a later try may succeed.
    Unavailable,
    /// Other nodes deliver the events that were read under these fencing tokens. This node still owns the other events.
    Fenced(Vec<u64>),
}

impl Queued {
    /// Creates an entry at `position` that arrived `now`.
    #[must_use]
    pub fn new(item: Item, position: Position, now: Instant) -> Self {
        let encoded_len = match &item {
            Item::Event(event) => encoded_len(event),
            Item::Redelivery(_) => 0,
        };
        Self { item, position, arrived: now, encoded_len, resume: None }
    }

    /// Returns the event, unless this is a redelivery.
    pub(crate) const fn event(&self) -> Option<&Event> {
        match &self.item {
            Item::Event(event) => Some(event),
            Item::Redelivery(_) => None,
        }
    }

    /// Returns the redelivery, unless this is an event.
    pub(crate) const fn redelivery(&self) -> Option<&Redelivery> {
        match &self.item {
            Item::Event(_) => None,
            Item::Redelivery(redelivery) => Some(&**redelivery),
        }
    }
}

/// Returns the dead letter that a batch of `events` retries, if any. Such a batch has no other entry.
pub(crate) fn redelivery_of(events: &[Arc<Queued>]) -> Option<&Redelivery> {
    events.first().and_then(|first| first.redelivery())
}

/// Returns the number of events in these entries. A dead letter counts all of its events.
pub(crate) fn count_events(entries: &[Arc<Queued>]) -> usize {
    entries.iter().map(|queued| queued.item.events()).sum()
}

/// The ordered stream of one application's events in one shard to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId {
    /// The endpoint. Two endpoints may share a URL, never an id.
    pub endpoint: EndpointId,
    /// The application.
    pub app: AppId,
    /// The shard. No batch has events of two shards.
    pub shard: Shard,
}

/// The outcome of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchOutcome {
    /// The endpoint answered 2xx.
    Delivered {
        /// The HTTP status.
        status: u16,
    },
    /// The batch was dropped and becomes a dead letter.
    Dropped {
        /// The reason for the operator.
        reason: String,
    },
    /// The batch was a dead letter that has been deleted, or whose retry has ended.
    Forgotten,
}

impl BatchOutcome {
    /// Returns the outcome of a batch that is dropped for this reason.
    pub(crate) fn dropped(reason: &str) -> Self {
        Self::Dropped { reason: reason.to_owned() }
    }
}

/// A full outbox drops `max_events / CUT_SHARE` more events than it has to, so that one log line covers many.
const CUT_SHARE: usize = 100;

/// An outbox. Its methods are called from several threads. Unless stated otherwise, they never wait for the network.
pub trait Outbox: std::fmt::Debug + Send + Sync + 'static {
    /// Takes the new work for the lanes.
    fn take(&self) -> Handover;

    /// Returns the most events that may wait in lanes, summed.
    fn max_events(&self) -> usize;

    /// Returns how many of the `waiting` events have to be dropped because too many wait.
    fn excess(&self, waiting: usize) -> usize {
        match waiting.saturating_sub(self.max_events()) {
            0 => 0,
            over => over + self.max_events() / CUT_SHARE,
        }
    }

    /// Records which lanes took an event, besides those that have it in an inherited batch. An event without a lane is
    /// done.
    fn routed(&self, event: &Queued, lanes: &[LaneId]);

    /// Persists id and body of a batch before its first attempt, so that a successor sends the same. Called by sending
    /// threads; may wait for the network.
    ///
    /// # Errors
    /// If the batch must not be sent now.
    fn persist(&self, lane: &LaneId, id: &str, body: &[u8], events: &[Arc<Queued>]) -> Result<(), PersistError>;

    /// Checks before a further attempt of a persisted batch that this node still owns all its events. Does not ask
    /// Redis.
    ///
    /// # Errors
    /// If other nodes own some of them.
    fn confirm(&self, events: &[Arc<Queued>]) -> Result<(), PersistError>;

    /// Returns the body of a dead letter that is retried; `None` if it was removed. Called by sending threads; may wait for
    /// the network.
    ///
    /// # Errors
    /// If it cannot be read now.
    fn dead_letter_body(&self, id: &DeadLetterId) -> Result<Option<Vec<u8>>, PersistError>;

    /// Acknowledges events that a lane has handled. The report of a drop is [published](DropReport::publish) once the
    /// acknowledgement is written.
    fn ack(&self, acked: Acked<'_>);

    /// Waits until everything that was appended before this call has been handed over, or until `deadline`. Returns
    /// `true` if it has been.
    fn catch_up(&self, deadline: Instant) -> bool;

    /// Waits until every acknowledgement before this call is written, or until `deadline`.
    fn flush_acks(&self, deadline: Instant);

    /// Returns a number that identifies the shard's part of the outbox. It is the same on all nodes that share the outbox.
    fn origin(&self, shard: Shard) -> u64;

    /// Returns the number of events that some lane has not acknowledged yet.
    fn queued(&self) -> usize;
}
