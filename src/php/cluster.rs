//! `Webpatser\ResonateWebhooks\Native\Cluster`: how the servers are doing, for commands and pages.

#![allow(elided_lifetimes_in_paths, reason = "php_impl writes the lifetimes of arguments itself and expects none")]

use ext_php_rs::boxed::ZBox;
use ext_php_rs::exception::PhpResult;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::{php_class, php_impl};
use ext_php_rs::types::ZendHashTable;

use super::exceptions::{invalid_config, redis_failed};
use super::{config_array, json_array};
use crate::admin::{Adoption, Cluster as Core};
use crate::delivery::Credentials;
use crate::metrics;
use crate::secret::Secret;

/// What the servers have written down of themselves, from any machine that reaches their Redis. Every method waits for
/// Redis, so this is not for an event loop.
#[php_class]
#[php(name = "Webpatser\\ResonateWebhooks\\Native\\Cluster", flags = ClassFlags::Final)]
pub struct Cluster {
    core: Core,
}

#[allow(clippy::needless_pass_by_value, reason = "ext-php-rs hands arguments over by value")]
#[allow(missing_docs, reason = "the generated stub describes them to PHP, and ext-php-rs adds the parameters")]
#[php_impl]
impl Cluster {
    /// Looks after the servers with this `resonate-webhooks` config array; connects when first used.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig naming the key that is wrong
    pub fn __construct(config: &ZendHashTable) -> PhpResult<Self> {
        Ok(Self { core: Core::of(&config_array::read(config)?).map_err(invalid_config)? })
    }

    /// How they are doing; `docs/operations.md` describes the array.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed when Redis cannot be asked, as all methods do
    pub fn status(&mut self) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::of(&self.core.status().map_err(redis_failed)?)
    }

    /// How they are doing, in the text format of Prometheus; `docs/metrics.md` describes it.
    pub fn metrics(&mut self) -> PhpResult<String> {
        Ok(metrics::of_cluster(&self.core.status().map_err(redis_failed)?))
    }

    /// Makes the data in Redis that of this config's cluster, after the application was renamed. Returns the former identity;
    /// null when there is nothing to adopt.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed also when a newer version has written the data
    pub fn adopt(&mut self) -> PhpResult<Option<String>> {
        match self.core.adopt().map_err(redis_failed)? {
            Adoption::Adopted(former) => Ok(Some(former)),
            Adoption::Own => Ok(None),
            Adoption::NewerSchema(schema) => {
                Err(redis_failed(format_args!("The data has schema {schema}, which only a newer version can adopt")))
            }
        }
    }

    /// Has nothing more sent to an endpoint, by its id, from within two seconds on; what comes for it waits. False when that is
    /// so already.
    pub fn pause(&mut self, endpoint: &str) -> PhpResult<bool> {
        self.core.pause(endpoint).map_err(redis_failed)
    }

    /// Sends again to an endpoint, by its id, that was paused or has answered 410. False when it is neither.
    pub fn resume(&mut self, endpoint: &str) -> PhpResult<bool> {
        self.core.resume(endpoint).map_err(redis_failed)
    }

    /// The ids of the endpoints that are paused, each with the time in Unix ms.
    pub fn paused(&mut self) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::of(&self.core.paused().map_err(redis_failed)?)
    }

    /// The ids of the endpoints that have answered 410 and were not resumed, each with the time in Unix ms.
    pub fn disabled(&mut self) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::of(&self.core.disabled().map_err(redis_failed)?)
    }

    /// What Redis refuses, with every command tried that servers call: [forbidden => the commands that this user may not call,
    /// writes => why Redis takes no writes and what can be done about it, or null]. Leaves nothing behind.
    pub fn refusals(&mut self) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::of(&self.core.refusals().map_err(redis_failed)?)
    }

    /// The attempts that servers have made since last, or from now on without it: [last => ..., deliveries => [...]]. To be
    /// called again and again, for the servers show them only while somebody looks.
    pub fn watch(&mut self, last: Option<String>) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::of(&self.core.watch(last.as_deref()).map_err(redis_failed)?)
    }

    /// The endpoints of the config, or those of them whose id, name or URL this is: arrays with the keys id, name, label,
    /// url (neither with secrets) and `app_id`. Asks nobody.
    pub fn endpoints(&self, called: Option<String>) -> PhpResult<ZBox<ZendHashTable>> {
        let found = called.map_or_else(|| self.core.endpoints(), |name| self.core.called(&name));
        let mut list = ZendHashTable::new();
        for endpoint in &found {
            list.push(json_array::of(endpoint)?)?;
        }
        Ok(list)
    }

    /// What is allowed in the config but probably not meant, a sentence each. Asks nobody.
    pub fn warnings(&self) -> Vec<String> {
        self.core.warnings().to_vec()
    }

    /// Sends a test to the endpoint with this id, signed for an application, and waits for the answer: an array with the keys
    /// ok, status, error, advice, `took_ms` and id (webhook-id). Null when there is no such endpoint. Asks no Redis.
    pub fn test(&self, endpoint: &str, key: &str, secret: &str) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let credentials = Credentials { key: key.to_owned(), secret: Secret::new(secret) };
        self.core.test(endpoint, &credentials).map(|result| json_array::of(&result)).transpose()
    }
}
