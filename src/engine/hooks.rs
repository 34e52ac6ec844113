//! The methods that hooks call. They copy strings, push an intent and never block.

use super::Engine;
use crate::event::{ChannelName, CustomEvent, SocketId};
use crate::outbox::SendError;
use crate::outbox::custom::{check, is_wanted};
use crate::presence::{Intent, Packed};

impl Engine {
    /// Returns `true` if an endpoint receives events of connections.
    #[must_use]
    pub fn wants_connections(&self) -> bool {
        self.demands.connections.any()
    }

    /// Records a new connection.
    pub fn opened(&self, app: &[u8], socket: &[u8]) {
        if self.demands.connections.includes(app) {
            self.push(|| Intent::Opened(self.app_id(app), SocketId::new(socket)));
        }
    }

    /// Records a subscription. `user` is set on presence channels.
    pub fn subscribed(&self, app: &[u8], channel: &[u8], socket: &[u8], user: Option<&[u8]>) {
        self.subscribed_with_data(app, channel, socket, user, None);
    }

    /// Returns `true` if an endpoint receives the extended payload, which contains the data of members.
    #[must_use]
    pub fn wants_member_data(&self) -> bool {
        self.demands.details.any()
    }

    /// Records a subscription with the data of its presence user, a JSON document.
    pub fn subscribed_with_data(
        &self,
        app: &[u8],
        channel: &[u8],
        socket: &[u8],
        user: Option<&[u8]>,
        data: Option<&[u8]>,
    ) {
        self.push(|| {
            let data = data.filter(|_| self.demands.details.includes(app)).unwrap_or_default();
            Intent::Subscribed(self.app_id(app), Packed::new([channel, socket, user.unwrap_or_default(), data]))
        });
    }

    /// Records the end of a subscription.
    pub fn unsubscribed(&self, app: &[u8], channel: &[u8], socket: &[u8]) {
        self.push(|| Intent::Unsubscribed(self.app_id(app), Packed::new([channel, socket])));
    }

    /// Records the end of a connection with all its subscriptions.
    pub fn closed(&self, app: &[u8], socket: &[u8]) {
        self.push(|| Intent::Closed(self.app_id(app), SocketId::new(socket)));
    }

    /// Records a client event that the host relayed.
    pub fn client_event(&self, app: &[u8], relayed: &RelayedMessage<'_>) {
        let RelayedMessage { channel, socket, user, message } = *relayed;
        self.push(|| {
            let text = Packed::new([channel, socket, user.unwrap_or_default(), message]);
            Intent::Message(self.app_id(app), text)
        });
    }

    /// Returns `true` if an endpoint receives `cache_miss`.
    #[must_use]
    pub fn wants_cache_misses(&self) -> bool {
        self.demands.caches.any()
    }

    /// Records whether a cache channel is `empty`: `true` after a subscription to an empty one, `false` when it has a
    /// payload again.
    pub fn cache_seen(&self, app: &[u8], channel: &[u8], empty: bool) {
        if self.demands.caches.includes(app) {
            self.push(|| Intent::CacheSeen { app: self.app_id(app), channel: ChannelName::new(channel), empty });
        }
    }

    /// Sends a custom event, optionally on a channel. `data` is a JSON document. Returns `false`, without sending, if
    /// no endpoint receives the event or the channel is ignored.
    ///
    /// # Errors
    /// If the name is invalid, the queue is full, or the engine does not run.
    pub fn send(&self, app: &[u8], name: &str, channel: Option<&[u8]>, data: Option<&[u8]>) -> Result<bool, SendError> {
        let name = check(name, channel)?;
        if self.is_inert() {
            return Err(SendError::NotRunning);
        }
        let app = self.app_id(app);
        if !is_wanted(&app, &name, channel, &self.config.ignored_channels, &self.endpoints.lock()) {
            return Ok(false);
        }
        let event = CustomEvent::new(&name, data);
        let channel = ChannelName::new(channel.unwrap_or_default());
        if self.shared.queue.offer(Intent::Custom(app, channel, event)) { Ok(true) } else { Err(SendError::QueueFull) }
    }
}

/// A client event that the host relayed to the other sockets on the channel.
#[derive(Clone, Copy, Debug)]
pub struct RelayedMessage<'a> {
    /// Channel that the sender is subscribed to, according to the host.
    pub channel: &'a [u8],
    /// Connection of the sender.
    pub socket: &'a [u8],
    /// Presence user of the sender, if any.
    pub user: Option<&'a [u8]>,
    /// Message of the client, byte for byte: a JSON object with `event`, `channel` and `data`.
    pub message: &'a [u8],
}
