//! The grace of departures, as one node sees it: when to ask Redis for those that have become edges, and which of this
//! node's own to tell Redis again should it forget them.
//!
//! The timers are in Redis and any node fires them, so that none is lost with the node that set it. A node learns of the
//! others' by asking once per grace: nothing that it has not heard of can be due before it asks again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::batch::{BatchEntry, ClaimBatch};
use super::claim::Hold;
use super::scripts::Verdict;
use crate::redis::millis;

/// How long after the next departure is due it is asked for: those that are due soon after come with it, and of many
/// nodes, which draw different times, the first one gets it and the others have only looked.
const MARGIN: (Duration, Duration) = (Duration::from_millis(30), Duration::from_millis(130));

/// The shortest time between two looks for departures of others.
const LOOK: Duration = Duration::from_millis(150);

/// What a node knows of the departures in their grace.
#[derive(Debug)]
pub(crate) struct Grace {
    /// How long a departure of this node can be made good.
    granted: Duration,
    ask_at: Option<Instant>,
    /// Departures that began their grace through this node and may not be over: when they are (ms), and what was left.
    leavings: VecDeque<(u64, Hold)>,
}

impl Grace {
    /// A node that grants so much; nothing when it is zero.
    pub(crate) const fn new(granted: Duration) -> Self {
        Self { granted, ask_at: None, leavings: VecDeque::new() }
    }

    /// Has the next batch sent even if it is empty: departures may be waiting that nobody was there to announce.
    pub(crate) const fn ask_now(&mut self, now: Instant) {
        self.ask_at = Some(now);
    }

    /// When to ask, if at all.
    pub(crate) const fn ask_at(&self) -> Option<Instant> {
        self.ask_at
    }

    /// Whether it is time to ask.
    pub(crate) fn asks(&self, now: Instant) -> bool {
        self.ask_at.is_some_and(|at| at <= now)
    }

    /// A departure began its grace at `time_ms`, by this node's doing.
    pub(crate) fn began(&mut self, hold: Hold, time_ms: u64) {
        self.leavings.push_back((time_ms.saturating_add(millis(self.granted)), hold));
    }

    /// Redis has judged a batch.
    pub(crate) fn judged(&mut self, batch: &ClaimBatch, verdict: &Verdict, now: Instant) {
        for (entry, edge) in batch.judged().zip(&verdict.edges) {
            if let (BatchEntry::Claim(claim), b'2') = (entry, edge) {
                self.began(claim.hold.clone(), verdict.time_ms);
            }
        }
        if verdict.next_due != Some(Duration::ZERO) {
            // Everything that was due has been announced.
            let over = self.leavings.iter().take_while(|(due_ms, _)| *due_ms <= verdict.time_ms).count();
            self.leavings.drain(..over);
        }
        self.heard(verdict.next_due, now);
    }

    /// Redis has said when the next departure is due.
    pub(crate) fn heard(&mut self, next_due: Option<Duration>, now: Instant) {
        let look = (!self.granted.is_zero()).then(|| self.granted.max(LOOK));
        let due =
            next_due.map(|wait| if wait.is_zero() { wait } else { wait + rand::random_range(MARGIN.0..MARGIN.1) });
        self.ask_at = look.into_iter().chain(due).min().map(|wait| now + wait);
    }

    /// Departures that Redis has to be told again when it has lost its data, in the order in which they began.
    pub(crate) fn leavings(&mut self) -> &[(u64, Hold)] {
        self.leavings.make_contiguous()
    }
}
