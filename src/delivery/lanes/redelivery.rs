//! Dead letters that are sent again.
//!
//! They have lanes of their own, so that no live event waits for one. Each gets one attempt. A failed attempt ends the rest of
//! the same retry for that endpoint: those stay dead letters.

use std::sync::Arc;

use super::{Entry, Lanes, News};
use crate::outbox::{LaneId, Queued, Redelivery};

/// A retry of which no more is sent.
#[derive(Debug)]
pub(super) struct Ended {
    run: Box<str>,
    reason: String,
    /// It was reported that the rest is not sent.
    is_reported: bool,
}

/// Dead letters that are not sent again.
#[derive(Debug)]
pub(crate) struct Withdrawn {
    /// Their lane.
    pub(crate) lane: LaneId,
    /// The redeliveries, oldest first.
    pub(crate) letters: Vec<Arc<Queued>>,
}

impl Lanes {
    /// The lane in which this dead letter is sent again, if it is to be.
    pub(super) fn redelivering_lane(&mut self, redelivery: &Redelivery) -> Option<usize> {
        let live = self.find(&redelivery.lane)?;
        let endpoint = self.entries[live].endpoint;
        if self.leave_out(endpoint, redelivery) {
            return None;
        }
        let lane = self.redelivering.get(&redelivery.lane).copied().unwrap_or_else(|| {
            let (id, limits) = (redelivery.lane.clone(), self.limits.of(&self.endpoints[endpoint]));
            let entry = Entry { redelivers: true, ..Entry::new(id.clone(), endpoint, limits) };
            let lane = self.free.put_lane(&mut self.entries, entry);
            self.redelivering.insert(id, lane);
            lane
        });
        Some(lane)
    }

    /// Whether the dead letter is part of a retry that has ended.
    fn leave_out(&mut self, endpoint: usize, redelivery: &Redelivery) -> bool {
        let ended = self.ready[endpoint].ended.as_mut().filter(|ended| ended.run == redelivery.run);
        if let Some(ended) = &ended.as_ref().filter(|ended| !ended.is_reported) {
            self.news.push((endpoint, News::RetryEnded { reason: ended.reason.clone() }));
        }
        ended.map(|ended| ended.is_reported = true).is_some()
    }

    /// A dead letter of this retry failed: what else it has for the endpoint is not sent.
    pub(super) fn end_retry(&mut self, endpoint: usize, run: &str, reason: &str) {
        let is_of_it = |queued: &Queued| queued.redelivery().is_some_and(|redelivery| &*redelivery.run == run);
        let before = self.withdrawn.len();
        for lane in 0..self.entries.len() {
            let entry = &mut self.entries[lane];
            if entry.endpoint != endpoint || !entry.redelivers {
                continue;
            }
            let letters = entry.lane.withdraw(is_of_it);
            if !letters.is_empty() {
                self.waiting -= letters.len();
                self.withdrawn.push(Withdrawn { lane: entry.id.clone(), letters });
                self.plan(lane);
            }
        }
        let is_reported = self.withdrawn.len() > before;
        if is_reported {
            self.news.push((endpoint, News::RetryEnded { reason: reason.to_owned() }));
        }
        self.ready[endpoint].ended = Some(Ended { run: run.into(), reason: reason.to_owned(), is_reported });
    }

    /// Takes what is not sent again.
    pub(crate) fn take_withdrawn(&mut self) -> Vec<Withdrawn> {
        std::mem::take(&mut self.withdrawn)
    }

    /// Whether the endpoint of this dead letter is configured.
    pub(crate) fn is_known(&mut self, redelivery: &Redelivery) -> bool {
        self.find(&redelivery.lane).is_some()
    }
}

/// Whether this failure is the letter's own, so that others may be taken.
pub(super) fn is_about_the_letter(reason: &str) -> bool {
    ["HTTP 400", "HTTP 413", "HTTP 415", "HTTP 422"].iter().any(|own| reason.starts_with(own))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::tests::{dropped, endpoint, lanes, place, push, status};
    use super::super::{Ending, Moves};
    use super::*;
    use crate::outbox::{Item, LetterId, Position};

    const SECOND: Duration = Duration::from_secs(1);

    /// A dead letter of `app` for the first endpoint.
    fn letter(run: &str, app: &str, seq: u64) -> Arc<Queued> {
        let lane = LaneId { endpoint: endpoint(0).id, app: app.into() };
        let letter = LetterId::parse(&format!("1-{seq}")).unwrap();
        let redelivery = Redelivery { lane, letter, id: format!("msg_{seq}"), events: 2, attempts: 5, run: run.into() };
        let position = Position { partition: 0, tenure: 0, seq };
        Arc::new(Queued::new(Item::Redelivery(Box::new(redelivery)), position, Instant::now()))
    }

    fn next(lanes: &mut Lanes) -> Option<String> {
        lanes.next(Instant::now()).map(|job| job.batch.id().to_owned())
    }

    #[test]
    fn a_live_event_waits_for_no_dead_letter_and_goes_first() {
        let mut lanes = lanes(vec![endpoint(0)], 2);
        for seq in 0..3 {
            lanes.push(&letter("run", "a", seq));
        }
        let under_way = lanes.next(Instant::now()).unwrap();
        assert_eq!(under_way.batch.id(), "msg_0");
        lanes.settle(under_way.lane, status(200), SECOND, Instant::now(), 0.0);
        push(&mut lanes, "a", 10);
        let live = lanes.next(Instant::now()).unwrap();
        assert!(live.batch.redelivery().is_none());
        assert_eq!(next(&mut lanes).as_deref(), Some("msg_1"), "beside it");
        push(&mut lanes, "b", 11);
        assert_eq!(next(&mut lanes), None, "there is no worker");
        let passed = lanes.settle(live.lane, status(200), SECOND, Instant::now(), 0.0).unwrap();
        assert_eq!(passed.moves, Moves::All, "a redelivery is no batch of the lane");
        assert!(lanes.next(Instant::now()).is_some_and(|job| job.id.app == "b".into()));
    }

    #[test]
    fn a_dead_letter_gets_one_attempt_and_its_failure_ends_the_rest_of_the_retry() {
        let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 8);
        for seq in 0..3 {
            lanes.push(&letter("run", "a", seq));
        }
        lanes.push(&letter("run", "b", 3));
        lanes.push(&letter("other run", "a", 4));
        let job = lanes.next(Instant::now()).unwrap();
        assert_eq!((job.batch.id(), place(&job)), ("msg_0", 0));
        let passed = lanes.settle(job.lane, status(500), SECOND, Instant::now(), 0.0).unwrap();
        assert_eq!((passed.attempts, passed.ending, passed.moves), (1, dropped("HTTP 500"), Moves::Never));
        let withdrawn = lanes.take_withdrawn();
        let count: Vec<(LaneId, usize)> = withdrawn.into_iter().map(|gone| (gone.lane, gone.letters.len())).collect();
        let lane = |app: &str| LaneId { endpoint: endpoint(0).id, app: app.into() };
        assert_eq!(count, [(lane("a"), 2), (lane("b"), 1)]);
        assert_eq!(next(&mut lanes).as_deref(), Some("msg_4"), "another retry is another matter");
        assert!(lanes.push(&letter("run", "a", 5)).ids.is_empty(), "more of the same comes later");
        let news: Vec<News> = lanes.take_news().into_iter().map(|(_, news)| news).collect();
        let ended = News::RetryEnded { reason: "HTTP 500".to_owned() };
        assert_eq!(news.iter().filter(|news| **news == ended).count(), 1);
        assert_eq!(lanes.waiting(), 0);
    }

    #[test]
    fn that_a_retry_has_ended_is_reported_when_the_first_of_the_rest_comes() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        lanes.push(&letter("run", "a", 0));
        let job = lanes.next(Instant::now()).unwrap();
        lanes.settle(job.lane, status(503), SECOND, Instant::now(), 0.0);
        let ended = |lanes: &mut Lanes| {
            lanes.take_news().iter().filter(|(_, news)| matches!(news, News::RetryEnded { .. })).count()
        };
        assert_eq!(ended(&mut lanes), 0, "it was the only one");
        for seq in 1..3 {
            assert!(lanes.push(&letter("run", "a", seq)).ids.is_empty());
        }
        assert_eq!(ended(&mut lanes), 1);
    }

    #[test]
    fn a_letter_that_is_refused_for_what_it_says_does_not_end_the_retry() {
        let mut lanes = lanes(vec![endpoint(0)], 8);
        for seq in 0..3 {
            lanes.push(&letter("run", "a", seq));
        }
        for code in [422, 413] {
            let job = lanes.next(Instant::now()).unwrap();
            let passed = lanes.settle(job.lane, status(code), SECOND, Instant::now(), 0.0).unwrap();
            assert_eq!(passed.ending, dropped(&format!("HTTP {code}")));
        }
        let job = lanes.next(Instant::now()).unwrap();
        let passed = lanes.settle(job.lane, status(200), SECOND, Instant::now(), 0.0).unwrap();
        assert_eq!((passed.ending, lanes.take_withdrawn().len()), (Ending::Delivered { status: 200 }, 0));
    }
}
