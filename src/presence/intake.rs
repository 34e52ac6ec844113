//! The intake thread: takes intents from the queue and applies them to the node state.

use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::{CacheSeen, EventContent, OrderedEvent};
use super::claim::Claim;
use super::intent::{Intent, IntentQueue, Packed};
use super::node_state::NodeState;
use super::node_states::{LockedShard, NodeStates};
use super::table::non_empty;
use crate::config::IgnoredChannels;
use crate::event::{AppId, ChannelName, ClientEvent, ClientEventParts, ClientMessage, CustomEvent, SocketId};
use crate::sync::{Receiver, Sender, sleep, wait_for_message};
use crate::telemetry::{PacedCount, Telemetry};

/// Most intents per portion.
const PORTION: usize = 1024;

/// Intents applied before the lock on the node state is offered to the claimer, about 25 µs of work. While the claimer
/// waits for the lock, Redis has nothing to do.
const TURN: usize = 16;

/// Pause between two reads of the queue under traffic. A hook has to wake a reader that blocks on the queue, which costs
/// the event loop a system call. A reader that sleeps for a fixed time needs no wake-up.
const NAP: Duration = Duration::from_millis(1);

/// Naps without an intent before the reader blocks on the queue. In a model every number is as good, and fewer are shorter.
const QUIET_NAPS: u32 = if cfg!(all(test, feature = "models")) { 1 } else { 50 };

/// State of the intake thread.
#[derive(Debug)]
pub(crate) struct Intake {
    queue: Arc<IntentQueue>,
    intents: Receiver<Intent>,
    node_states: Arc<NodeStates>,
    telemetry: Arc<Telemetry>,
    portion: Vec<Intent>,
    claims: Vec<Claim>,
    barriers: Vec<Sender<()>>,
    /// Events of the application that did not fit into the pending queue.
    dropped: PacedCount,
    pub(crate) ignored: IgnoredChannels,
}

/// Result of applying intents: the thread continues or stops.
#[derive(PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    Stop,
}

impl Intake {
    /// Returns an intake that reads `queue` through its receiver `intents` and writes to `node_states`.
    pub(crate) fn new(
        queue: Arc<IntentQueue>,
        intents: Receiver<Intent>,
        node_states: Arc<NodeStates>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let (portion, claims, barriers) = (Vec::new(), Vec::new(), Vec::new());
        let (dropped, ignored) = (PacedCount::default(), IgnoredChannels::default());
        Self { queue, intents, node_states, telemetry, portion, claims, barriers, dropped, ignored }
    }

    /// Runs until it reads an [`Intent::Stop`].
    pub(crate) fn run(&mut self) {
        // Intents that were taken before a panic are lost. They no longer count as waiting.
        self.queue.entered();
        while let Some(first) = self.await_intent() {
            let mut waiting = Some(first);
            let mut quiet = 0;
            while quiet < QUIET_NAPS {
                let (taken, next) = self.take_portion(waiting.take());
                if next == Next::Stop {
                    return;
                }
                if taken < PORTION {
                    sleep(NAP);
                }
                quiet = if taken == 0 { quiet + 1 } else { 0 };
            }
        }
    }

    /// Waits for an intent and takes it. `recv` would remove the intent from the queue before it is counted as taken.
    fn await_intent(&self) -> Option<Intent> {
        wait_for_message(&self.intents);
        self.queue.take(&self.intents)
    }

    /// Applies up to one portion of intents, `first` before those in the queue. Returns how many it took.
    pub(super) fn take_portion(&mut self, first: Option<Intent>) -> (usize, Next) {
        let mut portion = std::mem::take(&mut self.portion);
        let next = iter::from_fn(|| self.queue.take(&self.intents));
        let intents = first.into_iter().chain(next.take(PORTION));
        let mut taken = 0;
        // Messages are parsed before the lock is taken: a long message takes long to parse.
        portion.extend(intents.inspect(|_| taken += 1).filter_map(|intent| self.read(intent)));
        portion.extend(self.queue.take_late().into_iter().inspect(|_| taken += 1));
        let next = self.enter_all(&mut portion);
        self.portion = portion;
        for barrier in self.barriers.drain(..) {
            // The waiting thread may have timed out.
            let _ = barrier.try_send(());
        }
        self.telemetry.counters.intents.add(taken as u64);
        self.queue.entered();
        (taken, next)
    }

    /// Applies up to one portion of waiting intents, for benchmarks. Returns how many it took.
    #[cfg(feature = "bench")]
    pub(crate) fn take_in(&mut self) -> usize {
        self.take_portion(None).0
    }

    fn enter_all(&mut self, portion: &mut Vec<Intent>) -> Next {
        if portion.is_empty() {
            return Next::Continue;
        }
        let shared = Arc::clone(&self.node_states);
        let first = portion.first().map(|intent| shared.shard_of_intent(intent)).unwrap_or_default();
        let mut locked = shared.lock(first);
        for (n, intent) in portion.drain(..).enumerate() {
            if n % TURN == TURN - 1 {
                locked.yield_to_claimer();
            }
            match intent {
                Intent::Stop => return Next::Stop,
                Intent::Closed(app, socket) if shared.are_several() => locked = self.close(locked, &app, &socket),
                intent => {
                    locked = locked.move_to(shared.shard_of_intent(&intent));
                    self.enter(&mut locked.state, intent);
                    locked.record_sockets();
                }
            }
        }
        locked.unlock();
        Next::Continue
    }

    /// Closes a socket in every shard that has a channel of it.
    fn close<'a>(&mut self, mut locked: LockedShard<'a>, app: &AppId, socket: &SocketId) -> LockedShard<'a> {
        for shard in self.node_states.shards_of_socket(app, socket) {
            locked = locked.move_to(shard);
            self.enter(&mut locked.state, Intent::Closed(app.clone(), socket.clone()));
            locked.record_sockets();
        }
        locked
    }

    fn enter(&mut self, node_state: &mut NodeState, intent: Intent) {
        let claims = &mut self.claims;
        match intent {
            Intent::Opened(app, socket) => node_state.table.open(&app, &socket, claims),
            Intent::Subscribed(app, text) => {
                let [channel, socket, user, data] = text.parts();
                node_state.table.subscribe(&app, channel, socket, non_empty(user), non_empty(data), claims);
            }
            Intent::Unsubscribed(app, text) => {
                let [channel, socket] = text.parts();
                node_state.table.unsubscribe(&app, channel, socket, claims);
            }
            Intent::Closed(app, socket) => node_state.table.close(&app, socket.as_bytes(), claims),
            Intent::Live(app, channel, live) => {
                let repairs = node_state.table.reconcile(&app, channel.as_bytes(), &parts(&live), claims);
                self.repaired(repairs);
            }
            Intent::Present(app, channel, live) => {
                let repairs = node_state.table.present(&app, channel.as_bytes(), &parts(&live), claims);
                self.repaired(repairs);
            }
            Intent::Absent(app, channel, sockets) => {
                let sockets = sockets.iter().map(SocketId::as_bytes);
                let repairs = node_state.table.absent(&app, channel.as_bytes(), sockets, claims);
                self.repaired(repairs);
            }
            // `read` has turned messages into client events, `take_portion` adds the late intents, and `enter_all` stops.
            Intent::Message(..) | Intent::Late | Intent::Stop => {}
            Intent::ClientEvent(app, channel, event) => self.client_event(node_state, app, &channel, event),
            Intent::Custom(app, channel, event) => self.announce(node_state, app, channel, event),
            Intent::CacheSeen { app, channel, empty } => cache_seen(node_state, app, channel.as_bytes(), empty),
            Intent::Barrier(reply) => self.barriers.push(reply),
        }
        self.claim(node_state);
    }

    fn repaired(&self, sockets: usize) {
        self.telemetry.counters.reconcile_repairs.add(sockets as u64);
    }

    /// Moves the claims of the applied intent to the pending queue.
    fn claim(&mut self, node_state: &mut NodeState) {
        if !self.claims.is_empty() {
            let coalesced = node_state.pending.push_claims(self.claims.drain(..));
            self.telemetry.counters.claims_coalesced.add(coalesced as u64);
        }
    }

    /// Parses client messages and passes other intents on. Returns `None` for an intent about an ignored channel, for a
    /// message that is no client event, and for one that names another channel than the host found its sender on.
    fn read(&self, intent: Intent) -> Option<Intent> {
        if intent.channel().is_some_and(|channel| self.ignored.contain(channel)) {
            return None;
        }
        let Intent::Message(app, text) = intent else { return Some(intent) };
        let [channel, socket, user, message] = text.parts();
        let Some(read) = ClientMessage::read(message).filter(|read| read.channel.as_bytes() == channel) else {
            self.telemetry.counters.client_events_refused.add(1);
            return None;
        };
        let (event, data) = (read.event.as_bytes(), read.data.as_ref().map(|data| data.as_bytes()));
        let event = ClientEvent::new(&ClientEventParts { event, socket, user: non_empty(user), data });
        Some(Intent::ClientEvent(app, ChannelName::new(channel), event))
    }

    fn client_event(&mut self, node_state: &mut NodeState, app: AppId, channel: &ChannelName, event: ClientEvent) {
        let ClientEventParts { socket, user, .. } = event.parts();
        if node_state.table.subscription(&app, channel.as_bytes(), socket).is_none() {
            // The host found the sender on the channel, so its subscription was missed: before the boot, or by a full queue.
            node_state.table.subscribe(&app, channel.as_bytes(), socket, user, None, &mut self.claims);
            self.repaired(1);
            self.claim(node_state);
        }
        let channel = node_state.table.subscription(&app, channel.as_bytes(), socket).unwrap_or(channel).clone();
        let event = OrderedEvent { app, channel, content: EventContent::ByClient(event) };
        if !node_state.pending.push_event(event) {
            self.telemetry.counters.client_events_dropped.add(1);
        }
    }

    fn announce(&mut self, node_state: &mut NodeState, app: AppId, channel: ChannelName, event: CustomEvent) {
        let event = OrderedEvent { app, channel, content: EventContent::ByApplication(event) };
        if node_state.pending.push_event(event) {
            return;
        }
        self.telemetry.counters.custom_events_dropped.add(1);
        if let Some(dropped) = self.dropped.add(1, Instant::now()) {
            self.telemetry
                .log_error(format_args!("Dropped {dropped} application events: too many events are waiting for Redis"));
        }
    }
}

fn parts(live: &[Packed<2>]) -> Vec<[&[u8]; 2]> {
    live.iter().map(Packed::parts).collect()
}

/// Queues an observation of a cache channel, if it differs from the one before.
fn cache_seen(node_state: &mut NodeState, app: AppId, channel: &[u8], empty: bool) {
    let changed = if empty {
        node_state.table.found_empty(&app, channel, Instant::now())
    } else {
        node_state.table.found_filled(&app, channel)
    };
    if let Some(channel) = changed {
        // If the queue is full, the next subscriber reports the channel.
        node_state.pending.push_cache(CacheSeen { app, channel, empty });
    }
}

#[cfg(all(test, feature = "models"))]
#[path = "intake_models.rs"]
mod models;

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
