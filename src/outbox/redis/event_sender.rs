//! Sends events of the application's own from processes that run no engine: requests, queue workers, commands.

use std::time::{Duration, Instant};

use super::partition_max;
use super::scripts::{Exclusion, OutboxScripts};
use crate::config::{Config, ConfigError};
use crate::event::{AppId, CustomEvent};
use crate::outbox::SendError;
use crate::outbox::custom::{check, is_wanted};
use crate::redis::{Link, LinkError, Mismatch, Settings, outbox_limits};

/// A connection that was unused for longer is made anew: Redis, or a firewall, may have closed it, and an event that is sent
/// into it would have an unknown fate.
const REUSED_FOR: Duration = Duration::from_secs(1);

/// Appends events of the application's own to the outbox in Redis, from which servers deliver them. [`Self::send`] waits for
/// Redis: not for an event loop.
#[derive(Debug)]
pub struct EventSender {
    config: Config,
    keys: OutboxScripts,
    settings: Settings,
    used_link: Option<UsedLink>,
}

/// A connection that has worked.
#[derive(Debug)]
struct UsedLink {
    link: Link,
    used: Instant,
    /// A child of this process must not use the connection.
    process: u32,
}

impl EventSender {
    /// A sender to the servers with this `config`. Connects with the first event.
    ///
    /// # Errors
    /// When a TLS file of the connection cannot be used.
    pub fn of(config: Config) -> Result<Self, ConfigError> {
        let settings = Settings::of(&config)?;
        let keys = OutboxScripts::new(&config.key_prefix).with_identity(config.cluster.as_ref());
        Ok(Self { config, keys, settings, used_link: None })
    }

    /// Sends an event, on a channel if that is given; `data` is a JSON document. Returns whether an endpoint of the config
    /// receives events of this name, and the channel is not ignored: if not, nothing is sent.
    ///
    /// No step of the way to Redis takes longer than `connection.timeout`.
    ///
    /// # Errors
    /// When the event has no valid name or its channel an empty one, or Redis has not taken it.
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
