//! Waiting entries, counted by kind. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use derive_more::Deref;

use crate::presence::batch::BatchEntry;
use crate::presence::claim::Hold;

/// Entries in the order in which they happened.
#[derive(Debug, Default, Deref)]
pub(super) struct Entries {
    #[deref]
    queue: VecDeque<BatchEntry>,
    pub(super) claims: usize,
    caches: usize,
    /// Number of claims above which pairs of opposite claims are discarded.
    limit: usize,
    /// Number of claims at which the next search for pairs happens.
    collapse_at: usize,
}

impl Entries {
    /// Returns an empty queue. Above `limit` claims, pairs of opposite claims are discarded.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, collapse_at: limit, ..Self::default() }
    }

    pub(super) fn push(&mut self, entry: BatchEntry) {
        self.count(&entry, 1);
        self.queue.push_back(entry);
    }

    /// Puts a popped entry in front again.
    pub(super) fn push_front(&mut self, entry: BatchEntry) {
        self.count(&entry, 1);
        self.queue.push_front(entry);
    }

    pub(super) fn pop(&mut self) -> Option<BatchEntry> {
        let entry = self.queue.pop_front()?;
        self.count(&entry, -1);
        Some(entry)
    }

    pub(super) fn take(&mut self) -> impl Iterator<Item = BatchEntry> + use<> {
        std::mem::replace(self, Self::new(self.limit)).queue.into_iter()
    }

    /// Returns the number of entries for which a verdict has a result.
    pub(super) const fn judged(&self) -> usize {
        self.claims + self.caches
    }

    /// Returns the number of entries that are not claims.
    pub(super) fn others(&self) -> usize {
        self.queue.len() - self.claims
    }

    pub(super) fn events(&self) -> usize {
        self.others() - self.caches
    }

    /// Removes and returns the entries for which `stays` is `false`.
    pub(super) fn extract(&mut self, mut stays: impl FnMut(&BatchEntry) -> bool) -> Vec<BatchEntry> {
        let mut extracted = Vec::new();
        for entry in self.take() {
            if stays(&entry) { self.push(entry) } else { extracted.push(entry) }
        }
        extracted
    }

    fn count(&mut self, entry: &BatchEntry, more: isize) {
        match entry {
            BatchEntry::Claim(_) => self.claims = self.claims.wrapping_add_signed(more),
            BatchEntry::Cache(_) => self.caches = self.caches.wrapping_add_signed(more),
            BatchEntry::Event(_) | BatchEntry::Count(_) => {}
        }
    }

    /// If there are too many claims, reduces the claims of each hold: to none if they cancel out, otherwise to the last one.
    /// Returns how many pairs were discarded.
    pub(super) fn collapse(&mut self) -> usize {
        if self.claims <= self.collapse_at {
            return 0;
        }
        let mut left: HashMap<Hold, usize> = HashMap::new();
        for entry in &self.queue {
            if let BatchEntry::Claim(claim) = entry {
                *left.entry(claim.hold.clone()).or_default() += 1;
            }
        }
        let odd: HashSet<Hold> =
            left.iter().filter(|(_, count)| *count % 2 == 1).map(|(hold, _)| hold.clone()).collect();
        let before = self.claims;
        self.extract(|entry| {
            let BatchEntry::Claim(claim) = entry else { return true };
            let Some(count) = left.get_mut(&claim.hold) else { return false };
            *count -= 1;
            *count == 0 && odd.contains(&claim.hold)
        });
        // Claims of different holds stay. Searching again before their number has doubled would take quadratic time.
        self.collapse_at = self.limit.max(2 * self.claims);
        (before - self.claims) / 2
    }
}
