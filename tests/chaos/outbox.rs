//! Observes when the partitions of the outbox have no event. An event that arrives later happened later, whatever Redis'
//! clock shows: after a step back, a stream gives its events the same time until the clock has caught up.

use redis::RedisResult;
use resonate_webhooks::event::PARTITIONS;

use crate::stage::Stage;
use crate::{Ms, now};

/// Interval between observations (ms).
const LOOK_EVERY: Ms = 500;

impl Stage {
    /// Records the partitions that have no event now. Does so only while Redis works, so that no server with old data
    /// answers.
    pub(crate) fn observe_outbox(&mut self) {
        if self.redis.failing().is_some() || self.outbox_observed + LOOK_EVERY > now() {
            return;
        }
        self.outbox_observed = now();
        for shard in 0..self.redis.shards() {
            let before = now();
            let Ok(lengths) = self.outbox_lengths(shard) else { continue };
            let times = (before, now());
            for (partition, _) in (0..PARTITIONS).zip(lengths).filter(|(_, length)| *length == 0) {
                self.history.empty.entry((usize::from(shard), partition)).or_default().push(times);
            }
        }
    }

    /// Returns the number of events by partition.
    pub(crate) fn outbox_lengths(&self, shard: u8) -> RedisResult<Vec<usize>> {
        let prefix = self.redis.prefix(shard);
        let mut lengths = redis::pipe();
        for partition in 0..PARTITIONS {
            lengths.xlen(format!("{prefix}:out:{partition}"));
        }
        lengths.query(&mut self.redis.connect(shard))
    }
}
