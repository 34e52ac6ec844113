//! The outbox in Redis, whose events survive the process.
//!
//! ```text
//! claim script ─▶ out:{partition} ─▶ reader ─▶ lanes ─▶ persist (inflight) ─▶ POST ─▶ ack ─▶ cursor, trim
//!                                       ▲                                              │
//!                        assignment of partitions, takeover                    queue of acknowledgements
//! ```
//! The script that decides an edge appends its event in the same execution. Each partition has one owner at a time,
//! whose [`reader`] hands its events to the lanes in the order of the stream. The id and body of a batch are persisted
//! before its first attempt; its acknowledgement moves the cursor of its lane. When a node dies, a successor takes over
//! all its partitions with their in-flight batches and repeats those with the same id and body. By its fencing tokens,
//! the scripts refuse a node that was presumed dead.
//!
//! Each shard has an outbox, and [`ShardedOutbox`] is all of them. Inside an outbox no position has a shard; the reader sets
//! that of the events that it hands over.

mod ack_queue;
mod ack_writer;
pub(crate) mod codec;
mod dead_letter_entry;
pub(super) mod dead_letters;
mod entry;
pub(super) mod event_sender;
#[cfg(test)]
mod fuzz;
mod group_commit;
mod in_flight;
mod merge;
#[cfg(test)]
#[path = "../../../tests/model/outbox/mod.rs"]
mod model;
mod ownership;
mod reader;
mod scripts;
mod sharded;
mod store;
mod takeover;
mod unreadable;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use redis::Commands;

use super::{Acked, DeadLetterId, Handover, LaneId, PersistError, Position, Queued, redelivery_of};
use crate::cluster::SharedMembership;
use crate::config::Config;
use crate::event::{PARTITIONS, Shard};
use crate::process::Thread;
use crate::redis::{Link, OwnShard, Settings, millis};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex};
use crate::telemetry::{PacedCount, Telemetry};

pub(crate) use sharded::ShardedOutbox;

use ack_queue::{AckQueue, last_positions};
use ack_writer::WRITE_EVERY;
use group_commit::GroupCommit;
use in_flight::{PersistedBatch, lane_field};
use ownership::Ownership;
use reader::Reader;
use scripts::{DeadLetterLimits, PersistRequest};
use store::Store;

/// See [`RedisOutboxOptions::max_persisting`]. Half of the workers.
const MAX_PERSISTING: usize = 128;

/// Wakes the dispatcher.
type Waker = Box<dyn Fn() + Send + Sync>;

/// The settings of the outbox of a shard.
#[derive(Clone, Debug)]
pub(crate) struct RedisOutboxOptions {
    /// Keys and scripts.
    keys: OwnShard,
    /// The shard's part of the most events that may wait in lanes.
    max_events: usize,
    /// Shortest interval between two reads while events arrive.
    read_every: Duration,
    /// Longest time that a read waits for events. Each shard waits on its own connection.
    block: Duration,
    /// The pause after which the acknowledgement writer looks for work that it was not notified of.
    idle: Duration,
    /// Most batches that wait to be persisted at a time. A Redis that hangs must not stop all workers while other shards work.
    max_persisting: Option<usize>,
    /// Limits of the dead letters.
    dead_letters: DeadLetterLimits,
}

/// The time that one read waits for events. Short, because assignments and shutdown wait for it.
const BLOCK: Duration = Duration::from_millis(100);

/// The longest wait of one of many shards, so that waiting costs little: assignments are due every second.
const LONGEST_BLOCK: Duration = Duration::from_secs(1);

/// Upper bound of the interval between reads while events arrive, per shard. A read costs Redis about 30 µs, however few events
/// it finds. The first event after a pause is read at once.
const READ_EVERY: Duration = Duration::from_millis(5);

/// The longest interval between the reads of one of many shards. An endpoint without batching waits for it.
const LONGEST_READ_EVERY: Duration = Duration::from_millis(25);

/// Reads per flush interval at least, so that reading adds little to the delay of an event.
const READS_PER_FLUSH: u32 = 8;

impl RedisOutboxOptions {
    /// Takes the settings for a shard of the cluster in `config`.
    pub(crate) fn of(config: &Config, shard: Shard) -> Self {
        let connection = &config.connection;
        let waits = |of_one: Duration| (of_one * u32::from(connection.shards)).min(LONGEST_BLOCK);
        Self {
            keys: OwnShard::of(config, shard),
            max_events: connection.part_of(config.outbox_max_events),
            read_every: (READ_EVERY * u32::from(connection.shards))
                .min(LONGEST_READ_EVERY)
                .min(config.flush_interval / READS_PER_FLUSH),
            // A reply that takes as long as the timeout looks like an outage.
            block: waits(BLOCK).min(BLOCK.max(connection.timeout / 2)),
            idle: waits(WRITE_EVERY),
            max_persisting: (connection.shards > 1).then_some(MAX_PERSISTING),
            dead_letters: DeadLetterLimits {
                count: connection.part_of(config.dead_letter_max),
                per_endpoint: connection.part_of(config.dead_letter_max_per_endpoint),
                bytes: connection.part_of(config.dead_letter_max_bytes),
                age_ms: millis(config.dead_letter_age),
            },
        }
    }
}

/// The outbox of a shard. Its threads end when its queue of acknowledgements is [stopped](AckQueue::stop).
#[derive(derive_more::Debug)]
#[debug("RedisOutbox: {options:?}")]
pub(crate) struct RedisOutbox {
    options: RedisOutboxOptions,
    inbox: Mutex<Handover>,
    ownership: Mutex<Ownership>,
    store: Mutex<Store>,
    group_commit: GroupCommit,
    /// The epoch of the data in Redis, as a number.
    origin: AtomicU64,
    /// Redis did not reply to the last write, or refused it.
    cut_off: AtomicBool,
    acks: AckQueue,
    rounds: ReadRounds,
    /// Evicted dead letters that are not logged yet, and `true` if Redis was full.
    evicted: Mutex<(PacedCount, bool)>,
    waker: OnceLock<Waker>,
    threads: OnceLock<[Thread; 2]>,
    telemetry: Arc<Telemetry>,
}

/// Counts the reader's rounds, for threads that wait for one.
#[derive(Debug, Default)]
struct ReadRounds {
    state: Mutex<RoundState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct RoundState {
    begun: u64,
    empty: u64,
    /// Threads that wait for a round.
    awaited: usize,
    /// The last time that a thread began to wait for a round.
    awaited_at: Option<Instant>,
    /// Redis did not reply to the last read.
    unanswered: bool,
}

impl RedisOutbox {
    /// Starts an outbox on the Redis of `settings`, for the node with this `membership`.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub(crate) fn start(
        options: RedisOutboxOptions,
        settings: &Settings,
        membership: &Arc<SharedMembership>,
        telemetry: &Arc<Telemetry>,
    ) -> io::Result<Arc<Self>> {
        let link = || Link::new(settings.clone(), Arc::clone(telemetry));
        let store = Store { keys: options.keys.clone(), link: link(), membership: Arc::clone(membership) };
        let out_of_order = options.max_events / usize::from(PARTITIONS);
        let outbox = Arc::new(Self {
            options,
            inbox: Mutex::default(),
            ownership: Mutex::new(Ownership::new(out_of_order)),
            store: Mutex::new(store),
            group_commit: GroupCommit::default(),
            origin: AtomicU64::new(0),
            cut_off: AtomicBool::new(false),
            acks: AckQueue::default(),
            rounds: ReadRounds::default(),
            evicted: Mutex::default(),
            waker: OnceLock::new(),
            threads: OnceLock::new(),
            telemetry: Arc::clone(telemetry),
        });
        let mut reader = Reader::new(Arc::clone(&outbox), link(), Arc::clone(membership));
        let ack_writer = Arc::clone(&outbox);
        let threads = [
            Thread::spawn("wh-outbox", Arc::clone(telemetry), move || reader.run())?,
            Thread::spawn("wh-ack", Arc::clone(telemetry), move || ack_writer.write_acks_until_stopped())?,
        ];
        // Set only here.
        let _ = outbox.threads.set(threads);
        Ok(outbox)
    }

    /// Sets the function that is called when there is something to take.
    pub(crate) fn on_handover(&self, waker: Waker) {
        // Later calls are ignored.
        let _ = self.waker.set(waker);
    }

    /// Returns `false` if a thread still runs at `deadline`.
    fn wait_until(&self, deadline: Instant) -> bool {
        self.threads.get().is_none_or(|threads| threads.iter().all(|thread| thread.wait_until(deadline)))
    }

    /// Returns the positions of the events that Redis still has.
    ///
    /// # Errors
    /// If another node owns some of them.
    fn live(&self, events: &[Arc<Queued>]) -> Result<Vec<Position>, PersistError> {
        let positions = events.iter().map(|event| event.position);
        self.ownership.lock().live(positions).map_err(PersistError::Fenced)
    }

    /// Makes the lanes drop the events of expired fencing tokens.
    fn revoke(&self, tokens: Vec<u64>) {
        let shard = self.options.keys.shard;
        let revoked = tokens.into_iter().map(|token| (shard, token)).collect();
        self.hand_over(Handover { revoked, ..Handover::default() });
    }

    /// Adds to the work that the lanes take next. Drops waiting events whose fencing tokens have expired.
    fn hand_over(&self, handover: Handover) {
        let is_new = !(handover.revoked.is_empty() && handover.in_flight.is_empty() && handover.events.is_empty());
        if is_new {
            let mut inbox = self.inbox.lock();
            if !handover.revoked.is_empty() {
                let revoked = |event: &Queued| handover.revoked.contains(&event.position.shard_token());
                inbox.events.retain(|event| !revoked(event));
            }
            inbox.revoked.extend(handover.revoked);
            inbox.in_flight.extend(handover.in_flight);
            inbox.events.extend(handover.events);
            drop(inbox);
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker();
        }
    }
}

/// The shard's part of an [`Outbox`](super::Outbox).
impl RedisOutbox {
    fn take(&self) -> Handover {
        std::mem::take(&mut self.inbox.lock())
    }

    fn routed(&self, event: &Queued, lanes: &[LaneId]) {
        self.ownership.lock().routed(event.position, u32::try_from(lanes.len()).unwrap_or(u32::MAX));
    }

    fn persist(&self, lane: &LaneId, id: &str, body: &[u8], events: &[Arc<Queued>]) -> Result<(), PersistError> {
        let live = self.live(events)?;
        if live.is_empty() || redelivery_of(events).is_some() {
            // No successor needs it: Redis has lost the events, or the successor reads the body from the dead letter.
            return Ok(());
        }
        let last = last_positions(live.iter().copied());
        let batch = PersistedBatch::new(id, body, live.into_iter()).write();
        self.persist_in_group(PersistRequest { lane: lane_field(lane), batch, last })
    }

    fn confirm(&self, events: &[Arc<Queued>]) -> Result<(), PersistError> {
        self.live(events).map(drop)
    }

    fn dead_letter_body(&self, id: &DeadLetterId) -> Result<Option<Vec<u8>>, PersistError> {
        // A worker does not wait for a Redis that hangs: others may work.
        let is_cut_off = self.options.max_persisting.is_some() && self.cut_off.load(Ordering::Relaxed);
        let store = if is_cut_off { self.store.try_lock() } else { Some(self.store.lock()) };
        let bodies = self.options.keys.key("dead_bodies");
        let body = store.ok_or(PersistError::Unavailable)?.link.read(|redis| redis.hget(bodies, id.entry()));
        self.cut_off.store(body.is_err(), Ordering::Relaxed);
        body.map_err(|_| PersistError::Unavailable)
    }

    fn ack(&self, acked: Acked<'_>) {
        let events = acked.events;
        self.acks.add(acked, self.origin());
        // After `add`: an event is removed from its stream only once its acknowledgement and dead letter are written.
        let mut ownership = self.ownership.lock();
        for event in events {
            ownership.acked(event.position);
        }
    }

    /// Asks for a round that begins from now on, and returns its predecessor.
    fn await_round(&self) -> u64 {
        let mut state = self.rounds.state.lock();
        state.awaited += 1;
        state.awaited_at = Some(Instant::now());
        state.begun
    }

    /// Returns `true` if Redis has not replied to the last read.
    fn is_unanswered(&self) -> bool {
        self.rounds.state.lock().unanswered
    }

    /// Waits for the round after `begun`, which [`Self::await_round`] returned, to find nothing more.
    fn catch_up(&self, begun: u64, deadline: Instant) -> bool {
        let mut state = self.rounds.state.lock();
        self.rounds.changed.wait_while_until(&mut state, |state| state.empty <= begun, deadline);
        state.awaited -= 1;
        // A reader that had no time for a round has not failed to read.
        let caught_up = state.empty > begun || !state.unanswered;
        drop(state);
        // A node without partitions leaves nothing in the outbox.
        caught_up || self.ownership.lock().held().is_empty()
    }

    fn origin(&self) -> u64 {
        self.origin.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_more_shards_there_are_the_less_often_each_is_read_within_a_share_of_the_flush_interval() {
        let read_every = |shards: u8, flush_interval: f64| {
            let config = json!({ "connection": { "shards": shards }, "flush_interval": flush_interval });
            RedisOutboxOptions::of(&Config::from_value(config).unwrap(), Shard::FIRST).read_every.as_millis()
        };
        assert_eq!([1, 4, 16, 64].map(|shards| read_every(shards, 1.0)), [5, 20, 25, 25]);
        assert_eq!([1, 16].map(|shards| read_every(shards, 0.032)), [4, 4]);
    }
}
