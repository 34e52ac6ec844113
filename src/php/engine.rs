//! `Webpatser\ResonateWebhooks\Native\Engine`: a handle on an engine of this process.

#![allow(elided_lifetimes_in_paths, reason = "php_impl writes the lifetimes of arguments itself and expects none")]
#![allow(non_snake_case, reason = "PHP calls methods and named arguments by the identifiers as they stand here")]

use std::sync::Arc;
use std::time::Duration;

use ext_php_rs::binary::Binary;
use ext_php_rs::binary_slice::BinarySlice;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::exception::PhpResult;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::{php_class, php_impl};
use ext_php_rs::types::ZendHashTable;

use super::exceptions::{engine_failed, invalid_config, unsent};
use super::{array_keys, config_array};
use crate::engine::{Engine as Core, RelayedMessage, registry};
use crate::event::{AppId, ChannelName, SocketId};
use crate::telemetry::Outcome;

/// The webhooks engine of this process. The object is a handle: destroying it stops nothing, for hooks still arrive while
/// a process ends.
#[php_class]
#[php(name = "Webpatser\\ResonateWebhooks\\Native\\Engine", flags = ClassFlags::Final)]
pub struct Engine {
    core: Arc<Core>,
}

#[allow(missing_docs, reason = "the generated stub describes them to PHP, and ext-php-rs adds the parameters")]
#[allow(clippy::needless_pass_by_value, reason = "ext-php-rs hands arguments over by value")]
#[php_impl]
impl Engine {
    /// The version of the extension.
    pub const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    /// Prepares an engine from the `resonate-webhooks` config array; nothing is started yet.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig naming the key that is wrong
    pub fn __construct(config: &ZendHashTable) -> PhpResult<Self> {
        Ok(Self { core: Arc::new(Core::new(config_array::read(config)?)) })
    }

    /// The times of the config that the host's side needs, in seconds, by their keys.
    pub fn seconds(&self) -> PhpResult<ZBox<ZendHashTable>> {
        let config = self.core.config();
        let mut seconds = ZendHashTable::with_capacity(4);
        seconds.insert("flush_interval", config.flush_interval.as_secs_f64())?;
        seconds.insert("reconcile_interval", config.reconcile_interval.as_secs_f64())?;
        seconds.insert("shutdown_timeout", config.shutdown_timeout.as_secs_f64())?;
        seconds.insert("endpoints_refresh", config.endpoints_refresh.as_secs_f64())?;
        Ok(seconds)
    }

    /// Starts the background threads, once. Never waits for Redis.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\EngineFailed when the threads cannot be started
    pub fn boot(&self) -> PhpResult<()> {
        self.core.boot().map_err(engine_failed)?;
        registry::keep(&self.core);
        Ok(())
    }

    /// Delivers to the endpoints of this `resonate-webhooks` config array from now on; the rest of it is not looked at.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig naming the key that is wrong; then nothing has changed
    pub fn set_endpoints(&self, config: &ZendHashTable) -> PhpResult<()> {
        self.core.set_endpoints(config_array::read(config)?).map_err(invalid_config)
    }

    /// Takes an application's credentials, at first sight and whenever they change.
    pub fn register_app(&self, appId: BinarySlice<u8>, key: BinarySlice<u8>, secret: BinarySlice<u8>) {
        self.core.register_app(&appId, *key, *secret);
    }

    /// The ids of applications that are not registered and have events: the host is to be asked for them. Each is named once
    /// a second until it is registered, or for a minute after its last event came.
    pub fn wanted_apps(&self) -> PhpResult<ZBox<ZendHashTable>> {
        let mut list = ZendHashTable::new();
        for app in self.core.wanted_apps() {
            list.push(binary(app.as_bytes()))?;
        }
        Ok(list)
    }

    /// Whether an endpoint wants to know of connections: `opened()` is for nothing otherwise.
    pub fn wants_connections(&self) -> bool {
        self.core.wants_connections()
    }

    /// A socket connected.
    pub fn opened(&self, appId: BinarySlice<u8>, socketId: BinarySlice<u8>) {
        self.core.opened(&appId, &socketId);
    }

    /// Whether an endpoint wants the data of members: `subscribed()` passes none on otherwise.
    pub fn wants_member_data(&self) -> bool {
        self.core.wants_member_data()
    }

    /// A socket subscribed to a channel; userData is what it said of its user, as a JSON string.
    pub fn subscribed(
        &self,
        appId: BinarySlice<u8>,
        channel: BinarySlice<u8>,
        socketId: BinarySlice<u8>,
        userId: Option<BinarySlice<u8>>,
        userData: Option<BinarySlice<u8>>,
    ) {
        let (user, data) = (userId.as_deref().copied(), userData.as_deref().copied());
        self.core.subscribed_with_data(&appId, &channel, &socketId, user, data);
    }

    /// A socket left a channel.
    pub fn unsubscribed(&self, appId: BinarySlice<u8>, channel: BinarySlice<u8>, socketId: BinarySlice<u8>) {
        self.core.unsubscribed(&appId, &channel, &socketId);
    }

    /// A socket is gone, and with it all its subscriptions.
    pub fn closed(&self, appId: BinarySlice<u8>, socketId: BinarySlice<u8>) {
        self.core.closed(&appId, &socketId);
    }

    /// The host relayed a client event to the other sockets on a channel; message is what the client sent, byte for byte.
    pub fn client_event(
        &self,
        appId: BinarySlice<u8>,
        channel: BinarySlice<u8>,
        socketId: BinarySlice<u8>,
        message: BinarySlice<u8>,
        userId: Option<BinarySlice<u8>>,
    ) {
        let user = userId.as_deref().copied();
        let relayed = RelayedMessage { channel: &channel, socket: &socketId, user, message: &message };
        self.core.client_event(&appId, &relayed);
    }

    /// Sends an event of the application's own; data is a JSON string. Whether an endpoint asks for events of this name, and
    /// the channel is not ignored.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidEvent saying what is wrong with it
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\QueueFull when too much waits for the engine's threads
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\ServerNotRunning when the engine does not run
    pub fn send(
        &self,
        appId: BinarySlice<u8>,
        event: BinarySlice<u8>,
        channel: Option<BinarySlice<u8>>,
        data: Option<BinarySlice<u8>>,
    ) -> PhpResult<bool> {
        let (channel, data) = (channel.as_deref().copied(), data.as_deref().copied());
        self.core.send(&appId, &String::from_utf8_lossy(&event), channel, data).map_err(unsent)
    }

    /// A socket subscribed to a cache channel and found it empty, or an empty one has its payload now.
    pub fn cache_seen(&self, appId: BinarySlice<u8>, channel: BinarySlice<u8>, empty: bool) {
        self.core.cache_seen(&appId, &channel, empty);
    }

    /// Whether an endpoint wants to know of empty cache channels: `cacheSeen()` is for nothing otherwise.
    pub fn wants_cache_misses(&self) -> bool {
        self.core.wants_cache_misses()
    }

    /// All live connections of a channel, socket id to user id ('' for none): what the hooks missed is made up for.
    pub fn reconcile(&self, appId: BinarySlice<u8>, channel: BinarySlice<u8>, sockets: &ZendHashTable) {
        self.core.reconcile(&appId, &channel, connections(sockets));
    }

    /// Some of the live connections of a channel, in the same form: those that the hooks missed are added.
    pub fn present(&self, appId: BinarySlice<u8>, channel: BinarySlice<u8>, sockets: &ZendHashTable) {
        self.core.present(&appId, &channel, connections(sockets));
    }

    /// Socket ids that are not on a channel: those whose end the hooks missed are removed.
    pub fn absent(&self, appId: BinarySlice<u8>, channel: BinarySlice<u8>, sockets: &ZendHashTable) {
        let sockets = sockets.values().map(|socket| SocketId::new(&array_keys::bytes(socket))).collect();
        self.core.absent(&appId, &channel, sockets);
    }

    /// The channels to reconcile because their hooks found the queue full: a list of [app id, channel].
    pub fn dirty_channels(&self) -> PhpResult<ZBox<ZendHashTable>> {
        channel_list(self.core.dirty_channels())
    }

    /// Channels with a local connection: [next cursor, list of [app id, channel]]; cursor 0 begins and ends a round. Null
    /// while the engine is busy.
    pub fn channels(&self, cursor: i64, limit: i64) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let page = self.core.channels(index(cursor), index(limit));
        page.map(|(next, channels)| pair(i64::try_from(next).unwrap_or(0), channel_list(channels)?)).transpose()
    }

    /// The socket ids that the engine has on a channel: [next cursor, list]; cursor 0 begins and ends a round. Null while the
    /// engine is busy.
    pub fn sockets(
        &self,
        appId: BinarySlice<u8>,
        channel: BinarySlice<u8>,
        cursor: i64,
        limit: i64,
    ) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let page = self.core.sockets(&appId, &channel, index(cursor), index(limit));
        page.map(|(next, sockets)| pair(i64::try_from(next).unwrap_or(0), socket_list(&sockets)?)).transpose()
    }

    /// Up to limit keys of an array, as strings: [next position, list]; position 0 begins and ends it. However large the array
    /// is, a page costs what its keys cost.
    pub fn keys(array: &ZendHashTable, position: i64, limit: i64) -> PhpResult<ZBox<ZendHashTable>> {
        let (next, keys) = array_keys::page(array, position, limit)?;
        pair(next, keys)
    }

    /// Takes up to max outcomes, oldest first: deliveries, drops and log lines.
    #[php(defaults(max = 256))]
    pub fn poll(&self, max: i64) -> PhpResult<ZBox<ZendHashTable>> {
        let mut result = ZendHashTable::new();
        for outcome in self.core.poll(usize::try_from(max).unwrap_or(0)) {
            result.push(outcome_array(outcome)?)?;
        }
        Ok(result)
    }

    /// Counters and gauges by name.
    pub fn stats(&self) -> PhpResult<ZBox<ZendHashTable>> {
        let mut result = ZendHashTable::new();
        for (name, value) in self.core.stats() {
            result.insert(name, i64::try_from(value).unwrap_or(i64::MAX))?;
        }
        Ok(result)
    }

    /// Sends on what waits, for at most deadlineMs milliseconds; true when nothing was left. Hooks go on working.
    pub fn shutdown(&self, deadlineMs: i64) -> bool {
        let time = Duration::from_millis(u64::try_from(deadlineMs).unwrap_or(0));
        self.core.flush(time).is_nothing()
    }
}

fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn pair(next: i64, list: ZBox<ZendHashTable>) -> PhpResult<ZBox<ZendHashTable>> {
    let mut pair = ZendHashTable::with_capacity(2);
    pair.push(next)?;
    pair.push(list)?;
    Ok(pair)
}

fn connections(sockets: &ZendHashTable) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    array_keys::entries(sockets).map(|(socket, user)| (array_keys::bytes(&socket), array_keys::bytes(user)))
}

fn socket_list(sockets: &[SocketId]) -> PhpResult<ZBox<ZendHashTable>> {
    let mut list = ZendHashTable::with_capacity(u32::try_from(sockets.len()).unwrap_or(u32::MAX));
    for socket in sockets {
        list.push(binary(socket.as_bytes()))?;
    }
    Ok(list)
}

fn channel_list(channels: Vec<(AppId, ChannelName)>) -> PhpResult<ZBox<ZendHashTable>> {
    let mut list = ZendHashTable::with_capacity(u32::try_from(channels.len()).unwrap_or(u32::MAX));
    for (app, channel) in channels {
        list.push(vec![binary(app.as_bytes()), binary(channel.as_bytes())])?;
    }
    Ok(list)
}

fn binary(bytes: &[u8]) -> Binary<u8> {
    Binary::new(bytes)
}

fn outcome_array(outcome: Outcome) -> PhpResult<ZBox<ZendHashTable>> {
    let mut array = ZendHashTable::with_capacity(9);
    match outcome {
        Outcome::Delivered { url, status, app_id, attempts, webhook_id, endpoint, events } => {
            array.insert("type", "delivered")?;
            array.insert("url", url)?;
            array.insert("status", i64::from(status))?;
            array.insert("app_id", app_id)?;
            array.insert("attempts", i64::from(attempts))?;
            insert_webhook(&mut array, webhook_id, endpoint, events)?;
        }
        Outcome::Dropped { url, app_id, attempts, reason, webhook_id, endpoint, events, dead_letter } => {
            array.insert("type", "dropped")?;
            array.insert("url", url)?;
            array.insert("app_id", app_id)?;
            array.insert("attempts", i64::from(attempts))?;
            array.insert("reason", reason)?;
            insert_webhook(&mut array, webhook_id, endpoint, events)?;
            array.insert("dead_letter", dead_letter)?;
        }
        Outcome::EndpointDisabled { url, endpoint, reason } => {
            array.insert("type", "endpoint_disabled")?;
            array.insert("url", url)?;
            array.insert("endpoint", endpoint)?;
            array.insert("reason", reason)?;
        }
        Outcome::EndpointFailing { url, endpoint, reason, seconds } => {
            array.insert("type", "endpoint_failing")?;
            array.insert("url", url)?;
            array.insert("endpoint", endpoint)?;
            array.insert("reason", reason)?;
            array.insert("seconds", i64::try_from(seconds).unwrap_or(i64::MAX))?;
        }
        Outcome::EndpointRecovered { url, endpoint, seconds } => {
            array.insert("type", "endpoint_recovered")?;
            array.insert("url", url)?;
            array.insert("endpoint", endpoint)?;
            array.insert("seconds", i64::try_from(seconds).unwrap_or(i64::MAX))?;
        }
        Outcome::Log { level, message } => {
            array.insert("type", "log")?;
            array.insert("level", level.as_str())?;
            array.insert("message", message)?;
        }
    }
    Ok(array)
}

/// The POST that an outcome is about.
fn insert_webhook(array: &mut ZendHashTable, id: String, endpoint: String, events: u64) -> PhpResult<()> {
    array.insert("webhook_id", id)?;
    array.insert("endpoint", endpoint)?;
    array.insert("events", i64::try_from(events).unwrap_or(i64::MAX))?;
    Ok(())
}
