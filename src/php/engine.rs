//! `Webpatser\ResonateWebhooks\Native\Engine`: a handle to an engine of this process.

use std::sync::Arc;
use std::time::Duration;

use ext_php_rs::binary::Binary;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::convert::IntoZval;
use ext_php_rs::exception::PhpResult;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::{php_class, php_impl};
use ext_php_rs::types::ZendHashTable;

use super::exceptions::{engine_failed, invalid_config, unsent};
use super::{Bytes, array_keys, config_array, json_array};
use crate::engine::{Engine as Core, RelayedMessage, registry};
use crate::event::{AppId, ChannelName, SocketId};

/// The webhooks engine of this process. The object is a handle: destroying it stops nothing, because hooks still arrive while
/// the process ends.
#[php_class]
#[php(name = "Webpatser\\ResonateWebhooks\\Native\\Engine", flags = ClassFlags::Final)]
pub struct Engine {
    core: Arc<Core>,
}

#[php_impl]
impl Engine {
    /// The version of the extension.
    pub const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    /// Creates an engine from the `resonate-webhooks` config array. Starts nothing yet.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key
    pub fn __construct(config: &ZendHashTable) -> PhpResult<Self> {
        Ok(Self { core: Arc::new(Core::new(config_array::read(config)?)) })
    }

    /// Returns the times of the config that PHP code needs, in seconds, by config key.
    pub fn seconds(&self) -> PhpResult<ZBox<ZendHashTable>> {
        let config = self.core.config();
        let mut seconds = ZendHashTable::with_capacity(4);
        seconds.insert("flush_interval", config.flush_interval.as_secs_f64())?;
        seconds.insert("reconcile_interval", config.reconcile_interval.as_secs_f64())?;
        seconds.insert("shutdown_timeout", config.shutdown_timeout.as_secs_f64())?;
        seconds.insert("endpoints_refresh", config.endpoints_refresh.as_secs_f64())?;
        Ok(seconds)
    }

    /// Starts the background threads on the first call. Never waits for Redis.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\EngineFailed if the threads cannot be started
    pub fn boot(&self) -> PhpResult<()> {
        self.core.boot().map_err(engine_failed)?;
        registry::keep(&self.core);
        Ok(())
    }

    /// Replaces the endpoints with those of this `resonate-webhooks` config array. Ignores the rest of the array.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key, and
    /// nothing changes
    pub fn set_endpoints(&self, config: &ZendHashTable) -> PhpResult<()> {
        self.core.set_endpoints(config_array::read(config)?).map_err(invalid_config)
    }

    /// Sets an application's credentials. Call it for each new application and whenever its credentials change.
    pub fn register_app(&self, appId: Bytes, key: Bytes, secret: Bytes) {
        self.core.register_app(&appId, *key, *secret);
    }

    /// Returns the ids of applications that have events and are not registered, so that the host must look them up. Returns each
    /// once a second until it is registered, or until a minute after its last event.
    pub fn wanted_apps(&self) -> Vec<Binary<u8>> {
        self.core.wanted_apps().iter().map(|app| Binary::new(app.as_bytes())).collect()
    }

    /// Returns true if an endpoint wants connection events. Otherwise `opened()` has no effect.
    pub fn wants_connections(&self) -> bool {
        self.core.wants_connections()
    }

    /// Hook: a socket connected.
    pub fn opened(&self, appId: Bytes, socketId: Bytes) {
        self.core.opened(&appId, &socketId);
    }

    /// Returns true if an endpoint wants member data. Otherwise `subscribed()` ignores it.
    pub fn wants_member_data(&self) -> bool {
        self.core.wants_member_data()
    }

    /// Hook: a socket subscribed to a channel. userData is the member data of a presence channel, as a JSON string.
    pub fn subscribed(
        &self,
        appId: Bytes,
        channel: Bytes,
        socketId: Bytes,
        userId: Option<Bytes>,
        userData: Option<Bytes>,
    ) {
        let (user, data) = (userId.as_deref().copied(), userData.as_deref().copied());
        self.core.subscribed_with_data(&appId, &channel, &socketId, user, data);
    }

    /// Hook: a socket unsubscribed from a channel.
    pub fn unsubscribed(&self, appId: Bytes, channel: Bytes, socketId: Bytes) {
        self.core.unsubscribed(&appId, &channel, &socketId);
    }

    /// Hook: a socket closed. This ends all its subscriptions.
    pub fn closed(&self, appId: Bytes, socketId: Bytes) {
        self.core.closed(&appId, &socketId);
    }

    /// Hook: the host relayed a client event to the other sockets on a channel. message is the client's message, byte for byte.
    pub fn client_event(&self, appId: Bytes, channel: Bytes, socketId: Bytes, message: Bytes, userId: Option<Bytes>) {
        let user = userId.as_deref().copied();
        let relayed = RelayedMessage { channel: &channel, socket: &socketId, user, message: &message };
        self.core.client_event(&appId, &relayed);
    }

    /// Sends an event of the application's own. data is a JSON string. Returns true if an endpoint wants events of this name and
    /// the channel is not ignored.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidEvent if the event is invalid
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\QueueFull if the queue to the engine's threads is full
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\ServerNotRunning if the engine does not run
    pub fn send(&self, appId: Bytes, event: Bytes, channel: Option<Bytes>, data: Option<Bytes>) -> PhpResult<bool> {
        let (channel, data) = (channel.as_deref().copied(), data.as_deref().copied());
        self.core.send(&appId, &String::from_utf8_lossy(&event), channel, data).map_err(unsent)
    }

    /// Hook: a socket subscribed to an empty cache channel (empty is true), or an empty one now has a payload (false).
    pub fn cache_seen(&self, appId: Bytes, channel: Bytes, empty: bool) {
        self.core.cache_seen(&appId, &channel, empty);
    }

    /// Returns true if an endpoint wants `cache_miss` events. Otherwise `cacheSeen()` has no effect.
    pub fn wants_cache_misses(&self) -> bool {
        self.core.wants_cache_misses()
    }

    /// Compares the engine's state of a channel with all its live connections, socket id => user id ('' for none). Corrects
    /// what the hooks missed.
    pub fn reconcile(&self, appId: Bytes, channel: Bytes, sockets: &ZendHashTable) {
        self.core.reconcile(&appId, &channel, connections(sockets));
    }

    /// Takes some of the live connections of a channel, as `reconcile()` does. Adds those that the hooks missed.
    pub fn present(&self, appId: Bytes, channel: Bytes, sockets: &ZendHashTable) {
        self.core.present(&appId, &channel, connections(sockets));
    }

    /// Takes a list of socket ids that are not on a channel. Removes those whose unsubscribe the hooks missed.
    pub fn absent(&self, appId: Bytes, channel: Bytes, sockets: &ZendHashTable) {
        let sockets =
            array_keys::entries(sockets).map(|(_, socket)| SocketId::new(&array_keys::bytes(socket))).collect();
        self.core.absent(&appId, &channel, sockets);
    }

    /// Returns the channels to reconcile because a hook found the queue full: a list of [app id, channel].
    pub fn dirty_channels(&self) -> Vec<Vec<Binary<u8>>> {
        channel_list(&self.core.dirty_channels())
    }

    /// Returns channels with a local connection: [next cursor, list of [app id, channel]]. Cursor 0 begins and ends a round.
    /// Returns null while the engine is busy.
    pub fn channels(&self, cursor: i64, limit: i64) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let page = self.core.channels(index(cursor), index(limit));
        page.map(|(next, channels)| pair(i64::try_from(next).unwrap_or(0), channel_list(&channels))).transpose()
    }

    /// Returns the socket ids that the engine has on a channel: [next cursor, list]. Cursor 0 begins and ends a round. Returns
    /// null while the engine is busy.
    pub fn sockets(
        &self,
        appId: Bytes,
        channel: Bytes,
        cursor: i64,
        limit: i64,
    ) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let page = self.core.sockets(&appId, &channel, index(cursor), index(limit));
        page.map(|(next, sockets)| pair(i64::try_from(next).unwrap_or(0), socket_list(&sockets))).transpose()
    }

    /// Returns up to limit keys of an array, as strings: [next position, list]. Position 0 begins and ends a round. The cost of
    /// a page does not depend on the size of the array.
    pub fn keys(array: &ZendHashTable, position: i64, limit: i64) -> PhpResult<ZBox<ZendHashTable>> {
        let (next, keys) = array_keys::page(array, position, limit)?;
        pair(next, keys)
    }

    /// Takes up to max outcomes, oldest first: deliveries, drops, changes of endpoints and log lines.
    #[php(defaults(max = 256))]
    pub fn poll(&self, max: i64) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::list(self.core.poll(index(max)))
    }

    /// Returns counters and gauges by name.
    pub fn stats(&self) -> PhpResult<ZBox<ZendHashTable>> {
        let mut result = ZendHashTable::new();
        for (name, value) in self.core.stats() {
            result.insert(name, i64::try_from(value).unwrap_or(i64::MAX))?;
        }
        Ok(result)
    }

    /// Sends waiting events, for at most deadlineMs milliseconds. Returns true if none is left. Hooks continue to work.
    pub fn shutdown(&self, deadlineMs: i64) -> bool {
        let time = Duration::from_millis(u64::try_from(deadlineMs).unwrap_or(0));
        self.core.flush(time).is_nothing()
    }
}

fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn pair(next: i64, list: impl IntoZval) -> PhpResult<ZBox<ZendHashTable>> {
    let mut pair = ZendHashTable::with_capacity(2);
    pair.push(next)?;
    pair.push(list)?;
    Ok(pair)
}

fn connections(sockets: &ZendHashTable) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    array_keys::entries(sockets).map(|(socket, user)| (array_keys::bytes(&socket), array_keys::bytes(user)))
}

fn socket_list(sockets: &[SocketId]) -> Vec<Binary<u8>> {
    sockets.iter().map(|socket| Binary::new(socket.as_bytes())).collect()
}

fn channel_list(channels: &[(AppId, ChannelName)]) -> Vec<Vec<Binary<u8>>> {
    let pair = |(app, channel): &(AppId, ChannelName)| Vec::from([app.as_bytes(), channel.as_bytes()].map(Binary::new));
    channels.iter().map(pair).collect()
}
