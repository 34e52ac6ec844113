//! `Webpatser\ResonateWebhooks\Native\EventSender`: events of the application's own, from processes without an engine.

#![allow(elided_lifetimes_in_paths, reason = "php_impl writes the lifetimes of arguments itself and expects none")]
#![allow(non_snake_case, reason = "PHP calls methods and named arguments by the identifiers as they stand here")]

use ext_php_rs::binary_slice::BinarySlice;
use ext_php_rs::exception::PhpResult;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::{php_class, php_impl};
use ext_php_rs::types::ZendHashTable;

use super::config_array;
use super::exceptions::{invalid_config, unsent};
use crate::outbox::EventSender as Core;

/// Puts events of the application's own into the outbox in Redis, from which servers deliver them. It waits for Redis, so
/// this is not for an event loop.
#[php_class]
#[php(name = "Webpatser\\ResonateWebhooks\\Native\\EventSender", flags = ClassFlags::Final)]
pub struct EventSender {
    core: Core,
}

#[allow(missing_docs, reason = "the generated stub describes them to PHP, and ext-php-rs adds the parameters")]
#[allow(clippy::needless_pass_by_value, reason = "ext-php-rs hands arguments over by value")]
#[php_impl]
impl EventSender {
    /// Sends to the servers with this `resonate-webhooks` config array; connects when first used.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig naming the key that is wrong
    pub fn __construct(config: &ZendHashTable) -> PhpResult<Self> {
        Ok(Self { core: Core::of(config_array::read(config)?).map_err(invalid_config)? })
    }

    /// Sends an event; data is a JSON string. Whether an endpoint of the config asks for events of this name, and the channel
    /// is not ignored: if not, nothing is sent.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidEvent saying what is wrong with it
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\EventNotSent when Redis has not taken it
    pub fn send(
        &mut self,
        appId: BinarySlice<u8>,
        event: BinarySlice<u8>,
        channel: Option<BinarySlice<u8>>,
        data: Option<BinarySlice<u8>>,
    ) -> PhpResult<bool> {
        let (channel, data) = (channel.as_deref().copied(), data.as_deref().copied());
        self.core.send(&appId, &String::from_utf8_lossy(&event), channel, data).map_err(unsent)
    }
}
