//! An event: an edge, a client event or one of the application's own, as the receiver of a webhook sees it.
//!
//! The names in it are types of their own. `body` and `text` write its JSON, `partition` says which stream of the outbox it
//! goes to.

pub(crate) mod body;
mod channel_type;
mod client;
mod client_message;
mod custom;
mod member;
mod names;
mod partition;
pub(crate) mod text;

pub use channel_type::ChannelType;
pub(crate) use client::take;
pub use client::{ClientEvent, ClientEventParts};
pub(crate) use client_message::ClientMessage;
pub use custom::{CustomEvent, CustomName, CustomNameError};
pub use member::{Member, MemberDetails};
pub(crate) use names::plain;
pub use names::{AppId, ChannelName, NodeId, SocketId, UserId};
pub(crate) use partition::{PARTITIONS, partition_of};

/// What happened, mostly on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The application whose secret signs it.
    pub app: AppId,
    /// Where it happened; empty when that was on no channel.
    pub channel: ChannelName,
    /// When it happened, by Redis' clock, in Unix milliseconds. Consumers bill by it.
    pub time_ms: u64,
    /// What it was.
    pub kind: EventKind,
}

/// The kinds of events, with what each carries on the wire beside its name and channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// The first connection of the cluster subscribed.
    ChannelOccupied,
    /// The last connection of the cluster left.
    ChannelVacated,
    /// The first connection of this presence user subscribed.
    MemberAdded {
        /// Who came.
        user: Member,
    },
    /// The last connection of this presence user left.
    MemberRemoved {
        /// Who went.
        user: Member,
    },
    /// A client sent a `client-` event that the host relays.
    ClientEvent(ClientEvent),
    /// A client connected.
    ConnectionEstablished {
        /// Its connection.
        socket: SocketId,
    },
    /// A client is gone.
    ConnectionTerminated {
        /// Its connection.
        socket: SocketId,
    },
    /// The application sent an event of its own.
    Custom(CustomEvent),
    /// The number of connections that are subscribed to the channel has changed.
    SubscriptionCount {
        /// How many there are in the cluster.
        count: u64,
    },
    /// A client subscribed to a cache channel that had nothing for it.
    CacheMiss,
}

/// The names of events, as they stand in an endpoint's `events` list and on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Every name, in the order in which the documentation lists them.
    pub const ALL: [Self; 9] = [
        Self::ChannelOccupied,
        Self::ChannelVacated,
        Self::MemberAdded,
        Self::MemberRemoved,
        Self::ClientEvent,
        Self::ConnectionEstablished,
        Self::ConnectionTerminated,
        Self::SubscriptionCount,
        Self::CacheMiss,
    ];

    /// Those that an endpoint receives which names none: the others have to be asked for.
    pub const USUAL: [Self; 5] =
        [Self::ChannelOccupied, Self::ChannelVacated, Self::MemberAdded, Self::MemberRemoved, Self::ClientEvent];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChannelOccupied => "channel_occupied",
            Self::ChannelVacated => "channel_vacated",
            Self::MemberAdded => "member_added",
            Self::MemberRemoved => "member_removed",
            Self::ClientEvent => "client_event",
            Self::ConnectionEstablished => "connection_established",
            Self::ConnectionTerminated => "connection_terminated",
            Self::SubscriptionCount => "subscription_count",
            Self::CacheMiss => "cache_miss",
        }
    }

    /// The event called `name`, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

impl Event {
    /// The channel on which it happened, if it happened on one.
    #[must_use]
    pub fn on_channel(&self) -> Option<&ChannelName> {
        match self.kind {
            EventKind::ConnectionEstablished { .. } | EventKind::ConnectionTerminated { .. } => None,
            EventKind::Custom(_) if self.channel.is_empty() => None,
            _ => Some(&self.channel),
        }
    }
}

impl EventKind {
    /// The same with the connection that made the edge, if it is one of a member.
    #[must_use]
    pub fn by(self, details: Option<Box<MemberDetails>>) -> Self {
        match self {
            Self::MemberAdded { user } => Self::MemberAdded { user: user.with(details) },
            Self::MemberRemoved { user } => Self::MemberRemoved { user: user.with(details) },
            other => other,
        }
    }

    /// Whether this is an edge: somebody was the first to come, or the last to go.
    #[must_use]
    pub const fn is_edge(&self) -> bool {
        !matches!(self, Self::ClientEvent(_) | Self::Custom(_) | Self::SubscriptionCount { .. } | Self::CacheMiss)
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Custom(event) => event.name(),
            other => other.listed_as().map_or("", EventName::as_str),
        }
    }

    /// Which of the names it has that are ours; none for one of the application's own.
    #[must_use]
    pub const fn listed_as(&self) -> Option<EventName> {
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
