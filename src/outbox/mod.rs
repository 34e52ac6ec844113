//! Where events wait until every endpoint that wants them has answered 2xx or given up.
//!
//! ```text
//! accept ─▶ outbox ─take─▶ dispatcher ─▶ lanes ─▶ batch ─▶ POST
//!              ▲ routed: which lanes want the event            │
//!              └ passed: this lane is done with these events ◀─┘
//! ```
//! An event is settled once every lane it was routed to has passed it; each lane passes its events in the order in
//! which it got them. So an outbox that outlives the process needs one cursor a lane to know what to hand out again.

mod memory;

use std::sync::Arc;
use std::time::Instant;

use crate::event::Event;
use crate::names::AppId;

pub use memory::MemoryOutbox;

/// Where an event stands in its outbox. Positions of one partition grow in the order in which its events happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The part of the outbox that keeps the order of the event's channel.
    pub partition: u16,
    /// The place within the partition.
    pub seq: u64,
}

/// An event in the outbox, shared by the lanes that want it.
#[derive(Debug)]
pub struct Queued {
    /// What happened.
    pub event: Event,
    /// Where it stands.
    pub position: Position,
    /// When this node got it; how long it may wait for company is measured from here.
    pub arrived: Instant,
    /// Its length as JSON, in bytes.
    pub encoded_len: usize,
}

impl Queued {
    /// Puts `event` at `position`, arriving `now`.
    #[must_use]
    pub fn new(event: Event, position: Position, now: Instant) -> Self {
        let encoded_len = crate::delivery::encoded_len(&event);
        Self { event, position, arrived: now, encoded_len }
    }
}

/// The ordered stream of one application's events to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId {
    /// The endpoint's index in the configuration. Two endpoints may share a URL, never an index.
    pub endpoint: usize,
    /// The application.
    pub app: AppId,
}

/// How a lane came to pass its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate<'a> {
    /// The endpoint answered 2xx.
    Delivered,
    /// They were given up.
    Dropped {
        /// Attempts made, none when they were given up before they were in a batch.
        attempts: u32,
        /// `HTTP 500`, `outbox full`, or what went wrong on the way.
        reason: &'a str,
    },
}

/// An outbox. Its methods are called from several threads and never wait for a network.
pub trait Outbox: std::fmt::Debug + Send + Sync + 'static {
    /// Takes in events, oldest first.
    fn accept(&self, events: Vec<Event>);

    /// Hands over events for the lanes, oldest first, while `waiting` events wait in lanes. May hand over fewer than it
    /// has, and is then asked again when lanes have passed events.
    fn take(&self, waiting: usize) -> Vec<Queued>;

    /// How many of the `waiting` events must be given up because they can be kept nowhere.
    fn excess(&self, waiting: usize) -> usize;

    /// Is told which lanes want an event it handed over. None: the event is settled.
    fn routed(&self, event: &Queued, lanes: &[LaneId]);

    /// Is told that a lane is done with these events, the oldest it had.
    fn passed(&self, lane: &LaneId, events: &[Arc<Queued>], fate: Fate<'_>);

    /// Events not settled yet, counted once for each lane that still has to pass them.
    fn queued(&self) -> usize;
}
