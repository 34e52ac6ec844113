//! Merges the events of several partitions in the order of time. Pure.
//!
//! Partitions with a backlog are read page by page, and the pages may end hours apart. Events later than the end of any
//! page that another page may follow wait here. So lanes get events by time and fill their batches, each of which
//! covers a short span of time.

use std::collections::{BTreeMap, VecDeque};

use crate::event::Shard;
use crate::outbox::Position;

/// Entries that were read and not handed over yet.
#[derive(Debug)]
pub(super) struct Merge<E> {
    parts: BTreeMap<u16, Part<E>>,
}

#[derive(Debug)]
struct Part<E> {
    token: u64,
    entries: VecDeque<(u64, E)>,
    /// The last entry of the page, if another page may follow.
    more_after: Option<u64>,
}

impl<E> Default for Merge<E> {
    fn default() -> Self {
        Self { parts: BTreeMap::new() }
    }
}

impl<E> Merge<E> {
    /// Returns the readable partitions whose next page is needed. Drops the entries of all other partitions.
    pub(super) fn wanted(&mut self, readable: &[Position]) -> Vec<Position> {
        self.parts.retain(|partition, part| {
            readable.iter().any(|position| (position.partition, position.token) == (*partition, part.token))
        });
        readable.iter().filter(|position| !self.parts.contains_key(&position.partition)).copied().collect()
    }

    /// Returns `true` if no entry waits.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Adds a page. It is the last one of its partition unless it is `full`.
    pub(super) fn add(&mut self, partition: u16, token: u64, entries: Vec<(u64, E)>, full: bool) {
        let last = entries.last().map(|(seq, _)| *seq);
        if last.is_some() {
            let part = Part { token, entries: entries.into(), more_after: last.filter(|_| full) };
            self.parts.insert(partition, part);
        }
    }

    /// Takes the entries that no unread entry can precede, oldest first.
    pub(super) fn take(&mut self) -> Vec<(Position, E)> {
        let end = self.parts.values().filter_map(|part| part.more_after).min().unwrap_or(u64::MAX);
        let mut merged = Vec::new();
        self.parts.retain(|&partition, part| {
            let token = part.token;
            let count = part.entries.partition_point(|(seq, _)| *seq <= end);
            let due = part.entries.drain(..count);
            merged.extend(due.map(|(seq, entry)| (Position { shard: Shard::FIRST, partition, token, seq }, entry)));
            !part.entries.is_empty()
        });
        // Stable: entries of the same time stay in the order of the partitions.
        merged.sort_by_key(|(position, _)| position.seq);
        merged
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: usize = 3;

    fn at(partition: u16, seq: u64) -> Position {
        Position { shard: Shard::FIRST, partition, token: 7, seq }
    }

    fn taken(merge: &mut Merge<()>) -> Vec<(u16, u64)> {
        merge.take().into_iter().map(|(position, ())| (position.partition, position.seq)).collect()
    }

    fn page(seqs: &[u64]) -> Vec<(u64, ())> {
        seqs.iter().map(|seq| (*seq, ())).collect()
    }

    #[test]
    fn entries_beyond_a_full_page_wait_for_the_next_page() {
        let mut merge = Merge::default();
        let readable = [at(0, 0), at(1, 0)];
        assert_eq!(merge.wanted(&readable), readable);
        merge.add(0, 7, page(&[1, 5, 9]), true);
        merge.add(1, 7, page(&[2, 6, 20]), false);
        assert_eq!(taken(&mut merge), [(0, 1), (1, 2), (0, 5), (1, 6), (0, 9)]);
        assert_eq!(merge.wanted(&readable), [at(0, 0)], "the other partition still has an entry");
        merge.add(0, 7, page(&[30]), false);
        assert_eq!(taken(&mut merge), [(1, 20), (0, 30)]);
        assert!(merge.is_empty());
    }

    #[test]
    fn entries_of_an_ended_ownership_are_dropped() {
        let mut merge = Merge::default();
        merge.add(0, 7, page(&[1, 2]), true);
        merge.add(1, 7, page(&[5]), false);
        merge.take();
        let again = Position { token: 8, ..at(1, 0) };
        assert_eq!(merge.wanted(&[again]), [again]);
        assert!(merge.is_empty());
    }

    proptest! {
        #[test]
        fn everything_is_taken_once_and_in_order(backlog in prop::collection::vec(prop::collection::btree_set(0..200_u64, 0..20), 1..5)) {
            let mut merge = Merge::default();
            let backlog: Vec<Vec<u64>> = backlog.into_iter().map(|seqs| seqs.into_iter().map(|seq| seq + 1).collect()).collect();
            let mut read_to = vec![0; backlog.len()];
            let mut all = Vec::new();
            loop {
                let readable: Vec<Position> = (0_u16..).zip(&read_to).map(|(partition, seq)| at(partition, *seq)).collect();
                for wanted in merge.wanted(&readable) {
                    let unread = backlog[usize::from(wanted.partition)].iter().filter(|seq| **seq > wanted.seq);
                    let seqs: Vec<u64> = unread.take(PAGE).copied().collect();
                    merge.add(wanted.partition, wanted.token, page(&seqs), seqs.len() == PAGE);
                }
                let news = taken(&mut merge);
                if news.is_empty() {
                    break;
                }
                for (partition, seq) in &news {
                    read_to[usize::from(*partition)] = *seq;
                }
                all.extend(news.into_iter().map(|(_, seq)| seq));
            }
            prop_assert!(merge.is_empty());
            prop_assert!(all.is_sorted());
            let mut expected: Vec<u64> = backlog.into_iter().flatten().collect();
            expected.sort_unstable();
            prop_assert_eq!(all, expected);
        }
    }
}
