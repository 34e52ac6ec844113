//! Presence: the occupied channels of the whole cluster and their members, read from the holds in Redis.
//!
//! An answer is what the webhooks have said: a channel is occupied from the decision of its `channel_occupied` to that of its
//! `channel_vacated`, and a member is present likewise. So a departure in its grace does not count yet, and the clients of a
//! dead node are there until it is reaped. Keys and encodings are those of presence; see `presence/scripts/holds.lua` and
//! `counts.lua`.
//!
//! An answer costs what it returns. No key is ever searched for. Only a page of channels with a prefix reads names that it
//! does not return.

use std::fmt;

use redis::{Connection, RedisResult};
use thiserror::Error;

use crate::config::{Config, ConfigError, Endpoint, IgnoredChannels};
use crate::event::{AppId, EventName, Shard};
use crate::redis::{ClientError, ForeignKey, Script, ScriptCall, ShardClients, code};

macro_rules! script {
    ($file:literal) => {
        Script::new(&[
            code!("../redis/scripts/cluster.lua"),
            code!("../redis/scripts/identity.lua"),
            code!("../cluster/scripts/settling.lua"),
            code!("scripts/answerable.lua"),
            code!($file),
        ])
    };
}

static NAMES: Script = script!("scripts/names.lua");
static CHANNEL: Script = script!("scripts/channel.lua");

/// Maximum number of names in a page.
const LARGEST_PAGE: usize = 10_000;

/// Reads who is there, from any process that can reach the Redis of the cluster. Every method blocks on Redis: do not call
/// it in an event loop.
#[derive(Debug)]
pub struct Presence {
    shards: u8,
    endpoints: Vec<Endpoint>,
    ignored: IgnoredChannels,
    clients: ShardClients,
}

/// A page of channels or members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamePage {
    /// The names, in no order.
    pub names: Vec<Vec<u8>>,
    /// Cursor of the next page. `None` after the last one.
    pub next: Option<String>,
}

/// A question that cannot be answered now, or never. The texts contain no secret and no line break.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PresenceError {
    /// Redis was unreachable or refused the call.
    #[error(transparent)]
    Redis(#[from] ClientError),
    /// There is no data. That no server has run looks the same as that Redis has just lost everything.
    #[error(
        "there is no data under the prefix {0:?}: no server has started with it, or Redis has lost its data and no server \
         has restored it yet"
    )]
    Absent(String),
    /// Redis has restarted, failed over or lost data. Passes within seconds if a server runs.
    #[error(
        "Redis has restarted or lost data, and the servers have not restored all of it yet: ask again in a few seconds"
    )]
    Restoring,
    /// The previous page came from another process of Redis, to which the cursor belongs.
    #[error("Redis has restarted or failed over since the previous page: begin with the first page again")]
    Moved,
    /// The data is that of another cluster or of a newer version.
    #[error("{0}")]
    Excluded(String),
    /// The application is suspended.
    #[error("the application is suspended: {0}")]
    Suspended(ForeignKey),
    /// Servers do not track the channel.
    #[error("channels that begin like {0:?} are not tracked: see resonate-webhooks.ignore_channel_prefixes")]
    Ignored(String),
    /// Servers do not count the connections of the application.
    #[error(
        "the connections of {0:?} are not counted: no endpoint of the application lists subscription_count in its events. \
         Without it, only presence channels have a count, that of their members"
    )]
    NotCounted(String),
}

/// A place between two pages. Each process of Redis has an order of its own, so a cursor belongs to one: in that of another,
/// the next page would miss names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The cursor of Redis.
    at: u64,
    /// The first digits of the `run_id` of the process. `None` at the start of a shard, and if it is unknown.
    server: Option<String>,
    /// The shard.
    shard: Shard,
}

/// The reply of `channel.lua`.
#[derive(Debug)]
pub(super) struct ChannelState {
    pub(super) hold_set: Vec<u8>,
    pub(super) members: u64,
    pub(super) counts: Vec<u8>,
}

impl Presence {
    /// Creates a reader for the cluster of `config`. The first question connects.
    ///
    /// # Errors
    /// If a TLS file of the connection cannot be used.
    pub fn of(config: Config) -> Result<Self, ConfigError> {
        let clients = ShardClients::of(&config)?;
        let Config { endpoints, ignored_channels: ignored, connection, .. } = config;
        Ok(Self { shards: connection.shards, endpoints, ignored, clients })
    }

    /// Returns about `limit` occupied channels that begin with `begins`, from a cursor on. A channel that is occupied while all
    /// pages are read is on one of them, or on two if channels come and go meanwhile. No page begins at a text that is not a
    /// cursor.
    ///
    /// # Errors
    /// See [`PresenceError`].
    pub fn channels(
        &self,
        app: &[u8],
        begins: &[u8],
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<NamePage, PresenceError> {
        self.tracked(begins)?;
        let Some(mut cursor) = Cursor::parse(cursor, self.shards) else { return Ok(NamePage::default()) };
        let limit = limit.clamp(1, LARGEST_PAGE);
        let mut names = Vec::new();
        loop {
            let shard = cursor.shard;
            let key = self.key(shard, &[b"channels:", app]);
            let next = self.names(app, &key, begins, cursor, limit, &mut names)?;
            match next.or_else(|| Cursor::after(shard, self.shards)) {
                Some(next) if names.len() < limit => cursor = next,
                next => return Ok(NamePage { names, next: next.map(|next| next.to_string()) }),
            }
        }
    }

    /// Returns about `limit` members of a channel: the ids of its presence users. Pages are as those of
    /// [`channels`](Self::channels).
    ///
    /// # Errors
    /// See [`PresenceError`].
    pub fn members(
        &self,
        app: &[u8],
        channel: &[u8],
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<NamePage, PresenceError> {
        self.tracked(channel)?;
        let Some(cursor) = Cursor::parse(cursor, self.shards) else { return Ok(NamePage::default()) };
        let shard = self.shard_of(app, channel);
        let (key, mut names) = (self.users(shard, app, channel), Vec::new());
        let next = self.names(app, &key, b"", Cursor { shard, ..cursor }, limit.clamp(1, LARGEST_PAGE), &mut names)?;
        // The channel tells the shard.
        let next = next.map(|next| Cursor { shard: Shard::FIRST, ..next }.to_string());
        Ok(NamePage { names, next })
    }

    /// Returns `true` if the channel is occupied.
    ///
    /// # Errors
    /// See [`PresenceError`].
    pub fn occupied(&self, app: &[u8], channel: &[u8]) -> Result<bool, PresenceError> {
        Ok(!self.state(app, channel)?.hold_set.is_empty())
    }

    /// Returns the number of members of a presence channel, or of connections of another channel. Connections are counted if
    /// an endpoint of the application wants `subscription_count`. A node may be late with its number by a tenth of
    /// `subscription_count_interval`, at most 1 s; until the first one it counts as one connection.
    ///
    /// # Errors
    /// See [`PresenceError`].
    pub fn count(&self, app: &[u8], channel: &[u8]) -> Result<u64, PresenceError> {
        let state = self.state(app, channel)?;
        if channel.starts_with(b"presence-") {
            return Ok(state.members);
        }
        let app = AppId::new(app);
        let counted = || self.endpoints.iter().any(|endpoint| endpoint.wants(&app, EventName::SubscriptionCount));
        if !state.hold_set.is_empty() && state.counts.is_empty() && !counted() {
            return Err(PresenceError::NotCounted(shown(channel)));
        }
        Ok(state.connections())
    }

    /// Refuses channels that servers ignore: their holds do not exist, which would look like an empty channel.
    fn tracked(&self, channel: &[u8]) -> Result<(), PresenceError> {
        if self.ignored.contain(channel) { Err(PresenceError::Ignored(shown(channel))) } else { Ok(()) }
    }

    /// Adds names of a shard until there are `limit`. Returns the place of the next ones.
    fn names(
        &self,
        app: &[u8],
        key: &[u8],
        begins: &[u8],
        mut cursor: Cursor,
        limit: usize,
        names: &mut Vec<Vec<u8>>,
    ) -> Result<Option<Cursor>, PresenceError> {
        loop {
            let (server, (at, found)) = self.ask(&NAMES, cursor.shard, app, |call, redis| {
                call.key(key).arg(begins).arg(cursor.at).arg(limit - names.len());
                let (status, detail, at, found): (String, Vec<u8>, u64, Vec<Vec<u8>>) = call.invoke(redis)?;
                Ok((status, detail, (at, found)))
            })?;
            cursor = cursor.moved_to(at, &server)?;
            names.extend(found);
            if at == 0 || names.len() >= limit {
                return Ok((at != 0).then_some(cursor));
            }
        }
    }

    fn state(&self, app: &[u8], channel: &[u8]) -> Result<ChannelState, PresenceError> {
        self.tracked(channel)?;
        let hold =
            [format!("c{}:", app.len()).as_bytes(), app, format!("{}:", channel.len()).as_bytes(), channel].concat();
        let shard = self.shard_of(app, channel);
        let keys =
            [self.key(shard, &[b"channels:", app]), self.users(shard, app, channel), self.key(shard, &[b"counts"])];
        let (_, state) = self.ask(&CHANNEL, shard, app, |call, redis| {
            call.key(&keys[..]).arg(channel).arg(&hold);
            let (status, detail, hold_set, members, counts): (String, Vec<u8>, Vec<u8>, u64, Vec<u8>) =
                call.invoke(redis)?;
            Ok((status, detail, ChannelState { hold_set, members, counts }))
        })?;
        Ok(state)
    }

    /// Calls a script that includes `answerable.lua`. Also returns the `run_id` of the server process.
    fn ask<T>(
        &self,
        script: &'static Script,
        shard: Shard,
        app: &[u8],
        invoke: impl FnOnce(&mut ScriptCall<'_>, &mut Connection) -> RedisResult<(String, Vec<u8>, T)>,
    ) -> Result<(String, T), PresenceError> {
        let own = self.clients.own(shard);
        let (server, (status, detail, found)) = self.clients.read(shard, |redis, own, server| {
            let mut call = script.call(&own.prefix);
            call.key(&["epoch", "nodes", "owners"].map(|name| own.key(name))).arg(&own.prefix).arg(app);
            own.add_to(&mut call);
            call.arg(server);
            Ok((server.to_owned(), invoke(&mut call, redis)?))
        })?;
        match status.as_str() {
            "ok" => Ok((server, found)),
            "absent" => {
                self.clients.check(shard)?;
                Err(PresenceError::Absent(own.prefix.clone()))
            }
            "restoring" => Err(PresenceError::Restoring),
            "suspended" => Err(PresenceError::Suspended(ForeignKey::suspending(&detail))),
            status => {
                let mismatch = own.mismatch(status, &String::from_utf8_lossy(&detail));
                Err(PresenceError::Excluded(format!("{mismatch}. {}", mismatch.remedy())))
            }
        }
    }

    fn shard_of(&self, app: &[u8], channel: &[u8]) -> Shard {
        Shard::of(&AppId::new(app), channel, self.shards)
    }

    fn users(&self, shard: Shard, app: &[u8], channel: &[u8]) -> Vec<u8> {
        self.key(shard, &[format!("users:{}:", app.len()).as_bytes(), app, b":", channel])
    }

    fn key(&self, shard: Shard, rest: &[&[u8]]) -> Vec<u8> {
        [self.clients.own(shard).prefix.as_bytes(), b":", &rest.concat()].concat()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at, self.server.as_deref().unwrap_or_default())?;
        if self.shard == Shard::FIRST { Ok(()) } else { write!(f, ".{}", self.shard) }
    }
}

impl Cursor {
    /// Parses a cursor for a number of shards. Without a text it is the start.
    pub(super) fn parse(text: Option<&str>, shards: u8) -> Option<Self> {
        let Some(text) = text else { return Some(Self::default()) };
        let mut parts = text.split('.');
        let (at, server) = (parts.next()?.parse().ok()?, parts.next()?);
        let shard = match parts.next() {
            Some(shard) => Shard::new(shard.parse().ok()?).filter(|shard| shard.index() < usize::from(shards))?,
            None => Shard::FIRST,
        };
        Some(Self { at, server: (!server.is_empty()).then(|| server.to_owned()), shard })
    }

    /// Returns the start of the shard after `shard`, if there is one.
    fn after(shard: Shard, shards: u8) -> Option<Self> {
        let next = Shard::all(shards).find(|next| *next > shard)?;
        Some(Self { shard: next, ..Self::default() })
    }

    /// Returns the place `at`, to which a reply of the process `server` has led.
    fn moved_to(self, at: u64, server: &str) -> Result<Self, PresenceError> {
        let server = server.get(..8).unwrap_or_default();
        if self.server.is_some_and(|former| former != server) {
            return Err(PresenceError::Moved);
        }
        Ok(Self { at, server: (!server.is_empty()).then(|| server.to_owned()), shard: self.shard })
    }
}

impl ChannelState {
    /// Returns the number of connections: the number of each node that holds the channel, or 1 until a node has sent it.
    pub(super) fn connections(&self) -> u64 {
        let counts = String::from_utf8_lossy(&self.counts);
        // The count announced last and its time come first.
        let numbers = || counts.split('|').skip(1).filter_map(|entry| entry.split_once(':'));
        let number = |node: &str| numbers().find(|(name, _)| *name == node)?.1.parse().ok();
        let hold_set = String::from_utf8_lossy(&self.hold_set);
        let nodes = hold_set.split('|').filter(|node| !node.is_empty());
        nodes.map(|node| number(node).unwrap_or(1)).fold(0, u64::saturating_add)
    }
}

/// Returns a channel for a message, on one line.
fn shown(channel: &[u8]) -> String {
    channel.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_without_a_number_counts_as_one_connection_and_one_without_a_hold_as_none() {
        for (hold_set, counts, connections) in [
            ("", "", 0),
            ("|", "7:1700000000000|", 0),
            ("|a.1|", "", 1),
            ("|a.1|b.2|", "0:0|b.2:40|", 41),
            ("|a.1|b.2|", "3:1700000000000|b.2:40|a.1:2|", 42),
            ("|a.1|", "3:1700000000000|b.2:40|a.1:2|", 2),
        ] {
            let state = ChannelState { hold_set: hold_set.into(), members: 0, counts: counts.into() };
            assert_eq!(state.connections(), connections, "{hold_set} {counts}");
        }
    }
}
