//! What Redis has, and what its scripts decide.

use std::collections::{BTreeMap, BTreeSet};

use crate::presence::model::kinds::{Id, Key, Told, What};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lease {
    Good,
    Lapsed,
    Reaping,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Redis {
    pub(super) epoch: Option<u32>,
    /// Who has not confirmed since the loss of all data that Redis has its holds: no edge is decided before.
    pub(super) unconfirmed: BTreeSet<Id>,
    pub(super) leases: BTreeMap<Id, Lease>,
    pub(super) holds: BTreeMap<Id, BTreeSet<Key>>,
    /// Departures in their grace, and whether it is over.
    pub(super) leaving: BTreeMap<Key, bool>,
    pub(super) grants_grace: bool,
}

/// What a script has decided.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) news: Vec<Told>,
    /// Departures whose grace began.
    pub(super) leaving: Vec<Key>,
}

impl Redis {
    /// An empty one.
    pub(super) fn new(grants_grace: bool) -> Self {
        Self { grants_grace, ..Self::default() }
    }

    /// Whether no edge is decided yet.
    pub(super) fn is_settling(&self) -> bool {
        !self.unconfirmed.is_empty()
    }

    /// The grace of all that has left is over.
    pub(super) fn end_grace(&mut self) {
        self.leaving.values_mut().for_each(|is_over| *is_over = true);
    }

    /// Whether there are departures to be announced.
    pub(super) fn has_over(&self) -> bool {
        self.leaving.values().any(|is_over| *is_over)
    }

    /// A batch of an incarnation, behind the departures whose grace is over.
    pub(super) fn judge<'a>(&mut self, id: Id, entries: impl Iterator<Item = &'a Told>) -> Judged {
        let mut judged = Judged::default();
        self.leaving.retain(|key, is_over| {
            if *is_over {
                judged.news.push(Told { key: *key, what: What::Went });
            }
            !*is_over
        });
        for told in entries {
            match told.what {
                What::Came => {
                    let is_news = !self.is_held(told.key) && self.leaving.remove(&told.key).is_none();
                    self.holds.entry(id).or_default().insert(told.key);
                    judged.news.extend(is_news.then(|| told.clone()));
                }
                What::Went => self.let_go(id, told.key, &mut judged),
                What::Whispered(_) => judged.news.push(told.clone()),
                What::Counted(_) => {}
            }
        }
        judged
    }

    /// Takes up to `most` of the `holds` from a dead incarnation, which has no others.
    pub(super) fn reap(&mut self, dead: Id, holds: &[Key], most: usize) -> Judged {
        let mut judged = Judged::default();
        for key in holds.iter().take(most) {
            self.let_go(dead, *key, &mut judged);
        }
        if holds.len() <= most {
            self.leases.remove(&dead);
            self.holds.remove(&dead);
        } else {
            self.leases.insert(dead, Lease::Reaping);
        }
        judged
    }

    /// A node tells again what it held, and which departures had not been announced.
    pub(super) fn put_back(&mut self, id: Id, held: &BTreeSet<Key>, leavings: &BTreeSet<Key>) {
        self.leaving.retain(|key, _| !held.contains(key));
        self.holds.insert(id, held.clone());
        let gone: Vec<Key> = leavings.iter().copied().filter(|key| !self.is_held(*key)).collect();
        self.leaving.extend(gone.into_iter().map(|key| (key, false)));
    }

    fn let_go(&mut self, id: Id, key: Key, judged: &mut Judged) {
        let held = self.holds.get_mut(&id).is_some_and(|holds| holds.remove(&key));
        if !held || self.is_held(key) {
            return;
        }
        if self.grants_grace {
            self.leaving.insert(key, false);
            judged.leaving.push(key);
        } else {
            judged.news.push(Told { key, what: What::Went });
        }
    }

    fn is_held(&self, key: Key) -> bool {
        self.holds.values().any(|holds| holds.contains(&key))
    }
}
