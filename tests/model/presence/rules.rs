//! What must be true of the events alone, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{Key, Told, What};

/// What the events told so far add up to.
#[derive(Debug, Default)]
pub(super) struct Rules {
    present: BTreeSet<Key>,
    /// The number of connections of each channel, as it was told last.
    counts: BTreeMap<Key, u64>,
    /// Channels whose number may come again, Redis having lost it.
    may_repeat: BTreeSet<Key>,
}

impl Rules {
    /// Redis has lost everything.
    pub(super) fn wiped(&mut self) {
        self.may_repeat = self.counts.keys().copied().collect();
    }

    /// Takes the next event.
    pub(super) fn observe(&mut self, told: &Told) {
        let Told { key, what } = told;
        let channel = key.channel();
        match what {
            What::Came => {
                assert!(self.present.insert(*key), "E1: {key:?} came twice");
                assert!(self.present.contains(&channel), "E3: {key:?} came to a channel that is not occupied");
            }
            What::Went => {
                assert!(self.present.remove(key), "E1: {key:?} went, and was not there");
                let users = self.present.iter().any(|other| other.channel() == *key);
                assert!(key.user.is_some() || !users, "E3: {key:?} was vacated with somebody on it");
            }
            What::Counted(count) => {
                let is_news = self.counts.insert(*key, *count).unwrap_or(0) != *count;
                assert!(is_news || self.may_repeat.remove(key), "{key:?} has as many as before");
            }
            What::Whispered(_) => {
                assert!(self.present.contains(&channel), "a client event on {channel:?}, which is not occupied");
                assert!(self.present.contains(key), "a client event of {key:?}, who is not there");
            }
        }
    }

    /// E2: nothing is under way, and these are the keys with somebody there.
    pub(super) fn at_rest(&self, present: &BTreeSet<Key>) {
        assert_eq!(&self.present, present, "E2: at rest, the last edge is not the truth (left: told)");
    }

    /// The same of how many connections channels have.
    pub(super) fn counts_at_rest(&self, counts: &BTreeMap<Key, u64>) {
        let told = self.counts.iter().filter(|(_, count)| **count > 0);
        let told: BTreeMap<Key, u64> = told.map(|(key, count)| (*key, *count)).collect();
        assert_eq!(&told, counts, "at rest, the last number is not the truth (left: told)");
    }
}
