//! Removes events that another node now owns. The other events keep their order.
//!
//! A batch may have events of several partitions. If it loses one of the partitions, its other events become a new batch in
//! the same place, because the id and body of a batch never change.

use std::sync::Arc;
use std::time::Instant;

use super::{Batch, Lane, LaneState, Trying};
use crate::outbox::Queued;

impl Lane {
    /// Removes the `revoked` events, except from a batch in flight. `make` creates a batch from the remaining events. Returns
    /// the number of removed events that were not in a batch.
    pub(crate) fn revoke(
        &mut self,
        revoked: impl Fn(&Queued) -> bool,
        mut make: impl FnMut(Vec<Arc<Queued>>) -> Batch,
    ) -> usize {
        let dropped = self.withdraw(&revoked).len();
        for (since, batch) in std::mem::take(&mut self.ahead) {
            self.ahead.extend(without(&revoked, batch, &mut make).map(|batch| (since, batch)));
        }
        self.state = match std::mem::replace(&mut self.state, LaneState::Collecting) {
            LaneState::BackingOff { trying, until } => trying
                .without(&revoked, make)
                .map_or(LaneState::Collecting, |trying| LaneState::BackingOff { trying, until }),
            other => other,
        };
        dropped
    }

    /// Removes the `withdrawn` events that are not in a batch yet, and returns them.
    pub(crate) fn withdraw(&mut self, withdrawn: impl Fn(&Queued) -> bool) -> Vec<Arc<Queued>> {
        let (removed, waiting): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(|queued| withdrawn(queued));
        self.waiting = waiting.into();
        self.measure_next();
        removed
    }

    /// Removes the `revoked` events from the batch in flight, which was not sent. The remaining events are due at `now`.
    pub(crate) fn rebuild(
        &mut self,
        revoked: impl Fn(&Queued) -> bool,
        make: impl FnMut(Vec<Arc<Queued>>) -> Batch,
        now: Instant,
    ) {
        self.postpone(now);
        if let LaneState::BackingOff { trying, until } = std::mem::replace(&mut self.state, LaneState::Collecting)
            && let Some(trying) = trying.without(&revoked, make)
        {
            self.state = LaneState::BackingOff { trying, until };
        }
    }
}

impl Trying {
    /// Removes the `revoked` events. Returns `None` if no event remains.
    fn without(self, revoked: impl Fn(&Queued) -> bool, make: impl FnMut(Vec<Arc<Queued>>) -> Batch) -> Option<Self> {
        let batch = without(revoked, Arc::clone(&self.batch), make)?;
        Some(Self { batch, ..self })
    }
}

/// Removes the `revoked` events from a batch. Returns the same batch if no event is revoked, and `None` if no event remains.
fn without(
    revoked: impl Fn(&Queued) -> bool,
    batch: Arc<Batch>,
    mut make: impl FnMut(Vec<Arc<Queued>>) -> Batch,
) -> Option<Arc<Batch>> {
    let staying: Vec<Arc<Queued>> = batch.events.iter().filter(|queued| !revoked(queued)).cloned().collect();
    if staying.len() == batch.events.len() {
        return Some(batch);
    }
    (!staying.is_empty()).then(|| Arc::new(make(staying)))
}
