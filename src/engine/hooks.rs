//! What hooks call. None of it waits: strings are copied and pushed.

use super::Engine;
use crate::config::Endpoint;
use crate::event::{ChannelName, CustomEvent, CustomName, CustomNameError, SocketId};
use crate::presence::{Intent, Packed};

impl Engine {
    /// Whether an endpoint wants to know of connections.
    #[must_use]
    pub fn wants_connections(&self) -> bool {
        self.interests.connections.is_somebody()
    }

    /// A socket connected.
    pub fn opened(&self, app: &[u8], socket: &[u8]) {
        if self.interests.connections.is_in(app) {
            self.push(|| Intent::Opened(self.app_id(app), SocketId::new(socket)));
        }
    }

    /// A socket subscribed to a channel; `user` on presence channels.
    pub fn subscribed(&self, app: &[u8], channel: &[u8], socket: &[u8], user: Option<&[u8]>) {
        self.attended(app, channel, socket, user, None);
    }

    /// Whether an endpoint wants to know more of members than their ids.
    #[must_use]
    pub fn wants_member_data(&self) -> bool {
        self.interests.details.is_somebody()
    }

    /// A socket subscribed to a presence channel, with what it said of its user as a JSON document.
    pub fn attended(&self, app: &[u8], channel: &[u8], socket: &[u8], user: Option<&[u8]>, data: Option<&[u8]>) {
        self.push(|| {
            let data = data.filter(|_| self.interests.details.is_in(app)).unwrap_or_default();
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
        self.interests.caches.is_somebody()
    }

    /// A socket subscribed to a cache channel and found it `empty`, or an empty one has its payload now.
    pub fn cache_seen(&self, app: &[u8], channel: &[u8], empty: bool) {
        if self.interests.caches.is_in(app) {
            self.push(|| Intent::CacheSeen { app: self.app_id(app), channel: ChannelName::new(channel), empty });
        }
    }

    /// Sends an event of the application's own, on a channel if that is given; `data` is a JSON document. Returns whether an
    /// endpoint receives events of this name, and the channel is not ignored: if not, nothing is done.
    ///
    /// # Errors
    /// When the name is none, the queue of hooks is full, or the engine does not run.
    pub fn send(&self, app: &[u8], name: &str, channel: Option<&[u8]>, data: Option<&[u8]>) -> Result<bool, SendError> {
        let name = CustomName::parse(name)?;
        if channel.is_some_and(<[u8]>::is_empty) {
            return Err(SendError::NamelessChannel);
        }
        if self.is_inert() {
            return Err(SendError::NotRunning);
        }
        let app = self.app_id(app);
        if channel.is_some_and(|channel| self.config.ignored_channels.contain(channel)) {
            return Ok(false);
        }
        let wants = |endpoint: &Endpoint| endpoint.apps.contains(&app) && endpoint.custom.contain(name.as_str());
        if !self.endpoints.lock().iter().any(wants) {
            return Ok(false);
        }
        let event = CustomEvent::new(&name, data);
        let channel = ChannelName::new(channel.unwrap_or_default());
        if self.shared.queue.offer(Intent::Custom(app, channel, event)) { Ok(true) } else { Err(SendError::QueueFull) }
    }
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
