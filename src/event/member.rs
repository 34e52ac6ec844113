//! The presence user of an edge, with details of the connection that caused it.

use super::client::{take, write_framed};
use super::{SocketId, UserId};

/// The presence user of an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    id: UserId,
    /// Boxed to save memory: few endpoints need it, and 100 000 events may wait.
    by: Option<Box<MemberDetails>>,
}

/// The connection that caused an edge, and the data of its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDetails {
    /// The connection.
    pub socket: SocketId,
    /// Data of the user as a JSON document; empty if unknown.
    pub data: Box<[u8]>,
}

impl Member {
    /// Returns the original bytes of the user's id.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.id.as_bytes()
    }

    /// Returns the connection that caused the edge, if it is known.
    pub(crate) fn by(&self) -> Option<&MemberDetails> {
        self.by.as_deref()
    }

    /// Sets the connection that caused the edge.
    pub(crate) fn with(self, by: Option<Box<MemberDetails>>) -> Self {
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
    /// Reads details from the outbox. Returns `None` for any other text.
    pub(crate) fn from_text(text: &[u8]) -> Option<Self> {
        let (socket, data) = take(text)?;
        Some(Self { socket: socket.into(), data: data.into() })
    }

    /// Returns the text for the outbox: the socket after its length and a colon, then the data.
    pub(crate) fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        write_framed(&mut text, self.socket.as_bytes());
        text.extend_from_slice(&self.data);
        text
    }
}
