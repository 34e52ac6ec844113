//! Claims: changes of a node's holds.

use crate::event::{AppId, ChannelName, MemberDetails, SocketId, UserId};

/// A channel, one presence user of a channel, or a connection, as the subject of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Hold {
    pub(crate) app: AppId,
    /// The channel; empty for a connection.
    pub(crate) channel: ChannelName,
    /// The user, `None` for the channel itself, or the socket id of a connection.
    pub(crate) user: Option<UserId>,
}

impl Hold {
    /// Returns the hold of a connection. It is encoded as a user of the channel with the empty name; real users always have
    /// a channel name.
    pub(crate) fn connection(app: AppId, socket: &SocketId) -> Self {
        Self { app, channel: ChannelName::new(b""), user: Some(UserId::new(socket.as_bytes())) }
    }

    /// Returns the user, or `None` if the hold is a channel or a connection.
    pub(crate) fn member(&self) -> Option<&UserId> {
        self.user.as_ref().filter(|_| !self.channel.is_empty())
    }

    /// Returns the hold of a channel, or of a user on it.
    pub(crate) fn new(app: &AppId, channel: &ChannelName, user: Option<UserId>) -> Self {
        Self { app: app.clone(), channel: channel.clone(), user }
    }
}

/// A change of one hold of this node: a local first or a local last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) hold: Hold,
    pub(crate) change: Change,
    /// The connection that caused the change. Only set where an endpoint needs it.
    pub(crate) by: Option<Box<MemberDetails>>,
}

/// The direction of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The node now serves it.
    Join,
    /// The node no longer serves it.
    Leave,
}

impl Claim {
    /// Returns the claim for this node's first connection.
    pub(crate) const fn join(hold: Hold) -> Self {
        Self { hold, change: Change::Join, by: None }
    }

    /// Sets the connection that caused the change.
    pub(crate) fn by(self, by: Option<Box<MemberDetails>>) -> Self {
        Self { by, ..self }
    }

    /// Returns the claim for this node's last connection.
    pub(crate) const fn leave(hold: Hold) -> Self {
        Self { hold, change: Change::Leave, by: None }
    }
}
