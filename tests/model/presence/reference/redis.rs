//! Data in Redis, and the decisions of its scripts.

use std::collections::{BTreeMap, BTreeSet};

use crate::presence::model::kinds::{Id, Key, ModelEvent, What};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lease {
    Good,
    Lapsed,
    Reaping,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Redis {
    pub(super) epoch: Option<u32>,
    /// Nodes that have not yet confirmed, after a loss of all data, that Redis has their holds. No edge is decided
    /// until the set is empty.
    pub(super) unconfirmed: BTreeSet<Id>,
    pub(super) leases: BTreeMap<Id, Lease>,
    pub(super) holds: BTreeMap<Id, BTreeSet<Key>>,
    /// Departures in their grace, and whether that is over.
    pub(super) leaving: BTreeMap<Key, bool>,
    pub(super) grants_grace: bool,
}

/// Decision of a script.
#[derive(Debug, Default)]
pub(super) struct Decision {
    pub(super) published: Vec<ModelEvent>,
    /// Departures whose grace began.
    pub(super) leaving: Vec<Key>,
}

impl Redis {
    /// Returns an empty Redis.
    pub(super) fn new(grants_grace: bool) -> Self {
        Self { grants_grace, ..Self::default() }
    }

    /// Returns true while no edge is decided.
    pub(super) fn is_settling(&self) -> bool {
        !self.unconfirmed.is_empty()
    }

    /// Ends the grace of all departures.
    pub(super) fn end_grace(&mut self) {
        self.leaving.values_mut().for_each(|is_over| *is_over = true);
    }

    /// Returns true if there are departures to announce.
    pub(super) fn has_over(&self) -> bool {
        self.leaving.values().any(|is_over| *is_over)
    }

    /// Decides a batch of an incarnation. Departures whose grace is over come first.
    pub(super) fn decide<'a>(&mut self, id: Id, entries: impl Iterator<Item = &'a ModelEvent>) -> Decision {
        let mut decision = Decision::default();
        let over = self.leaving.extract_if(.., |_, is_over| *is_over);
        let (users, channels): (Vec<_>, Vec<_>) = over.map(|(key, _)| key).partition(|key| key.user.is_some());
        for key in users.into_iter().chain(channels) {
            if key.user.is_none() && self.has_members(key) {
                // Its members leave first. A node that restored a departure later has restarted the member's grace.
                self.leaving.insert(key, false);
            } else {
                decision.published.push(ModelEvent { key, what: What::Went });
            }
        }
        for event in entries {
            match event.what {
                What::Came => {
                    let is_edge = !self.is_held(event.key) && self.leaving.remove(&event.key).is_none();
                    self.holds.entry(id).or_default().insert(event.key);
                    decision.published.extend(is_edge.then(|| event.clone()));
                }
                What::Went => self.release(id, event.key, &mut decision),
                What::Whispered(_) => decision.published.push(event.clone()),
                What::Counted(_) => {}
            }
        }
        decision
    }

    /// Removes up to `most` of the `holds` of a dead incarnation, which has no others.
    pub(super) fn reap(&mut self, dead: Id, holds: &[Key], most: usize) -> Decision {
        let mut decision = Decision::default();
        for key in holds.iter().take(most) {
            self.release(dead, *key, &mut decision);
        }
        if holds.len() <= most {
            self.leases.remove(&dead);
            self.holds.remove(&dead);
        } else {
            self.leases.insert(dead, Lease::Reaping);
        }
        decision
    }

    /// Restores the holds of a node, and its departures that were not announced.
    pub(super) fn restore(&mut self, id: Id, held: &BTreeSet<Key>, departures: &BTreeSet<Key>) {
        self.leaving.retain(|key, _| !held.contains(key));
        self.holds.insert(id, held.clone());
        let gone: Vec<Key> = departures.iter().copied().filter(|key| !self.is_held(*key)).collect();
        self.leaving.extend(gone.into_iter().map(|key| (key, false)));
    }

    fn release(&mut self, id: Id, key: Key, decision: &mut Decision) {
        let held = self.holds.get_mut(&id).is_some_and(|holds| holds.remove(&key));
        if !held || self.is_held(key) {
            return;
        }
        if self.grants_grace {
            self.leaving.insert(key, false);
            decision.leaving.push(key);
        } else {
            decision.published.push(ModelEvent { key, what: What::Went });
        }
    }

    /// Returns true if the channel has members, or departures of members in their grace.
    fn has_members(&self, channel: Key) -> bool {
        let mut keys = self.holds.values().flatten().chain(self.leaving.keys());
        keys.any(|key| key.user.is_some() && key.channel() == channel)
    }

    fn is_held(&self, key: Key) -> bool {
        self.holds.values().any(|holds| holds.contains(&key))
    }
}
