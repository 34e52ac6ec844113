//! Sends custom events from processes that run no engine: requests, queue workers, commands.

use redis::{Connection, RedisResult};

use super::scripts::Exclusion;
use crate::config::{Config, ConfigError};
use crate::event::{AppId, CustomEvent, Shard};
use crate::outbox::SendError;
use crate::outbox::custom::{check, is_wanted};
use crate::redis::{ClientError, Fault, LinkError, OwnShard, ShardClients, outbox_limits};

/// Appends custom events to the outbox in Redis, from which servers deliver them. [`Self::send`] blocks on Redis: do not
/// call it in an event loop.
#[derive(Debug)]
pub struct EventSender {
    config: Config,
    clients: ShardClients,
}

impl EventSender {
    /// Creates a sender for the cluster in `config`. Connects with the first event.
    ///
    /// # Errors
    /// If a TLS file of the connection cannot be used.
    pub fn of(config: Config) -> Result<Self, ConfigError> {
        Ok(Self { clients: ShardClients::of(&config)?, config })
    }

    /// Sends an event, on `channel` if given; `data` is a JSON document. Returns `false` and sends nothing if no
    /// endpoint of the config subscribes to events with this name, or the channel is ignored.
    ///
    /// Each step of connecting and sending takes `connection.timeout` at most.
    ///
    /// # Errors
    /// If the name is invalid, the channel is empty, or Redis has not accepted the event.
    pub fn send(&self, app: &[u8], name: &str, channel: Option<&[u8]>, data: Option<&[u8]>) -> Result<bool, SendError> {
        let name = check(name, channel)?;
        let app = AppId::new(app);
        let Config { ignored_channels, endpoints, .. } = &self.config;
        if !is_wanted(&app, &name, channel, ignored_channels, endpoints) {
            return Ok(false);
        }
        self.append(&app, channel.unwrap_or_default(), &CustomEvent::new(&name, data)).map(|()| true)
    }

    fn append(&self, app: &AppId, channel: &[u8], event: &CustomEvent) -> Result<(), SendError> {
        let connection = &self.config.connection;
        let limits = outbox_limits(&self.config);
        let shard = Shard::of(app, channel, connection.shards);
        let append =
            |may_begin| self.call(shard, |redis, keys| keys.send(redis, &limits, may_begin, app, channel, event));
        match append(connection.shards == 1)? {
            Err(Exclusion::Absent) => {
                // The first event ever, or a config with more shards than the data.
                self.clients.check(shard).map_err(|error| SendError::Excluded(error.to_string()))?;
                append(true)?
            }
            sent => sent,
        }
        .map_err(|exclusion| match exclusion {
            Exclusion::Mismatch(mismatch) => SendError::Excluded(format!("{mismatch}. {}", mismatch.remedy())),
            Exclusion::Absent => SendError::Excluded("there is no data".to_owned()),
        })
    }

    fn call<T>(
        &self,
        shard: Shard,
        call: impl FnOnce(&mut Connection, &OwnShard) -> RedisResult<T>,
    ) -> Result<T, SendError> {
        let mut begun = false;
        let reply = self.clients.call(shard, |redis, keys| {
            begun = true;
            call(redis, keys)
        });
        reply.map_err(|ClientError { address, fault }| match fault {
            Fault::Link(error @ LinkError::Unreachable(_)) if begun => SendError::Unanswered { address, error },
            Fault::Link(error) => SendError::Redis { address, error },
            mismatch @ Fault::Mismatch { .. } => SendError::Excluded(mismatch.to_string()),
        })
    }
}
