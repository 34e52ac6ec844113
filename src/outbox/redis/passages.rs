//! What lanes have passed and what is not written down yet.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::scripts::{Load, Passage};
use super::{flight, letters};
use crate::outbox::{DropReport, Fate, LaneId, Passed, Position};

/// The queue of passages, and whether it is to go on.
#[derive(Debug, Default)]
pub(super) struct Passages {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    written: Condvar,
}

/// What a lane has passed, with the position of its first event.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub(super) position: Position,
    pub(super) passage: Passage,
    /// To be published once it is written down: then nobody sends the events again.
    pub(super) report: Option<DropReport>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// In the order in which they happened.
    passages: VecDeque<Unwritten>,
    /// How many were taken out, to be written down just now.
    under_way: usize,
    /// Cursors of events that were given up behind a batch under way: they may move only after that batch's.
    behind: HashMap<LaneId, Vec<Position>>,
    stopped: bool,
}

/// The last place in each partition among `places`, the partitions in the order in which they come first.
pub(super) fn last_places(places: impl Iterator<Item = Position>) -> Vec<Position> {
    let mut last: Vec<Position> = Vec::new();
    for place in places {
        match last.iter_mut().find(|known| (known.partition, known.tenure) == (place.partition, place.tenure)) {
            Some(known) => known.seq = known.seq.max(place.seq),
            None => last.push(place),
        }
    }
    last
}

impl Passages {
    /// Adds what a lane has passed of the outbox of this `origin`.
    pub(super) fn add(&self, passed: Passed<'_>, origin: u64) {
        let Some(first) = passed.events.first() else { return };
        let letter = match &passed.fate {
            Fate::Dropped(report) => letters::fields(&passed, report, origin),
            Fate::Delivered | Fate::Forgotten => Vec::new(),
        };
        let places = passed.events.iter().map(|event| event.position);
        let mut waiting = self.waiting.lock();
        let behind = waiting.behind.remove(passed.lane).unwrap_or_default();
        let mut cursors = last_places(places.chain(behind));
        if passed.behind_a_batch {
            waiting.behind.insert(passed.lane.clone(), std::mem::take(&mut cursors));
        }
        let replaced = matches!(passed.fate, Fate::Delivered) || !letter.is_empty();
        let passage = Passage {
            lane: flight::lane_field(passed.lane),
            id: passed.id.to_owned(),
            redelivered: first.redelivery().filter(|_| replaced).map(|redelivery| redelivery.letter.clone()),
            letter,
            cursors,
        };
        let report = if let Fate::Dropped(report) = passed.fate { Some(report) } else { None };
        waiting.passages.push_back(Unwritten { position: first.position, passage, report });
        drop(waiting);
        self.changed.notify_all();
    }

    /// Takes the oldest of those that are `wanted`, as many as one call writes down. Returns whether there are more.
    pub(super) fn take(&self, wanted: impl Fn(&Passage) -> bool) -> (Vec<Unwritten>, bool) {
        let mut waiting = self.waiting.lock();
        let (mut taken, mut load, mut at) = (Vec::new(), Load::default(), 0);
        let more = loop {
            let Some(next) = waiting.passages.get(at) else { break false };
            if !wanted(&next.passage) {
                at += 1;
                continue;
            }
            if !load.add(next.passage.letter_bytes()) {
                break true;
            }
            taken.extend(waiting.passages.remove(at));
        };
        waiting.under_way += taken.len();
        (taken, more)
    }

    /// Whether a dead letter of this lane waits.
    pub(super) fn has_letter_of(&self, lane: &[u8]) -> bool {
        let waiting = self.waiting.lock();
        waiting.passages.iter().any(|unwritten| unwritten.passage.lane == lane && !unwritten.passage.letter.is_empty())
    }

    /// What was taken could not be written down.
    pub(super) fn put_back(&self, unwritten: Vec<Unwritten>) {
        let mut waiting = self.waiting.lock();
        waiting.under_way -= unwritten.len();
        for unwritten in unwritten.into_iter().rev() {
            waiting.passages.push_front(unwritten);
        }
    }

    /// So many of what was taken are written down and told.
    pub(super) fn done(&self, count: usize) {
        self.waiting.lock().under_way -= count;
        self.written.notify_all();
    }

    /// Waits until all is written down and told, at most until `deadline`.
    pub(super) fn wait_until_written(&self, deadline: Instant) {
        let unwritten = |waiting: &mut Waiting| !waiting.passages.is_empty() || waiting.under_way > 0;
        self.written.wait_while_until(&mut self.waiting.lock(), unwritten, deadline);
    }

    /// Waits until there is something to write down, at most for `time`. Returns whether the outbox was stopped.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let mut waiting = self.waiting.lock();
        if !waiting.stopped && waiting.passages.is_empty() {
            self.changed.wait_for(&mut waiting, time);
        }
        waiting.stopped
    }

    /// Tells whoever writes down to end.
    pub(super) fn stop(&self) {
        self.waiting.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Whether the outbox was stopped.
    pub(super) fn stopped(&self) -> bool {
        self.waiting.lock().stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::redis::scripts::BYTES_AT_ONCE;

    const PLACE: Position = Position { partition: 0, tenure: 1, seq: 1 };

    /// A queue of passages of these lanes, with dead letters of so many bytes.
    fn passages(waiting: impl IntoIterator<Item = (u8, usize)>) -> Passages {
        let passages = Passages::default();
        passages.waiting.lock().passages.extend(waiting.into_iter().map(|(lane, bytes)| {
            let letter = vec![("body", vec![b'x'; bytes])];
            let passage =
                Passage { lane: vec![lane], id: String::new(), redelivered: None, letter, cursors: vec![PLACE] };
            Unwritten { position: PLACE, passage, report: None }
        }));
        passages
    }

    fn lanes(taken: &[Unwritten]) -> Vec<u8> {
        taken.iter().flat_map(|unwritten| unwritten.passage.lane.clone()).collect()
    }

    #[test]
    fn those_of_some_lanes_are_taken_in_their_order_and_the_others_stay() {
        let passages = passages([1, 2, 1, 3, 2].map(|lane| (lane, 1)));
        let (taken, more) = passages.take(|passage| passage.lane != [1]);
        assert_eq!((lanes(&taken), more), (vec![2, 3, 2], false));
        passages.put_back(taken);
        assert_eq!(lanes(&passages.take(|_| true).0), [2, 3, 2, 1, 1]);
    }

    #[test]
    fn a_call_writes_down_so_many_and_so_many_bytes_but_always_one() {
        for (sizes, portions) in [
            (vec![1; 130], vec![(64, true), (64, true), (2, false), (0, false)]),
            (vec![1; 64], vec![(64, false)]),
            (vec![BYTES_AT_ONCE / 2, BYTES_AT_ONCE / 2, 1], vec![(2, true), (1, false)]),
            (vec![BYTES_AT_ONCE * 2, BYTES_AT_ONCE * 2], vec![(1, true), (1, false)]),
        ] {
            let passages = passages(sizes.into_iter().map(|bytes| (0, bytes)));
            for expected in portions {
                let (taken, more) = passages.take(|_| true);
                assert_eq!((taken.len(), more), expected);
            }
        }
    }
}
