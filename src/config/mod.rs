//! The configuration: Laravel's `config/resonate-webhooks.php`, parsed strictly.
//!
//! `docs/configuration.md` lists every key with its default, range and meaning. The rules for all keys:
//!
//! - A missing, `null` or empty value means the default.
//! - A misspelt key, a misspelt event or a number out of range is an error that names the key.
//! - An unknown key or event that resembles no known one is ignored, with a warning.
//! - A number out of range is clamped, with a warning, at the keys that the replaced package had.
//! - Text is accepted where a number is expected, because environment variables are text.
//!
//! The PHP side fills in keys that no user writes:
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `roster.key_prefix` | `roster` | prefix of the roster's keys, from the roster's own config |
//! | `roster.ttl` | 90 | lifetime of the roster's keys in seconds, from the roster's own config |
//! | `cluster.name`, `.aliases` | | the identity of the cluster: `cluster_name`, or derived from the application |
//! | `app_ids` | | ids of the applications in `reverb.apps.apps` |
//! | `app_webhooks` | | endpoints of single applications, from `reverb.apps.apps.*.webhooks` |
//! | `queues` | | the default and the connections of `config/queue.php`, each with the settings of its server |
//! | `endpoints_provided` | false | `true` if an `EndpointProvider` supplied the endpoints; numeric keys are then ids |
//!
//! `metrics_route`, `metrics_middleware`, `reverb` and `dashboard` are accepted here, but read by the PHP package.

mod address;
mod backoff;
mod batching;
mod connection;
mod context;
mod custom_names;
mod driver_keys;
mod endpoint;
mod endpoint_id;
mod endpoint_secret;
mod endpoint_url;
mod error;
mod event_set;
mod filter;
mod form;
#[cfg(test)]
mod fuzz;
mod header;
mod hosts;
mod identity;
mod ignored_channels;
mod lambda;
mod metrics;
mod payload;
mod previous_secret;
mod proxy_url;
mod queue;
mod roster;
mod scalar;
mod seeds;
mod sentinels;
mod target;
mod tls_files;
mod userinfo;
mod value;
mod written;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

pub use backoff::Backoff;
pub use batching::Batching;
pub use connection::{Address, Connection, Login};
pub use custom_names::CustomNames;
pub use endpoint::{AppScope, Endpoint};
pub use endpoint_id::EndpointId;
pub use endpoint_secret::EndpointSecret;
pub use endpoint_url::EndpointUrl;
pub use error::ConfigError;
pub(crate) use error::ROOT;
pub use event_set::EventSet;
pub use filter::Filter;
pub use header::Header;
pub use identity::ClusterIdentity;
pub use ignored_channels::IgnoredChannels;
pub use lambda::{Invocation, Lambda};
pub use payload::Payload;
pub use previous_secret::PreviousSecret;
pub use proxy_url::ProxyUrl;
pub use queue::{Queue, QueueServer, RedisQueue, SqsQueue};
pub use roster::Roster;
use scalar::{Seconds, Whole};
pub use seeds::Seeds;
pub use sentinels::Sentinels;
pub use target::Target;
pub(crate) use tls_files::TlsContents;
pub use tls_files::{ClientCert, TlsFiles};
use value::Setting;
use written::{Defaults, WrittenConfig};

use crate::aws::Environment;
use crate::event::{AppId, EventName, Shard};
pub use crate::net::AddressRules;

const HOUR_MS: u32 = 3_600_000;
const DAY_S: u64 = 86_400;

/// A timeout of 1 ms to 1 hour.
type Timeout<const DEFAULT_MS: u32 = 0> = Seconds<1, HOUR_MS, DEFAULT_MS>;
/// The upper limit of `max_attempts`.
const MAX_ATTEMPTS: u32 = 1_000_000;
/// A number of delivery attempts.
type Attempts = Whole<1, MAX_ATTEMPTS>;
/// A retry window of 1 second to 1 day.
type RetryFor = Seconds<1_000, { 24 * HOUR_MS }>;

/// The complete configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The connection to Redis.
    pub connection: Connection,
    /// Prefix of every key in Redis, as configured. Never empty. [`Self::prefix_of`] returns that of the keys of a shard.
    pub key_prefix: String,
    /// Identity of the node's cluster. A node without one works on the data of any cluster.
    pub cluster: Option<ClusterIdentity>,
    /// Lease duration: a node that does not renew its lease for this long counts as dead.
    pub ttl: Duration,
    /// Grace period: a client that reconnects within it triggers no departure and no arrival. Zero disables it.
    pub departure_grace: Duration,
    /// Minimum time between two `subscription_count` events of a channel.
    pub subscription_count_interval: Duration,
    /// Time in which an empty cache channel triggers only one `cache_miss`.
    pub cache_miss_ttl: Duration,
    /// Channels that trigger no events.
    pub ignored_channels: IgnoredChannels,
    /// Time that an event waits for others to join its batch, if its endpoint has no other limit.
    pub flush_interval: Duration,
    /// Time between two comparisons with the host's live connections.
    pub reconcile_interval: Duration,
    /// Maximum number of events in the outbox.
    pub outbox_max_events: usize,
    /// Maximum size of the client events in the outbox, in bytes. `None` for no limit.
    pub outbox_max_bytes: Option<usize>,
    /// Maximum number of dead letters.
    pub dead_letter_max: usize,
    /// Maximum number of dead letters of one endpoint.
    pub dead_letter_max_per_endpoint: usize,
    /// Maximum size of all dead letters, in bytes.
    pub dead_letter_max_bytes: usize,
    /// Time after which a dead letter is deleted.
    pub dead_letter_age: Duration,
    /// Capacity of the queue between hooks and the intake thread, in intents.
    pub queue_size: usize,
    /// Keys of the roster, if it is in this Redis and the scripts can read them: on a Redis Cluster they are in other slots.
    pub roster: Option<Roster>,
    /// Maximum time that a stopping process continues to deliver.
    pub shutdown_timeout: Duration,
    /// Time between two reads of the applications and of the `EndpointProvider`. Zero reads them once.
    pub endpoints_refresh: Duration,
    /// Address on which this process serves `GET /metrics`.
    pub metrics_listen: Option<SocketAddr>,
    /// The enabled endpoints that have a target, in the order of the config.
    pub endpoints: Vec<Endpoint>,
    /// Previous secrets, by application.
    pub previous_secrets: Vec<(AppId, Vec<PreviousSecret>)>,
    /// The applications, if they are listed in a config and not in a database.
    pub app_ids: Vec<AppId>,
    /// Warnings about settings that are valid but probably a mistake. Each is logged once.
    pub warnings: Vec<String>,
}

impl Config {
    /// Parses the `resonate-webhooks` config array.
    ///
    /// # Errors
    /// If an unknown key resembles a known one, or a value is invalid. The message names the key.
    pub fn from_value(value: Value) -> Result<Self, ConfigError> {
        Self::read(value, &Environment::of_process())
    }

    /// Parses the config array with the given environment in place of the process's own.
    ///
    /// # Errors
    /// The errors of [`Self::from_value`].
    pub fn read(value: Value, environment: &Environment) -> Result<Self, ConfigError> {
        let warnings = RefCell::default();
        let written: Option<WrittenConfig> =
            Option::deserialize(Setting::root(value, &warnings)).map_err(ConfigError::from_fault)?;
        written.unwrap_or_default().resolve(environment, warnings.into_inner())
    }

    /// Returns the prefix of every key of a shard. It is in braces, a hash tag, on a Redis Cluster and with several shards.
    #[must_use]
    pub fn prefix_of(&self, shard: Shard) -> String {
        self.connection.prefix_of(shard, &self.key_prefix)
    }

    /// Returns the shards.
    pub fn shards(&self) -> impl Iterator<Item = Shard> + Clone + use<> {
        Shard::all(self.connection.shards)
    }

    /// Returns `true` if any endpoint receives this event.
    #[must_use]
    pub fn wants(&self, event: EventName) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.events.contains(event))
    }
}

impl Default for Config {
    /// The configuration that an empty config array gives.
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "each default is within its own range, and no two contradict")]
        WrittenConfig::default().resolve(&Environment::default(), Vec::new()).expect("an empty config")
    }
}
