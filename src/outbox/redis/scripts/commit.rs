//! The call that writes acknowledgements and persists batches.

use redis::{Connection, ErrorKind, RedisResult};

use super::{COMMIT, CommitRefusal, OutboxScripts, accepted};
use crate::cluster::Membership;
use crate::outbox::{DeadLetterId, Position};
use crate::redis::ScriptCall;

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
    pub(in crate::outbox::redis) letter: Vec<(&'static str, Vec<u8>)>,
    /// The last event in each partition; the partition of the first event comes first. Empty if Redis has lost all of
    /// them.
    pub(in crate::outbox::redis) places: Vec<Position>,
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
    pub(crate) letters: usize,
    /// Most dead letters of one endpoint.
    pub(crate) of_endpoint: usize,
    /// Most bytes of all dead letters.
    pub(crate) bytes: usize,
    /// Greatest age of a dead letter, in ms.
    pub(crate) age_ms: u64,
}

impl DeadLetterLimits {
    /// Adds the limits to the arguments of a script.
    pub(super) fn add_to(self, call: &mut ScriptCall<'_>) {
        call.arg(self.letters).arg(self.of_endpoint).arg(self.bytes).arg(self.age_ms);
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
    pub(in crate::outbox::redis) passed: Vec<Vec<Position>>,
    /// The new dead letter of each acknowledgement, if any.
    pub(in crate::outbox::redis) letters: Vec<Option<DeadLetterId>>,
    /// The refused positions of each batch. A batch without any may be sent, and is persisted if Redis has room.
    pub(in crate::outbox::redis) kept: Vec<Vec<Position>>,
}

/// Reply of `commit.lua`: status, evicted, refused, full, dead letters.
type RawReply = (String, usize, Vec<Vec<usize>>, bool, Vec<String>);

impl OutboxScripts {
    /// Writes acknowledgements, then persists batches.
    pub(in crate::outbox::redis) fn write(
        &self,
        redis: &mut Connection,
        place: &Membership,
        limits: DeadLetterLimits,
        acks: &[&AckRequest],
        frozen: &[PersistRequest],
    ) -> RedisResult<Result<CommitReply, CommitRefusal>> {
        let mut call = self.call(&COMMIT, place);
        call.key(self.dead_letters());
        limits.add_to(&mut call);
        for ack in acks {
            ack.add_to(&mut call);
        }
        for batch in frozen {
            batch.add_to(&mut call);
        }
        let (status, evicted, refused, full, letters): RawReply = call.invoke(redis)?;
        if let Err(displaced) = accepted(&status)? {
            return Ok(Err(displaced));
        }
        let places = acks.iter().map(|ack| &ack.places).chain(frozen.iter().map(|batch| &batch.last));
        let mut passed: Vec<_> = places.zip(refused).map(|(places, refused)| picked(places, &refused)).collect();
        if [passed.len(), letters.len()] != [acks.len() + frozen.len(); 2] {
            return Err((ErrorKind::UnexpectedReturnType, "commit.lua did not answer every request").into());
        }
        let kept = passed.split_off(acks.len());
        let letters = letters.iter().take(acks.len()).map(|letter| DeadLetterId::parse(letter)).collect();
        Ok(Ok(CommitReply { evicted, full, passed, letters, kept }))
    }
}

/// Returns the positions with these numbers, counted from 1.
fn picked(places: &[Position], numbers: &[usize]) -> Vec<Position> {
    numbers.iter().filter_map(|number| places.get(number.checked_sub(1)?)).copied().collect()
}

impl AckRequest {
    /// Returns the size of the dead letter in bytes.
    pub(in crate::outbox::redis) fn letter_bytes(&self) -> usize {
        self.letter.iter().map(|(_, value)| value.len()).sum()
    }

    fn add_to(&self, call: &mut ScriptCall<'_>) {
        let letter = 2 * self.letter.len();
        call.arg("ack").arg(4 + letter + 3 * self.places.len());
        call.arg(&self.lane).arg(&self.id).arg(self.redelivered.as_ref().map_or("", DeadLetterId::as_str)).arg(letter);
        for (field, value) in &self.letter {
            call.arg(*field).arg(value);
        }
        add_places(call, &self.places, self.moves);
    }
}

impl PersistRequest {
    fn add_to(&self, call: &mut ScriptCall<'_>) {
        call.arg("persist").arg(2 + 3 * self.last.len()).arg(&self.lane).arg(&self.batch);
        add_places(call, &self.last, true);
    }
}

fn add_places(call: &mut ScriptCall<'_>, places: &[Position], told: bool) {
    for Position { partition, token, seq } in places {
        call.arg(*partition).arg(*token).arg(told.then_some(*seq).map_or_else(String::new, |seq| seq.to_string()));
    }
}
