//! The outbox in Redis: what was accepted survives the process.
//!
//! ```text
//! claim script ─▶ out:{partition} ─▶ reader ─▶ lanes ─▶ keep (flight) ─▶ POST ─▶ passed ─▶ cursor, trim
//!                                       ▲                                          │
//!                    assignment of partitions, inheritance                    node state of passages
//! ```
//! The script that decides an edge appends its event in the same execution. Each partition has one owner at a time, whose
//! [`reader`] hands its events to the lanes; their order within a partition, and so within a channel, is that of the
//! stream. Before a batch is sent for the first time its id and body are kept; when a lane has passed it, its cursor moves
//! on. When a node dies, another inherits all its partitions, its batches under way included, and repeats those with the
//! same id and body. A node that wakes up late finds that it owns nothing: the scripts refuse it.

pub(crate) mod codec;
mod entry;
pub(super) mod event_sender;
mod flight;
mod keeps;
mod legacy;
pub(super) mod letters;
mod merge;
#[cfg(test)]
#[path = "../../../tests/model/outbox/mod.rs"]
mod model;
mod passages;
mod reader;
mod scripts;
mod settling;
mod store;
mod tenure;
mod unreadable;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{Handover, LaneId, LetterId, NotKept, Outbox, Passed, Position, Queued, redelivery_of};
use crate::cluster::SharedMembership;
use crate::config::{ClusterIdentity, Config};
use crate::event::PARTITIONS;
use crate::process::Thread;
use crate::redis::{Link, Settings, millis};
use crate::telemetry::{PacedCount, Telemetry};

pub(crate) use scripts::Keys;

use flight::{Kept, lane_field};
use keeps::Keeps;
use passages::{Passages, last_places};
use reader::Reader;
use scripts::{DeadLetterLimits, Frozen};
use store::Store;
use tenure::Tenures;

/// How many events may wait in a partition before it takes no client events, where `max_events` may wait in the lanes of a
/// node. Its owner reads on, and gives up what its lanes cannot hold, so that only a partition of which the owner is dead or
/// cannot keep up grows longer than they are.
pub(crate) const fn partition_max(max_events: usize) -> usize {
    max_events.saturating_mul(2)
}

/// Wakes the dispatcher.
type Waker = Box<dyn Fn() + Send + Sync>;

/// What the outbox needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Starts every key.
    pub(crate) key_prefix: String,
    /// The cluster of the node.
    identity: Option<ClusterIdentity>,
    /// The most events that may wait in lanes, summed.
    pub(crate) max_events: usize,
    /// While events come, how often they are read at most.
    read_every: Duration,
    /// How many dead letters are kept, and for how long.
    dead_letters: DeadLetterLimits,
}

/// While events come, they are not read more often than this: a read costs Redis some 30 µs, however few it finds. The first
/// one after a pause is read when it comes.
const READ_EVERY: Duration = Duration::from_millis(5);

/// How often they are read in a flush interval all the same, so that it remains what an event waits for.
const READS_PER_FLUSH: u32 = 8;

impl From<&Config> for Options {
    fn from(config: &Config) -> Self {
        Self {
            key_prefix: config.key_prefix.clone(),
            identity: config.cluster.clone(),
            max_events: config.outbox_max_events,
            read_every: READ_EVERY.min(config.flush_interval / READS_PER_FLUSH),
            dead_letters: DeadLetterLimits {
                letters: config.dead_letter_max,
                of_endpoint: config.dead_letter_max_per_endpoint,
                bytes: config.dead_letter_max_bytes,
                age_ms: millis(config.dead_letter_age),
            },
        }
    }
}

/// The outbox. Its threads end when it is [stopped](Self::stop).
pub(crate) struct RedisOutbox {
    options: Options,
    inbox: Mutex<Handover>,
    tenures: Mutex<Tenures>,
    store: Mutex<Store>,
    keeps: Keeps,
    /// The life of Redis' data that the events are of.
    origin: AtomicU64,
    passages: Passages,
    rounds: Rounds,
    /// Dead letters that made room for others and are not said yet, and whether Redis was full.
    evicted: Mutex<(PacedCount, bool)>,
    waker: OnceLock<Waker>,
    threads: OnceLock<[Thread; 2]>,
    telemetry: Arc<Telemetry>,
}

/// Counts the reader's rounds, for those who wait for one.
#[derive(Debug, Default)]
struct Rounds {
    /// Rounds begun, and rounds that found nothing new, by the number under which they began.
    state: Mutex<RoundState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct RoundState {
    begun: u64,
    empty: u64,
    /// How many wait for a round.
    awaited: usize,
    /// Redis did not answer when it was last asked.
    unanswered: bool,
}

impl RedisOutbox {
    /// Starts an outbox on the Redis of `settings`, for the node that `membership` tells of.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(crate) fn start(
        options: Options,
        settings: &Settings,
        membership: &Arc<SharedMembership>,
        telemetry: &Arc<Telemetry>,
    ) -> io::Result<Arc<Self>> {
        scripts::put_together();
        let link = || Link::new(settings.clone(), Arc::clone(telemetry));
        let keys = Keys::new(&options.key_prefix).with_identity(options.identity.as_ref());
        let store = Store::new(keys.clone(), link(), Arc::clone(membership), options.dead_letters);
        let overtaken = options.max_events / usize::from(PARTITIONS);
        let outbox = Arc::new(Self {
            options,
            inbox: Mutex::default(),
            tenures: Mutex::new(Tenures::new(overtaken)),
            store: Mutex::new(store),
            keeps: Keeps::default(),
            origin: AtomicU64::new(0),
            passages: Passages::default(),
            rounds: Rounds::default(),
            evicted: Mutex::default(),
            waker: OnceLock::new(),
            threads: OnceLock::new(),
            telemetry: Arc::clone(telemetry),
        });
        let mut reader = Reader::new(Arc::clone(&outbox), keys, link(), Arc::clone(membership));
        let settler = Arc::clone(&outbox);
        let threads = [
            Thread::spawn("wh-outbox", Arc::clone(telemetry), move || reader.run())?,
            Thread::spawn("wh-settler", Arc::clone(telemetry), move || settler.settle_until_stopped())?,
        ];
        // Nobody else sets it.
        let _ = outbox.threads.set(threads);
        Ok(outbox)
    }

    /// Lets `waker` be called whenever there is something to take.
    pub(crate) fn on_news(&self, waker: Waker) {
        // The first one stays.
        let _ = self.waker.set(waker);
    }

    /// Ends the threads, after a last attempt to write down what has been passed. `false` when one still runs at
    /// `deadline`.
    pub(crate) fn stop(&self, deadline: Instant) -> bool {
        self.passages.stop();
        self.threads.get().is_none_or(|threads| threads.iter().all(|thread| thread.wait_until(deadline)))
    }

    /// Where those of the events stand that Redis has.
    ///
    /// # Errors
    /// When another node has some of them.
    fn live(&self, events: &[Arc<Queued>]) -> Result<Vec<Position>, NotKept> {
        let positions = events.iter().map(|event| event.position);
        self.tenures.lock().live(positions).map_err(NotKept::Fenced)
    }

    /// Hands something to the lanes.
    fn hand_over(&self, handover: Handover) {
        let news = !(handover.revoked.is_empty() && handover.flights.is_empty() && handover.events.is_empty());
        if news {
            let mut inbox = self.inbox.lock();
            if !handover.revoked.is_empty() {
                let revoked = |event: &Queued| handover.revoked.contains(&event.position.tenure);
                inbox.events.retain(|event| !revoked(event));
            }
            inbox.revoked.extend(handover.revoked);
            inbox.flights.extend(handover.flights);
            inbox.events.extend(handover.events);
            drop(inbox);
            self.wake();
        }
    }

    fn stopped(&self) -> bool {
        self.passages.stopped()
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker();
        }
    }
}

impl Outbox for RedisOutbox {
    fn take(&self) -> Handover {
        std::mem::take(&mut self.inbox.lock())
    }

    fn max_events(&self) -> usize {
        self.options.max_events
    }

    fn routed(&self, event: &Queued, lanes: &[LaneId]) {
        self.tenures.lock().routed(event.position, u32::try_from(lanes.len()).unwrap_or(u32::MAX));
    }

    fn keep(&self, lane: &LaneId, id: &str, body: &[u8], events: &[Arc<Queued>]) -> Result<(), NotKept> {
        let live = self.live(events)?;
        if live.is_empty() || redelivery_of(events).is_some() {
            // Redis knows nothing of these events any more, so that nobody else could inherit them; or a successor has the
            // same from the dead letter.
            return Ok(());
        }
        let last = last_places(live.iter().copied());
        let batch = Kept::new(id, body, live.into_iter()).write();
        self.keep_with_others(Frozen { lane: lane_field(lane), batch, last })
    }

    fn confirm(&self, events: &[Arc<Queued>]) -> Result<(), NotKept> {
        self.live(events).map(drop)
    }

    fn letter(&self, letter: &LetterId) -> Result<Option<Vec<u8>>, NotKept> {
        self.store.lock().letter(letter)
    }

    fn passed(&self, passed: Passed<'_>) {
        let events = passed.events;
        self.passages.add(passed, self.origin());
        // Settled only now: what is removed from a stream has been written down before, its dead letter above all.
        let mut tenures = self.tenures.lock();
        for event in events {
            tenures.passed(event.position);
        }
    }

    fn catch_up(&self, deadline: Instant) -> bool {
        let mut state = self.rounds.state.lock();
        let begun = state.begun;
        state.awaited += 1;
        self.rounds.changed.wait_while_until(&mut state, |state| state.empty <= begun, deadline);
        state.awaited -= 1;
        // One that only had no time to look has not failed to read.
        let caught_up = state.empty > begun || !state.unanswered;
        drop(state);
        // A node that has no part in the outbox leaves nothing in it.
        caught_up || self.tenures.lock().held().is_empty()
    }

    fn write_out(&self, deadline: Instant) {
        self.passages.wait_until_written(deadline);
    }

    fn origin(&self) -> u64 {
        self.origin.load(Ordering::Relaxed)
    }

    fn queued(&self) -> usize {
        self.tenures.lock().outstanding()
    }
}

impl std::fmt::Debug for RedisOutbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisOutbox").field("options", &self.options).finish_non_exhaustive()
    }
}
