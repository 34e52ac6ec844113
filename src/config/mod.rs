//! The configuration: Laravel's `config/resonate-webhooks.php`, read strictly.
//!
//! A misspelt key or event or a number out of range is an error that names its key; a missing, `null` or empty value means its
//! default. A key or event that resembles no known one is ignored, with a warning. A number out of range at a key that the
//! replaced package had is brought into the range, with a warning too. Text from the environment stands for a number where
//! one is wanted.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `connection.url` | | Redis as a URL; replaces scheme, host, port, path, username, password and database |
//! | `connection.scheme` | `tcp` | or `tls` (`rediss`), or `unix` |
//! | `connection.host` | `127.0.0.1` | name, address, `tls://name`, or the path of a socket |
//! | `connection.port` | 6379 | |
//! | `connection.path` | | of a socket, with the scheme `unix` |
//! | `connection.sentinels` | | `host:port` of Sentinels, a list or separated by commas; replaces host and port |
//! | `connection.service` | `mymaster` | what the Sentinels call the server |
//! | `connection.sentinel_username`, `.sentinel_password` | | for the Sentinels themselves |
//! | `connection.username` | | ACL user; ignored without a password |
//! | `connection.password` | | |
//! | `connection.database` | 0 | |
//! | `connection.timeout` | 5.0 | seconds to connect, to read and to write, from 0.2; a third of `ttl` at most |
//! | `connection.ca_file` | system's | PEM certificates to trust in TLS |
//! | `connection.client_cert`, `.client_key` | | PEM files by which Redis knows us in TLS |
//! | `connection.context` | | the same three as PHP names them: `cafile`, `local_cert`, `local_pk` |
//! | `key_prefix` | `wh` | starts every key in Redis |
//! | `cluster_name` | | the cluster's identity: nodes of another one never work on its data |
//! | `ttl` | 90 | seconds after which a silent node counts as dead, from 3 |
//! | `departure_grace` | 0 | seconds in which who left may come back without a webhook, 0 to 300 |
//! | `subscription_count_interval` | 5.0 | seconds between two `subscription_count` of a channel, 0 to 3600 |
//! | `cache_miss_ttl` | 60 | seconds after which a cache channel that stayed empty is told of again, 1 to 86400 |
//! | `ignore_channel_prefixes` | `['#']` | how the names of channels begin that make no event |
//! | `flush_interval` | 1.0 | seconds of events that one batch may span, from 0.01 |
//! | `reconcile_interval` | 30.0 | seconds between two comparisons with the live connections, from 1 |
//! | `max_attempts` | 5 | attempts before a batch is given up, 1 to 1000000; unlimited when only `retry_for` is set |
//! | `retry_for` | | seconds after its first attempt in which a batch may be tried again, 1 to 86400 |
//! | `retry_after_max` | 300 | seconds that an endpoint may ask us to wait (`Retry-After`), 0 to 3600 |
//! | `backoff` | `exponential` | or a list: seconds after each failed attempt, from 0.1; the last one repeats |
//! | `timeout` | 10.0 | seconds for a whole request |
//! | `connect_timeout` | 5.0 | seconds to connect to an endpoint |
//! | `https_only` | false | whether a URL with http:// is an error |
//! | `proxy` | | http, https, socks4, socks4a, socks5 or socks5h URL; the environment's is never used |
//! | `deny_private_networks` | true for those of an `EndpointProvider`, false for others | whether to refuse endpoints with private addresses, for URLs that others choose |
//! | `allow_link_local` | false | whether an endpoint may have a link-local address |
//! | `batch_max_events` | 1000 | events in one POST |
//! | `batch_max_bytes` | 262144 | bytes of one POST's body |
//! | `dead_letter_max` | 10000 | batches kept after they were given up; only in Redis |
//! | `dead_letter_max_per_endpoint` | 1000 | those of them that are of one endpoint |
//! | `dead_letter_max_bytes` | 268435456 | bytes that they take |
//! | `dead_letter_days` | 7 | days for which they are kept |
//! | `outbox_max_events` | 100000 | events that may wait for their endpoints |
//! | `outbox_max_bytes` | | bytes of client events that may wait in Redis; no limit without one |
//! | `queue_size` | 65536 | intents that may wait for the claimer |
//! | `roster.key_prefix` | `roster` | starts every key of the roster; the plugin fills this in from the roster's own config |
//! | `roster.ttl` | 90 | seconds for which the roster's keys live |
//! | `shutdown_timeout` | 5.0 | seconds that a stopping process goes on delivering |
//! | `endpoints_refresh` | 30.0 | seconds after which applications, and an `EndpointProvider`, are asked again, 0 for never |
//! | `previous_secrets` | | by application id, secrets that go on signing beside the current one: one text, or a list of texts or of `secret` and `until` |
//! | `metrics_listen` | | address and port where this process answers `GET /metrics`; nowhere without one |
//! | `metrics_public` | false | whether that may be an address that is reached from everywhere |
//! | `metrics_route`, `metrics_middleware` | | a route of Laravel for the metrics of the whole cluster; the package reads them |
//! | `reverb` | when there are endpoints | whether Laravel Reverb sends webhooks; the package reads it |
//! | `dashboard.enabled`, `.path`, `.domain`, `.middleware` | true, `resonate-webhooks`, all, `web` | the page in the Laravel application, which reads these itself |
//! | `app_ids` | | the applications; the plugin fills this in from `reverb.apps.apps` |
//! | `app_webhooks` | | endpoints of single applications; the plugin fills this in from `reverb.apps.apps.*.webhooks` |
//! | `endpoints_provided` | false | whether an `EndpointProvider` has given them, so that numbers are keys; the plugin fills this in |
//! | `endpoints.*.url` | | http(s); an endpoint with neither this nor the next is skipped |
//! | `endpoints.*.lambda.function_name` | | name or ARN of a function that is invoked instead, with or without a qualifier |
//! | `endpoints.*.lambda.region`, `.qualifier` | the ARN's, the environment's | where it is; its version or alias |
//! | `endpoints.*.lambda.invocation_type` | `RequestResponse` | or `Event`, for which a batch is delivered when AWS has it |
//! | `endpoints.*.lambda.endpoint_url` | AWS' own | another server that speaks like it |
//! | `endpoints.*.lambda.access_key_id`, `.secret_access_key`, `.session_token`, `.profile` | see [`crate::aws`] | credentials, or a profile that has them |
//! | `endpoints.*.app_id` | `*` | the application it serves, or every one |
//! | `endpoints.*.events` | the usual five | the events it receives, the application's own (`order.paid`, `order.*`) among them; `event_types` means the same |
//! | `endpoints.*.payload` | `pusher` | what an event says: `pusher`, or `extended`, which adds its id and time and more about members |
//! | `endpoints.*.name` | | what it is called in the log, beside its URL |
//! | `endpoints.*.enabled` | true | an endpoint that is not enabled is as good as not there |
//! | `endpoints.*.filter.channel_prefix`, `.channel_suffix` | | how the channels begin and end; one text, or a list of which one has to fit; `channel_name_starts_with`, `channel_name_ends_with` mean the same |
//! | `endpoints.*.filter.channel_pattern` | | a regular expression that has to fit the channel's whole name |
//! | `endpoints.*.filter.channel_type` | | one or a list of `public`, `private`, `presence`, `cache`, `private-cache`, `presence-cache`, `private-encrypted` |
//! | `endpoints.*.filter.client_events.allow`, `.deny` | | names of client events, in which `*` stands for any text; what is in both is denied |
//! | `endpoints.*.batching.enabled` | true | whether events may share a POST |
//! | `endpoints.*.batching.duration` | `flush_interval` | milliseconds for which an event waits for company |
//! | `endpoints.*.batching.span` | as `duration`; none with `payload` = `extended` | seconds of events that one batch may span, 0 to 86400 |
//! | `endpoints.*.batching.max_events` | `batch_max_events` | events in one POST |
//! | `endpoints.*.secret` | the application's | signs `webhook-signature`: `whsec_` and base64, or any text |
//! | `endpoints.*.key` | | beside `secret`: sent as `X-Pusher-Key`, and `X-Pusher-Signature` is signed with `secret` too |
//! | `endpoints.*.previous_secrets` | | beside `secret`: as above |
//! | `endpoints.*.headers` | | headers that every POST carries, by their names; a value may be secret |
//! | `endpoints.*.timeout`, `.connect_timeout` | as above | for this endpoint |
//! | `endpoints.*.max_attempts`, `.retry_for`, `.backoff` | as above | for this endpoint; one with a `retry_for` only has no `max_attempts` |
//! | `endpoints.*.rate_limit` | | requests a second that a node makes, 0.001 to 10000 |
//! | `endpoints.*.https_only`, `.deny_private_networks`, `.allow_link_local` | as above | for this endpoint |
//! | `endpoints.*.proxy` | as above | for this endpoint; `false` for none |
//! | `endpoints.*.ca_file` | system's | PEM certificates to trust in TLS, read at boot |
//! | `endpoints.*.client_cert`, `.client_key` | | PEM files by which the endpoint knows us in TLS, read at boot |

mod address;
mod app_webhooks;
mod backoff;
mod batching;
mod clamped;
mod connection;
mod context;
mod custom_names;
mod dashboard;
mod driver_keys;
mod endpoint;
mod endpoint_id;
mod endpoint_secret;
mod endpoint_url;
mod error;
mod event_set;
mod filter;
mod header;
mod identity;
mod ignored_channels;
mod lambda;
mod metrics;
mod nearest;
mod payload;
mod previous_secret;
mod proxy_url;
mod roster;
mod scalar;
mod sentinels;
mod target;
mod tls_files;
mod userinfo;
mod value;
mod written;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

pub use backoff::Backoff;
pub use batching::Batching;
pub use connection::{Address, Connection, Login};
pub use custom_names::CustomNames;
pub use dashboard::Dashboard;
pub use endpoint::{AppScope, Endpoint};
pub use endpoint_id::EndpointId;
pub use endpoint_secret::EndpointSecret;
pub use endpoint_url::EndpointUrl;
pub use error::ConfigError;
pub(crate) use error::ROOT;
pub use event_set::EventSet;
pub use filter::Filter;
pub use header::{Header, HeaderError};
pub use identity::ClusterIdentity;
pub use ignored_channels::IgnoredChannels;
pub use lambda::{Invocation, Lambda};
pub use payload::Payload;
pub use previous_secret::PreviousSecret;
pub use proxy_url::ProxyUrl;
pub use roster::Roster;
use scalar::{Seconds, Whole};
pub use sentinels::Sentinels;
pub use target::Target;
pub use tls_files::{ClientCert, TlsFiles};
use value::Setting;
use written::{Defaults, Written};

use crate::aws::Environment;
use crate::event::{AppId, EventName};
pub use crate::net::AddressRules;

const HOUR_MS: u32 = 3_600_000;
const DAY_S: u64 = 86_400;

/// A timeout: more than nothing, an hour at most.
type Timeout = Seconds<1, HOUR_MS>;
/// The most attempts to deliver a batch.
const MAX_ATTEMPTS: u32 = 1_000_000;
/// Attempts to deliver a batch.
type Attempts = Whole<1, MAX_ATTEMPTS>;
/// How long a batch is tried.
type RetryFor = Seconds<1_000, { 24 * HOUR_MS }>;

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How to reach Redis.
    pub connection: Connection,
    /// Starts every key in Redis. Never empty.
    pub key_prefix: String,
    /// Which cluster the node belongs to; without one it works on the data of any.
    pub cluster: Option<ClusterIdentity>,
    /// After how much silence a node counts as dead.
    pub ttl: Duration,
    /// How long who left may come back without an event; nothing when zero.
    pub departure_grace: Duration,
    /// The time between two `subscription_count` of a channel.
    pub subscription_count_interval: Duration,
    /// How long a cache channel that is empty is told of once only.
    pub cache_miss_ttl: Duration,
    /// Channels that make no event.
    pub ignored_channels: IgnoredChannels,
    /// How much event time one batch may span.
    pub flush_interval: Duration,
    /// Time between two comparisons with the live connections.
    pub reconcile_interval: Duration,
    /// Events in one POST, at most.
    pub batch_max_events: usize,
    /// Bytes of one POST's body, at most.
    pub batch_max_bytes: usize,
    /// Events that may wait for their endpoints.
    pub outbox_max_events: usize,
    /// Bytes of client events that may wait for their endpoints, if there is a limit.
    pub outbox_max_bytes: Option<usize>,
    /// Batches kept after they were given up.
    pub dead_letter_max: usize,
    /// Those of them that are of one endpoint.
    pub dead_letter_max_per_endpoint: usize,
    /// Their bytes.
    pub dead_letter_max_bytes: usize,
    /// How long they are kept.
    pub dead_letter_age: Duration,
    /// Intents that may wait for the claimer.
    pub queue_size: usize,
    /// Where the roster keeps its keys, if there is one in this Redis.
    pub roster: Option<Roster>,
    /// How long a stopping process goes on delivering.
    pub shutdown_timeout: Duration,
    /// Time after which whoever provides endpoints is asked again; never when zero.
    pub endpoints_refresh: Duration,
    /// Where this process answers `GET /metrics`, if it does.
    pub metrics_listen: Option<SocketAddr>,
    /// The page in the Laravel application.
    pub dashboard: Dashboard,
    /// The receivers, in the order of the config; those without a URL are left out.
    pub endpoints: Vec<Endpoint>,
    /// Secrets that applications had before.
    pub previous_secrets: Vec<(AppId, Vec<PreviousSecret>)>,
    /// The applications, where they are listed in a config and not in a database.
    pub app_ids: Vec<AppId>,
    /// What is allowed but probably not meant, to be logged once.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads the `resonate-webhooks` config array.
    ///
    /// # Errors
    /// When a key resembles a known one or a value cannot be used; the message names the key.
    pub fn from_value(value: Value) -> Result<Self, ConfigError> {
        Self::read(value, &Environment::of_process())
    }

    /// The same, in another environment than that of the process.
    ///
    /// # Errors
    /// As above.
    pub fn read(value: Value, environment: &Environment) -> Result<Self, ConfigError> {
        let warnings = RefCell::default();
        let written: Option<Written> =
            serde_path_to_error::deserialize(Setting::root(value, &warnings)).map_err(|error| {
                let path = error.path().clone();
                ConfigError::from_fault(&path, error.into_inner())
            })?;
        written.unwrap_or_default().resolve(environment, warnings.into_inner())
    }

    /// Whether an endpoint receives this event: one that nobody wants is not looked for.
    #[must_use]
    pub fn wants(&self, event: EventName) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.events.contains(event))
    }
}

impl Default for Config {
    /// What an empty config array gives.
    fn default() -> Self {
        Self {
            connection: Connection::default(),
            key_prefix: "wh".to_owned(),
            cluster: None,
            ttl: Duration::from_secs(90),
            departure_grace: Duration::ZERO,
            // As long as Pusher locks a large channel.
            subscription_count_interval: Duration::from_secs(5),
            cache_miss_ttl: Duration::from_secs(60),
            ignored_channels: IgnoredChannels::default(),
            flush_interval: Duration::from_secs(1),
            reconcile_interval: Duration::from_secs(30),
            batch_max_events: 1000,
            batch_max_bytes: 256 * 1024,
            outbox_max_events: 100_000,
            outbox_max_bytes: None,
            dead_letter_max: 10_000,
            dead_letter_max_per_endpoint: 1_000,
            dead_letter_max_bytes: 256 * 1024 * 1024,
            dead_letter_age: Duration::from_secs(7 * DAY_S),
            queue_size: 65_536,
            roster: None,
            shutdown_timeout: Duration::from_secs(5),
            endpoints_refresh: Duration::from_secs(30),
            metrics_listen: None,
            dashboard: dashboard::Written::default().resolve(),
            endpoints: Vec::new(),
            previous_secrets: Vec::new(),
            app_ids: Vec::new(),
            warnings: Vec::new(),
        }
    }
}
