//! Calls that Redis refuses while it is reachable: for lack of memory, disk, replicas or rights.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::Link;
use crate::redis::failure::{LinkError, WriteRefusal};
use crate::telemetry::Level;

/// Longest wait after a refused call: a node retries about twice a second.
const REFUSED_WAIT: Duration = Duration::from_millis(750);

/// The needs of a call besides a reply. A need includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// The call reads.
    Nothing,
    /// The call writes, even while Redis is full.
    Writes,
    /// The call writes, and waits while Redis is full.
    Memory,
}

/// A period in which Redis refuses calls with this need or a greater one. Calls with a lesser need continue, and their
/// success does not end the period. The log has one line when it begins, one for each further right that the user
/// lacks, and one when it ends.
pub(super) struct RedisRefusal {
    pub(super) since: Instant,
    pub(super) need: Need,
    pub(super) cause: Option<WriteRefusal>,
    /// Rights that Redis has named as missing.
    rights: BTreeSet<String>,
    pub(super) ready_at: Instant,
}

/// Returns why Redis accepts no writes, or `None` for a missing right.
const fn cause(error: &LinkError) -> Option<WriteRefusal> {
    match error {
        LinkError::TakesNoWrites { cause, .. } => Some(*cause),
        _ => None,
    }
}

impl Link {
    /// Records that a call with this need was executed.
    pub(super) fn granted(&mut self, need: Need) {
        let Some(refusal) = self.refusal.take_if(|refusal| need >= refusal.need) else { return };
        if self.ends(refusal.cause) {
            let (address, seconds) = (self.settings.name(), refusal.since.elapsed().as_secs_f64());
            self.log(Level::Info, format_args!("Redis at {address} accepts writes again after {seconds:.1} s"));
        }
    }

    /// Records that Redis refused a call with this need.
    pub(super) fn refused(&mut self, need: Need, error: &LinkError) {
        let (now, cause) = (Instant::now(), cause(error));
        self.count_error(error);
        let before = self.refusal.take();
        let mut rights = before.as_ref().map(|before| before.rights.clone()).unwrap_or_default();
        let another_right = error.right().is_some_and(|right| rights.insert(right.to_owned()));
        if before.as_ref().is_none_or(|before| before.cause != cause) {
            if let Some(before) = &before {
                self.ends(before.cause);
            }
            if self.begins(cause) {
                self.announce_refusal(error);
            }
        } else if another_right {
            self.announce_refusal(error);
        }
        self.refusal = Some(RedisRefusal {
            since: before.as_ref().map_or(now, |before| before.since),
            need: before.map_or(need, |before| before.need.min(need)),
            cause,
            rights,
            ready_at: now + REFUSED_WAIT.mul_f64(0.5 + rand::random::<f64>() / 2.0),
        });
    }

    fn announce_refusal(&self, error: &LinkError) {
        self.log(Level::Error, format_args!("Redis at {} {error}", self.settings.name()));
    }

    /// Returns `true` if this is the first link to see the refusal. Each link reports missing rights of its own.
    fn begins(&self, cause: Option<WriteRefusal>) -> bool {
        self.telemetry.as_ref().zip(cause).is_none_or(|(telemetry, cause)| telemetry.trouble_begins(cause as usize))
    }

    /// Returns `true` if no other link sees the refusal any more.
    pub(super) fn ends(&self, cause: Option<WriteRefusal>) -> bool {
        self.telemetry.as_ref().zip(cause).is_none_or(|(telemetry, cause)| telemetry.trouble_ends(cause as usize))
    }
}
