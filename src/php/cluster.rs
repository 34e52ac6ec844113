//! `Webpatser\ResonateWebhooks\Native\Cluster`: how the servers are doing, for commands and pages.

#![allow(elided_lifetimes_in_paths, reason = "php_impl writes the lifetimes of arguments itself and expects none")]

use ext_php_rs::boxed::ZBox;
use ext_php_rs::exception::PhpResult;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::{php_class, php_impl};
use ext_php_rs::types::ZendHashTable;

use super::exceptions::{invalid_config, redis_failed};
use super::{config_array, json_array};
use crate::status::Cluster as Core;

/// What the servers have written down of themselves, from any machine that reaches their Redis. Every method waits for
/// Redis, so this is not for an event loop.
#[php_class]
#[php(name = "Webpatser\\ResonateWebhooks\\Native\\Cluster", flags = ClassFlags::Final)]
pub struct Cluster {
    core: Core,
}

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

    /// Has nothing more sent to an endpoint, by its id, from within two seconds on; what comes for it waits. False when that is
    /// so already.
    pub fn pause(&mut self, endpoint: &str) -> PhpResult<bool> {
        self.core.pause(endpoint).map_err(redis_failed)
    }

    /// Ends a pause. False when there is none.
    pub fn resume(&mut self, endpoint: &str) -> PhpResult<bool> {
        self.core.resume(endpoint).map_err(redis_failed)
    }

    /// The ids of the endpoints that are paused, each with the time in Unix ms.
    pub fn paused(&mut self) -> PhpResult<ZBox<ZendHashTable>> {
        json_array::of(&self.core.paused().map_err(redis_failed)?)
    }
}
