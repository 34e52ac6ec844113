//! Redis' clock, as far as its answers tell: events are timed by one clock for the whole cluster.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::redis::millis;

/// What is known of Redis' clock; until it was observed, this machine's stands for it.
#[derive(Debug, Default)]
pub(crate) struct RedisClock {
    /// Redis' time minus this machine's, in ms.
    offset_ms: i64,
}

impl RedisClock {
    /// Redis said so just now.
    pub(crate) fn observe(&mut self, redis_ms: u64) {
        self.offset_ms = redis_ms.cast_signed() - system_ms().cast_signed();
    }

    /// The time there, in Unix milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        system_ms().saturating_add_signed(self.offset_ms)
    }
}

/// The time of this machine, in Unix milliseconds.
pub(crate) fn system_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    millis(since_epoch)
}
