//! One call that writes acknowledgements and persists batches.

use redis::{Connection, ErrorKind, RedisResult};

use super::{COMMIT, CommitRefusal, OutboxScripts, accepted};
use crate::cluster::Membership;
use crate::outbox::{DeadLetterId, Position};
use crate::redis::ScriptCall;

/// The most acknowledgements of one call, and the most batches: about a millisecond of Redis' time.
const REQUESTS_AT_ONCE: usize = 64;

/// The most bytes of either, so that Redis is not busy with one call for longer than a few milliseconds. One alone may be
/// larger.
pub(in crate::outbox::redis) const BYTES_AT_ONCE: usize = 1 << 20;

/// What is in a call already.
#[derive(Debug, Default)]
pub(in crate::outbox::redis) struct Load {
    writes: usize,
    bytes: usize,
}

impl Load {
    /// Adds one of so many bytes, if there is room for it, as there always is for the first. Returns whether there was.
    pub(in crate::outbox::redis) fn add(&mut self, bytes: usize) -> bool {
        let fits = self.writes == 0 || (self.writes < REQUESTS_AT_ONCE && self.bytes + bytes <= BYTES_AT_ONCE);
        if fits {
            *self = Self { writes: self.writes + 1, bytes: self.bytes + bytes };
        }
        fits
    }
}

/// The acknowledgement of a batch.
#[derive(Debug)]
pub(in crate::outbox::redis) struct AckRequest {
    /// The lane.
    pub(in crate::outbox::redis) lane: Vec<u8>,
    /// The batch.
    pub(in crate::outbox::redis) id: String,
    /// The dead letter that it was a redelivery of, if that is not to be kept.
    pub(in crate::outbox::redis) redelivered: Option<DeadLetterId>,
    /// The fields of what is kept of it when it was given up.
    pub(in crate::outbox::redis) letter: Vec<(&'static str, Vec<u8>)>,
    /// The last event of each partition, the first event's partition first. None: Redis has lost all of them.
    pub(in crate::outbox::redis) places: Vec<Position>,
    /// Whether the cursors move there.
    pub(in crate::outbox::redis) moves: bool,
}

/// A batch to be persisted.
#[derive(Debug)]
pub(in crate::outbox::redis) struct PersistRequest {
    /// The lane.
    pub(in crate::outbox::redis) lane: Vec<u8>,
    /// The batch, behind its id and a space.
    pub(in crate::outbox::redis) batch: Vec<u8>,
    /// The last event of each partition, the first event's partition first.
    pub(in crate::outbox::redis) last: Vec<Position>,
}

/// How many dead letters are kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeadLetterLimits {
    /// Their number.
    pub(crate) letters: usize,
    /// The number of those of one endpoint.
    pub(crate) of_endpoint: usize,
    /// Their bytes.
    pub(crate) bytes: usize,
    /// Their age, in ms.
    pub(crate) age_ms: u64,
}

impl DeadLetterLimits {
    /// As the scripts take them.
    pub(super) fn add_to(self, call: &mut ScriptCall<'_>) {
        call.arg(self.letters).arg(self.of_endpoint).arg(self.bytes).arg(self.age_ms);
    }
}

/// The result of a call: what was evicted, and what was refused because another node owns the partition.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::outbox::redis) struct CommitReply {
    /// How many dead letters made room for others.
    pub(in crate::outbox::redis) evicted: usize,
    /// Redis is full: they made room for fewer bytes than `dead_letter_max` allows.
    pub(in crate::outbox::redis) full: bool,
    /// For each acknowledgement, its refused positions; the others are written.
    pub(in crate::outbox::redis) passed: Vec<Vec<Position>>,
    /// For each acknowledgement, its new dead letter, if any.
    pub(in crate::outbox::redis) letters: Vec<Option<DeadLetterId>>,
    /// For each batch, its refused positions. Without any it may be sent, and is persisted if Redis has room.
    pub(in crate::outbox::redis) kept: Vec<Vec<Position>>,
}

/// What `commit.lua` returns: status, evicted, refused, full, letters.
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

/// Those of the places that have these numbers; the first is 1.
fn picked(places: &[Position], numbers: &[usize]) -> Vec<Position> {
    numbers.iter().filter_map(|number| places.get(number.checked_sub(1)?)).copied().collect()
}

impl AckRequest {
    /// How long the dead letter is, in bytes.
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
