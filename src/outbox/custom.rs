//! Rules for custom events, which the application sends from any process.

use crate::config::{Endpoint, IgnoredChannels, ROOT};
use crate::event::{AppId, CustomName, CustomNameError};
use crate::redis::LinkError;

/// Checks the arguments of a custom event.
///
/// # Errors
/// If the event's name is invalid, or its channel is empty.
pub(crate) fn check(name: &str, channel: Option<&[u8]>) -> Result<CustomName, SendError> {
    let name = CustomName::parse(name)?;
    if channel.is_some_and(<[u8]>::is_empty) { Err(SendError::NamelessChannel) } else { Ok(name) }
}

/// Returns `true` if one of the `endpoints` subscribes to events with this name and the channel is not ignored. Lanes
/// apply filters later.
pub(crate) fn is_wanted(
    app: &AppId,
    name: &CustomName,
    channel: Option<&[u8]>,
    ignored: &IgnoredChannels,
    endpoints: &[Endpoint],
) -> bool {
    let asks = |endpoint: &Endpoint| endpoint.apps.contains(app) && endpoint.custom.contain(name.as_str());
    !channel.is_some_and(|channel| ignored.contain(channel)) && endpoints.iter().any(asks)
}

/// Why a custom event was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The name is invalid.
    #[error("event {0}")]
    Name(#[from] CustomNameError),
    /// The channel name is empty.
    #[error("the channel has no name: leave it out for an event on none")]
    NamelessChannel,
    /// Hooks arrive faster than the engine takes them.
    #[error("the queue of hooks is full (queue_size): the event was not sent")]
    QueueFull,
    /// The engine has not booted, has ended, or belongs to the parent of this forked process.
    #[error("the webhooks engine does not run in this process")]
    NotRunning,
    /// The data in Redis belongs to another cluster or has a newer schema.
    #[error("the event was not sent: {0}")]
    Excluded(String),
    /// Redis was unreachable or refused the event.
    #[error("the event was not sent: Redis at {address} ({ROOT}.connection) {}", refusal(.error))]
    Redis {
        /// The address of Redis, and the shard if there are several.
        address: String,
        /// The error.
        error: LinkError,
    },
    /// The event was sent, at least in part, and Redis has not replied.
    #[error(
        "the event may have been sent: Redis at {address} ({ROOT}.connection) {}. Sent again, it may be delivered twice",
        refusal(.error)
    )]
    Unanswered {
        /// The address of Redis, and the shard if there are several.
        address: String,
        /// The error.
        error: LinkError,
    },
}

/// Describes what Redis did and the remedy.
fn refusal(error: &LinkError) -> String {
    match error {
        LinkError::Unreachable(_) => format!("is {error}: check that it runs there and that this process reaches it"),
        LinkError::Unavailable(_) => format!("{error}: try again when it has loaded its data or failed over"),
        LinkError::TakesNoWrites { cause, reason } => format!("accepts no writes ({reason}): {}", cause.remedy()),
        other => other.to_string(),
    }
}
