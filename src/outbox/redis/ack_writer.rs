//! The acknowledgements writer: writes acknowledgements, persists batches, and trims the streams.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::RedisOutbox;
use super::ack_queue::PendingAck;
use super::group_commit::CommitRole;
use super::ownership::{OutOfOrder, OwnershipEnd};
use super::scripts::{AckRequest, CommitReply, DeadLetterLimits, PersistRequest};
use super::store::Store;
use crate::outbox::{PersistError, Position};
use crate::sync::sleep;

/// The time between two writes of acknowledgements, each with a trim of the streams, while no batch is persisted.
pub(super) const WRITE_EVERY: Duration = Duration::from_millis(50);

/// The time for which Redis may refuse to persist batches before they are sent unpersisted. A temporary cause takes less.
const UNPERSISTED_AFTER: Duration = Duration::from_secs(3);

/// Events removed in one call, which takes about 1 ms of Redis' time.
const REMOVED_AT_ONCE: usize = 250;

impl RedisOutbox {
    /// Writes acknowledgements and trims the streams until the outbox is stopped.
    pub(super) fn write_acks_until_stopped(&self) {
        let mut wait = WRITE_EVERY;
        loop {
            let stopped = self.acks.wait(wait);
            let written = self.write_and_trim();
            self.report_evicted(0, false);
            if stopped {
                return;
            }
            if written.is_err() {
                sleep(WRITE_EVERY);
            }
            wait = if written == Ok(false) { self.options.idle } else { WRITE_EVERY };
        }
    }

    /// Writes acknowledgements, then trims the streams. Returns `true` if there was something to do.
    ///
    /// Unlocks the store after each portion, so that a batch to be persisted does not wait for all of them.
    fn write_and_trim(&self) -> Result<bool, PersistError> {
        // Read first: an event is removed only after its acknowledgements are written.
        let (out_of_order, acked) = {
            let mut ownership = self.ownership.lock();
            (ownership.take_out_of_order(), ownership.trimmable())
        };
        let worked = !acked.is_empty() || !out_of_order.is_empty();
        let removed = self.write_acks().and_then(|any| self.remove(&acked, &out_of_order).map(|()| any || worked));
        let mut ownership = self.ownership.lock();
        match removed {
            Ok(_) => ownership.trimmed(&acked),
            Err(_) => ownership.restore_out_of_order(out_of_order),
        }
        removed
    }

    /// Returns `true` if there were any.
    fn write_acks(&self) -> Result<bool, PersistError> {
        let mut any = false;
        loop {
            let mut store = self.store.lock();
            let (pending, _) = self.acks.take(|_| true);
            if pending.is_empty() {
                return Ok(any);
            }
            any = true;
            self.write(&mut store, pending, &[])?;
        }
    }

    fn remove(&self, acked: &[Position], out_of_order: &[OutOfOrder]) -> Result<(), PersistError> {
        if !acked.is_empty() {
            self.store.lock().call(|keys, redis, membership| keys.trim(redis, membership, acked).map(Ok))?;
        }
        for OutOfOrder { partition, token, seqs } in out_of_order {
            for portion in seqs.chunks(REMOVED_AT_ONCE) {
                self.store.lock().call(|keys, redis, membership| {
                    keys.remove(redis, membership, *partition, *token, portion).map(Ok)
                })?;
            }
        }
        Ok(())
    }

    /// Persists a batch, in one call with the batches of other threads.
    pub(super) fn persist_in_group(&self, batch: PersistRequest) -> Result<(), PersistError> {
        // One worker tries while Redis does not reply; the others work for other shards.
        let cut_off = || self.cut_off.load(Ordering::Relaxed);
        let most = self.options.max_persisting.map_or(usize::MAX, |most| if cut_off() { 0 } else { most });
        match self.group_commit.join(batch, most) {
            CommitRole::Refused => Err(PersistError::Unavailable),
            CommitRole::Follower(result) => result,
            CommitRole::Leader(leader) => {
                let mut store = self.store.lock();
                let group = leader.take_group();
                let results = match self.write_batches(&mut store, &group.requests) {
                    Err(PersistError::Unavailable)
                        if store.link.refused_since().is_some_and(|since| since.elapsed() >= UNPERSISTED_AFTER) =>
                    {
                        Ok(group.requests.iter().map(|batch| self.may_go_unpersisted(batch)).collect())
                    }
                    results => results,
                };
                drop(store);
                self.cut_off.store(results.is_err(), Ordering::Relaxed);
                match results {
                    Ok(results) => group.complete(results),
                    Err(error) => group.complete(std::iter::repeat(Err(error))),
                }
            }
        }
    }

    /// Returns `Ok` if a batch may be sent unpersisted; a successor would then send its events in a new batch. Not if
    /// an earlier dead letter of its lane is unwritten: the successor would send those events again, after this batch.
    fn may_go_unpersisted(&self, batch: &PersistRequest) -> Result<(), PersistError> {
        if self.acks.has_dead_letter_of(&batch.lane) { Err(PersistError::Unavailable) } else { Ok(()) }
    }

    /// Releases retired partitions whose events are all acknowledged. Writes the acknowledgements first, so that the
    /// next owner does not send the events again.
    pub(super) fn release_partitions(&self) -> Result<(), PersistError> {
        let releasable = self.ownership.lock().releasable();
        if releasable.is_empty() {
            return Ok(());
        }
        self.write_and_trim()?;
        let mut store = self.store.lock();
        for (partition, token) in &releasable {
            store.call(|keys, redis, membership| keys.release(redis, membership, *partition, *token).map(Ok))?;
        }
        drop(store);
        let mut ownership = self.ownership.lock();
        for (partition, _) in releasable {
            ownership.end(partition, OwnershipEnd::Fenced);
        }
        Ok(())
    }

    /// Persists batches. Returns `Ok` for each batch that may be sent.
    ///
    /// Before that, it writes all waiting acknowledgements of their lanes.
    fn write_batches(
        &self,
        store: &mut Store,
        batches: &[PersistRequest],
    ) -> Result<Vec<Result<(), PersistError>>, PersistError> {
        let lanes: HashSet<&[u8]> = batches.iter().map(|batch| &*batch.lane).collect();
        loop {
            let (pending, more) = self.acks.take(|ack| lanes.contains(&*ack.lane));
            if !more {
                return self.write(store, pending, batches);
            }
            self.write(store, pending, &[])?;
        }
    }

    /// Writes acknowledgements, then persists batches. Returns `Ok` for each batch that may be sent.
    fn write(
        &self,
        store: &mut Store,
        mut pending: Vec<PendingAck>,
        batches: &[PersistRequest],
    ) -> Result<Vec<Result<(), PersistError>>, PersistError> {
        {
            let ownership = self.ownership.lock();
            for pending in &mut pending {
                pending.remove_ended(|position| ownership.ended(position));
            }
        }
        let to_be_written = pending.iter().filter(|pending| pending.must_be_written());
        let acks: Vec<&AckRequest> = to_be_written.map(|pending| &pending.ack).collect();
        let written = if acks.is_empty() && batches.is_empty() {
            Ok(CommitReply::default())
        } else {
            let limits = self.options.dead_letters;
            store.call(|keys, redis, membership| keys.write(redis, membership, limits, &acks, batches))
        };
        let CommitReply { evicted, full, refused_acks, dead_letters, refused_batches } = match written {
            Ok(written) => written,
            Err(error) => {
                self.acks.requeue(pending);
                return Err(error);
            }
        };
        self.report_evicted(evicted, full);
        self.fence(refused_acks.iter().chain(&refused_batches).flatten().copied());
        let (count, mut written) = (pending.len(), refused_acks.into_iter().zip(dead_letters));
        for pending in pending {
            let result = if pending.must_be_written() { written.next() } else { None };
            let (refused, dead_letter) = result.unwrap_or_default();
            let is_ours = pending.is_ours(refused.len());
            if let Some(report) = pending.report.filter(|_| is_ours) {
                report.with_dead_letter(dead_letter).publish(&self.telemetry);
            }
        }
        self.acks.done(count);
        Ok(refused_batches.into_iter().map(may_send).collect())
    }

    /// Ends the ownership of partitions for which Redis refused a position, and removes their events from the lanes.
    fn fence(&self, refused: impl Iterator<Item = Position>) {
        let revoked = self.ownership.lock().fence(refused);
        self.revoke(revoked);
    }

    /// Counts evicted dead letters, and logs them at intervals.
    pub(super) fn report_evicted(&self, evicted: usize, full: bool) {
        self.telemetry.counters.dead_letters_evicted.add(evicted as u64);
        let (evicted, full) = {
            let (count, was_full) = &mut *self.evicted.lock();
            *was_full |= full && evicted > 0;
            let Some(evicted) = count.add(evicted as u64, Instant::now()) else { return };
            (evicted, std::mem::take(was_full))
        };
        let DeadLetterLimits { count, per_endpoint, bytes, .. } = self.options.dead_letters;
        let why = if full {
            "Redis is full (maxmemory)".to_owned()
        } else {
            format!(
                "a limit is reached (dead_letter_max = {count}, dead_letter_max_per_endpoint = {per_endpoint}, \
                 dead_letter_max_bytes = {bytes}); see resonate-webhooks:failed for the endpoints that fail"
            )
        };
        self.telemetry.log_error(format_args!("{evicted} dead letters were evicted for newer ones: {why}"));
    }
}

/// Returns `Ok` if a batch with these `refused` positions may be sent.
fn may_send(refused: Vec<Position>) -> Result<(), PersistError> {
    if refused.is_empty() {
        return Ok(());
    }
    Err(PersistError::Fenced(refused.into_iter().map(|position| position.token).collect()))
}
