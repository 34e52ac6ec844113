//! `Webpatser\ResonateWebhooks\Native\Cluster`: the status of the servers, for commands and pages.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::exception::PhpResult;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::{php_class, php_impl};
use ext_php_rs::types::ZendHashTable;

use super::exceptions::{exception, invalid_config, redis_failed};
use super::{array_keys, config_array, json_array};
use crate::admin::{Adoption, Cluster as Core};
use crate::delivery::Credentials;
use crate::metrics;
use crate::secret::Secret;

/// The status of the servers, from any machine that can reach their Redis. Every method waits for Redis unless it says
/// otherwise, so do not call it in an event loop.
#[php_class]
#[php(name = "Webpatser\\ResonateWebhooks\\Native\\Cluster", flags = ClassFlags::Final)]
pub struct Cluster {
    core: Core,
}

#[php_impl]
impl Cluster {
    /// Creates a client for the servers with this `resonate-webhooks` config array. Connects on first use.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key
    pub fn __construct(config: &ZendHashTable) -> PhpResult<Self> {
        Ok(Self { core: Core::of(&config_array::read(config)?).map_err(invalid_config)? })
    }

    /// Returns the status of nodes, endpoints, lanes and Redis. `docs/operations.md` describes the array.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed if Redis is unavailable, like every method
    pub fn status(&mut self) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::of(&self.core.status().map_err(redis_failed)?)
    }

    /// Returns the metrics in the text format of Prometheus. `docs/metrics.md` describes them.
    pub fn metrics(&mut self) -> PhpResult<String> {
        Ok(metrics::of_cluster(&self.core.status().map_err(redis_failed)?))
    }

    /// Adopts the data in Redis for the cluster of this config, after the application was renamed. Returns the former identity,
    /// or null if there is nothing to adopt.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed also if a newer version has written the data
    pub fn adopt(&mut self) -> PhpResult<Option<String>> {
        match self.core.adopt().map_err(redis_failed)? {
            Adoption::Adopted(former) => Ok(Some(former)),
            Adoption::Own => Ok(None),
            Adoption::OtherShards(why) => Err(exception("RedisMisconfigured", "RuntimeException", why)),
            Adoption::NewerSchema(schema) => {
                let why = format!("The data has schema {schema}, which only a newer version can adopt");
                Err(exception("RedisFailed", "RuntimeException", why))
            }
        }
    }

    /// Pauses deliveries to the endpoint with this id, on every server within two seconds. Its events wait. Returns false if it
    /// is already paused.
    pub fn pause(&mut self, endpoint: &str) -> PhpResult<bool> {
        self.core.pause(endpoint).map_err(redis_failed)
    }

    /// Resumes deliveries to the endpoint with this id, which is paused or has answered 410. Returns false if it is neither.
    pub fn resume(&mut self, endpoint: &str) -> PhpResult<bool> {
        self.core.resume(endpoint).map_err(redis_failed)
    }

    /// Returns the ids of the paused endpoints, each with the time of its pause in Unix ms.
    pub fn paused(&mut self) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::of(&self.core.paused().map_err(redis_failed)?)
    }

    /// Returns the ids of the endpoints that have answered 410 and were not resumed, each with the time in Unix ms.
    pub fn disabled(&mut self) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::of(&self.core.disabled().map_err(redis_failed)?)
    }

    /// Tries every command that servers call, without leaving data in Redis, and returns what Redis refuses: [forbidden => the
    /// commands that this user may not call, writes => the reason that Redis accepts no writes with a remedy, or null].
    pub fn refusals(&mut self) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::of(&self.core.refusals().map_err(redis_failed)?)
    }

    /// Returns the attempts made since last, or starts with the next ones without it: [last => ..., deliveries => [...]]. Call
    /// it repeatedly, because servers record attempts only while they are watched.
    pub fn watch(&mut self, last: Option<String>) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::of(&self.core.watch(last.as_deref()).map_err(redis_failed)?)
    }

    /// Returns the history of the last minutes (up to 1440), in points of step minutes: of all endpoints, of those with these ids,
    /// and of the servers' load. `docs/operations.md` describes the array.
    #[php(defaults(minutes = 60, step = 1))]
    pub fn history(&mut self, endpoints: &ZendHashTable, minutes: i64, step: i64) -> PhpResult<ZBox<ZendHashTable>> {
        let endpoints: Vec<String> =
            array_keys::entries(endpoints).filter_map(|(_, id)| id.dereference().string()).collect();
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        json_array::of(&self.core.history(&endpoints, number(minutes), number(step)).map_err(redis_failed)?)
    }

    /// Returns the endpoints of the config, or those with this id, name or URL: arrays with the keys id, name, label, url and
    /// `app_id`. Label and url contain no secrets. Does not use Redis.
    pub fn endpoints(&self, called: Option<String>) -> PhpResult<ZBox<ZendHashTable>> {
        let found = called.map_or_else(|| self.core.endpoints(), |name| self.core.called(&name));
        json_array::list(&found)
    }

    /// Returns warnings about settings that are valid but probably a mistake, one sentence each. Does not use Redis.
    pub fn warnings(&self) -> Vec<String> {
        self.core.warnings().to_vec()
    }

    /// Sends a test to the endpoint with this id, signed for an application, and waits for the answer. Returns an array with the
    /// keys ok, status, error, advice, `took_ms` and id (webhook-id), or null if there is no such endpoint. Does not use Redis.
    pub fn test(&self, endpoint: &str, key: &str, secret: &str) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let credentials = Credentials { key: key.to_owned(), secret: Secret::new(secret) };
        self.core.test(endpoint, &credentials).map(|result| json_array::of(&result)).transpose()
    }
}
