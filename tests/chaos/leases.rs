//! Checks that a failure of Redis which allows renewals has cost no node its lease.

use redis::{Commands, RedisResult};

use crate::stage::{Running, Stage};
use crate::{Ms, now};

/// A lease of the nodes.
pub(crate) const LEASE: Ms = 3000;

/// The longest time that a starting node needs to register (ms).
const ENTERS: Ms = 1500;

/// Between two looks (ms).
const LOOK_EVERY: Ms = 250;

impl Stage {
    /// Looks for a node that has lost its lease during a failure which began at `since` and allows renewals. The failure
    /// must have lasted for longer than a lease, and nothing else may have kept the node from renewing it.
    pub(crate) fn look_at_leases(&mut self, since: Ms) {
        let begun = now().saturating_sub(LEASE);
        let clock_was_right = self.redis.clock.last_step().is_none_or(|(at, _)| at < begun);
        let all = |stage: &Self| -> RedisResult<(Vec<(String, f64)>, f64)> {
            let mut redis = stage.redis.connect();
            let (seconds, micros): (f64, f64) = redis::cmd("TIME").query(&mut redis)?;
            Ok((redis.zrange_withscores("wh:nodes", 0, -1)?, seconds * 1e3 + micros / 1e3))
        };
        if since > begun || !clock_was_right || self.looked + LOOK_EVERY > now() {
            return;
        }
        self.looked = now();
        let (leases, time) = all(self).expect("the leases");
        for Running { node, started, still_since } in self.places.iter().flatten() {
            let silences = &self.history.lives[node.life].silences;
            let was_there = *started + ENTERS < begun && still_since.is_none();
            // `vm-31094.aa377c3a`: host, process and incarnation.
            let of_it = format!("-{}.", node.process());
            let has_lease = leases.iter().any(|(name, until)| name.contains(&of_it) && *until >= time);
            if was_there && !has_lease && silences.iter().all(|(_, until)| *until < begun) {
                let life = node.life;
                self.stuck.get_or_insert(format!("life {life} lost its lease though it could have renewed it"));
            }
        }
    }
}
