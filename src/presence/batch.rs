//! What one script call carries: claims, and what keeps its place between them.

use super::claim::{Claim, Hold};
use crate::event::{AppId, ChannelName, ClientEvent, CustomEvent, UserId};

/// What a client event takes beside its text, roughly.
const EVENT_FRAME: usize = 96;

/// One entry of a batch, or of the queue before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BatchEntry {
    /// For Redis to judge.
    Claim(Claim),
    /// Already an event; it waits for the claims before it.
    Event(OrderedEvent),
    /// What was seen of a cache channel. Redis judges whether an empty one is news.
    Cache(CacheSeen),
    /// How many connections there are, once all that is before it has happened.
    Count(Count),
}

/// A client event, or one of the application's own, without its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderedEvent {
    pub(crate) app: AppId,
    pub(crate) channel: ChannelName,
    pub(crate) said: Said,
}

/// What was said, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    ByClient(ClientEvent),
    ByApplication(CustomEvent),
}

/// What somebody who subscribed to a cache channel was given: a payload, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheSeen {
    pub(crate) app: AppId,
    pub(crate) channel: ChannelName,
    pub(crate) empty: bool,
}

/// How many connections of this node are subscribed to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) app: AppId,
    pub(crate) channel: ChannelName,
    pub(crate) number: u32,
}

/// Claims that are sent in one script call, with what is between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimBatch {
    number: u64,
    pub(super) entries: Vec<BatchEntry>,
}

impl ClaimBatch {
    /// A batch of `entries`.
    pub(crate) const fn new(number: u64, entries: Vec<BatchEntry>) -> Self {
        Self { number, entries }
    }

    /// The number under which Redis remembers its reply.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Everything in it, in order.
    pub(crate) fn entries(&self) -> &[BatchEntry] {
        &self.entries
    }

    /// The claims, in order.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.entries.iter().filter_map(|entry| match entry {
            BatchEntry::Claim(claim) => Some(claim),
            BatchEntry::Event(_) | BatchEntry::Cache(_) | BatchEntry::Count(_) => None,
        })
    }

    /// Those on which there is a verdict, in order.
    pub(crate) fn judged(&self) -> impl Iterator<Item = &BatchEntry> {
        self.entries.iter().filter(|entry| match entry {
            BatchEntry::Claim(_) => true,
            BatchEntry::Cache(seen) => seen.empty,
            BatchEntry::Event(_) | BatchEntry::Count(_) => false,
        })
    }

    /// What its client events take in memory.
    pub(super) fn event_bytes(&self) -> usize {
        self.entries.iter().map(BatchEntry::event_bytes).sum()
    }

    /// How many client events are in it.
    pub(crate) fn events(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry, BatchEntry::Event(_))).count()
    }
}

impl BatchEntry {
    /// Whose it is.
    pub(crate) const fn app(&self) -> &AppId {
        match self {
            Self::Claim(claim) => &claim.hold.app,
            Self::Event(event) => &event.app,
            Self::Cache(seen) => &seen.app,
            Self::Count(count) => &count.app,
        }
    }

    /// What it takes in memory, if it is a client event.
    pub(super) fn event_bytes(&self) -> usize {
        if let Self::Event(event) = self { event.bytes() } else { 0 }
    }
}

impl OrderedEvent {
    /// What it takes in memory, roughly.
    pub(super) fn bytes(&self) -> usize {
        EVENT_FRAME + self.said.as_text().len()
    }

    /// The visit during which a client sent it: the channel's, and the user's. The application need not be anywhere.
    pub(super) fn holds(&self) -> impl Iterator<Item = Hold> {
        let hold = |user| Hold { app: self.app.clone(), channel: self.channel.clone(), user };
        let parts = match &self.said {
            Said::ByClient(event) => Some(event.parts()),
            Said::ByApplication(_) => None,
        };
        let user = parts.and_then(|parts| parts.user).map(UserId::new);
        parts.map(|_| hold(None)).into_iter().chain(user.map(|user| hold(Some(user))))
    }
}

impl Said {
    /// What it is in a batch, and how it begins in the outbox.
    pub(crate) const fn letter(&self) -> u8 {
        match self {
            Self::ByClient(_) => b'c',
            Self::ByApplication(_) => b'x',
        }
    }

    /// The text that stands in the outbox.
    pub(crate) fn as_text(&self) -> &[u8] {
        match self {
            Self::ByClient(event) => event.as_text(),
            Self::ByApplication(event) => event.as_text(),
        }
    }
}

impl CacheSeen {
    /// The visit during which it was seen.
    pub(super) fn hold(&self) -> Hold {
        Hold { app: self.app.clone(), channel: self.channel.clone(), user: None }
    }
}
