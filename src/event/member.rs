//! A presence user at an edge, with what is known of the connection that made it.

use super::client::{take, write_framed};
use super::{SocketId, UserId};

/// Who came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    id: UserId,
    /// Behind a pointer: few endpoints ask for it, and a hundred thousand events may wait.
    by: Option<Box<MemberDetails>>,
}

/// The connection that made an edge, and what it said of its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDetails {
    /// The connection.
    pub socket: SocketId,
    /// The user's data as a JSON document; empty when it is not known.
    pub data: Box<[u8]>,
}

impl Member {
    /// The user.
    #[must_use]
    pub const fn id(&self) -> &UserId {
        &self.id
    }

    /// The user's id as it came in.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.id.as_bytes()
    }

    /// The connection that made the edge, if that is known.
    #[must_use]
    pub fn by(&self) -> Option<&MemberDetails> {
        self.by.as_deref()
    }

    /// The same with the connection that made the edge.
    #[must_use]
    pub fn with(self, by: Option<Box<MemberDetails>>) -> Self {
        Self { by, ..self }
    }
}

impl From<UserId> for Member {
    fn from(id: UserId) -> Self {
        Self { id, by: None }
    }
}

impl From<&str> for Member {
    fn from(id: &str) -> Self {
        UserId::from(id).into()
    }
}

impl MemberDetails {
    /// An details as it stands in the outbox. `None` when it is none of ours.
    #[must_use]
    pub fn from_text(text: &[u8]) -> Option<Self> {
        let (socket, data) = take(text)?;
        Some(Self { socket: socket.into(), data: data.into() })
    }

    /// The text that stands in the outbox: the socket behind its length and a colon, then the data.
    #[must_use]
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        write_framed(&mut text, self.socket.as_bytes());
        text.extend_from_slice(&self.data);
        text
    }
}
