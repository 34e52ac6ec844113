//! Counts of the faults and nodes of a run.

use std::fmt;
use std::time::Duration;

use crate::Ms;
use crate::servers::{Cause, Failure};

/// Number of faults of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) kills: usize,
    pub(crate) ends: usize,
    pub(crate) stops: usize,
    pub(crate) network: usize,
    pub(crate) redis_kills: usize,
    pub(crate) redis_stops: usize,
    pub(crate) redis_full: usize,
    pub(crate) rights: usize,
    pub(crate) demotions: usize,
    pub(crate) failovers: usize,
    /// Failovers that no replica was elected for in time.
    pub(crate) forced_failovers: usize,
    pub(crate) slot_moves: usize,
    pub(crate) clock_steps: usize,
    pub(crate) lost_keys: usize,
    /// Node processes that were PHP with the extension.
    pub(crate) php_nodes: usize,
    /// Those of them that were Reverb.
    pub(crate) reverb_nodes: usize,
    /// All node processes.
    pub(crate) nodes: usize,
    /// Time until everything was at rest (ms).
    pub(crate) rest: Ms,
}

impl Faults {
    /// Counts a failure of Redis.
    pub(crate) const fn count(&mut self, failure: Failure) {
        match failure {
            Failure::Killed => self.redis_kills += 1,
            Failure::Stopped => self.redis_stops += 1,
            Failure::Full => self.redis_full += 1,
            Failure::Forbids(_) => self.rights += 1,
            Failure::Demoted => self.demotions += 1,
            Failure::FailedOver(cause) => {
                self.failovers += 1;
                match cause {
                    Cause::Command => {}
                    Cause::Kill => self.redis_kills += 1,
                    Cause::Stop => self.redis_stops += 1,
                }
            }
            Failure::SlotMoves => self.slot_moves += 1,
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, ends, stops, network, php_nodes, reverb_nodes, nodes, rest, .. } = self;
        write!(
            f,
            "{nodes} nodes, {php_nodes} of them PHP ({reverb_nodes} Reverb); {kills} killed, {ends} ended, {stops} stopped, "
        )?;
        let Self { redis_kills, redis_stops, redis_full, rights, demotions, failovers, clock_steps, lost_keys, .. } =
            self;
        write!(f, "{network} network faults; Redis killed {redis_kills}, stopped {redis_stops}, full {redis_full}, ")?;
        write!(f, "without a right {rights}, demoted {demotions} and failed over {failovers} times, ")?;
        let Self { forced_failovers, slot_moves, .. } = self;
        write!(f, "{forced_failovers} of them forced, {slot_moves} slots moved, ")?;
        write!(f, "its clock set {clock_steps} times, {lost_keys} keys lost; ")?;
        write!(f, "at rest after {:.1} s", Duration::from_millis(*rest).as_secs_f64())
    }
}
