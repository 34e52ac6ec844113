//! What lanes have passed and what is not written down yet.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::scripts::Passage;
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

    /// Takes the oldest of those that are `wanted`, `most` of them, to write them down.
    pub(super) fn take(&self, most: usize, wanted: impl Fn(&Passage) -> bool) -> Vec<Unwritten> {
        let mut waiting = self.waiting.lock();
        let mut taken = Vec::new();
        let mut at = 0;
        while taken.len() < most && at < waiting.passages.len() {
            if wanted(&waiting.passages[at].passage) {
                taken.extend(waiting.passages.remove(at));
            } else {
                at += 1;
            }
        }
        waiting.under_way += taken.len();
        taken
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
