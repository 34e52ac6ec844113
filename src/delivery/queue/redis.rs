//! Pushes jobs onto a queue in Redis, as `Illuminate\Queue\RedisQueue` does.

use std::time::{Duration, Instant};

use super::QUEUED;
use super::payload::{Kind, encode};
use crate::config::{ConfigError, Endpoint, RedisQueue};
use crate::delivery::answer::Reply;
use crate::delivery::client::EndpointClient;
use crate::delivery::signature::SignedRequest;
use crate::redis::{LinkError, Pool, Script, code};

/// Pushes onto one queue.
pub(in crate::delivery) struct RedisQueueClient {
    pool: Pool,
    push: Script,
    key: String,
    /// The key of the connection in the config of the application, for messages.
    settings: String,
    timeout: Duration,
}

impl RedisQueueClient {
    /// Creates a client for `endpoint`, whose target is `queue`.
    ///
    /// # Errors
    /// Returns an error that names the config key if a TLS file cannot be used.
    pub(in crate::delivery) fn new(endpoint: &Endpoint, queue: &RedisQueue) -> Result<Self, ConfigError> {
        let pool = Pool::new(queue.connection.clone(), &queue.key, endpoint.connect_timeout);
        Ok(Self {
            pool: pool.map_err(|error| error.renamed("resonate-webhooks.connection", &queue.settings))?,
            push: Script::new(&[code!("push.lua")]),
            key: queue.key.clone(),
            settings: queue.settings.clone(),
            timeout: endpoint.timeout,
        })
    }

    /// Returns `error` as text for the operator, with the settings of this connection.
    fn explain(&self, error: &LinkError) -> String {
        let address = &self.pool.connection.address;
        match error {
            LinkError::Unreachable(reason) => format!("Redis at {address} is unreachable ({reason})"),
            LinkError::TakesNoWrites { cause, reason } => {
                format!("Redis at {address} accepts no writes ({reason}): {}", cause.remedy())
            }
            LinkError::Forbidden(reason) => {
                format!("Redis at {address} forbids a call ({reason}): grant its user that right")
            }
            LinkError::Refused { reason, key } => {
                format!("Redis at {address} refuses the connection ({reason}): check {}.{key}", self.settings)
            }
            LinkError::WrongType { reason, .. } => {
                format!("Redis at {address}: {} or its :notify is not a list ({reason})", self.key)
            }
            other => format!("Redis at {address} {other}"),
        }
    }
}

impl EndpointClient for RedisQueueClient {
    /// Pushes the job and waits until Redis has it.
    fn send(&self, request: &SignedRequest<'_>, limit: Option<Duration>) -> Reply {
        let timeout = limit.map_or(self.timeout, |limit| limit.min(self.timeout));
        let payload = encode(request, Kind::Redis);
        // No prefix: the script uses no keys but these two, which are in one slot.
        let mut push = self.push.call("");
        push.key(&self.key).key(format!("{}:notify", self.key)).arg(payload);
        match self.pool.call(Instant::now() + timeout, |redis| push.invoke::<u64>(redis)) {
            Ok(_) => Reply { result: QUEUED, answer: None },
            // The reason is the whole answer.
            Err(error) => Reply::failed(self.explain(&error)),
        }
    }

    /// Its few idle connections stay open, as the node's own do.
    fn sweep(&self) -> usize {
        0
    }

    /// A push that is under way ends when its timeout expires.
    fn shutdown(&self) {
        self.pool.shutdown();
    }
}
