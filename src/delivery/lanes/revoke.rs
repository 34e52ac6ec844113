//! Removes events whose partitions another node owns now.

use std::sync::Arc;
use std::time::Instant;

use super::{LaneEntry, Lanes};
use crate::config::Payload;
use crate::delivery::batch::{Batch, BatchIds};
use crate::event::AppId;
use crate::outbox::{Queued, ShardToken, redelivery_of};

impl Lanes {
    /// Removes the events of ownerships that have ended.
    pub(crate) fn revoke(&mut self, tokens: &[ShardToken]) {
        for lane in 0..self.entries.len() {
            let LaneEntry { lane: of_entry, id, endpoint, .. } = &mut self.entries[lane];
            let make = maker(&id.app, &mut self.ids, self.endpoints[*endpoint].payload);
            let removed = of_entry.revoke(|queued| tokens.contains(&queued.position.shard_token()), make);
            self.waiting -= removed;
            self.plan(lane);
        }
    }

    /// Removes the events of these ownerships from the batch that the lane was going to send.
    pub(super) fn rebuild(&mut self, lane: usize, tokens: &[u64], now: Instant) {
        let LaneEntry { lane, id, endpoint, .. } = &mut self.entries[lane];
        let make = maker(&id.app, &mut self.ids, self.endpoints[*endpoint].payload);
        lane.rebuild(|queued| tokens.contains(&queued.position.token), make, now);
    }
}

/// Returns a function that creates batches of `app` with this `payload`.
pub(super) fn maker(app: &AppId, ids: &mut BatchIds, payload: Payload) -> impl FnMut(Vec<Arc<Queued>>) -> Batch {
    move |events| {
        if let Some(redelivery) = redelivery_of(&events) {
            return Batch::new(app.clone(), redelivery.id.clone(), events);
        }
        let mut batch = Batch::new(app.clone(), ids.next(), events);
        batch.payload = payload;
        batch
    }
}
