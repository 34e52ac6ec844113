//! Sends custom events from processes that run no engine: requests, queue workers, commands.

use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};

use super::scripts::Exclusion;
use crate::config::{Config, ConfigError};
use crate::event::{AppId, CustomEvent, Shard};
use crate::outbox::SendError;
use crate::outbox::custom::{check, is_wanted};
use crate::redis::{Link, LinkError, Settings, ShardClients, outbox_limits};

/// Longest idle time after which a connection is reused. Redis or a firewall may close an idle one, and an event sent
/// into a closed connection may or may not have arrived.
const REUSED_FOR: Duration = Duration::from_secs(1);

/// Appends custom events to the outbox in Redis, from which servers deliver them. [`Self::send`] blocks on Redis: do not
/// call it in an event loop.
#[derive(Debug)]
pub struct EventSender {
    config: Config,
    /// One per shard.
    shards: Vec<ShardSender>,
    clients: ShardClients,
}

/// Appends to one shard.
#[derive(Debug)]
struct ShardSender {
    settings: Settings,
    used_link: Option<UsedLink>,
}

/// A connection that worked.
#[derive(Debug)]
struct UsedLink {
    link: Link,
    used: Instant,
    /// The process that opened it; a forked child must not use it.
    process: u32,
}

impl EventSender {
    /// Creates a sender for the cluster in `config`. Connects with the first event.
    ///
    /// # Errors
    /// If a TLS file of the connection cannot be used.
    pub fn of(config: Config) -> Result<Self, ConfigError> {
        let settings = Settings::of(&config, Shard::FIRST)?;
        let of_shard = |shard| ShardSender { settings: settings.for_shard(&config, shard), used_link: None };
        let shards = config.shards().map(of_shard).collect();
        Ok(Self { shards, clients: ShardClients::with(&config, &settings), config })
    }

    /// Sends an event, on `channel` if given; `data` is a JSON document. Returns `false` and sends nothing if no
    /// endpoint of the config subscribes to events with this name, or the channel is ignored.
    ///
    /// Each step of connecting and sending takes `connection.timeout` at most.
    ///
    /// # Errors
    /// If the name is invalid, the channel is empty, or Redis has not accepted the event.
    pub fn send(
        &mut self,
        app: &[u8],
        name: &str,
        channel: Option<&[u8]>,
        data: Option<&[u8]>,
    ) -> Result<bool, SendError> {
        let name = check(name, channel)?;
        let app = AppId::new(app);
        let Config { ignored_channels, endpoints, .. } = &self.config;
        if !is_wanted(&app, &name, channel, ignored_channels, endpoints) {
            return Ok(false);
        }
        self.append(&app, channel.unwrap_or_default(), &CustomEvent::new(&name, data)).map(|()| true)
    }

    fn append(&mut self, app: &AppId, channel: &[u8], event: &CustomEvent) -> Result<(), SendError> {
        let connection = &self.config.connection;
        let limits = outbox_limits(&self.config);
        let number = Shard::of(app, channel, connection.shards);
        let (shard, keys) = (&mut self.shards[number.index()], self.clients.own(number));
        let may_begin = connection.shards == 1;
        match shard.append(|redis| keys.send(redis, &limits, may_begin, app, channel, event))? {
            Err(Exclusion::Absent) => {
                // The first event ever, or a config with more shards than the data. The first try may find a closed connection.
                let checked = self.clients.check(number).or_else(|_| self.clients.check(number));
                checked.map_err(|error| SendError::Excluded(error.to_string()))?;
                shard.append(|redis| keys.send(redis, &limits, true, app, channel, event))?
            }
            sent => sent,
        }
        .map_err(|exclusion| match exclusion {
            Exclusion::Mismatch(mismatch) => SendError::Excluded(format!("{mismatch}. {}", mismatch.remedy())),
            Exclusion::Absent => SendError::Excluded("there is no data".to_owned()),
        })
    }
}

impl ShardSender {
    fn append<T>(&mut self, call: impl FnOnce(&mut Connection) -> RedisResult<T>) -> Result<T, SendError> {
        let used = self.used_link.take().filter(UsedLink::is_of_use);
        let mut link = used.map_or_else(|| Link::silent(self.settings.clone()), |used| used.link);
        let mut begun = false;
        let sent = link.with(|redis| {
            begun = true;
            call(redis)
        });
        let address = || self.settings.name();
        match sent {
            Ok(sent) => {
                self.used_link = Some(UsedLink { link, used: Instant::now(), process: std::process::id() });
                Ok(sent)
            }
            Err(error @ LinkError::Unreachable(_)) if begun => Err(SendError::Unanswered { address: address(), error }),
            Err(error) => Err(SendError::Redis { address: address(), error }),
        }
    }
}

impl UsedLink {
    fn is_of_use(&self) -> bool {
        self.used.elapsed() < REUSED_FOR && self.process == std::process::id()
    }
}
