//! The call that writes acknowledgements and persists batches.

use redis::{Connection, ErrorKind, RedisResult};

use super::COMMIT;
use crate::cluster::{Membership, Refusal, accepted};
use crate::outbox::{DeadLetterId, Position};
use crate::redis::{OwnShard, ScriptCall};

/// Most acknowledgements, and most batches, of one call: about 1 ms of Redis' time.
const REQUESTS_AT_ONCE: usize = 64;

/// Most bytes of either, so that one call occupies Redis for a few milliseconds at most. A single larger one is
/// allowed.
pub(in crate::outbox::redis) const BYTES_AT_ONCE: usize = 1 << 20;

/// The size of a call.
#[derive(Debug, Default)]
pub(in crate::outbox::redis) struct Load {
    writes: usize,
    bytes: usize,
}

impl Load {
    /// Adds a request of `bytes` if there is room; the first always fits. Returns `true` if it was added.
    pub(in crate::outbox::redis) fn add(&mut self, bytes: usize) -> bool {
        let fits = self.writes == 0 || (self.writes < REQUESTS_AT_ONCE && self.bytes + bytes <= BYTES_AT_ONCE);
        if fits {
            *self = Self { writes: self.writes + 1, bytes: self.bytes + bytes };
        }
        fits
    }
}

/// Acknowledgement of a batch.
#[derive(Debug)]
pub(in crate::outbox::redis) struct AckRequest {
    /// The lane.
    pub(in crate::outbox::redis) lane: Vec<u8>,
    /// The id of the batch.
    pub(in crate::outbox::redis) id: String,
    /// The dead letter that the batch retried, if it is to be removed.
    pub(in crate::outbox::redis) redelivered: Option<DeadLetterId>,
    /// The fields of the new dead letter; empty if there is none.
    pub(in crate::outbox::redis) dead_letter: Vec<(&'static str, Vec<u8>)>,
    /// The last event in each partition; the partition of the first event comes first. Empty if Redis has lost all of
    /// them.
    pub(in crate::outbox::redis) positions: Vec<Position>,
    /// `true` if the cursors move to these positions.
    pub(in crate::outbox::redis) moves: bool,
}

/// A batch to be persisted.
#[derive(Debug)]
pub(in crate::outbox::redis) struct PersistRequest {
    /// The lane.
    pub(in crate::outbox::redis) lane: Vec<u8>,
    /// The batch's id, a space, then the batch.
    pub(in crate::outbox::redis) batch: Vec<u8>,
    /// The last event in each partition; the partition of the first event comes first.
    pub(in crate::outbox::redis) last: Vec<Position>,
}

/// Limits of the dead letters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeadLetterLimits {
    /// Most dead letters.
    pub(crate) count: usize,
    /// Most dead letters of one endpoint.
    pub(crate) per_endpoint: usize,
    /// Most bytes of all dead letters.
    pub(crate) bytes: usize,
    /// Greatest age of a dead letter, in ms.
    pub(crate) age_ms: u64,
}

impl DeadLetterLimits {
    /// Adds the limits to the arguments of a script.
    pub(super) fn add_to(self, call: &mut ScriptCall<'_>) {
        call.arg(self.count).arg(self.per_endpoint).arg(self.bytes).arg(self.age_ms);
    }
}

/// Reply to a call: evicted dead letters, and positions refused because another node owns their partition.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::outbox::redis) struct CommitReply {
    /// Dead letters that were evicted to make room for new ones.
    pub(in crate::outbox::redis) evicted: usize,
    /// Redis is full, so dead letters are evicted below the configured limits.
    pub(in crate::outbox::redis) full: bool,
    /// The refused positions of each acknowledgement; its other positions are written.
    pub(in crate::outbox::redis) refused_acks: Vec<Vec<Position>>,
    /// The new dead letter of each acknowledgement, if any.
    pub(in crate::outbox::redis) dead_letters: Vec<Option<DeadLetterId>>,
    /// The refused positions of each batch. A batch without any may be sent, and is persisted if Redis has room.
    pub(in crate::outbox::redis) refused_batches: Vec<Vec<Position>>,
}

/// Reply of `commit.lua`: status, evicted, refused, full, dead letters.
type RawReply = (String, usize, Vec<Vec<usize>>, bool, Vec<String>);

impl OwnShard {
    /// Writes acknowledgements, then persists batches.
    pub(in crate::outbox::redis) fn write(
        &self,
        redis: &mut Connection,
        membership: &Membership,
        limits: DeadLetterLimits,
        acks: &[&AckRequest],
        batches: &[PersistRequest],
    ) -> RedisResult<Result<CommitReply, Refusal>> {
        let mut call = self.outbox_call(&COMMIT, membership);
        call.key(self.key("dead"));
        limits.add_to(&mut call);
        for ack in acks {
            ack.add_to(&mut call);
        }
        for batch in batches {
            batch.add_to(&mut call);
        }
        let (status, evicted, refused, full, dead_letters): RawReply = call.invoke(redis)?;
        if let Err(displaced) = accepted(&status, 0)? {
            return Ok(Err(displaced));
        }
        let positions = acks.iter().map(|ack| &ack.positions).chain(batches.iter().map(|batch| &batch.last));
        let mut refused_acks: Vec<_> =
            positions.zip(refused).map(|(positions, refused)| picked(positions, &refused)).collect();
        if [refused_acks.len(), dead_letters.len()] != [acks.len() + batches.len(); 2] {
            return Err((ErrorKind::UnexpectedReturnType, "commit.lua did not answer every request").into());
        }
        let refused_batches = refused_acks.split_off(acks.len());
        let dead_letters =
            dead_letters.iter().take(acks.len()).map(|dead_letter| self.dead_letter_id(dead_letter)).collect();
        Ok(Ok(CommitReply { evicted, full, refused_acks, dead_letters, refused_batches }))
    }
}

/// Returns the positions with these numbers, counted from 1.
fn picked(positions: &[Position], numbers: &[usize]) -> Vec<Position> {
    numbers.iter().filter_map(|number| positions.get(number.checked_sub(1)?)).copied().collect()
}

impl AckRequest {
    /// Returns the size of the dead letter in bytes.
    pub(in crate::outbox::redis) fn dead_letter_bytes(&self) -> usize {
        self.dead_letter.iter().map(|(_, value)| value.len()).sum()
    }

    fn add_to(&self, call: &mut ScriptCall<'_>) {
        let dead_letter = 2 * self.dead_letter.len();
        call.arg("ack").arg(4 + dead_letter + 3 * self.positions.len());
        call.arg(&self.lane)
            .arg(&self.id)
            .arg(self.redelivered.as_ref().map_or_else(String::new, DeadLetterId::entry))
            .arg(dead_letter);
        for (field, value) in &self.dead_letter {
            call.arg(*field).arg(value);
        }
        add_positions(call, &self.positions, self.moves);
    }
}

impl PersistRequest {
    fn add_to(&self, call: &mut ScriptCall<'_>) {
        call.arg("persist").arg(2 + 3 * self.last.len()).arg(&self.lane).arg(&self.batch);
        add_positions(call, &self.last, true);
    }
}

fn add_positions(call: &mut ScriptCall<'_>, positions: &[Position], moves: bool) {
    for Position { partition, token, seq, .. } in positions {
        call.arg(*partition).arg(*token).arg(moves.then_some(*seq).map_or_else(String::new, |seq| seq.to_string()));
    }
}
