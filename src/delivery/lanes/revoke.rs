//! What becomes of events whose partitions are another node's now.

use std::sync::Arc;
use std::time::Instant;

use super::{Entry, Lanes};
use crate::config::Payload;
use crate::delivery::batch::{Batch, BatchIds};
use crate::event::AppId;
use crate::outbox::{Queued, redelivery_of};

impl Lanes {
    /// Drops the events of ownerships that ended: another node has them.
    pub(crate) fn revoke(&mut self, tenures: &[u64]) {
        for lane in 0..self.entries.len() {
            let Entry { lane: of_entry, id, endpoint, .. } = &mut self.entries[lane];
            let make = maker(&id.app, &mut self.ids, self.endpoints[*endpoint].payload);
            let gone = of_entry.revoke(|queued| tenures.contains(&queued.position.tenure), make);
            self.waiting -= gone;
            self.plan(lane);
        }
    }

    /// Leaves the events of these ownerships out of the batch that the lane was about to send.
    pub(super) fn rebuild(&mut self, lane: usize, tenures: &[u64], now: Instant) {
        let Entry { lane, id, endpoint, .. } = &mut self.entries[lane];
        let make = maker(&id.app, &mut self.ids, self.endpoints[*endpoint].payload);
        lane.rebuild(|queued| tenures.contains(&queued.position.tenure), make, now);
    }
}

/// Makes batches of a lane of `app`, whose endpoint is told `payload` of each event.
pub(super) fn maker(app: &AppId, ids: &mut BatchIds, payload: Payload) -> impl FnMut(Vec<Arc<Queued>>) -> Batch {
    move |events| match redelivery_of(&events) {
        Some(redelivery) => Batch::new(app.clone(), redelivery.id.clone(), events),
        None => Batch::new(app.clone(), ids.next(), events).saying(payload),
    }
}
