//! Node state: what this node serves, and which changes Redis has not answered yet.
//!
//! Two threads share it. The intake writes short portions. The claimer takes batches and never holds the lock during a
//! call to Redis, so a Redis that hangs does not stop the intake.

use std::sync::Arc;
use std::time::Instant;

use derive_more::Deref;

use super::batch::ClaimBatch;
use super::claim::Hold;
use super::pending::Pending;
use super::table::LocalTable;
use crate::sync::{Condvar, Mutex};

/// The local table and the pending queue. Both are changed under one lock.
#[derive(Debug)]
pub(crate) struct NodeState {
    /// This node's sockets.
    pub(crate) table: LocalTable,
    /// Changes that Redis has not answered yet.
    pub(crate) pending: Pending,
}

impl NodeState {
    /// Returns the batch to send. With `even_empty`, returns an empty batch when there is nothing to send.
    pub(crate) fn batch(&mut self, even_empty: bool, now: Instant) -> Option<Arc<ClaimBatch>> {
        let Self { table, pending } = self;
        if even_empty || table.has_counts(now) {
            Some(pending.batch_with(|| table.take_counts(now)))
        } else {
            pending.batch()
        }
    }

    /// Returns the holds that Redis has confirmed, and the number of the last batch that was answered. Each hold has the
    /// connection count that was sent last, negated if it may not have been announced: it was sent after `since`.
    pub(crate) fn acknowledged(&self, since: Instant) -> (Vec<(Hold, i64)>, u64) {
        let holds = self.pending.acknowledged(&self.table).into_iter();
        (holds.map(|hold| self.with_count(hold, since)).collect(), self.pending.last_answered())
    }

    /// Returns one of `pages` pages of the holds that Redis has confirmed, starting at `cursor`; the number of the last
    /// batch that was answered; and the cursor of the next page. A page has at least `least` holds, each with the connection
    /// count that was sent last. Holds that come or go between pages may be missed or returned twice; the next round
    /// corrects that.
    pub(crate) fn acknowledged_page(
        &self,
        cursor: usize,
        pages: usize,
        least: usize,
    ) -> (Vec<(Hold, i64)>, u64, usize) {
        let size = self.table.holds().count().div_ceil(pages).max(least);
        let page: Vec<Hold> = self.table.holds().skip(cursor).take(size).collect();
        let next = if page.len() < size { 0 } else { cursor + size };
        // Here a recent count is taken as announced: there is no sign that Redis has lost it.
        let with_count = |hold: Hold| {
            let (hold, count) = self.with_count(hold, Instant::now());
            (hold, count.abs())
        };
        let holds = self.pending.untouched(page).map(with_count).collect();
        (holds, self.pending.last_answered(), next)
    }

    fn with_count(&self, hold: Hold, since: Instant) -> (Hold, i64) {
        let (count, lately) = match hold.user {
            None => self.table.confirmed_count(&hold.app, &hold.channel, since),
            Some(_) => (0, false),
        };
        (hold, if lately { -i64::from(count) } else { i64::from(count) })
    }

    /// Continues under a new node id that has no holds in Redis yet.
    pub(crate) fn start_over(&mut self) {
        self.pending.start_over(&self.table);
        self.table.resend_counts();
    }

    /// Discards all pending changes and claims what is served now. Used when Redis has received none of them.
    pub(crate) fn reset(&mut self) {
        self.pending.clear();
        self.start_over();
    }

    /// Returns `true` if nothing is served and Redis has confirmed it.
    pub(crate) fn is_done(&self) -> bool {
        self.pending.is_empty() && self.table.is_empty()
    }
}

/// The node state with its lock.
#[derive(Debug, Deref)]
pub(crate) struct SharedNodeState {
    #[deref]
    node_state: Mutex<NodeState>,
    changed: Condvar,
}

impl SharedNodeState {
    /// Returns an empty node state that keeps up to `limit` claims while Redis is unreachable; see [`Pending::new`].
    pub(crate) fn new(limit: usize) -> Self {
        let node_state = NodeState { table: LocalTable::default(), pending: Pending::new(limit) };
        Self { node_state: Mutex::new(node_state), changed: Condvar::new() }
    }

    /// Wakes the threads in [`Self::wait_until`].
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Wakes the threads in [`Self::wait_until`] after something outside of the node state has changed. Locks it first, so that
    /// no thread misses that between its check and its sleep.
    pub(crate) fn interrupt(&self) {
        drop(self.node_state.lock());
        self.notify();
    }

    /// Waits until `ready` returns `true` or `deadline` passes. Returns `true` if it was ready.
    pub(crate) fn wait_until(&self, deadline: Instant, mut ready: impl FnMut(&NodeState) -> bool) -> bool {
        let mut node_state = self.node_state.lock();
        !self.changed.wait_while_until(&mut node_state, |node_state| !ready(node_state), deadline).timed_out()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::event::AppId;

    const SECOND: Duration = Duration::from_secs(1);

    fn subscribe(state: &mut NodeState, channel: &str) {
        let mut claims = Vec::new();
        state.table.subscribe(&AppId::from("app"), channel.as_bytes(), b"1.1", None, None, &mut claims);
        state.pending.push_claims(claims);
    }

    fn close(state: &mut NodeState) {
        let mut claims = Vec::new();
        state.table.close(&AppId::from("app"), b"1.1", &mut claims);
        state.pending.push_claims(claims);
    }

    /// Answers everything that is pending at `now`.
    fn answer(state: &mut NodeState, now: Instant) {
        while state.batch(false, now).is_some() {
            state.table.counts_answered(now);
            state.pending.answered();
        }
    }

    /// Returns a node on so many channels, all of which Redis has confirmed.
    fn confirmed(channels: usize) -> SharedNodeState {
        let shared = SharedNodeState::new(100);
        let mut state = shared.lock();
        (0..channels).for_each(|n| subscribe(&mut state, &format!("c{n}")));
        answer(&mut state, Instant::now());
        drop(state);
        shared
    }

    #[test]
    fn a_node_is_done_when_it_serves_nothing_and_redis_has_confirmed_it() {
        let (shared, now) = (SharedNodeState::new(8), Instant::now());
        let mut state = shared.lock();
        assert!(state.is_done());
        subscribe(&mut state, "a");
        assert!(!state.is_done(), "Redis has not confirmed the channel");
        answer(&mut state, now);
        assert!(!state.is_done(), "it serves the channel");
        close(&mut state);
        assert!(!state.is_done(), "Redis has not confirmed the departure");
        answer(&mut state, now);
        assert!(state.is_done());
    }

    #[test]
    fn an_empty_batch_is_sent_only_on_request() {
        let (shared, now) = (SharedNodeState::new(8), Instant::now());
        assert_eq!(shared.lock().batch(false, now), None);
        assert_eq!(shared.lock().batch(true, now).unwrap().entries.len(), 0);
    }

    #[test]
    fn confirmed_holds_come_with_the_number_of_the_last_answered_batch() {
        let shared = confirmed(2);
        let mut state = shared.lock();
        subscribe(&mut state, "unconfirmed");
        let (holds, number) = state.acknowledged(Instant::now());
        assert_eq!((holds.len(), number), (2, state.pending.last_answered()));
        assert!(number > 0);
    }

    #[test]
    fn pages_of_confirmed_holds_cover_all_of_them_once() {
        for (channels, sizes) in [(5, &[3, 2][..]), (4, &[2, 2, 0])] {
            let (shared, mut cursor, mut found) = (confirmed(channels), 0, Vec::new());
            let state = shared.lock();
            for size in sizes {
                let (page, number, next) = state.acknowledged_page(cursor, 2, 1);
                assert_eq!((page.len(), number), (*size, state.pending.last_answered()));
                found.extend(page.into_iter().map(|(hold, _)| hold.channel));
                cursor = next;
            }
            found.sort();
            found.dedup();
            assert_eq!((found.len(), cursor), (channels, 0));
        }
        assert_eq!(confirmed(4).lock().acknowledged_page(0, 100, 3).0.len(), 3, "a page has at least three");
    }

    #[test]
    fn a_count_is_negative_while_it_may_not_have_been_announced() {
        let (shared, sent) = (SharedNodeState::new(8), Instant::now() + 60 * SECOND);
        let mut state = shared.lock();
        state.table.count_sockets(SECOND, None, Instant::now());
        subscribe(&mut state, "a");
        answer(&mut state, sent);
        let counts = |since| state.acknowledged(since).0.iter().map(|(_, count)| *count).collect::<Vec<_>>();
        assert_eq!((counts(sent), counts(sent + SECOND)), (vec![-1], vec![1]));
        assert_eq!(state.acknowledged_page(0, 1, 1).0[0].1, 1);
    }

    #[test]
    fn a_node_that_starts_over_claims_what_it_serves_and_a_reset_forgets_the_rest() {
        let shared = confirmed(1);
        let mut state = shared.lock();
        assert!(state.pending.is_empty());
        state.start_over();
        assert_eq!(state.pending.unanswered_claims(), 1);
        close(&mut state);
        state.reset();
        assert!(state.is_done(), "Redis has received neither the claim nor the departure");
        subscribe(&mut state, "b");
        state.reset();
        assert_eq!(state.pending.unanswered_claims(), 1);
    }

    #[test]
    fn a_lock_that_is_held_is_not_waited_for() {
        let shared = SharedNodeState::new(8);
        assert!(shared.try_lock().is_some());
        let _held = shared.lock();
        assert!(shared.try_lock().is_none());
    }

    #[test]
    fn a_wait_ends_when_it_is_ready_or_at_its_deadline() {
        let shared = SharedNodeState::new(8);
        assert!(shared.wait_until(Instant::now(), NodeState::is_done));
        assert!(!shared.wait_until(Instant::now(), |state| !state.is_done()));
        let (checks, checked) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                shared.wait_until(Instant::now() + 20 * SECOND, |state| {
                    checks.send(()).unwrap();
                    !state.is_done()
                })
            });
            checked.recv().unwrap();
            // The thread holds the lock from its check until it sleeps.
            subscribe(&mut shared.lock(), "a");
            shared.notify();
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn an_interruption_ends_a_wait_for_something_else() {
        let (shared, stopped) = (SharedNodeState::new(8), AtomicBool::new(false));
        let (checks, checked) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                shared.wait_until(Instant::now() + 20 * SECOND, |_| {
                    checks.send(()).unwrap();
                    stopped.load(Ordering::Relaxed)
                })
            });
            checked.recv().unwrap();
            stopped.store(true, Ordering::Relaxed);
            shared.interrupt();
            assert!(waiting.join().unwrap());
        });
    }
}
