//! Claims: the changes of a node's holds that only Redis can judge.

use crate::event::{AppId, ChannelName, MemberDetails, SocketId, UserId};

/// Something a node can hold: a channel, one presence user on a channel, or a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Hold {
    /// The application.
    pub(crate) app: AppId,
    /// The channel; empty for a connection.
    pub(crate) channel: ChannelName,
    /// The user, or `None` for the channel itself; of a connection, the socket.
    pub(crate) user: Option<UserId>,
}

impl Hold {
    /// A connection: in the place of a user on the channel without a name, which has none.
    pub(crate) fn connection(app: AppId, socket: &SocketId) -> Self {
        Self { app, channel: ChannelName::new(b""), user: Some(UserId::new(socket.as_bytes())) }
    }

    /// The user on a channel, if it is one.
    pub(crate) fn member(&self) -> Option<&UserId> {
        self.user.as_ref().filter(|_| !self.channel.is_empty())
    }

    /// The channel that this is, or is on.
    pub(crate) fn channel_alone(&self) -> Self {
        Self { app: self.app.clone(), channel: self.channel.clone(), user: None }
    }
}

/// A change of one hold of this node: a local first or a local last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// What changed.
    pub(crate) hold: Hold,
    /// How.
    pub(crate) change: Change,
    /// The connection by which, where somebody wants to know.
    pub(crate) by: Option<Box<MemberDetails>>,
}

/// The direction of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The node serves it from now on.
    Join,
    /// The node serves it no more.
    Leave,
}

impl Claim {
    /// This node's first connection.
    pub(crate) const fn join(hold: Hold) -> Self {
        Self { hold, change: Change::Join, by: None }
    }

    /// The same, with the connection by which.
    pub(crate) fn by(self, by: Option<Box<MemberDetails>>) -> Self {
        Self { by, ..self }
    }

    /// This node's last connection.
    pub(crate) const fn leave(hold: Hold) -> Self {
        Self { hold, change: Change::Leave, by: None }
    }
}
