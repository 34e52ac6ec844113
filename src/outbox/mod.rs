//! Events wait here until every endpoint that wants them has acknowledged them or got a dead letter.
//!
//! ```text
//! outbox ─take─▶ dispatcher ─▶ lanes ─▶ batch ─▶ POST
//!    ▲ routed: which lanes want the event         │
//!    └ ack: this lane has handled these events ◀──┘
//! ```
//! An event is settled once every lane it was routed to has passed it; each lane passes its events in the order in
//! which it got them. So an outbox that outlives the process needs one cursor a lane to know what to hand out again.

pub(crate) mod body;
pub(crate) mod custom;
mod redelivery;
pub(crate) mod redis;
mod report;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::config::{EndpointId, Payload};
use crate::event::body::encoded_len;
use crate::event::{AppId, Event};

pub use custom::SendError;
pub use redelivery::{DeadLetterId, Redelivery};
pub use redis::dead_letters::{DeadLetter, DeadLetters};
pub use redis::event_sender::EventSender;
pub use report::DropReport;

/// Where an event stands in its outbox. Positions of one partition grow in the order in which its events happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The part of the outbox that keeps the order of the event's channel.
    pub partition: u16,
    /// The fencing token of the ownership under which the event was read.
    pub token: u64,
    /// The place within the partition.
    pub seq: u64,
}

/// What lanes pass.
#[derive(Clone, Debug)]
pub enum Item {
    /// Something that happened, for every lane that wants it.
    Event(Event),
    /// A batch that was given up and is sent again, by one lane and alone. Rare, so that it must not make events larger.
    Redelivery(Box<Redelivery>),
}

impl Item {
    /// Whose it is.
    #[must_use]
    pub const fn app(&self) -> &AppId {
        match self {
            Self::Event(event) => &event.app,
            Self::Redelivery(redelivery) => &redelivery.lane.app,
        }
    }

    /// For how many events it stands.
    #[must_use]
    pub const fn events(&self) -> usize {
        match self {
            Self::Event(_) => 1,
            Self::Redelivery(redelivery) => redelivery.events,
        }
    }
}

/// An item in the outbox, shared by the lanes that want it.
#[derive(Debug)]
pub struct Queued {
    /// What it is.
    pub item: Item,
    /// Where it stands.
    pub position: Position,
    /// When this node got it; how long it may wait for company is measured from here.
    pub arrived: Instant,
    /// An event's length as JSON, in bytes.
    pub encoded_len: usize,
    /// What lanes of an earlier owner have done with it already, if there was one.
    pub resume: Option<Arc<Resume>>,
}

/// How far the lanes had come when a partition changed hands.
#[derive(Debug, Default)]
pub struct Resume {
    /// The last event of the partition that each lane has passed.
    pub cursors: HashMap<LaneId, u64>,
    /// The lanes in whose batches under way an event is.
    pub in_flight: HashMap<u64, Vec<LaneId>>,
}

impl Resume {
    /// The last place of which it tells anything.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.cursors.values().chain(self.in_flight.keys()).copied().max().unwrap_or_default()
    }

    /// Whether `lane` has passed the event at `seq`.
    #[must_use]
    pub fn has_acked(&self, lane: &LaneId, seq: u64) -> bool {
        self.cursors.get(lane).is_some_and(|passed| *passed >= seq)
    }

    /// Whether `lane` needs the event at `seq` no more, having passed it or having it in a batch under way.
    #[must_use]
    pub fn has(&self, lane: &LaneId, seq: u64) -> bool {
        self.has_acked(lane, seq) || self.in_flight.get(&seq).is_some_and(|lanes| lanes.contains(lane))
    }
}

/// A batch that was in flight when its partitions changed hands.
#[derive(Clone, Debug)]
pub struct InFlightBatch {
    /// Its lane.
    pub lane: LaneId,
    /// Its id.
    pub id: String,
    /// Its body, byte for byte as before.
    pub body: Vec<u8>,
    /// Its events, oldest first.
    pub events: Vec<Arc<Queued>>,
}

/// What an outbox hands to the lanes, in this order.
#[derive(Debug, Default)]
pub struct Handover {
    /// In-flight batches of an earlier owner; they come before the events.
    pub in_flight: Vec<InFlightBatch>,
    /// Fencing tokens that expired: another node delivers their events, those in lanes and in inherited batches included.
    pub revoked: Vec<u64>,
    /// Events, oldest first.
    pub events: Vec<Queued>,
}

/// Which cursors of its lane move with what the lane has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// Those of its events, and those that waited: no batch of the lane is left that they could overtake.
    All,
    /// Those of its events only: other batches of the lane are under way or inherited.
    Own,
    /// None: its events stand behind a batch that is under way. Their cursors wait until that is passed.
    Nothing,
    /// None, ever: dead letters that are sent again are apart from the order of the lane.
    Never,
}

/// Events that a lane has handled.
#[derive(Debug)]
pub struct Acked<'a> {
    /// The lane.
    pub lane: &'a LaneId,
    /// The events, the oldest that the lane had, but for those of batches under way.
    pub events: &'a [Arc<Queued>],
    /// Their batch; a new id for events that were given up before they were in one.
    pub id: &'a str,
    /// The body of their batch, if it was frozen.
    pub body: Option<&'a [u8]>,
    /// What their endpoint is told of each, if there is no body.
    pub payload: Payload,
    /// Which cursors move.
    pub moves: Moves,
    /// The outcome of their batch.
    pub outcome: &'a BatchOutcome,
    /// The report of a drop.
    pub report: Option<Box<DropReport>>,
}

/// The reason why a batch must not be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersistError {
    /// Redis did not take it; a later try may succeed.
    Unavailable,
    /// Another node delivers the events that were read under these fencing tokens. The others still belong to this node.
    Fenced(Vec<u64>),
}

impl Queued {
    /// Puts `item` at `position`, arriving `now`.
    #[must_use]
    pub fn new(item: Item, position: Position, now: Instant) -> Self {
        let encoded_len = match &item {
            Item::Event(event) => encoded_len(event),
            Item::Redelivery(_) => 0,
        };
        Self { item, position, arrived: now, encoded_len, resume: None }
    }

    /// The event, if it is one.
    #[must_use]
    pub const fn event(&self) -> Option<&Event> {
        match &self.item {
            Item::Event(event) => Some(event),
            Item::Redelivery(_) => None,
        }
    }

    /// The redelivery, if it is one.
    #[must_use]
    pub const fn redelivery(&self) -> Option<&Redelivery> {
        match &self.item {
            Item::Event(_) => None,
            Item::Redelivery(redelivery) => Some(&**redelivery),
        }
    }
}

/// The dead letter that a batch of `events` sends again, if it does: then it is all that is in it.
pub(crate) fn redelivery_of(events: &[Arc<Queued>]) -> Option<&Redelivery> {
    events.first().and_then(|first| first.redelivery())
}

/// The ordered stream of one application's events to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId {
    /// The endpoint. Two may share a URL, never an id.
    pub endpoint: EndpointId,
    /// The application.
    pub app: AppId,
}

/// The outcome of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchOutcome {
    /// The endpoint answered 2xx.
    Delivered {
        /// The HTTP status.
        status: u16,
    },
    /// It was given up and becomes a dead letter.
    Dropped {
        /// The reason for the operator.
        reason: String,
    },
    /// It was a dead letter that was deleted meanwhile, or whose retry has ended.
    Forgotten,
}

/// Room made at once in a full outbox, as a share of it, so that one log line stands for many events.
const CUT_SHARE: usize = 100;

/// An outbox. Its methods are called from several threads and, unless they say otherwise, never wait for a network.
pub trait Outbox: std::fmt::Debug + Send + Sync + 'static {
    /// Hands over what is new for the lanes.
    fn take(&self) -> Handover;

    /// The most events that may wait in lanes, summed.
    fn max_events(&self) -> usize;

    /// How many of the `waiting` events must be given up because too many wait.
    fn excess(&self, waiting: usize) -> usize {
        match waiting.saturating_sub(self.max_events()) {
            0 => 0,
            over => over + self.max_events() / CUT_SHARE,
        }
    }

    /// Records which lanes took an event, beside those that have it in an inherited batch. An event without a lane is settled.
    fn routed(&self, event: &Queued, lanes: &[LaneId]);

    /// Persists id and body of a batch before its first attempt, so that a successor sends the same. Called by the threads that
    /// send; may wait for a network.
    ///
    /// # Errors
    /// When the batch must not be sent now.
    fn persist(&self, lane: &LaneId, id: &str, body: &[u8], events: &[Arc<Queued>]) -> Result<(), PersistError>;

    /// Checks before a further attempt of a persisted batch that this node still owns all its events, as far as it knows
    /// without asking Redis.
    ///
    /// # Errors
    /// When some of them are not.
    fn confirm(&self, events: &[Arc<Queued>]) -> Result<(), PersistError>;

    /// The body of a dead letter that is sent again; `None` when it was removed. Called by the threads that send; may wait for
    /// a network.
    ///
    /// # Errors
    /// When it cannot be read now.
    fn dead_letter_body(&self, letter: &DeadLetterId) -> Result<Option<Vec<u8>>, PersistError>;

    /// Acknowledges events that a lane has handled. A drop is [published](DropReport::publish) once the acknowledgement is
    /// written.
    fn ack(&self, acked: Acked<'_>);

    /// Waits until everything that was appended before this call has been handed over, at most until `deadline`. Returns
    /// whether it has been.
    fn catch_up(&self, deadline: Instant) -> bool;

    /// Waits until every acknowledgement before this call is written, at most until `deadline`.
    fn flush_acks(&self, deadline: Instant);

    /// What tells its positions from those of every other outbox, the same for all nodes that share it.
    fn origin(&self) -> u64;

    /// Events not settled yet, counted once for each lane that still has to pass them.
    fn queued(&self) -> usize;
}
