//! Data besides this shard's that decides whether the node may begin here.
//!
//! The number of shards is fixed in the data of each shard. Where there is no data yet, the first shard decides: a config with
//! more shards than the data would otherwise begin with the shards that the data lacks. On a single server, the data of one
//! shard is under a prefix without a hash tag; several shards note their number there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Claimer, Stuck, stuck};
use crate::cluster::{Closed, SharedMembership};

/// Pause before the first shard is looked at again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// The same once the first shard has been away for longer.
const ASK_LATER: Duration = Duration::from_secs(1);

/// Time after the start in which a shard with data waits for the first shard, so that only the first one logs a refusal of all.
const WAIT_FOR_FIRST: Duration = Duration::from_secs(1);

/// The other data.
#[derive(Debug, Default)]
pub(crate) struct OtherData {
    /// The node's membership in the first shard; `None` for the first shard itself.
    first_shard: Option<Arc<SharedMembership>>,
    /// The prefix under which the same server would have the data of one shard; only for the first of several.
    untagged_prefix: Option<String>,
    waits_until: Option<Instant>,
    /// The first shard does not prevent this node from beginning.
    fits: bool,
}

impl OtherData {
    /// Returns what decides about a shard: for all but the first one, the node's membership in the first one; for the first of
    /// several, data under the `untagged_prefix`, which excludes the node.
    pub(crate) fn new(first_shard: Option<Arc<SharedMembership>>, untagged_prefix: Option<String>) -> Self {
        Self { first_shard, untagged_prefix, ..Self::default() }
    }

    /// Returns `true` if this is the first shard.
    pub(super) const fn is_first_shard(&self) -> bool {
        self.first_shard.is_none()
    }

    /// Returns `true` if the first shard reports what is wrong with this one.
    pub(super) fn is_reported(&self) -> bool {
        self.first_shard.as_ref().is_some_and(|first| first.refused().is_some())
    }
}

impl Claimer {
    /// Checks the other data before the node opens a session.
    pub(super) fn check_other_data(&mut self, now: Instant) -> Result<(), Stuck> {
        let keys = &self.keys.membership;
        if let Some(untagged) = &self.others.untagged_prefix {
            let found = self.link.with(|redis| keys.note_number(redis, untagged)).map_err(|_| stuck(&self.link))?;
            return found.map_or(Ok(()), |mismatch| Err(Closed::Mismatch(mismatch).into()));
        }
        let Some(first) = self.others.first_shard.as_ref().filter(|_| !self.others.fits) else { return Ok(()) };
        if let Some(mismatch) = first.refused() {
            return Err(Closed::Mismatch(mismatch).into());
        }
        let may_wait = now < *self.others.waits_until.get_or_insert(now + WAIT_FOR_FIRST);
        let may_begin = first.current().is_some()
            || (!may_wait && self.link.read(|redis| keys.has_data(redis)).map_err(|_| stuck(&self.link))?);
        if may_begin {
            self.others.fits = true;
            return Ok(());
        }
        Err(Stuck::Unreachable(now + if may_wait { ASK_AGAIN } else { ASK_LATER }))
    }
}
