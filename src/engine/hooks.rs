//! What hooks call. None of it waits: strings are copied and pushed.

use super::Engine;
use crate::event::{ChannelName, CustomEvent, SocketId};
use crate::outbox::SendError;
use crate::outbox::custom::{check, is_wanted};
use crate::presence::{Intent, Packed};

impl Engine {
    /// Whether an endpoint wants to know of connections.
    #[must_use]
    pub fn wants_connections(&self) -> bool {
        self.demands.connections.any()
    }

    /// A socket connected.
    pub fn opened(&self, app: &[u8], socket: &[u8]) {
        if self.demands.connections.includes(app) {
            self.push(|| Intent::Opened(self.app_id(app), SocketId::new(socket)));
        }
    }

    /// A socket subscribed to a channel; `user` on presence channels.
    pub fn subscribed(&self, app: &[u8], channel: &[u8], socket: &[u8], user: Option<&[u8]>) {
        self.subscribed_with_data(app, channel, socket, user, None);
    }

    /// Whether an endpoint wants to know more of members than their ids.
    #[must_use]
    pub fn wants_member_data(&self) -> bool {
        self.demands.details.any()
    }

    /// A socket subscribed to a presence channel, with what it said of its user as a JSON document.
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

    /// A socket left a channel.
    pub fn unsubscribed(&self, app: &[u8], channel: &[u8], socket: &[u8]) {
        self.push(|| Intent::Unsubscribed(self.app_id(app), Packed::new([channel, socket])));
    }

    /// A socket is gone, and with it all its subscriptions.
    pub fn closed(&self, app: &[u8], socket: &[u8]) {
        self.push(|| Intent::Closed(self.app_id(app), SocketId::new(socket)));
    }

    /// The host relayed a client event.
    pub fn client_event(&self, app: &[u8], relayed: &RelayedMessage<'_>) {
        let RelayedMessage { channel, socket, user, message } = *relayed;
        self.push(|| {
            let text = Packed::new([channel, socket, user.unwrap_or_default(), message]);
            Intent::Message(self.app_id(app), text)
        });
    }

    /// Whether an endpoint wants to know of empty cache channels.
    #[must_use]
    pub fn wants_cache_misses(&self) -> bool {
        self.demands.caches.any()
    }

    /// A socket subscribed to a cache channel and found it `empty`, or an empty one has its payload now.
    pub fn cache_seen(&self, app: &[u8], channel: &[u8], empty: bool) {
        if self.demands.caches.includes(app) {
            self.push(|| Intent::CacheSeen { app: self.app_id(app), channel: ChannelName::new(channel), empty });
        }
    }

    /// Sends an event of the application's own, on a channel if that is given; `data` is a JSON document. Returns whether an
    /// endpoint receives events of this name, and the channel is not ignored: if not, nothing is done.
    ///
    /// # Errors
    /// When the name is none, the queue of hooks is full, or the engine does not run.
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
    /// The channel on which the host found the sender.
    pub channel: &'a [u8],
    /// The sender.
    pub socket: &'a [u8],
    /// The sender's presence user, if any.
    pub user: Option<&'a [u8]>,
    /// The client's message, byte for byte: a JSON object with `event`, `channel` and `data`.
    pub message: &'a [u8],
}
