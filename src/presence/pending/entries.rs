//! Entries that wait, counted by what they are. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::presence::batch::BatchEntry;
use crate::presence::claim::Hold;

/// Entries in the order in which they happened.
#[derive(Debug)]
pub(super) struct Entries {
    queue: VecDeque<BatchEntry>,
    claims: usize,
    caches: usize,
    /// Claims at which it is worth looking for pairs to give up.
    limit: usize,
    /// Those at which it is next.
    collapse_at: usize,
}

impl Entries {
    /// None yet. Beyond `limit` claims, pairs of opposite ones are given up.
    pub(super) const fn new(limit: usize) -> Self {
        Self { queue: VecDeque::new(), claims: 0, caches: 0, limit, collapse_at: limit }
    }

    pub(super) fn push(&mut self, entry: BatchEntry) {
        self.count(&entry, 1);
        self.queue.push_back(entry);
    }

    /// Puts back what was popped.
    pub(super) fn push_front(&mut self, entry: BatchEntry) {
        self.count(&entry, 1);
        self.queue.push_front(entry);
    }

    pub(super) fn pop(&mut self) -> Option<BatchEntry> {
        let entry = self.queue.pop_front()?;
        self.count(&entry, -1);
        Some(entry)
    }

    /// Takes all.
    pub(super) fn take(&mut self) -> impl Iterator<Item = BatchEntry> + use<> {
        std::mem::replace(self, Self::new(self.limit)).queue.into_iter()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &BatchEntry> {
        self.queue.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) const fn claims(&self) -> usize {
        self.claims
    }

    /// Those on which there will be a verdict.
    pub(super) const fn judged(&self) -> usize {
        self.claims + self.caches
    }

    /// All but the claims.
    pub(super) fn asides(&self) -> usize {
        self.queue.len() - self.claims
    }

    /// The client events, and those of the application.
    pub(super) fn events(&self) -> usize {
        self.asides() - self.caches
    }

    /// Takes out those that are not to stay.
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

    /// Once there are too many claims, keeps of those of each hold none when they cancel out and the last one otherwise.
    /// Returns how many pairs were given up.
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
        // Claims that are all different stay; looking again before their number has doubled would cost more each time.
        self.collapse_at = self.limit.max(2 * self.claims);
        (before - self.claims) / 2
    }
}
