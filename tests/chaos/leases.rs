//! Checks that no node loses its lease during a failure of Redis that allows renewals.

use redis::{Commands, RedisResult};

use crate::stage::{Running, Stage};
use crate::{Ms, now};

/// Lease of the nodes (ms).
pub(crate) const LEASE: Ms = 3000;

/// Time in which a starting node must register (ms).
const ENTERS: Ms = 1500;

/// Interval between checks (ms).
const LOOK_EVERY: Ms = 250;

impl Stage {
    /// Looks for a node that lost its lease in a shard during a failure that began at `since` and allows renewals there.
    /// Counts only if the failure has lasted longer than a lease and nothing else kept the node from renewing.
    pub(crate) fn check_leases(&mut self, since: Ms, shards: &[u8]) {
        let begun = now().saturating_sub(LEASE);
        let clock_was_right = self.redis.clock().last_step().is_none_or(|(at, _)| at < begun);
        if since > begun || !clock_was_right || self.leases_checked + LOOK_EVERY > now() {
            return;
        }
        self.leases_checked = now();
        for shard in shards {
            // A server that has just failed does not answer.
            let Ok((leases, time)) = self.leases(*shard) else { continue };
            for Running { node, started, stopped_since } in self.places.iter().flatten() {
                let silences = &self.history.lives[node.life][usize::from(*shard)].silences;
                let was_there = *started + ENTERS < begun && stopped_since.is_none();
                // The id is like `vm-31094.aa377c3a`: host, process id and random suffix.
                let of_it = format!("-{}.", node.process());
                let has_lease = leases.iter().any(|(name, until)| name.contains(&of_it) && *until >= time);
                if was_there && !has_lease && silences.iter().all(|(_, until)| *until < begun) {
                    let lost =
                        format!("life {} lost its lease in shard {shard} though it could have renewed it", node.life);
                    self.stuck.get_or_insert(lost);
                }
            }
        }
    }

    /// Returns the leases in a shard, and the time by the clock of its server.
    fn leases(&self, shard: u8) -> RedisResult<(Vec<(String, f64)>, f64)> {
        let mut redis = self.redis.connect(shard);
        let (seconds, micros): (f64, f64) = redis::cmd("TIME").query(&mut redis)?;
        let leases = redis.zrange_withscores(format!("{}:nodes", self.redis.prefix(shard)), 0, -1)?;
        Ok((leases, seconds * 1e3 + micros / 1e3))
    }
}
