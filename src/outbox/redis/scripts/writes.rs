//! What is written down about batches: what lanes have passed, and what they send next.

use redis::{Connection, ErrorKind, RedisResult};

use super::{Keys, Refusal, WRITE, accepted};
use crate::cluster::Membership;
use crate::outbox::{LetterId, Position};
use crate::redis::ScriptCall;

/// The most batches that are kept in one call, and the most passages that are written down in one: about a millisecond of
/// Redis' time.
const WRITES_AT_ONCE: usize = 64;

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
        let fits = self.writes == 0 || (self.writes < WRITES_AT_ONCE && self.bytes + bytes <= BYTES_AT_ONCE);
        if fits {
            *self = Self { writes: self.writes + 1, bytes: self.bytes + bytes };
        }
        fits
    }
}

/// A batch that a lane has passed.
#[derive(Debug)]
pub(in crate::outbox::redis) struct Passage {
    /// The lane.
    pub(in crate::outbox::redis) lane: Vec<u8>,
    /// The batch.
    pub(in crate::outbox::redis) id: String,
    /// The dead letter that it was a redelivery of, if that is not to be kept.
    pub(in crate::outbox::redis) redelivered: Option<LetterId>,
    /// The fields of what is kept of it when it was given up.
    pub(in crate::outbox::redis) letter: Vec<(&'static str, Vec<u8>)>,
    /// The last event of each partition, the first event's partition first. None: Redis has lost all of them.
    pub(in crate::outbox::redis) places: Vec<Position>,
    /// Whether the cursors move there.
    pub(in crate::outbox::redis) moves: bool,
}

/// A batch as it will be sent.
#[derive(Debug)]
pub(in crate::outbox::redis) struct Frozen {
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

/// What was written down, and of which partitions it was not, since another node has them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::outbox::redis) struct Written {
    /// How many dead letters made room for others.
    pub(in crate::outbox::redis) evicted: usize,
    /// Redis is full: they made room for fewer bytes than `dead_letter_max` allows.
    pub(in crate::outbox::redis) full: bool,
    /// For each of the passages, its places that were refused; the others are written down.
    pub(in crate::outbox::redis) passed: Vec<Vec<Position>>,
    /// For each of the passages, its new dead letter, if it has one.
    pub(in crate::outbox::redis) letters: Vec<Option<LetterId>>,
    /// For each of the batches, its places that were refused. It may be sent if there are none, and then it is kept as far as
    /// Redis has room.
    pub(in crate::outbox::redis) kept: Vec<Vec<Position>>,
}

/// What `write.lua` returns: status, evicted, refused, full, letters.
type WriteReply = (String, usize, Vec<Vec<usize>>, bool, Vec<String>);

impl Keys {
    /// Writes down what lanes have passed, and then keeps batches.
    pub(in crate::outbox::redis) fn write(
        &self,
        redis: &mut Connection,
        place: &Membership,
        limits: DeadLetterLimits,
        passages: &[&Passage],
        frozen: &[Frozen],
    ) -> RedisResult<Result<Written, Refusal>> {
        let mut call = self.call(&WRITE, place);
        call.key(self.dead_letters());
        limits.add_to(&mut call);
        for passage in passages {
            passage.add_to(&mut call);
        }
        for batch in frozen {
            batch.add_to(&mut call);
        }
        let (status, evicted, refused, full, letters): WriteReply = call.invoke(redis)?;
        if let Err(displaced) = accepted(&status)? {
            return Ok(Err(displaced));
        }
        let places = passages.iter().map(|passage| &passage.places).chain(frozen.iter().map(|batch| &batch.last));
        let mut passed: Vec<_> = places.zip(refused).map(|(places, refused)| picked(places, &refused)).collect();
        if [passed.len(), letters.len()] != [passages.len() + frozen.len(); 2] {
            return Err((ErrorKind::UnexpectedReturnType, "write.lua did not answer for everything").into());
        }
        let kept = passed.split_off(passages.len());
        let letters = letters.iter().take(passages.len()).map(|letter| LetterId::parse(letter)).collect();
        Ok(Ok(Written { evicted, full, passed, letters, kept }))
    }
}

/// Those of the places that have these numbers; the first is 1.
fn picked(places: &[Position], numbers: &[usize]) -> Vec<Position> {
    numbers.iter().filter_map(|number| places.get(number.checked_sub(1)?)).copied().collect()
}

impl Passage {
    /// How long the dead letter is, in bytes.
    pub(in crate::outbox::redis) fn letter_bytes(&self) -> usize {
        self.letter.iter().map(|(_, value)| value.len()).sum()
    }

    fn add_to(&self, call: &mut ScriptCall<'_>) {
        let letter = 2 * self.letter.len();
        call.arg("pass").arg(4 + letter + 3 * self.places.len());
        call.arg(&self.lane).arg(&self.id).arg(self.redelivered.as_ref().map_or("", LetterId::as_str)).arg(letter);
        for (field, value) in &self.letter {
            call.arg(*field).arg(value);
        }
        add_places(call, &self.places, self.moves);
    }
}

impl Frozen {
    fn add_to(&self, call: &mut ScriptCall<'_>) {
        call.arg("freeze").arg(2 + 3 * self.last.len()).arg(&self.lane).arg(&self.batch);
        add_places(call, &self.last, true);
    }
}

fn add_places(call: &mut ScriptCall<'_>, places: &[Position], told: bool) {
    for Position { partition, tenure, seq } in places {
        call.arg(*partition).arg(*tenure).arg(told.then_some(*seq).map_or_else(String::new, |seq| seq.to_string()));
    }
}
