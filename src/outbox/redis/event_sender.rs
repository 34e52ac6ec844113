//! Sends custom events from processes that run no engine: requests, queue workers, commands.

use std::time::{Duration, Instant};

use super::partition_max;
use super::scripts::{Exclusion, OutboxScripts};
use crate::config::{Config, ConfigError};
use crate::event::{AppId, CustomEvent};
use crate::outbox::SendError;
use crate::outbox::custom::{check, is_wanted};
use crate::redis::{Link, LinkError, Mismatch, Settings, outbox_limits};

/// Longest idle time after which a connection is reused. Redis or a firewall may close an idle one, and an event sent
/// into a closed connection may or may not have arrived.
const REUSED_FOR: Duration = Duration::from_secs(1);

/// Appends custom events to the outbox in Redis, from which servers deliver them. [`Self::send`] blocks on Redis: do not
/// call it in an event loop.
#[derive(Debug)]
pub struct EventSender {
    config: Config,
    keys: OutboxScripts,
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
    /// When a TLS file of the connection cannot be used.
    pub fn of(config: Config) -> Result<Self, ConfigError> {
        let settings = Settings::of(&config)?;
        let keys = OutboxScripts::new(&config.key_prefix).with_identity(config.cluster.as_ref());
        Ok(Self { config, keys, settings, used_link: None })
    }

    /// Sends an event, on `channel` if given; `data` is a JSON document. Returns `false` and sends nothing if no
    /// endpoint of the config subscribes to events with this name, or the channel is ignored.
    ///
    /// Each step of connecting and sending takes `connection.timeout` at most.
    ///
    /// # Errors
    /// When the name is invalid, the channel is empty, or Redis has not accepted the event.
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
        let limits = outbox_limits(partition_max(self.config.outbox_max_events), self.config.outbox_max_bytes);
        let used = self.used_link.take().filter(UsedLink::is_of_use);
        let mut link = used.map_or_else(|| Link::silent(self.settings.clone()), |used| used.link);
        let mut begun = false;
        let sent = link.with(|redis| {
            begun = true;
            self.keys.send(redis, &limits, app, channel, event)
        });
        let address = || Box::new(self.settings.address().clone());
        match sent {
            Ok(sent) => {
                self.used_link = Some(UsedLink { link, used: Instant::now(), process: std::process::id() });
                sent.map_err(|exclusion| self.excluded(exclusion))
            }
            Err(error @ LinkError::Unreachable(_)) if begun => Err(SendError::Unanswered { address: address(), error }),
            Err(error) => Err(SendError::Redis { address: address(), error }),
        }
    }

    fn excluded(&self, exclusion: Exclusion) -> SendError {
        let prefix = self.config.key_prefix.clone();
        let own = || self.config.cluster.as_ref().map(|cluster| cluster.name.clone()).unwrap_or_default();
        let mismatch = match exclusion {
            Exclusion::Foreign(theirs) => Mismatch::Foreign { prefix, theirs, own: own() },
            Exclusion::Schema(theirs) => Mismatch::Schema { prefix, theirs },
        };
        SendError::Excluded(format!("{mismatch}. {}", mismatch.remedy()))
    }
}

impl UsedLink {
    fn is_of_use(&self) -> bool {
        self.used.elapsed() < REUSED_FOR && self.process == std::process::id()
    }
}
