//! Rules that the events alone must keep, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{Key, ModelEvent, What};

/// State that the events so far add up to.
#[derive(Debug, Default)]
pub(super) struct Rules {
    present: BTreeSet<Key>,
    /// Last number of connections of each channel.
    counts: BTreeMap<Key, u64>,
    /// Channels whose number may be published again, because Redis lost it.
    may_repeat: BTreeSet<Key>,
}

impl Rules {
    /// Allows every number to be repeated once, because Redis lost all data.
    pub(super) fn wiped(&mut self) {
        self.may_repeat = self.counts.keys().copied().collect();
    }

    /// Checks the next event.
    pub(super) fn observe(&mut self, event: &ModelEvent) {
        let ModelEvent { key, what } = event;
        let channel = key.channel();
        match what {
            What::Came => {
                assert!(self.present.insert(*key), "E1: {key:?} arrived twice");
                assert!(self.present.contains(&channel), "E3: {key:?} arrived on a channel that is not occupied");
            }
            What::Went => {
                assert!(self.present.remove(key), "E1: {key:?} left without being present");
                let users = self.present.iter().any(|other| other.channel() == *key);
                assert!(key.user.is_some() || !users, "E3: {key:?} was vacated with a user on it");
            }
            What::Counted(count) => {
                let is_change = self.counts.insert(*key, *count).unwrap_or(0) != *count;
                assert!(
                    is_change || self.may_repeat.remove(key),
                    "{key:?}: the number of connections was published without a change"
                );
            }
            What::Whispered(_) => {
                assert!(self.present.contains(&channel), "a client event on {channel:?}, which is not occupied");
                assert!(self.present.contains(key), "a client event from {key:?}, which is not present");
            }
        }
    }

    /// Checks E2. Nothing is under way; `present` has the keys that are present.
    pub(super) fn at_rest(&self, present: &BTreeSet<Key>) {
        assert_eq!(&self.present, present, "E2: at rest, the last edges do not match the truth (left: events)");
    }

    /// Checks that the last numbers of connections are the true ones.
    pub(super) fn counts_at_rest(&self, counts: &BTreeMap<Key, u64>) {
        let published = self.counts.iter().filter(|(_, count)| **count > 0);
        let published: BTreeMap<Key, u64> = published.map(|(key, count)| (*key, *count)).collect();
        assert_eq!(&published, counts, "at rest, the last numbers do not match the truth (left: events)");
    }
}
