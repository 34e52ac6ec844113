//! The node states of all shards. The intake assigns each intent to the shard of its channel.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::intent::Intent;
use super::node_state::{NodeState, SharedNodeState};
use super::table::SocketChange;
use crate::event::{AppId, MAX_SHARDS, Shard, SocketId};
use crate::sync::{Mutex, MutexGuard};

/// A set of shards, by the bits of their numbers.
type ShardSet = u64;

const _: () = assert!(MAX_SHARDS as u32 <= ShardSet::BITS);

/// One node state per shard, in the order of their numbers. Each has a lock and a claimer of its own, so a shard whose Redis
/// hangs does not stop the others.
#[derive(Debug)]
pub(crate) struct NodeStates {
    /// By shard.
    pub(crate) shards: Vec<Arc<SharedNodeState>>,
    /// The shards with channels of each socket. Empty if there is one shard, whose table has all sockets.
    sockets: Mutex<HashMap<AppId, HashMap<SocketId, ShardSet>>>,
}

impl NodeStates {
    /// Takes the node states of all shards.
    pub(crate) fn new(shards: Vec<SharedNodeState>) -> Self {
        let several = shards.len() > 1;
        let shards: Vec<_> = shards.into_iter().map(Arc::new).collect();
        if several {
            for shard in &shards {
                shard.lock().table.socket_changes = Some(Vec::new());
            }
        }
        Self { shards, sockets: Mutex::default() }
    }

    /// Returns `true` if there are several shards.
    pub(super) const fn are_several(&self) -> bool {
        self.shards.len() > 1
    }

    /// Returns the node state of a channel, or of a connection.
    pub(crate) fn of(&self, app: &AppId, channel: &[u8]) -> &SharedNodeState {
        &self.shards[self.shard_of(app, channel).index()]
    }

    fn shard_of(&self, app: &AppId, channel: &[u8]) -> Shard {
        Shard::of(app, channel, u8::try_from(self.shards.len()).unwrap_or(MAX_SHARDS))
    }

    /// Returns the shard of an intent. The first one stands for intents that concern none.
    pub(super) fn shard_of_intent(&self, intent: &Intent) -> Shard {
        if !self.are_several() {
            return Shard::FIRST;
        }
        intent.place().map_or(Shard::FIRST, |(app, channel)| self.shard_of(app, channel))
    }

    /// Returns the shards that have a channel of the socket, and that of its connection.
    pub(super) fn shards_of_socket(&self, app: &AppId, socket: &SocketId) -> impl Iterator<Item = Shard> + use<> {
        let with_channels = self.sockets.lock().get(app).and_then(|sockets| sockets.get(socket)).copied();
        shards_in(with_channels.unwrap_or_default() | bit(self.shard_of(app, socket.as_bytes())))
    }

    /// Records which sockets got their first channel in a shard or left their last one.
    pub(super) fn record_sockets(&self, shard: Shard, changes: impl Iterator<Item = SocketChange>) {
        let mut sockets = self.sockets.lock();
        for SocketChange { app, socket, present } in changes {
            let of_app = sockets.entry(app).or_default();
            if present {
                *of_app.entry(socket).or_default() |= bit(shard);
            } else if let Some(shards) = of_app.get_mut(&socket) {
                *shards &= !bit(shard);
                if *shards == 0 {
                    of_app.remove(&socket);
                }
            }
        }
    }

    /// Locks the node state of a shard.
    pub(super) fn lock(&self, shard: Shard) -> LockedShard<'_> {
        LockedShard { states: self, shard, left: 0, state: self.shards[shard.index()].lock() }
    }

    /// Returns the number of channels, and of sockets that are on at least one.
    pub(crate) fn size(&self) -> (usize, usize) {
        let sizes = self.shards.iter().map(|shard| shard.lock().table.size());
        let (channels, sockets) = sizes.fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
        (channels, if self.are_several() { self.sockets.lock().values().map(HashMap::len).sum() } else { sockets })
    }

    /// Returns the claims that Redis has not answered, and the events that are not in the outbox.
    pub(crate) fn pending(&self) -> (usize, usize) {
        let pending = |shard: &Arc<SharedNodeState>| {
            let state = shard.lock();
            (state.pending.unanswered_claims(), state.pending.waiting_events())
        };
        self.shards.iter().map(pending).fold((0, 0), |sum, shard| (sum.0 + shard.0, sum.1 + shard.1))
    }

    /// Returns the number of claims in each shard that Redis has not decided yet.
    pub(crate) fn undecided_claims(&self) -> Vec<usize> {
        self.shards.iter().map(|shard| shard.lock().pending.unanswered_claims()).collect()
    }

    /// Waits until nothing is pending in any shard, or until `deadline`. With several shards, it
    /// waits for at most half of the time: one may have no Redis that replies, and the events of the others need the rest.
    pub(crate) fn wait_until_empty(&self, deadline: Instant) {
        let now = Instant::now();
        let until = if self.are_several() { now + deadline.saturating_duration_since(now) / 2 } else { deadline };
        for shard in &self.shards {
            shard.wait_until(until, |state| state.pending.is_empty());
        }
    }
}

/// The locked node state of a shard, for a portion of intents.
pub(super) struct LockedShard<'a> {
    states: &'a NodeStates,
    shard: Shard,
    /// Shards that had the lock before.
    left: ShardSet,
    pub(super) state: MutexGuard<'a, NodeState>,
}

impl LockedShard<'_> {
    /// Lets the claimer take the lock if it waits for it.
    pub(super) fn yield_to_claimer(&mut self) {
        MutexGuard::bump(&mut self.state);
    }

    /// Locks another shard instead. Does not notify the claimer yet: it would send a batch for every intent.
    pub(super) fn move_to(self, shard: Shard) -> Self {
        if shard == self.shard {
            return self;
        }
        let Self { states, shard: before, left, state } = self;
        drop(state);
        LockedShard { left: left | bit(before), ..states.lock(shard) }
    }

    /// Passes on what the table has noted about sockets.
    pub(super) fn record_sockets(&mut self) {
        if let Some(changes) = self.state.table.socket_changes() {
            self.states.record_sockets(self.shard, changes);
        }
    }

    /// Unlocks the shard after a portion. Notifies its claimer if there is something to send, and those of all shards before.
    pub(super) fn unlock(self) {
        let Self { states, shard, left, state } = self;
        let pending = !state.pending.is_empty() || state.table.counts_due_at().is_some();
        drop(state);
        let notified = left | if pending { bit(shard) } else { 0 };
        shards_in(notified).for_each(|shard| states.shards[shard.index()].notify());
    }
}

fn shards_in(set: ShardSet) -> impl Iterator<Item = Shard> {
    Shard::all(MAX_SHARDS).filter(move |shard| set & bit(*shard) != 0)
}

fn bit(shard: Shard) -> ShardSet {
    1 << shard.index()
}

#[cfg(test)]
#[path = "node_states_tests.rs"]
mod tests;
