//! What follows from an answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::redelivery::is_about_the_letter;
use super::revoke::maker;
use super::{Entry, Lanes, Plan};
use crate::delivery::batch::Batch;
use crate::delivery::retry::{Answer, GONE, Policy, Verdict};
use crate::outbox::{LaneId, Moves};

/// A batch that its lane has passed.
#[derive(Debug)]
pub(crate) struct Passed {
    /// The lane.
    pub(crate) lane: LaneId,
    /// The endpoint's place in the list of endpoints.
    pub(crate) endpoint: usize,
    /// The batch.
    pub(crate) batch: Arc<Batch>,
    /// Attempts made.
    pub(crate) attempts: u32,
    /// What became of it.
    pub(crate) ending: Ending,
    /// Which cursors of the lane move.
    pub(crate) moves: Moves,
    /// This answer was the first by which the endpoint said that it is gone.
    pub(crate) farewell: bool,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was delivered.
    Delivered {
        /// The status it was answered with.
        status: u16,
    },
    /// It was given up.
    Dropped {
        /// Why.
        reason: String,
    },
    /// It was a dead letter that somebody has forgotten meanwhile.
    Forgotten,
}

impl Lanes {
    /// Takes the answer to a lane's attempt, which took so long. Returns the batch if that was its last one.
    pub(crate) fn settle(
        &mut self,
        lane: usize,
        answer: Answer,
        took: Duration,
        now: Instant,
        jitter: f64,
    ) -> Option<Passed> {
        let entry = &mut self.entries[lane];
        let Plan::Running { suspect } = entry.plan else { return None };
        let sent =
            !matches!(answer, Answer::UnknownApplication | Answer::Forgotten | Answer::NotKept | Answer::Fenced { .. });
        let attempts = entry.lane.attempts();
        let endpoint = entry.endpoint;
        let mut policy = Policy::from(&self.endpoints[endpoint]);
        if entry.redelivers {
            policy.max_attempts = 1;
        }
        // The time of a pause is not held against a batch, also while it lasts.
        let until = self.ready[endpoint].paused.as_ref().map_or(now, |pause| pause.began);
        let elapsed = if sent { entry.lane.tried_for(until) } else { entry.lane.waited_for(until) };
        self.health[endpoint].attempted(&answer, took, now);
        self.ready[endpoint].patience.heard(&answer);
        let verdict = policy.judge(answer, attempts, elapsed, jitter);
        let verdict = self.halve_or_drop(lane, verdict);
        let entry = &mut self.entries[lane];
        if sent && verdict != Verdict::Gone {
            let given_up = matches!(verdict, Verdict::Drop { .. });
            let news = self.health[endpoint].news(attempts, elapsed, given_up, now);
            self.news.extend(news.map(|news| (endpoint, news)));
        }
        let ready = &mut self.ready[endpoint];
        if sent {
            entry.failing = !matches!(verdict, Verdict::Delivered { .. });
            ready.proven = Some(!entry.failing);
        }
        self.slots.release(endpoint, suspect);
        entry.plan = Plan::Nothing;
        let farewell = verdict == Verdict::Gone && ready.gone.is_none();
        let run = entry.lane.batch().and_then(Batch::redelivery).map(|redelivery| redelivery.run.clone());
        let failure = verdict.failure().filter(|reason| !is_about_the_letter(reason)).map(str::to_owned);
        let ending = match verdict {
            Verdict::Delivered { status } => Some(Ending::Delivered { status }),
            Verdict::Drop { reason } => Some(Ending::Dropped { reason }),
            Verdict::Halve { .. } => {
                let make = maker(&entry.id.app, &mut self.ids, self.endpoints[endpoint].payload);
                entry.lane.halve(now, make);
                None
            }
            Verdict::Forget => Some(Ending::Forgotten),
            Verdict::Gone => Some(Ending::gone(GONE)),
            Verdict::Retry { .. } if ready.gone.is_some() => ready.gone.map(Ending::gone),
            Verdict::Retry { after } => {
                entry.lane.back_off(now + after);
                None
            }
            Verdict::Postpone { after } => {
                entry.lane.postpone(now + after);
                None
            }
            Verdict::Revoke { tenures } => {
                self.rebuild(lane, &tenures, now);
                None
            }
        };
        let passed = ending.and_then(|ending| self.finish(lane, attempts - u32::from(!sent), ending));
        self.plan(lane);
        if let (Some(run), Some(reason)) = (run, failure) {
            self.end_retry(endpoint, &run, &reason);
        }
        if farewell {
            self.disable(endpoint, now);
        }
        passed.map(|passed| Passed { farewell, ..passed })
    }

    /// Gives up what is too large and cannot be halved: a single event, or a dead letter.
    fn halve_or_drop(&mut self, lane: usize, verdict: Verdict) -> Verdict {
        let Entry { endpoint, lane, redelivers, .. } = &self.entries[lane];
        let events = lane.in_flight();
        match verdict {
            Verdict::Halve { reason } if *redelivers || events < 2 => Verdict::Drop { reason },
            Verdict::Halve { reason } => {
                let news = self.health[*endpoint].too_large(events);
                self.news.extend(news.map(|news| (*endpoint, news)));
                Verdict::Halve { reason }
            }
            other => other,
        }
    }

    /// Takes the started batch from its lane, after `attempts` attempts.
    pub(super) fn finish(&mut self, lane: usize, attempts: u32, ending: Ending) -> Option<Passed> {
        let entry = &mut self.entries[lane];
        let batch = entry.lane.finish()?;
        self.health[entry.endpoint].ended(&ending, batch.events().iter().map(|queued| &**queued));
        let moves = match (entry.redelivers, entry.lane.has_batch()) {
            (true, _) => Moves::Never,
            (false, true) => Moves::Own,
            (false, false) => Moves::All,
        };
        let (lane, endpoint) = (entry.id.clone(), entry.endpoint);
        Some(Passed { lane, endpoint, batch, attempts, ending, moves, farewell: false })
    }
}
