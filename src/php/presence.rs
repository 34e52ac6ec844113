//! `Webpatser\ResonateWebhooks\Native\Presence`: who is there, for the application.

use ext_php_rs::binary::Binary;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::exception::PhpResult;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::{php_class, php_impl};
use ext_php_rs::types::ZendHashTable;

use super::exceptions::{invalid_config, unanswered};
use super::{Bytes, config_array};
use crate::admin::{NamePage, Presence as Core};

/// Reads the occupied channels of the whole cluster and their members from Redis. Every method waits for Redis, so do not
/// call it in an event loop.
#[php_class]
#[php(name = "Webpatser\\ResonateWebhooks\\Native\\Presence", flags = ClassFlags::Final)]
pub struct Presence {
    core: Core,
}

#[php_impl]
impl Presence {
    /// Creates a reader for the servers with this `resonate-webhooks` config array. Connects on first use.
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key
    pub fn __construct(config: &ZendHashTable) -> PhpResult<Self> {
        Ok(Self { core: Core::of(config_array::read(config)?).map_err(invalid_config)? })
    }

    /// Returns about limit occupied channels that begin with prefix, and the cursor of the next page, null after the last one:
    /// [names => [...], cursor => ...].
    ///
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed if Redis is unavailable or does not have all data, like every
    /// method
    /// @throws \Webpatser\ResonateWebhooks\Exceptions\NotTracked if the servers do not have the answer, like every method
    pub fn channels(
        &self,
        appId: Bytes,
        prefix: Bytes,
        limit: i64,
        cursor: Option<String>,
    ) -> PhpResult<ZBox<ZendHashTable>> {
        page_array(self.core.channels(&appId, &prefix, cursor.as_deref(), number(limit)).map_err(unanswered)?)
    }

    /// Returns about limit members of a channel, as `channels()` does.
    pub fn members(
        &self,
        appId: Bytes,
        channel: Bytes,
        limit: i64,
        cursor: Option<String>,
    ) -> PhpResult<ZBox<ZendHashTable>> {
        page_array(self.core.members(&appId, &channel, cursor.as_deref(), number(limit)).map_err(unanswered)?)
    }

    /// Returns true if the channel is occupied.
    pub fn occupied(&self, appId: Bytes, channel: Bytes) -> PhpResult<bool> {
        self.core.occupied(&appId, &channel).map_err(unanswered)
    }

    /// Returns the number of members of a presence channel, or of connections of another channel.
    pub fn count(&self, appId: Bytes, channel: Bytes) -> PhpResult<i64> {
        Ok(i64::try_from(self.core.count(&appId, &channel).map_err(unanswered)?).unwrap_or(i64::MAX))
    }
}

fn number(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(0)
}

fn page_array(page: NamePage) -> PhpResult<ZBox<ZendHashTable>> {
    let mut names = ZendHashTable::with_capacity(u32::try_from(page.names.len()).unwrap_or(u32::MAX));
    for name in page.names {
        names.push(Binary::from(name))?;
    }
    let mut array = ZendHashTable::with_capacity(2);
    array.insert("names", names)?;
    array.insert("cursor", page.next)?;
    Ok(array)
}
