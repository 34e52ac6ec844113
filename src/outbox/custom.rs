//! The rules for events that the application sends, from whichever process.

use crate::config::{Address, Endpoint, IgnoredChannels, ROOT};
use crate::event::{AppId, CustomName, CustomNameError};
use crate::redis::LinkError;

/// Checks the arguments of an event.
///
/// # Errors
/// When the event has no valid name, or its channel an empty one.
pub(crate) fn check(name: &str, channel: Option<&[u8]>) -> Result<CustomName, SendError> {
    let name = CustomName::parse(name)?;
    if channel.is_some_and(<[u8]>::is_empty) { Err(SendError::NamelessChannel) } else { Ok(name) }
}

/// Whether one of the `endpoints` asks for events of this name, and the channel is not ignored. A filter is left to the lanes.
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

/// Why an event of the application's own was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// It cannot be called so.
    #[error("event {0}")]
    Name(#[from] CustomNameError),
    /// A channel has a name.
    #[error("the channel has no name: leave it out for an event on none")]
    NamelessChannel,
    /// Hooks come faster than they are taken in.
    #[error("the queue of hooks is full (queue_size): the event was not sent")]
    QueueFull,
    /// Before the boot, after the end, or in a forked child.
    #[error("the webhooks engine does not run in this process")]
    NotRunning,
    /// The data in Redis is not for this process: of another cluster, or in a newer schema.
    #[error("the event was not sent: {0}")]
    Excluded(String),
    /// Redis was not reached, or it refused the event.
    #[error("the event was not sent: Redis at {address} ({ROOT}.connection) {}", refusal(.error))]
    Redis {
        /// Where Redis was expected.
        address: Box<Address>,
        /// What went wrong.
        error: LinkError,
    },
    /// Redis got the event, or a part of it, and its answer is missing.
    #[error(
        "the event may have been sent: Redis at {address} ({ROOT}.connection) {}. Sent again, it may be delivered twice",
        refusal(.error)
    )]
    Unanswered {
        /// Where Redis is.
        address: Box<Address>,
        /// What went wrong.
        error: LinkError,
    },
}

/// What Redis did, and the remedy.
fn refusal(error: &LinkError) -> String {
    match error {
        LinkError::Unreachable(_) => format!("is {error}: check that it runs there and that this process reaches it"),
        LinkError::Unavailable(_) => format!("{error}: try again when it has loaded its data or failed over"),
        LinkError::TakesNoWrites { cause, reason } => format!("takes no writes ({reason}): {}", cause.remedy()),
        other => other.to_string(),
    }
}
