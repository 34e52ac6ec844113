//! An event as the receiver of a webhook sees it: an edge, a client event, a count, a cache miss or a custom event.
//!
//! `names` has a type for each kind of name. `body` and `text` encode an event as JSON. `partition` assigns it to a
//! stream of the outbox, and `shard` to a part of the data.

pub(crate) mod body;
mod channel_type;
mod client;
mod client_message;
mod custom;
mod fields;
mod member;
mod names;
mod partition;
mod shard;
pub(crate) mod text;

pub use channel_type::ChannelType;
pub(crate) use client::take;
pub use client::{ClientEvent, ClientEventParts};
pub(crate) use client_message::ClientMessage;
pub use custom::{CustomEvent, CustomName, CustomNameError};
pub(crate) use fields::fields;
pub use member::{Member, MemberDetails};
pub(crate) use names::plain;
pub use names::{AppId, ChannelName, NodeId, SocketId, UserId};
pub use partition::{PARTITIONS, partition_of};
pub use shard::{MAX_SHARDS, Shard};
use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray};

/// An event of an application, usually on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Application. Its secret signs the webhook.
    pub app: AppId,
    /// Channel; empty if the event is on no channel.
    pub channel: ChannelName,
    /// Time of the event by Redis' clock, in Unix ms. Receivers may bill by it.
    pub time_ms: u64,
    /// Kind and content.
    pub kind: EventKind,
}

/// The kinds of events, with their content besides name and channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// The first connection in the cluster subscribed to the channel.
    ChannelOccupied,
    /// The last connection in the cluster left the channel.
    ChannelVacated,
    /// The first connection of a presence user subscribed.
    MemberAdded {
        /// The presence user.
        user: Member,
    },
    /// The last connection of a presence user left.
    MemberRemoved {
        /// The presence user.
        user: Member,
    },
    /// A client sent a `client-` event that the host relays.
    ClientEvent(ClientEvent),
    /// A client connected.
    ConnectionEstablished {
        /// The client's connection.
        socket: SocketId,
    },
    /// A client disconnected.
    ConnectionTerminated {
        /// The client's connection.
        socket: SocketId,
    },
    /// The application sent a custom event.
    Custom(CustomEvent),
    /// The number of connections on the channel changed.
    SubscriptionCount {
        /// The number in the whole cluster.
        count: u64,
    },
    /// A client subscribed to an empty cache channel.
    CacheMiss,
}

/// The names of events, as in an endpoint's `events` list and in the body of a webhook.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumCount, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum EventName {
    /// `channel_occupied`
    ChannelOccupied,
    /// `channel_vacated`
    ChannelVacated,
    /// `member_added`
    MemberAdded,
    /// `member_removed`
    MemberRemoved,
    /// `client_event`
    ClientEvent,
    /// `connection_established`
    ConnectionEstablished,
    /// `connection_terminated`
    ConnectionTerminated,
    /// `subscription_count`
    SubscriptionCount,
    /// `cache_miss`
    CacheMiss,
}

impl EventName {
    /// The events of an endpoint without `events`. The others must be listed there.
    pub const USUAL: [Self; 5] =
        [Self::ChannelOccupied, Self::ChannelVacated, Self::MemberAdded, Self::MemberRemoved, Self::ClientEvent];
}

impl Event {
    /// Returns the channel of the event, if it is on one.
    pub(crate) fn on_channel(&self) -> Option<&ChannelName> {
        match self.kind {
            EventKind::ConnectionEstablished { .. } | EventKind::ConnectionTerminated { .. } => None,
            EventKind::Custom(_) if self.channel.is_empty() => None,
            _ => Some(&self.channel),
        }
    }
}

impl EventKind {
    /// Adds the connection that caused a member's edge. Changes no other event.
    pub(crate) fn by(self, details: Option<Box<MemberDetails>>) -> Self {
        match self {
            Self::MemberAdded { user } => Self::MemberAdded { user: user.with(details) },
            Self::MemberRemoved { user } => Self::MemberRemoved { user: user.with(details) },
            other => other,
        }
    }

    /// Returns the name as in the body of a webhook.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Custom(event) => event.name(),
            other => other.listed_as().map_or("", Into::into),
        }
    }

    /// Returns the name, or `None` for a custom event.
    pub(crate) const fn listed_as(&self) -> Option<EventName> {
        Some(match self {
            Self::Custom(_) => return None,
            Self::ChannelOccupied => EventName::ChannelOccupied,
            Self::ChannelVacated => EventName::ChannelVacated,
            Self::MemberAdded { .. } => EventName::MemberAdded,
            Self::MemberRemoved { .. } => EventName::MemberRemoved,
            Self::ClientEvent(_) => EventName::ClientEvent,
            Self::ConnectionEstablished { .. } => EventName::ConnectionEstablished,
            Self::ConnectionTerminated { .. } => EventName::ConnectionTerminated,
            Self::SubscriptionCount { .. } => EventName::SubscriptionCount,
            Self::CacheMiss => EventName::CacheMiss,
        })
    }
}
