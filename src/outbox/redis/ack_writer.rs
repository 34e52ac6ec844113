//! The acknowledgements writer: writes acknowledgements, persists batches, and trims the streams.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::RedisOutbox;
use super::ack_queue::PendingAck;
use super::group_commit::Role;
use super::ownership::{End, Overtaken};
use super::scripts::{AckRequest, CommitReply, DeadLetterLimits, PersistRequest};
use super::store::Store;
use crate::outbox::{Handover, PersistError, Position};
use crate::telemetry::Level;

/// How often acknowledgements are written and streams trimmed while no batch is persisted.
const WRITE_EVERY: Duration = Duration::from_millis(50);

/// How long Redis may refuse to persist batches before they are sent unpersisted. A temporary cause takes less time.
const UNPERSISTED_AFTER: Duration = Duration::from_secs(3);

/// Events removed in one call, which takes about 1 ms of Redis' time.
const REMOVED_AT_ONCE: usize = 250;

impl RedisOutbox {
    /// Writes acknowledgements and trims the streams until the outbox is stopped.
    pub(super) fn write_acks_until_stopped(&self) {
        loop {
            let stopped = self.acks.wait(WRITE_EVERY);
            let held_up = self.write_down().is_err();
            self.say_evicted(0, false);
            if stopped {
                return;
            }
            if held_up {
                std::thread::sleep(WRITE_EVERY);
            }
        }
    }

    /// Writes acknowledgements, then trims the streams.
    ///
    /// Unlocks the store after each portion, so that a batch to be persisted does not wait for all of them.
    fn write_down(&self) -> Result<(), PersistError> {
        // Read before the acknowledgements are written: an event is removed only after the acknowledgements that end
        // it.
        let (overtaken, settled) = {
            let mut ownership = self.ownership.lock();
            (ownership.take_overtaken(), ownership.trimmable())
        };
        let removed = self.write_acks().and_then(|()| self.remove(&settled, &overtaken));
        let mut ownership = self.ownership.lock();
        match removed {
            Ok(()) => ownership.trimmed(&settled),
            Err(_) => ownership.put_back_overtaken(overtaken),
        }
        removed
    }

    fn write_acks(&self) -> Result<(), PersistError> {
        loop {
            let mut store = self.store.lock();
            let (pending, _) = self.acks.take(|_| true);
            if pending.is_empty() {
                return Ok(());
            }
            self.write(&mut store, pending, &[])?;
        }
    }

    fn remove(&self, settled: &[Position], overtaken: &[Overtaken]) -> Result<(), PersistError> {
        self.store.lock().trim(settled)?;
        for Overtaken { partition, token, seqs } in overtaken {
            for portion in seqs.chunks(REMOVED_AT_ONCE) {
                self.store.lock().remove(*partition, *token, portion)?;
            }
        }
        Ok(())
    }

    /// Persists a batch, in one call with the batches of other threads.
    pub(super) fn persist_in_group(&self, frozen: PersistRequest) -> Result<(), PersistError> {
        match self.group_commit.join(frozen) {
            Role::Follower(result) => result,
            Role::Leader(leader) => {
                let mut store = self.store.lock();
                let group = leader.take_group();
                let kept = match self.write_batches(&mut store, &group.requests) {
                    Err(PersistError::Unavailable) if store.is_refused_for(UNPERSISTED_AFTER) => {
                        Ok(group.requests.iter().map(|batch| self.may_go_unpersisted(batch)).collect())
                    }
                    kept => kept,
                };
                drop(store);
                match kept {
                    Ok(kept) => group.complete(kept),
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
        self.write_down()?;
        self.store.lock().release(&releasable)?;
        let mut ownership = self.ownership.lock();
        for (partition, _) in releasable {
            ownership.end(partition, End::Fenced);
        }
        Ok(())
    }

    /// Persists batches. Returns for each if it may be sent.
    ///
    /// Before that, it writes all waiting acknowledgements of their lanes.
    fn write_batches(
        &self,
        store: &mut Store,
        frozen: &[PersistRequest],
    ) -> Result<Vec<Result<(), PersistError>>, PersistError> {
        let lanes: HashSet<&[u8]> = frozen.iter().map(|batch| &*batch.lane).collect();
        loop {
            let (pending, more) = self.acks.take(|ack| lanes.contains(&*ack.lane));
            if !more {
                return self.write(store, pending, frozen);
            }
            self.write(store, pending, &[])?;
        }
    }

    /// Writes acknowledgements, then persists batches. Returns for each batch if it may be sent.
    fn write(
        &self,
        store: &mut Store,
        mut pending: Vec<PendingAck>,
        frozen: &[PersistRequest],
    ) -> Result<Vec<Result<(), PersistError>>, PersistError> {
        {
            let ownership = self.ownership.lock();
            for pending in &mut pending {
                pending.leave_out(|place| ownership.ended(place));
            }
        }
        let to_be_written = pending.iter().filter(|pending| pending.is_to_be_written());
        let acks: Vec<&AckRequest> = to_be_written.map(|pending| &pending.ack).collect();
        let written =
            if acks.is_empty() && frozen.is_empty() { Ok(CommitReply::default()) } else { store.write(&acks, frozen) };
        let CommitReply { evicted, full, passed, letters, kept } = match written {
            Ok(written) => written,
            Err(error) => {
                self.acks.put_back(pending);
                return Err(error);
            }
        };
        self.say_evicted(evicted, full);
        self.fence(passed.iter().chain(&kept).flatten().copied());
        let (count, mut passed) = (pending.len(), passed.into_iter().zip(letters));
        for pending in pending {
            let written = if pending.is_to_be_written() { passed.next() } else { None };
            let (refused, letter) = written.unwrap_or_default();
            let is_ours = pending.is_ours(refused.len());
            if let Some(report) = pending.report.filter(|_| is_ours) {
                report.kept_as(letter).publish();
            }
        }
        self.acks.done(count);
        Ok(kept.into_iter().map(verdict).collect())
    }

    /// Ends the ownership of partitions for which Redis refused a position, and removes their events from the lanes.
    fn fence(&self, refused: impl Iterator<Item = Position>) {
        let revoked = self.ownership.lock().fence(refused);
        self.hand_over(Handover { revoked, ..Handover::default() });
    }

    /// Counts evicted dead letters, and logs them at intervals.
    pub(super) fn say_evicted(&self, letters: usize, full: bool) {
        self.telemetry.counters().dead_letters_evicted.add(letters as u64);
        let (letters, full) = {
            let (count, was_full) = &mut *self.evicted.lock();
            *was_full |= full && letters > 0;
            let Some(letters) = count.add(letters as u64, Instant::now()) else { return };
            (letters, std::mem::take(was_full))
        };
        let DeadLetterLimits { letters: most, of_endpoint, bytes, .. } = self.options.dead_letters;
        let why = if full {
            "Redis is full (maxmemory)".to_owned()
        } else {
            format!(
                "a limit is reached (dead_letter_max = {most}, dead_letter_max_per_endpoint = {of_endpoint}, \
                 dead_letter_max_bytes = {bytes}); see resonate-webhooks:failed for the endpoints that fail"
            )
        };
        self.telemetry.log(Level::Error, format_args!("{letters} dead letters made room for newer ones: {why}"));
    }
}

/// Returns `Ok` if a batch with these `refused` positions may be sent.
fn verdict(refused: Vec<Position>) -> Result<(), PersistError> {
    if refused.is_empty() {
        return Ok(());
    }
    Err(PersistError::Fenced(refused.into_iter().map(|place| place.token).collect()))
}
