//! A batch that is too large for its endpoint: two halves take its place.
//!
//! Each is a batch of its own, under an id of its own, and is persisted before its first attempt. The first begins with the
//! same event, so that it takes the place of the whole batch in Redis; until then a successor has the whole batch, and after
//! that the first half and, unread, the events of the second.

use std::sync::Arc;
use std::time::Instant;

use super::{Batch, Lane, State};
use crate::outbox::Queued;

impl Lane {
    /// Puts two halves, made by `make`, in the place of the batch in flight.
    pub(crate) fn halve(&mut self, now: Instant, mut make: impl FnMut(Vec<Arc<Queued>>) -> Batch) {
        if let State::InFlight(trying) = std::mem::replace(&mut self.state, State::Collecting) {
            let events = trying.batch.events();
            let (first, second) = events.split_at(events.len() / 2);
            let halves = [first, second].map(|half| (now, Arc::new(make(half.to_vec()))));
            for half in halves.into_iter().rev() {
                self.ahead.push_front(half);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIMITS, make, queued, seqs};
    use super::*;

    #[test]
    fn halves_come_in_order_before_what_waits_and_have_no_attempts_yet() {
        let (mut lane, now) = (Lane::new(LIMITS), Instant::now());
        for seq in 0..4 {
            lane.push(queued(seq, 0, now));
        }
        lane.start(now, true, make).unwrap();
        lane.halve(now, make);
        assert_eq!((lane.backing_off(), lane.waiting(), lane.attempts()), (3, 1, 0));
        let mut sent = Vec::new();
        while let Some(batch) = lane.start(now, true, make) {
            if batch.events().len() > 1 {
                lane.halve(now, make);
                continue;
            }
            assert_eq!(lane.attempts(), 1);
            sent.extend(seqs(&batch));
            lane.finish();
        }
        assert_eq!(sent, [0, 1, 2, 3]);
    }
}
