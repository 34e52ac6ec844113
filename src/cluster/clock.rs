//! Redis' clock, estimated from its replies, so that the whole cluster times events by one clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::redis::millis;

/// Offset of Redis' clock. Uses this machine's clock until Redis' is observed.
#[derive(Debug, Default)]
pub(crate) struct RedisClock {
    /// Redis' time minus this machine's, in ms.
    offset_ms: i64,
}

impl RedisClock {
    /// Records the time that Redis just reported, in Unix ms.
    pub(crate) fn observe(&mut self, redis_ms: u64) {
        self.offset_ms = redis_ms.cast_signed() - system_ms().cast_signed();
    }

    /// Returns Redis' time in Unix ms.
    pub(crate) fn now_ms(&self) -> u64 {
        system_ms().saturating_add_signed(self.offset_ms)
    }
}

/// Returns this machine's time in Unix ms.
pub(crate) fn system_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    millis(since_epoch)
}
