//! Events that turn out to be another node's: they leave the lane, and the others stay in their order.
//!
//! A batch holds events of several partitions. When it loses one of them, what stays becomes a batch of its own in the same
//! place, under an id of its own: the id and body of a batch never change.

use std::sync::Arc;
use std::time::Instant;

use super::{Batch, Lane, State, Trying};
use crate::outbox::Queued;

impl Lane {
    /// Drops the events that `gone` says are another node's now: those that wait, and those of batches without an attempt
    /// under way. `make` makes a batch of what stays of one. Returns how many waited.
    pub(crate) fn revoke(
        &mut self,
        gone: impl Fn(&Queued) -> bool,
        mut make: impl FnMut(Vec<Arc<Queued>>) -> Batch,
    ) -> usize {
        let dropped = self.withdraw(&gone).len();
        for (since, batch) in std::mem::take(&mut self.ahead) {
            self.ahead.extend(without(&gone, batch, &mut make).map(|batch| (since, batch)));
        }
        self.state = match std::mem::replace(&mut self.state, State::Collecting) {
            State::BackingOff { trying, until } => {
                trying.without(&gone, make).map_or(State::Collecting, |trying| State::BackingOff { trying, until })
            }
            other => other,
        };
        dropped
    }

    /// Takes the events out of those that wait that are `gone`.
    pub(crate) fn withdraw(&mut self, gone: impl Fn(&Queued) -> bool) -> Vec<Arc<Queued>> {
        let (gone, waiting): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(|queued| gone(queued));
        self.waiting = waiting.into();
        self.measure_head();
        gone
    }

    /// The attempt in flight was none, since the events that `gone` says are another node's: what stays of the batch is due
    /// at once.
    pub(crate) fn rebuild(
        &mut self,
        gone: impl Fn(&Queued) -> bool,
        make: impl FnMut(Vec<Arc<Queued>>) -> Batch,
        now: Instant,
    ) {
        self.postpone(now);
        if let State::BackingOff { trying, until } = std::mem::replace(&mut self.state, State::Collecting)
            && let Some(trying) = trying.without(&gone, make)
        {
            self.state = State::BackingOff { trying, until };
        }
    }
}

impl Trying {
    /// The same with what stays of the batch, if anything does.
    fn without(self, gone: impl Fn(&Queued) -> bool, make: impl FnMut(Vec<Arc<Queued>>) -> Batch) -> Option<Self> {
        let batch = without(gone, Arc::clone(&self.batch), make)?;
        Some(Self { batch, ..self })
    }
}

/// What stays of a batch, if anything does: the batch itself when nothing is gone.
fn without(
    gone: impl Fn(&Queued) -> bool,
    batch: Arc<Batch>,
    mut make: impl FnMut(Vec<Arc<Queued>>) -> Batch,
) -> Option<Arc<Batch>> {
    let staying: Vec<Arc<Queued>> = batch.events().iter().filter(|queued| !gone(queued)).cloned().collect();
    if staying.len() == batch.events().len() {
        return Some(batch);
    }
    (!staying.is_empty()).then(|| Arc::new(make(staying)))
}
