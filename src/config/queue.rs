//! A queue of the Laravel application that receives webhooks as jobs: `endpoints.*.queue` and `endpoints.*.connection`.
//!
//! The plugin passes the application's queue connections in `queues`: those of `config/queue.php`, and for each with the
//! driver `redis` its connection of `config/database.php`. They are parsed when an endpoint uses them, so that an
//! invalid one stops nothing else.

use std::cell::RefCell;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::connection::{Address, Connection, WrittenConnection};
use super::error::{ConfigError, ROOT, place};
use super::form::List;
use super::lambda::Region;
use super::value::Setting;
use super::{Defaults, EndpointUrl};
use crate::aws::{self, AccessKeys, ChainLink, Environment};
use crate::secret::Secret;

/// Room in a job for everything but the body.
const FRAME_BYTES: usize = 2048;

/// A queue, and the way to push jobs onto it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Name of the connection in `config/queue.php`.
    pub connection: String,
    /// Name of the queue.
    pub name: String,
    /// The server that keeps its jobs.
    pub server: QueueServer,
}

/// The server of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueServer {
    /// A list in Redis.
    Redis(RedisQueue),
    /// Amazon SQS.
    Sqs(SqsQueue),
}

/// A queue in Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisQueue {
    /// The connection to Redis. Its timeout has no effect: that of the endpoint counts.
    pub connection: Connection,
    /// Full key of the connection in the config of the application, for messages: `database.redis.default`.
    pub settings: String,
    /// Key of the list, with the prefix of the connection.
    pub key: String,
}

impl RedisQueue {
    /// The maximum size of a webhook's body in bytes. A job is at most 1 MiB, the lowest `proto-max-bulk-len` of Redis,
    /// and escaping can double the body.
    pub const MAX_BODY_BYTES: usize = (1024 * 1024 - FRAME_BYTES) / 2;
}

/// A queue of Amazon SQS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqsQueue {
    /// URL of the queue.
    pub url: EndpointUrl,
    /// URL of the service, in place of the queue's own server.
    pub service: Option<EndpointUrl>,
    /// AWS region.
    pub region: String,
    /// Sources of credentials, in the order in which they are tried.
    pub credentials: Vec<ChainLink>,
}

impl SqsQueue {
    /// The maximum size of a webhook's body in bytes. SQS accepts messages of 256 KiB wherever the queue has no higher
    /// limit, and escaping can double the body.
    pub const MAX_BODY_BYTES: usize = (256 * 1024 - FRAME_BYTES) / 2;

    /// Returns `true` if the queue keeps the order of its messages.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.url.as_str().ends_with(FIFO)
    }

    /// Returns scheme, host and port of the server.
    #[must_use]
    pub fn server(&self) -> String {
        self.service.as_ref().unwrap_or(&self.url).url.origin().ascii_serialization()
    }
}

/// The end of the name of a FIFO queue.
const FIFO: &str = ".fifo";

/// `queue CONNECTION:NAME`.
impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queue {}:{}", self.connection, self.name)
    }
}

/// The queue connections of the application. They have no readable form, because they contain secrets.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an array of queue connections")]
pub(super) struct Queues {
    default: Option<String>,
    connections: List<Value>,
}

/// A connection of `config/queue.php`, with the settings of its server.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an array with a driver")]
struct WrittenQueueConnection {
    driver: Option<String>,
    /// The reason why the plugin could not find the settings.
    problem: Option<String>,
    /// Name of the connection in `config/database.php`, and its settings.
    redis: Option<String>,
    connection: WrittenConnection,
    /// Prefix of the keys in Redis, or of the URL in SQS.
    prefix: Option<String>,
    suffix: Option<String>,
    region: Option<Region>,
    endpoint: Option<EndpointUrl>,
    key: Option<Secret>,
    secret: Option<Secret>,
    token: Option<Secret>,
}

impl Queue {
    /// Resolves the keys `queue` and `connection` of the endpoint at `key`.
    pub(super) fn resolve(
        name: String,
        connection: Option<String>,
        key: &str,
        Defaults { queues, environment, .. }: &Defaults,
        warnings: &mut Vec<String>,
    ) -> Result<Self, ConfigError> {
        if name.chars().any(char::is_control) {
            return Err(ConfigError::at(&format!("{key}.queue"), "contains a control character"));
        }
        let connection = connection.or_else(|| queues.default.clone()).ok_or_else(|| {
            ConfigError::at(&format!("{key}.connection"), "is missing: name a connection of config/queue.php")
        })?;
        let key = format!("{key}.connection");
        let List(listed) = &queues.connections;
        let Some((_, settings)) = listed.iter().find(|(name, _)| *name == connection) else {
            return Err(ConfigError::at(&key, unknown(&connection, listed)));
        };
        let written = WrittenQueueConnection::parse(&connection, settings, warnings)?;
        if let Some(problem) = &written.problem {
            return Err(ConfigError::at(&key, format_args!("\"{connection}\" {problem}")));
        }
        let server = match written.driver.as_deref().unwrap_or_default() {
            "redis" => QueueServer::Redis(written.redis(&name, warnings)?),
            "sqs" => QueueServer::Sqs(written.sqs(&name, &connection, environment, warnings)?),
            driver => {
                let problem = format!(
                    "\"{connection}\" has the driver \"{driver}\", which only PHP can push to: name a connection with the \
                     driver redis or sqs, or use a url"
                );
                return Err(ConfigError::at(&key, problem));
            }
        };
        Ok(Self { connection, name, server })
    }
}

fn unknown(connection: &str, listed: &[(String, Value)]) -> String {
    let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!("\"{connection}\" is not a connection of config/queue.php, which has {known}")
}

impl WrittenQueueConnection {
    /// Parses the connection `name`.
    fn parse(name: &str, settings: &Value, warnings: &mut Vec<String>) -> Result<Self, ConfigError> {
        let found = RefCell::default();
        let parsed = Self::deserialize(Setting::root(settings.clone(), &found)).map_err(|fault| {
            let redis = settings.get("redis").and_then(Value::as_str).unwrap_or_default();
            ConfigError::from_fault(fault)
                .renamed(&place("connection"), &of_redis(redis))
                .renamed(ROOT, &of_queue(name))
        });
        warnings.extend(found.into_inner());
        parsed
    }

    fn redis(self, queue: &str, warnings: &mut Vec<String>) -> Result<RedisQueue, ConfigError> {
        let settings = of_redis(&self.redis.unwrap_or_default());
        let (ours, mut found) = (place("connection"), Vec::new());
        let connection = self.connection.resolve(&mut found);
        warnings.extend(found.into_iter().map(|warning| warning.replace(&ours, &settings)));
        let connection = connection.map_err(|error| error.renamed(&ours, &settings))?;
        // Laravel does the same, because a script may use keys of one slot only.
        let is_bare = matches!(connection.address, Address::Cluster(_)) && !has_hash_tag(queue);
        let queue = if is_bare { format!("{{{queue}}}") } else { queue.to_owned() };
        Ok(RedisQueue { key: format!("{}queues:{queue}", self.prefix.unwrap_or_default()), connection, settings })
    }

    fn sqs(
        self,
        queue: &str,
        connection: &str,
        environment: &Environment,
        warnings: &mut Vec<String>,
    ) -> Result<SqsQueue, ConfigError> {
        let refusal =
            |name: &str, problem: String| ConfigError { key: format!("{}.{name}", of_queue(connection)), problem };
        let url =
            queue_url(queue, self.prefix.as_deref().unwrap_or_default(), self.suffix.as_deref().unwrap_or_default());
        let url = EndpointUrl::try_from(url).map_err(|problem| {
            refusal("prefix", format!("{problem}: set it to https://sqs.REGION.amazonaws.com/ACCOUNT"))
        })?;
        let Region(region) = match self.region {
            Some(region) => region,
            None => aws::default_region(None, environment)
                .ok_or_else(|| "is missing: set it, or AWS_DEFAULT_REGION".to_owned())
                .and_then(Region::try_from)
                .map_err(|problem| refusal("region", problem))?,
        };
        let keys = self.key.zip(self.secret).map(|(access_key_id, secret_access_key)| AccessKeys {
            access_key_id,
            secret_access_key,
            session_token: self.token,
        });
        let credentials = aws::links(keys, None, environment);
        if aws::has_web_identity_only(&credentials) {
            warnings.push(format!("{} has no AWS credentials: {}", of_queue(connection), aws::WEB_IDENTITY));
        }
        Ok(SqsQueue { url, service: self.endpoint, region, credentials })
    }
}

fn of_redis(name: &str) -> String {
    format!("database.redis.{name}")
}

fn of_queue(name: &str) -> String {
    format!("queue.connections.{name}")
}

/// Returns `true` if a key with this name has a hash tag.
fn has_hash_tag(name: &str) -> bool {
    name.split_once('{').and_then(|(_, rest)| rest.split_once('}')).is_some_and(|(tag, _)| !tag.is_empty())
}

/// Returns the URL of an SQS queue, as `Illuminate\Queue\SqsQueue::getQueue` does: a URL as it is, or a name with the
/// prefix, and with the suffix once.
fn queue_url(queue: &str, prefix: &str, suffix: &str) -> String {
    if queue.starts_with("https://") || queue.starts_with("http://") {
        return queue.to_owned();
    }
    let (name, end) = queue.strip_suffix(FIFO).map_or((queue, ""), |name| (name, FIFO));
    let name = if suffix.is_empty() { name } else { name.trim_end_matches(suffix) };
    format!("{}/{name}{suffix}{end}", prefix.trim_end_matches('/'))
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
