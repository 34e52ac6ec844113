//! What is written down about batches: what lanes have passed, what they send next, and the removal of what is settled.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::RedisOutbox;
use super::keeps::Turn;
use super::passages::Unwritten;
use super::scripts::{DeadLetterLimits, Frozen, Passage, Written};
use super::store::Store;
use super::tenure::{End, Overtaken};
use crate::outbox::{Handover, NotKept, Position};
use crate::telemetry::Level;

/// How often passages are written down, and settled events trimmed, while nothing else asks for it.
const SETTLE_EVERY: Duration = Duration::from_millis(50);

/// How long Redis may refuse to keep batches before they are sent all the same. What passes by itself takes less.
const UNKEPT_AFTER: Duration = Duration::from_secs(3);

/// Events removed in one call: about a millisecond of Redis' time.
const REMOVED_AT_ONCE: usize = 250;

impl RedisOutbox {
    /// Writes down and removes, now and then, until the outbox is stopped.
    pub(super) fn settle_until_stopped(&self) {
        loop {
            let stopped = self.passages.wait(SETTLE_EVERY);
            let held_up = self.write_down().is_err();
            self.say_evicted(0, false);
            if stopped {
                return;
            }
            if held_up {
                std::thread::sleep(SETTLE_EVERY);
            }
        }
    }

    /// Writes down what has been passed, and removes what is settled.
    ///
    /// The store is free again after each portion: a batch that is to be kept does not wait for what others have passed.
    fn write_down(&self) -> Result<(), NotKept> {
        // Looked at first: the passages of what is settled by now are written before it is removed.
        let (overtaken, settled) = {
            let mut tenures = self.tenures.lock();
            (tenures.take_overtaken(), tenures.trimmable())
        };
        let removed = self.write_passages().and_then(|()| self.remove(&settled, &overtaken));
        let mut tenures = self.tenures.lock();
        match removed {
            Ok(()) => tenures.trimmed(&settled),
            Err(_) => tenures.put_back_overtaken(overtaken),
        }
        removed
    }

    fn write_passages(&self) -> Result<(), NotKept> {
        loop {
            let mut store = self.store.lock();
            let (unwritten, _) = self.passages.take(|_| true);
            if unwritten.is_empty() {
                return Ok(());
            }
            self.write(&mut store, unwritten, &[])?;
        }
    }

    fn remove(&self, settled: &[Position], overtaken: &[Overtaken]) -> Result<(), NotKept> {
        self.store.lock().trim(settled)?;
        for Overtaken { partition, tenure, seqs } in overtaken {
            for portion in seqs.chunks(REMOVED_AT_ONCE) {
                self.store.lock().remove(*partition, *tenure, portion)?;
            }
        }
        Ok(())
    }

    /// Keeps a batch, together with those that other threads want kept at the same time.
    pub(super) fn keep_with_others(&self, frozen: Frozen) -> Result<(), NotKept> {
        match self.keeps.join(frozen) {
            Turn::Answered(answer) => answer,
            Turn::Lead(lead) => {
                let mut store = self.store.lock();
                let portion = lead.take();
                let kept = match self.write_batches(&mut store, &portion.frozen) {
                    Err(NotKept::Unavailable) if store.is_refused_for(UNKEPT_AFTER) => {
                        Ok(portion.frozen.iter().map(|batch| self.may_go_unkept(batch)).collect())
                    }
                    kept => kept,
                };
                drop(store);
                match kept {
                    Ok(kept) => portion.answer(kept),
                    Err(error) => portion.answer(std::iter::repeat(Err(error))),
                }
            }
        }
    }

    /// Says whether a batch may be sent although it is not kept: an heir would send its events in a batch of its own. Not when a
    /// dead letter is not written down that comes before it in its lane: the heir would send that again, and behind this one.
    fn may_go_unkept(&self, batch: &Frozen) -> Result<(), NotKept> {
        if self.passages.has_letter_of(&batch.lane) { Err(NotKept::Unavailable) } else { Ok(()) }
    }

    /// Gives up the partitions that are to be given up and of which everything has been passed. What was passed is written
    /// down first: the next owner must not find it again.
    pub(super) fn release_partitions(&self) -> Result<(), NotKept> {
        let releasable = self.tenures.lock().releasable();
        if releasable.is_empty() {
            return Ok(());
        }
        self.write_down()?;
        self.store.lock().release(&releasable)?;
        let mut tenures = self.tenures.lock();
        for (partition, _) in releasable {
            tenures.end(partition, End::Fenced);
        }
        Ok(())
    }

    /// Keeps batches. Says of each whether it may be sent.
    ///
    /// A batch must not be kept before the ones before it in its lane are written down as passed.
    fn write_batches(&self, store: &mut Store, frozen: &[Frozen]) -> Result<Vec<Result<(), NotKept>>, NotKept> {
        let lanes: HashSet<&[u8]> = frozen.iter().map(|batch| &*batch.lane).collect();
        loop {
            let (unwritten, more) = self.passages.take(|passage| lanes.contains(&*passage.lane));
            if !more {
                return self.write(store, unwritten, frozen);
            }
            self.write(store, unwritten, &[])?;
        }
    }

    /// Writes down what was passed, and then keeps batches. Says of each batch whether it may be sent.
    fn write(
        &self,
        store: &mut Store,
        mut unwritten: Vec<Unwritten>,
        frozen: &[Frozen],
    ) -> Result<Vec<Result<(), NotKept>>, NotKept> {
        {
            let tenures = self.tenures.lock();
            for unwritten in &mut unwritten {
                unwritten.leave_out(|place| tenures.ended(place));
            }
        }
        let to_be_written = unwritten.iter().filter(|unwritten| unwritten.is_to_be_written());
        let passages: Vec<&Passage> = to_be_written.map(|unwritten| &unwritten.passage).collect();
        let written = if passages.is_empty() && frozen.is_empty() {
            Ok(Written::default())
        } else {
            store.write(&passages, frozen)
        };
        let Written { evicted, full, passed, letters, kept } = match written {
            Ok(written) => written,
            Err(error) => {
                self.passages.put_back(unwritten);
                return Err(error);
            }
        };
        self.say_evicted(evicted, full);
        self.fence(passed.iter().chain(&kept).flatten().copied());
        let (count, mut passed) = (unwritten.len(), passed.into_iter().zip(letters));
        for unwritten in unwritten {
            let written = if unwritten.is_to_be_written() { passed.next() } else { None };
            let (refused, letter) = written.unwrap_or_default();
            let is_ours = unwritten.is_ours(refused.len());
            if let Some(report) = unwritten.report.filter(|_| is_ours) {
                report.kept_as(letter).publish();
            }
        }
        self.passages.done(count);
        Ok(kept.into_iter().map(verdict).collect())
    }

    /// Ends the tenures of which Redis has refused something, and takes their events from the lanes.
    fn fence(&self, refused: impl Iterator<Item = Position>) {
        let revoked = self.tenures.lock().fence(refused);
        self.hand_over(Handover { revoked, ..Handover::default() });
    }

    /// Counts dead letters that made room for others, and says so now and then.
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

/// Whether a batch may be sent of which these places were `refused`.
fn verdict(refused: Vec<Position>) -> Result<(), NotKept> {
    if refused.is_empty() {
        return Ok(());
    }
    Err(NotKept::Fenced(refused.into_iter().map(|place| place.tenure).collect()))
}
