//! The detail of the events in a body: `endpoints.*.payload`.

use serde::Deserialize;

/// The detail of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    /// Pusher's fields.
    #[default]
    Pusher,
    /// Also the event's id and time and, for a member's edge, the connection and the user's data.
    Extended,
}
