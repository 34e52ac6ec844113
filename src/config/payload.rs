//! The detail of the events in a body: `endpoints.*.payload`.

use serde::Deserialize;

/// The detail of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Payload {
    /// Pusher's fields.
    #[default]
    Pusher,
    /// Also the event's id and time and, for a member's edge, the connection and the user's data.
    Extended,
}

impl TryFrom<String> for Payload {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "pusher" => Ok(Self::Pusher),
            "extended" => Ok(Self::Extended),
            _ => Err(format!("{name:?} is neither \"pusher\" nor \"extended\"")),
        }
    }
}
