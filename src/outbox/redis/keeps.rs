//! Batches that are to be kept before they are sent.
//!
//! Many lanes have one at the same time, and Redis may be far away: one after another, each would wait for all the others.
//! So the first writes for all who came meanwhile, then the first of those who came since.
//!
//! ```text
//!           ┌ nobody leads ──▶ [leads]: gets the store, takes a portion, its own batch first ─ writes ─ answers
//! join() ───┤                     ▲                                                                  │
//!           └ somebody does ─▶ [waits] ◀───────── is answered, or leads next ────────────────────────┘
//! ```

use std::collections::VecDeque;

use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;

use super::scripts::{Frozen, Load};
use crate::outbox::NotKept;

/// The queue of batches.
#[derive(Debug, Default)]
pub(super) struct Keeps(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Somebody leads, or is about to be told to.
    led: bool,
}

#[derive(Debug)]
struct Waiting {
    frozen: Frozen,
    word: Sender<Word>,
}

/// What one who waits is told.
#[derive(Debug)]
enum Word {
    Lead,
    Answer(Result<(), NotKept>),
}

/// How a batch gets kept.
#[derive(Debug)]
pub(super) enum Turn<'a> {
    /// Another thread has written it.
    Answered(Result<(), NotKept>),
    /// This one is to write.
    Lead(Lead<'a>),
}

/// The right to write. Dropped, it goes to the next.
#[derive(Debug)]
pub(super) struct Lead<'a>(&'a Keeps);

/// Batches to be kept in one call, that of the thread that writes first.
#[derive(Debug)]
pub(super) struct Portion {
    /// The batches.
    pub(super) frozen: Vec<Frozen>,
    words: Vec<Sender<Word>>,
}

impl Keeps {
    /// Adds a batch, and waits until it has been kept or this thread is to write.
    pub(super) fn join(&self, frozen: Frozen) -> Turn<'_> {
        let (word, told) = bounded(1);
        let leads = {
            let mut queue = self.0.lock();
            queue.waiting.push_back(Waiting { frozen, word });
            !std::mem::replace(&mut queue.led, true)
        };
        if leads {
            return Turn::Lead(Lead(self));
        }
        match told.recv() {
            Ok(Word::Lead) => Turn::Lead(Lead(self)),
            Ok(Word::Answer(answer)) => Turn::Answered(answer),
            // Whoever was writing it has panicked.
            Err(_) => Turn::Answered(Err(NotKept::Unavailable)),
        }
    }
}

impl Lead<'_> {
    /// Takes what is to be written now.
    pub(super) fn take(&self) -> Portion {
        let mut queue = self.0.0.lock();
        let mut load = Load::default();
        let count = queue.waiting.iter().take_while(|waiting| load.add(waiting.frozen.batch.len())).count();
        let (frozen, words) = queue.waiting.drain(..count).map(|waiting| (waiting.frozen, waiting.word)).unzip();
        Portion { frozen, words }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.0.lock();
        while let Some(next) = queue.waiting.front() {
            if next.word.send(Word::Lead).is_ok() {
                return;
            }
            // That of a leader that panicked before it took it.
            queue.waiting.pop_front();
        }
        queue.led = false;
    }
}

impl Portion {
    /// Tells the others what became of their batches. Returns what became of the first.
    pub(super) fn answer(self, answers: impl IntoIterator<Item = Result<(), NotKept>>) -> Result<(), NotKept> {
        let mut answers = answers.into_iter();
        let own = answers.next().unwrap_or(Err(NotKept::Unavailable));
        for (word, answer) in self.words.into_iter().skip(1).zip(answers) {
            // It waits until it is told.
            let _ = word.send(Word::Answer(answer));
        }
        own
    }
}

#[cfg(test)]
#[path = "keeps_tests.rs"]
mod tests;
