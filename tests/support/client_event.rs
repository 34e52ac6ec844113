//! Client events, as a host relays them.

use resonate_webhooks::engine::RelayedMessage;
use serde_json::{Value, json};

/// A client event, with the message that the client sent.
pub(crate) struct ClientEvent<'a> {
    channel: &'a [u8],
    socket: &'a [u8],
    user: Option<&'a [u8]>,
    message: Vec<u8>,
}

impl<'a> ClientEvent<'a> {
    /// Returns a client event from `socket`. `data` is JSON text: an object, a list, or a blank string.
    pub(crate) fn new(
        channel: &'a [u8],
        event: &str,
        data: Option<&str>,
        socket: &'a [u8],
        user: Option<&'a [u8]>,
    ) -> Self {
        let quoted = |text: &str| json!(text).to_string();
        let name = quoted(std::str::from_utf8(channel).expect("a channel name is text"));
        let data = data.map_or_else(|| Value::Null.to_string(), str::to_owned);
        let message = format!(r#"{{"event":{},"channel":{name},"data":{data}}}"#, quoted(event));
        Self { channel, socket, user, message: message.into_bytes() }
    }

    /// Returns the event as the host relays it.
    pub(crate) fn relayed(&self) -> RelayedMessage<'_> {
        let Self { channel, socket, user, ref message } = *self;
        RelayedMessage { channel, socket, user, message }
    }
}
