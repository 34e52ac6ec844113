//! Group commit: persists many batches in one call to Redis.
//!
//! Each worker persists its batch before it sends it. The first one becomes the leader: it persists its own batch together
//! with those of the followers that wait. Followers that arrive during the call form the next group, whose first becomes
//! the next leader. A channel to a thread that persists would be less code, but costs 10 to 15 % more processor time per
//! event in the row `throughput` of `make bench`.
//!
//! ```text
//!           ┌ no leader ──▶ leader: takes the store, then a group, its own batch first ─ persists ─ completes followers
//! join() ───┤                  ▲                                                                      │
//!           └ a leader ──▶ follower: waits ◀──────────── is completed, or leads the next group ───────┘
//! ```

use std::collections::VecDeque;

use super::scripts::{Load, PersistRequest};
use crate::outbox::PersistError;
use crate::sync::{Mutex, Sender, bounded};

/// The queue of requests.
#[derive(Debug, Default)]
pub(super) struct GroupCommit(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<WaitingRequest>,
    /// There is a leader, or a follower was signalled to lead.
    led: bool,
}

#[derive(Debug)]
struct WaitingRequest {
    request: PersistRequest,
    signal: Sender<Signal>,
}

/// The message to a follower.
#[derive(Debug)]
enum Signal {
    Lead,
    Done(Result<(), PersistError>),
}

/// The role of a thread in a group commit.
#[derive(Debug)]
pub(super) enum CommitRole<'a> {
    /// Too many wait.
    Refused,
    /// The thread's batch was handled by a leader; this is the result.
    Follower(Result<(), PersistError>),
    /// The thread persists the next group.
    Leader(Leader<'a>),
}

/// The right to persist the next group. When it is dropped, the first follower becomes the leader.
#[derive(Debug)]
pub(super) struct Leader<'a>(&'a GroupCommit);

/// Batches that one call persists; the leader's comes first.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) requests: Vec<PersistRequest>,
    signals: Vec<Sender<Signal>>,
}

impl GroupCommit {
    /// Adds a request, unless there is a leader and `most` requests wait. Waits until it is completed or this thread is to
    /// lead.
    pub(super) fn join(&self, request: PersistRequest, most: usize) -> CommitRole<'_> {
        let (signal, signals) = bounded(1);
        let leads = {
            let mut queue = self.0.lock();
            if queue.led && queue.waiting.len() >= most {
                return CommitRole::Refused;
            }
            queue.waiting.push_back(WaitingRequest { request, signal });
            !std::mem::replace(&mut queue.led, true)
        };
        if leads {
            return CommitRole::Leader(Leader(self));
        }
        match signals.recv() {
            Ok(Signal::Lead) => CommitRole::Leader(Leader(self)),
            Ok(Signal::Done(result)) => CommitRole::Follower(result),
            // The leader has panicked.
            Err(_) => CommitRole::Follower(Err(PersistError::Unavailable)),
        }
    }
}

impl Leader<'_> {
    /// Takes the next group, up to the size of one call.
    pub(super) fn take_group(&self) -> Group {
        let mut queue = self.0.0.lock();
        let mut load = Load::default();
        let count = queue.waiting.iter().take_while(|waiting| load.add(waiting.request.batch.len())).count();
        let (requests, signals) = queue.waiting.drain(..count).map(|waiting| (waiting.request, waiting.signal)).unzip();
        Group { requests, signals }
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.0.lock();
        while let Some(next) = queue.waiting.front() {
            if next.signal.send(Signal::Lead).is_ok() {
                return;
            }
            // Its thread panicked before it led.
            queue.waiting.pop_front();
        }
        queue.led = false;
    }
}

impl Group {
    /// Sends the followers their results. Returns the leader's.
    pub(super) fn complete(
        self,
        results: impl IntoIterator<Item = Result<(), PersistError>>,
    ) -> Result<(), PersistError> {
        let mut results = results.into_iter();
        let own = results.next().unwrap_or(Err(PersistError::Unavailable));
        for (signal, result) in self.signals.into_iter().skip(1).zip(results) {
            // A follower waits until it is signalled.
            let _ = signal.send(Signal::Done(result));
        }
        own
    }
}

#[cfg(test)]
#[path = "group_commit_tests.rs"]
mod tests;
