//! What an endpoint is told of each event: `endpoints.*.payload`.

use serde::Deserialize;

/// How much an event says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Payload {
    /// What Pusher says.
    #[default]
    Pusher,
    /// Also its id and its time, and who made the edge of a member.
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
