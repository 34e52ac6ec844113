//! Applies the result of an attempt: delivers, retries, halves or drops the batch.

use std::sync::Arc;
use std::time::Instant;

use super::redelivery::is_about_the_letter;
use super::revoke::maker;
use super::{LaneEntry, Lanes, Plan};
use crate::delivery::attempt::{AttemptResult, EndedAttempt};
use crate::delivery::batch::Batch;
use crate::delivery::retry::{HTTP_GONE, RetryDecision};
use crate::outbox::{BatchOutcome, LaneId, Moves, count_events};
use crate::telemetry::AnswerExcerpt;

/// A batch that was delivered or dropped.
#[derive(Debug)]
pub(crate) struct FinishedBatch {
    pub(crate) lane: LaneId,
    /// The endpoint's place in the list of endpoints.
    pub(crate) endpoint: usize,
    pub(crate) batch: Arc<Batch>,
    /// The number of attempts.
    pub(crate) attempts: u32,
    pub(crate) outcome: BatchOutcome,
    /// The answer of the endpoint to the last attempt, if the attempt failed and the answer is kept.
    pub(crate) answer: Option<AnswerExcerpt>,
    /// The cursors of the lane that move.
    pub(crate) moves: Moves,
}

impl LaneEntry {
    /// Creates a batch of this lane that was not sent.
    pub(super) fn finished(&self, batch: Arc<Batch>, outcome: BatchOutcome, moves: Moves) -> FinishedBatch {
        let (lane, endpoint) = (self.id.clone(), self.endpoint);
        FinishedBatch { lane, endpoint, batch, attempts: 0, outcome, answer: None, moves }
    }
}

impl Lanes {
    /// Completes a lane's attempt. Returns the batch if it is finished.
    pub(crate) fn complete(
        &mut self,
        lane: usize,
        ended: EndedAttempt,
        now: Instant,
        jitter: f64,
    ) -> Option<FinishedBatch> {
        let entry = &self.entries[lane];
        let (endpoint, Plan::Running { suspect }) = (entry.endpoint, entry.plan) else { return None };
        let sent = ended.result.was_sent();
        let attempts = entry.lane.attempts();
        self.health[endpoint].record_attempt(&ended, now);
        self.ready[endpoint].limit.record(&ended.result);
        let EndedAttempt { result, answer, .. } = ended;
        let decision = self.decide(lane, result, now, jitter);
        self.permits.release(endpoint, suspect);
        let newly_disabled = decision == RetryDecision::Disable && self.ready[endpoint].closed.is_none();
        let entry = &mut self.entries[lane];
        let ready = &mut self.ready[endpoint];
        entry.plan = Plan::Nothing;
        if sent {
            entry.failing = !matches!(decision, RetryDecision::Delivered { .. });
            ready.proven = Some(!entry.failing);
        }
        let run = entry.lane.batch().and_then(Batch::redelivery).map(|redelivery| redelivery.run.clone());
        let failure = decision.failure().filter(|reason| !is_about_the_letter(reason)).map(str::to_owned);
        let outcome = self.apply(lane, decision, now);
        let finished = outcome.and_then(|outcome| self.finish(lane, attempts - u32::from(!sent), outcome));
        self.plan(lane);
        if let (Some(run), Some(reason)) = (run, failure) {
            self.end_retry(endpoint, &run, &reason);
        }
        if newly_disabled {
            self.disable(endpoint, now);
        }
        finished.map(|finished| FinishedBatch { answer, ..finished })
    }

    /// Applies the retry policy and records a change of the endpoint's health.
    fn decide(&mut self, lane: usize, result: AttemptResult, now: Instant, jitter: f64) -> RetryDecision {
        let LaneEntry { endpoint, lane, redelivers, .. } = &self.entries[lane];
        let place = *endpoint;
        // The time of a pause does not count. During a pause, the elapsed time ends where the pause began.
        let until = self.ready[place].paused.unwrap_or(now);
        let (sent, attempts) = (result.was_sent(), lane.attempts());
        let elapsed = if sent { lane.tried_for(until) } else { lane.waited_for(until) };
        let events = lane.in_flight();
        // A dead letter has one attempt.
        let counted = if *redelivers { u32::MAX } else { attempts };
        let mut decision = self.endpoints[place].decide(result, counted, elapsed, jitter);
        if let RetryDecision::Halve { reason } = decision {
            // A single event, or a dead letter, cannot be halved.
            if *redelivers || events < 2 {
                decision = RetryDecision::Drop { reason };
            } else {
                let transition = self.health[place].too_large(events);
                self.transitions.extend(transition.map(|transition| (place, transition)));
                decision = RetryDecision::Halve { reason };
            }
        }
        if sent && decision != RetryDecision::Disable {
            let given_up = matches!(decision, RetryDecision::Drop { .. });
            let transition = self.health[place].transition(attempts, elapsed, given_up, now);
            self.transitions.extend(transition.map(|transition| (place, transition)));
        }
        decision
    }

    /// Carries out the decision about the batch in flight. Returns its outcome if it ends.
    fn apply(&mut self, lane: usize, decision: RetryDecision, now: Instant) -> Option<BatchOutcome> {
        let LaneEntry { endpoint, lane: of_entry, id, .. } = &mut self.entries[lane];
        match decision {
            RetryDecision::Delivered { status } => return Some(BatchOutcome::Delivered { status }),
            RetryDecision::Drop { reason } => return Some(BatchOutcome::Dropped { reason }),
            RetryDecision::Forget => return Some(BatchOutcome::Forgotten),
            RetryDecision::Disable => return Some(BatchOutcome::dropped(HTTP_GONE)),
            RetryDecision::Retry { after } => match self.ready[*endpoint].closed {
                Some(why) => return Some(BatchOutcome::dropped(why)),
                None => of_entry.back_off(now + after),
            },
            RetryDecision::Postpone { after } => of_entry.postpone(now + after),
            RetryDecision::Halve { .. } => {
                of_entry.halve(now, maker(&id.app, &mut self.ids, self.endpoints[*endpoint].payload));
            }
            RetryDecision::Revoke { tokens } => self.rebuild(lane, &tokens, now),
        }
        None
    }

    /// Removes the batch in flight from its lane after `attempts` attempts.
    pub(super) fn finish(&mut self, lane: usize, attempts: u32, outcome: BatchOutcome) -> Option<FinishedBatch> {
        let entry = &mut self.entries[lane];
        let batch = entry.lane.finish()?;
        self.health[entry.endpoint].record_outcome(&outcome, count_events(&batch.events));
        let moves = match (entry.redelivers, entry.lane.has_batch()) {
            (true, _) => Moves::Never,
            (false, true) => Moves::Own,
            (false, false) => Moves::All,
        };
        Some(FinishedBatch { attempts, ..entry.finished(batch, outcome, moves) })
    }
}
