//! Claim batches: the claims of one script call, and the entries whose order among them matters.

use super::claim::{Claim, Hold};
use crate::event::{AppId, ChannelName, ClientEvent, CustomEvent, UserId};

/// Approximate bytes of an event in memory in addition to its text.
const EVENT_FRAME: usize = 96;

/// One entry of a batch or of the pending queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BatchEntry {
    /// A change of a hold. Redis decides whether it is an edge.
    Claim(Claim),
    /// An event that needs no decision. It stays after the claims that precede it.
    Event(OrderedEvent),
    /// An observation of a cache channel. Redis decides whether an empty one makes an event.
    Cache(CacheSeen),
    /// The number of connections after all entries before this one.
    Count(Count),
}

/// A client event, or one of the application's own, without a timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderedEvent {
    pub(crate) app: AppId,
    pub(crate) channel: ChannelName,
    pub(crate) content: EventContent,
}

/// Text of an event, by its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EventContent {
    ByClient(ClientEvent),
    ByApplication(CustomEvent),
}

/// An observation of a cache channel by a subscriber: empty, or with a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheSeen {
    pub(crate) app: AppId,
    pub(crate) channel: ChannelName,
    pub(crate) empty: bool,
}

/// Number of this node's connections that are subscribed to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) app: AppId,
    pub(crate) channel: ChannelName,
    pub(crate) number: u32,
}

/// The entries that one script call sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimBatch {
    pub(crate) number: u64,
    pub(crate) entries: Vec<BatchEntry>,
}

impl ClaimBatch {
    pub(crate) fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.entries.iter().filter_map(|entry| match entry {
            BatchEntry::Claim(claim) => Some(claim),
            BatchEntry::Event(_) | BatchEntry::Cache(_) | BatchEntry::Count(_) => None,
        })
    }

    /// Returns the entries for which the verdict has a result, in order.
    pub(crate) fn judged(&self) -> impl Iterator<Item = &BatchEntry> {
        self.entries.iter().filter(|entry| match entry {
            BatchEntry::Claim(_) => true,
            BatchEntry::Cache(seen) => seen.empty,
            BatchEntry::Event(_) | BatchEntry::Count(_) => false,
        })
    }

    /// Returns the approximate bytes of its events in memory.
    pub(super) fn event_bytes(&self) -> usize {
        self.entries.iter().map(BatchEntry::event_bytes).sum()
    }

    pub(crate) fn events(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry, BatchEntry::Event(_))).count()
    }
}

impl BatchEntry {
    pub(crate) const fn app(&self) -> &AppId {
        match self {
            Self::Claim(claim) => &claim.hold.app,
            Self::Event(event) => &event.app,
            Self::Cache(seen) => &seen.app,
            Self::Count(count) => &count.app,
        }
    }

    /// Returns the approximate bytes of an event in memory, and 0 for other entries.
    pub(super) fn event_bytes(&self) -> usize {
        if let Self::Event(event) = self { event.bytes() } else { 0 }
    }
}

impl OrderedEvent {
    /// Returns the approximate bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        EVENT_FRAME + self.content.as_text().len()
    }

    /// Returns the holds of the sender: the channel, and the user if there is one. Empty for an event of the application,
    /// which needs no subscription.
    pub(super) fn holds(&self) -> impl Iterator<Item = Hold> {
        let hold = |user| Hold::new(&self.app, &self.channel, user);
        let parts = match &self.content {
            EventContent::ByClient(event) => Some(event.parts()),
            EventContent::ByApplication(_) => None,
        };
        let user = parts.and_then(|parts| parts.user).map(UserId::new);
        parts.map(|_| hold(None)).into_iter().chain(user.map(|user| hold(Some(user))))
    }
}

impl EventContent {
    /// Returns the type of the entry in a batch, which is also the first byte of the event in the outbox.
    pub(crate) const fn letter(&self) -> u8 {
        match self {
            Self::ByClient(_) => b'c',
            Self::ByApplication(_) => b'x',
        }
    }

    /// Returns the text as the outbox stores it.
    pub(crate) fn as_text(&self) -> &[u8] {
        match self {
            Self::ByClient(event) => event.as_text(),
            Self::ByApplication(event) => event.as_text(),
        }
    }
}
