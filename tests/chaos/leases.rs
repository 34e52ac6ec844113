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
    /// Looks for a node that lost its lease during a failure that began at `since` and allows renewals. Counts only if
    /// the failure has lasted longer than a lease and nothing else kept the node from renewing.
    pub(crate) fn check_leases(&mut self, since: Ms) {
        let begun = now().saturating_sub(LEASE);
        let clock_was_right = self.redis.clock.last_step().is_none_or(|(at, _)| at < begun);
        let all = |stage: &Self| -> RedisResult<(Vec<(String, f64)>, f64)> {
            let mut redis = stage.redis.connect();
            let (seconds, micros): (f64, f64) = redis::cmd("TIME").query(&mut redis)?;
            Ok((redis.zrange_withscores("wh:nodes", 0, -1)?, seconds * 1e3 + micros / 1e3))
        };
        if since > begun || !clock_was_right || self.leases_checked + LOOK_EVERY > now() {
            return;
        }
        self.leases_checked = now();
        let (leases, time) = all(self).expect("the leases from Redis");
        for Running { node, started, stopped_since } in self.places.iter().flatten() {
            let silences = &self.history.lives[node.life].silences;
            let was_there = *started + ENTERS < begun && stopped_since.is_none();
            // The id is like `vm-31094.aa377c3a`: host, process id and random suffix.
            let of_it = format!("-{}.", node.process());
            let has_lease = leases.iter().any(|(name, until)| name.contains(&of_it) && *until >= time);
            if was_there && !has_lease && silences.iter().all(|(_, until)| *until < begun) {
                let life = node.life;
                self.stuck.get_or_insert(format!("life {life} lost its lease though it could have renewed it"));
            }
        }
    }
}
