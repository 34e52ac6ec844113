//! Halves a batch that is too large for its endpoint.
//!
//! Each half is a new batch with a new id, and is persisted before its first attempt. The first half begins with the same
//! event as the whole batch, so it replaces the whole batch in Redis. Until then a successor inherits the whole batch.
//! Afterwards it inherits the first half and reads the events of the second half from the stream.

use std::sync::Arc;
use std::time::Instant;

use super::{Batch, Lane, LaneState};
use crate::outbox::Queued;

impl Lane {
    /// Replaces the batch in flight with two halves, which `make` creates.
    pub(crate) fn halve(&mut self, now: Instant, mut make: impl FnMut(Vec<Arc<Queued>>) -> Batch) {
        if let LaneState::InFlight(trying) = std::mem::replace(&mut self.state, LaneState::Collecting) {
            let events = &trying.batch.events;
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
    use crate::config::Payload;

    #[test]
    fn halves_go_in_order_before_waiting_events_and_have_no_attempts_yet() {
        let (mut lane, now) = (Lane::new(LIMITS, Payload::Pusher), Instant::now());
        for seq in 0..4 {
            lane.push(queued(seq, 0, now));
        }
        lane.start(now, true, make).unwrap();
        lane.halve(now, make);
        assert_eq!((lane.backing_off(), lane.waiting(), lane.attempts()), (3, 1, 0));
        let mut sent = Vec::new();
        while let Some(batch) = lane.start(now, true, make) {
            if batch.events.len() > 1 {
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
