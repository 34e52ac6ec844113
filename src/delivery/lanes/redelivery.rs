//! Retries of dead letters.
//!
//! They have lanes of their own, so that no live event waits for a dead letter. Each dead letter gets one attempt. A failed
//! attempt ends the rest of the same retry for that endpoint: the remaining ones stay dead letters.

use std::sync::Arc;

use super::{FinishedBatch, HealthTransition, Lanes};
use crate::delivery::batch::Batch;
use crate::outbox::{BatchOutcome, Moves, Queued, Redelivery};

/// A retry that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    run: Box<str>,
    reason: String,
    /// `true` if the end was reported.
    is_reported: bool,
}

impl Lanes {
    /// Returns the lane that retries this dead letter. `None` if its endpoint is unknown or its retry has ended.
    pub(super) fn redelivering_lane(&mut self, redelivery: &Redelivery) -> Option<usize> {
        let live = self.find(&redelivery.lane)?;
        let endpoint = self.entries[live].endpoint;
        if self.has_ended(endpoint, redelivery) {
            return None;
        }
        Some(self.get_or_add_lane(redelivery.lane.clone(), endpoint, true))
    }

    /// Returns `true` if the dead letter belongs to a retry that has ended. The first call records the end to be reported.
    fn has_ended(&mut self, endpoint: usize, redelivery: &Redelivery) -> bool {
        let ended = self.ready[endpoint].ended.as_mut().filter(|ended| ended.run == redelivery.run);
        if let Some(ended) = &ended.as_ref().filter(|ended| !ended.is_reported) {
            self.transitions.push((endpoint, HealthTransition::RetryEnded { reason: ended.reason.clone() }));
        }
        ended.map(|ended| ended.is_reported = true).is_some()
    }

    /// Ends a retry for the endpoint after one of its dead letters failed.
    pub(super) fn end_retry(&mut self, endpoint: usize, run: &str, reason: &str) {
        let is_part = |queued: &Queued| queued.redelivery().is_some_and(|redelivery| &*redelivery.run == run);
        let before = self.withdrawn.len();
        for lane in 0..self.entries.len() {
            let entry = &mut self.entries[lane];
            if entry.endpoint != endpoint || !entry.redelivers {
                continue;
            }
            let dead_letters = entry.lane.withdraw(is_part);
            if !dead_letters.is_empty() {
                self.waiting -= dead_letters.len();
                let batch = Arc::new(Batch::new(entry.id.app.clone(), String::new(), dead_letters));
                self.withdrawn.push(entry.finished(batch, BatchOutcome::Forgotten, Moves::Never));
                self.plan(lane);
            }
        }
        let is_reported = self.withdrawn.len() > before;
        if is_reported {
            self.transitions.push((endpoint, HealthTransition::RetryEnded { reason: reason.to_owned() }));
        }
        self.ready[endpoint].ended = Some(Ended { run: run.into(), reason: reason.to_owned(), is_reported });
    }

    /// Takes the dead letters whose retry has ended, as batches of one lane each.
    pub(crate) fn take_withdrawn(&mut self) -> Vec<FinishedBatch> {
        std::mem::take(&mut self.withdrawn)
    }

    /// Returns `true` if the endpoint of this dead letter is configured.
    pub(crate) fn is_known(&mut self, redelivery: &Redelivery) -> bool {
        self.find(&redelivery.lane).is_some()
    }
}

/// Returns `true` if the failure concerns the content of this dead letter only, so that others may succeed.
pub(super) fn is_about_the_letter(reason: &str) -> bool {
    ["HTTP 400", "HTTP 413", "HTTP 415", "HTTP 422"].iter().any(|own| reason.starts_with(own))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::tests::{dead_letter_for, endpoint, lanes, place, push, status};
    use super::*;
    use crate::event::Shard;
    use crate::outbox::LaneId;

    /// Returns a dead letter of `app` for the first endpoint.
    fn dead_letter(run: &str, app: &str, seq: u64) -> Arc<Queued> {
        Arc::new(dead_letter_for(0, run, app, seq))
    }

    fn next(lanes: &mut Lanes) -> Option<String> {
        lanes.next(Instant::now()).map(|attempt| attempt.batch.id.clone())
    }

    #[test]
    fn a_live_event_goes_before_dead_letters() {
        let mut lanes = lanes(vec![endpoint(0)], 2);
        for seq in 0..3 {
            lanes.push(&dead_letter("run", "a", seq));
        }
        let under_way = lanes.next(Instant::now()).unwrap();
        assert_eq!(&under_way.batch.id, "msg_0");
        lanes.complete(under_way.lane, status(200).into(), Instant::now(), 0.0);
        push(&mut lanes, "a", 10);
        let live = lanes.next(Instant::now()).unwrap();
        assert!(live.batch.redelivery().is_none());
        assert_eq!(next(&mut lanes).as_deref(), Some("msg_1"), "in a lane of its own");
        push(&mut lanes, "b", 11);
        assert_eq!(next(&mut lanes), None, "all workers are busy");
        let finished = lanes.complete(live.lane, status(200).into(), Instant::now(), 0.0).unwrap();
        assert_eq!(finished.moves, Moves::All, "a redelivery is not a batch of the live lane");
        assert!(lanes.next(Instant::now()).is_some_and(|attempt| attempt.id.app == "b".into()));
    }

    #[test]
    fn a_dead_letter_gets_one_attempt_and_its_failure_ends_the_rest_of_the_retry() {
        let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 8);
        for seq in 0..3 {
            lanes.push(&dead_letter("run", "a", seq));
        }
        lanes.push(&dead_letter("run", "b", 3));
        lanes.push(&dead_letter("other run", "a", 4));
        let attempt = lanes.next(Instant::now()).unwrap();
        assert_eq!((attempt.batch.id.as_str(), place(&attempt)), ("msg_0", 0));
        let finished = lanes.complete(attempt.lane, status(500).into(), Instant::now(), 0.0).unwrap();
        assert_eq!(
            (finished.attempts, finished.outcome, finished.moves),
            (1, BatchOutcome::dropped("HTTP 500"), Moves::Never)
        );
        let ended = HealthTransition::RetryEnded { reason: "HTTP 500".to_owned() };
        let reported: Vec<_> = lanes.take_transitions().into_iter().filter(|(_, change)| *change == ended).collect();
        assert_eq!(reported, [(0, ended)]);
        assert!(lanes.has_undeliverable());
        let withdrawn = lanes.take_withdrawn();
        assert!(!lanes.has_undeliverable());
        let count: Vec<(LaneId, usize)> =
            withdrawn.into_iter().map(|withdrawn| (withdrawn.lane, withdrawn.batch.events.len())).collect();
        let lane = |app: &str| LaneId { endpoint: endpoint(0).id, app: app.into(), shard: Shard::FIRST };
        assert_eq!(count, [(lane("a"), 2), (lane("b"), 1)]);
        assert_eq!(next(&mut lanes).as_deref(), Some("msg_4"), "another retry continues");
        assert!(lanes.push(&dead_letter("run", "a", 5)).ids.is_empty(), "the ended retry accepts no more");
        assert_eq!(lanes.take_transitions(), [], "reported only once");
        assert_eq!(lanes.waiting, 0);
    }

    #[test]
    fn a_retry_ends_only_for_the_endpoint_that_failed() {
        let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 8);
        for (seq, index) in (0..).zip([0, 1, 1]) {
            lanes.push(&Arc::new(dead_letter_for(index, "run", "a", seq)));
        }
        let attempt = std::iter::from_fn(|| lanes.next(Instant::now())).find(|attempt| place(attempt) == 0).unwrap();
        lanes.complete(attempt.lane, status(500).into(), Instant::now(), 0.0);
        assert_eq!(lanes.take_withdrawn().len(), 0);
    }

    #[test]
    fn a_dead_letter_of_an_endpoint_that_is_not_configured_is_unknown() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        let mut is_known = |index| lanes.is_known(dead_letter_for(index, "run", "a", 0).redelivery().unwrap());
        assert_eq!([0, 1].map(&mut is_known), [true, false]);
    }

    #[test]
    fn the_end_of_a_retry_is_reported_with_the_first_remaining_dead_letter() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        lanes.push(&dead_letter("run", "a", 0));
        let attempt = lanes.next(Instant::now()).unwrap();
        lanes.complete(attempt.lane, status(503).into(), Instant::now(), 0.0);
        let ended = |lanes: &mut Lanes| {
            lanes
                .take_transitions()
                .iter()
                .filter(|(_, change)| matches!(change, HealthTransition::RetryEnded { .. }))
                .count()
        };
        assert_eq!(ended(&mut lanes), 0, "no dead letter remains");
        for seq in 1..3 {
            assert!(lanes.push(&dead_letter("run", "a", seq)).ids.is_empty());
        }
        assert_eq!(ended(&mut lanes), 1);
    }

    #[test]
    fn a_dead_letter_refused_for_its_content_does_not_end_the_retry() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        for seq in 0..3 {
            lanes.push(&dead_letter("run", "a", seq));
        }
        for code in [422, 413] {
            let attempt = lanes.next(Instant::now()).unwrap();
            let finished = lanes.complete(attempt.lane, status(code).into(), Instant::now(), 0.0).unwrap();
            assert_eq!(finished.outcome, BatchOutcome::dropped(&format!("HTTP {code}")));
        }
        let attempt = lanes.next(Instant::now()).unwrap();
        let finished = lanes.complete(attempt.lane, status(200).into(), Instant::now(), 0.0).unwrap();
        assert_eq!((finished.outcome, lanes.take_withdrawn().len()), (BatchOutcome::Delivered { status: 200 }, 0));
    }
}
