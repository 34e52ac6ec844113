//! What Redis refuses while it answers: for lack of memory, disk, replicas or rights.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Link;
use crate::redis::failure::{LinkError, WriteRefusal};
use crate::telemetry::{Level, Telemetry};

/// The longest wait after a call that Redis refused: a node asks about twice a second.
const REFUSED_WAIT: Duration = Duration::from_millis(750);

/// What a call needs of Redis beside an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// It reads.
    Nothing,
    /// It writes, also while Redis is full.
    Writes,
    /// It writes, and waits while Redis is full.
    Memory,
}

/// A time in which Redis refuses calls that need so much or more. Those that need less go on, and their success says nothing
/// about it. It has one line in the log, one for each further right that the user lacks, and one when it is over.
pub(super) struct RedisRefusal {
    pub(super) since: Instant,
    pub(super) need: Need,
    pub(super) cause: Option<WriteRefusal>,
    /// The rights that were named.
    rights: BTreeSet<String>,
    pub(super) ready_at: Instant,
}

/// Why Redis takes no writes; `None` for a right that the user lacks.
const fn cause(error: &LinkError) -> Option<WriteRefusal> {
    match error {
        LinkError::TakesNoWrites { cause, .. } => Some(*cause),
        _ => None,
    }
}

impl Link {
    /// A call with this need was carried out.
    pub(super) fn granted(&mut self, need: Need) {
        let Some(refusal) = self.refusal.take_if(|refusal| need >= refusal.need) else { return };
        if self.ends(refusal.cause) {
            let (address, seconds) = (self.settings.address(), refusal.since.elapsed().as_secs_f64());
            self.log(Level::Info, format_args!("Redis at {address} takes our writes again after {seconds:.1} s"));
        }
    }

    /// Redis refused a call with this need.
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
        self.log(Level::Error, format_args!("Redis at {} {error}", self.settings.address()));
    }

    /// Whether this is the first link to notice. Rights are another matter for each.
    fn begins(&self, cause: Option<WriteRefusal>) -> bool {
        let first = |telemetry: &Arc<Telemetry>, cause| telemetry.trouble_begins(cause as usize);
        self.telemetry.as_ref().zip(cause).is_none_or(|(telemetry, cause)| first(telemetry, cause))
    }

    /// Whether no other link has it any more.
    pub(super) fn ends(&self, cause: Option<WriteRefusal>) -> bool {
        let last = |telemetry: &Arc<Telemetry>, cause| telemetry.trouble_ends(cause as usize);
        self.telemetry.as_ref().zip(cause).is_none_or(|(telemetry, cause)| last(telemetry, cause))
    }
}
