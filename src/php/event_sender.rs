//! `Webpatser\ResonateWebhooks\Native\EventSender`: sends the application's own events from processes without an engine.

use ext_php_rs::exception::PhpResult;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::{php_class, php_impl};
use ext_php_rs::types::ZendHashTable;

use super::exceptions::{invalid_config, unsent};
use super::{Bytes, config_array};
use crate::outbox::EventSender as Core;

/// Appends the application's own events to the outbox in Redis, from which the servers deliver them. Every method waits for
/// Redis, so do not call it in an event loop.
#[php_class]
#[php(name = "Webpatser\\ResonateWebhooks\\Native\\EventSender", flags = ClassFlags::Final)]
pub struct EventSender {
    core: Core,
}

#[php_impl]
impl EventSender {
    /// Creates a sender for the servers with this `resonate-webhooks` config array. Connects on first use.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key
    pub fn __construct(config: &ZendHashTable) -> PhpResult<Self> {
        Ok(Self { core: Core::of(config_array::read(config)?).map_err(invalid_config)? })
    }

    /// Sends an event. data is a JSON string. Returns true if an endpoint of the config wants events of this name and the
    /// channel is not ignored. Otherwise sends nothing.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidEvent if the event is invalid
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\EventNotSent if Redis has not accepted the event
    pub fn send(&mut self, appId: Bytes, event: Bytes, channel: Option<Bytes>, data: Option<Bytes>) -> PhpResult<bool> {
        let (channel, data) = (channel.as_deref().copied(), data.as_deref().copied());
        self.core.send(&appId, &String::from_utf8_lossy(&event), channel, data).map_err(unsent)
    }
}
