//! The engine: everything between a hook and a POST, and the life of its threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fmt, io};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use parking_lot::{Mutex, RwLock};

use crate::apps::{AppDirectory, Credentials};
use crate::config::{Config, OutboxKind};
use crate::delivery::Delivery;
use crate::intent::{Intent, IntentQueue, Packed};
use crate::names::{AppId, ChannelName, NodeId, SocketId};
use crate::outbox::redis::{PARTITIONS, RedisOutbox};
use crate::outbox::{MemoryOutbox, Outbox};
use crate::presence::{Claimer, Cluster, Intake, Keys, SharedLedger, Sink, Standing, StopFlag};
use crate::process::{fork_generation, watch_forks};
use crate::redis::{self, Link};
use crate::telemetry::{Level, Outcome, Telemetry};
use crate::thread::Thread;

/// Claims, and as many client events, that wait for an unreachable Redis: about 100 MB of each at the worst. Beyond it
/// client events are refused, and claims that cancel each other out are given up.
const PENDING_LIMIT: usize = 1 << 20;

/// The share of `shutdown_timeout` that flushes may use up before the end: a hanging endpoint must not eat the time in
/// which the last departures reach Redis.
const FLUSH_SHARE: f64 = 0.9;

/// How soon a queue without room is tried again at the end.
const FULL_QUEUE_RETRY: Duration = Duration::from_millis(1);

/// Webhooks for one Resonate process.
///
/// Hooks call it from the event loop; none of its methods waits, but [`Self::flush`] and [`Self::stop`]. In a forked child
/// it is inert: its threads stayed with the parent.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    /// The process that booted it.
    generation: AtomicU32,
    telemetry: Arc<Telemetry>,
    apps: Arc<AppDirectory>,
    /// The ids handed over by hooks, so that each is allocated once.
    app_ids: RwLock<HashMap<Box<[u8]>, AppId>>,
    queue: Arc<IntentQueue>,
    ledger: Arc<SharedLedger>,
    booted: AtomicBool,
    /// What flushes have left of `shutdown_timeout`: the end of the process is bounded as a whole.
    time_to_flush: Mutex<Duration>,
    threads: Mutex<Threads>,
}

/// What runs, or is still to be started.
#[derive(Debug)]
enum Threads {
    Unstarted { intents: Receiver<Intent> },
    Running(Running),
    Stopped,
}

#[derive(Debug)]
struct Running {
    stop_claimer: Arc<StopFlag>,
    intake: Thread,
    claimer: Thread,
    delivery: Arc<Delivery>,
    outbox: Option<Arc<RedisOutbox>>,
}

impl Engine {
    /// An engine at rest: no thread, no connection.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let (queue, intents) = IntentQueue::new(config.queue_size);
        Self {
            generation: AtomicU32::new(fork_generation()),
            telemetry: Arc::default(),
            apps: Arc::default(),
            app_ids: RwLock::default(),
            queue: Arc::new(queue),
            ledger: Arc::new(SharedLedger::new(PENDING_LIMIT, config.outbox == OutboxKind::Redis)),
            booted: AtomicBool::new(false),
            time_to_flush: Mutex::new(config.shutdown_timeout),
            threads: Mutex::new(Threads::Unstarted { intents }),
            config,
        }
    }

    /// Starts the threads; once. An unreachable Redis is not an error here: it is waited for in the background.
    ///
    /// # Errors
    /// When the operating system refuses a thread, or the Redis connection cannot be built from its settings.
    pub fn boot(&self) -> io::Result<()> {
        watch_forks();
        let mut threads = self.threads.lock();
        let Threads::Unstarted { intents } = &*threads else { return Ok(()) };
        for warning in &self.config.warnings {
            self.telemetry.log(Level::Warning, warning);
        }
        let running = self.start(intents.clone())?;
        *threads = Threads::Running(running);
        self.generation.store(fork_generation(), Ordering::Relaxed);
        self.booted.store(true, Ordering::Release);
        Ok(())
    }

    fn start(&self, intents: Receiver<Intent>) -> io::Result<Running> {
        let config = &self.config;
        let telemetry = &self.telemetry;
        let settings = redis::Settings::new(config.connection.clone()).map_err(io::Error::other)?;
        let standing = Arc::new(Standing::default());
        let outbox = match config.outbox {
            OutboxKind::Redis => Some(RedisOutbox::start(config.into(), &settings, &standing, telemetry)?),
            OutboxKind::Memory => None,
        };
        let delivery = self.start_delivery(outbox.as_ref())?;
        let stop_claimer = Arc::new(StopFlag::default());
        let partitions = if outbox.is_some() { PARTITIONS } else { 0 };
        let cluster = Cluster {
            link: Link::new(settings, Arc::clone(telemetry)),
            keys: Keys::new(&config.key_prefix, config.ttl, partitions),
            standing,
            next_incarnation: Box::new(|| {
                NodeId::new(&gethostname::gethostname().to_string_lossy(), std::process::id(), rand::random())
            }),
        };
        let sink = if outbox.is_some() {
            Sink::Redis
        } else {
            let delivery = Arc::clone(&delivery);
            Sink::Memory(Arc::new(move |events| delivery.accept(events)))
        };
        let (ledger, stop) = (Arc::clone(&self.ledger), Arc::clone(&stop_claimer));
        let mut claimer = Claimer::new(ledger, cluster, sink, stop, Arc::clone(telemetry));
        let mut intake = Intake::new(Arc::clone(&self.queue), intents, Arc::clone(&self.ledger), Arc::clone(telemetry));
        Ok(Running {
            stop_claimer,
            intake: Thread::spawn("wh-intake", Arc::clone(telemetry), move || intake.run())?,
            claimer: Thread::spawn("wh-claimer", Arc::clone(telemetry), move || claimer.run())?,
            delivery,
            outbox,
        })
    }

    fn start_delivery(&self, outbox: Option<&Arc<RedisOutbox>>) -> io::Result<Arc<Delivery>> {
        let config = &self.config;
        let events: Arc<dyn Outbox> = match outbox {
            Some(outbox) => Arc::clone(outbox) as _,
            None => Arc::new(MemoryOutbox::new(config.outbox_max_events)),
        };
        let delivery = Arc::new(Delivery::start_with(
            events,
            config.into(),
            config.endpoints.clone(),
            Arc::clone(&self.apps),
            Arc::clone(&self.telemetry),
        )?);
        if let Some(outbox) = outbox {
            let delivery = Arc::clone(&delivery);
            outbox.on_news(Box::new(move || delivery.wake()));
        }
        Ok(delivery)
    }

    /// Takes an application's credentials, at first sight and when they change.
    ///
    /// Before the boot too: the first events to send may be those of a node that died.
    pub fn register_app(&self, app: &[u8], key: &str, secret: &str) {
        if self.is_inherited() {
            return;
        }
        let credentials = Credentials { key: key.to_owned(), secret: crate::secret::Secret::new(secret) };
        self.apps.register(self.app_id(app), credentials);
    }

    /// A socket subscribed to a channel; `user` on presence channels.
    pub fn subscribed(&self, app: &[u8], channel: &[u8], socket: &[u8], user: Option<&[u8]>) {
        self.push(|| Intent::Subscribed(self.app_id(app), Packed::new([channel, socket, user.unwrap_or_default()])));
    }

    /// A socket left a channel.
    pub fn unsubscribed(&self, app: &[u8], channel: &[u8], socket: &[u8]) {
        self.push(|| Intent::Unsubscribed(self.app_id(app), Packed::new([channel, socket])));
    }

    /// A socket is gone, and with it all its subscriptions.
    pub fn closed(&self, app: &[u8], socket: &[u8]) {
        self.push(|| Intent::Closed(self.app_id(app), SocketId::new(socket)));
    }

    /// A socket sent a client event that Resonate relays.
    pub fn client_event(&self, app: &[u8], whisper: &Whisper<'_>) {
        self.push(|| Intent::ClientEvent {
            app: self.app_id(app),
            text: Packed::new([
                whisper.channel,
                whisper.event,
                whisper.socket,
                whisper.user.unwrap_or_default(),
                whisper.data.unwrap_or_default(),
            ]),
            has_data: whisper.data.is_some(),
        });
    }

    /// The live connections of a channel, `(socket, user)` with an empty user for none: what the hooks missed is made up
    /// for, both ways.
    pub fn reconcile<'a>(&self, app: &[u8], channel: &[u8], live: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
        self.push(|| {
            let live = live.map(|(socket, user)| Packed::new([socket, user])).collect();
            Intent::Truth(self.app_id(app), ChannelName::new(channel), live)
        });
    }

    /// The channels whose live connections are asked for, because their intents did not fit into the queue.
    #[must_use]
    pub fn dirty_channels(&self) -> Vec<(AppId, ChannelName)> {
        if self.is_inert() { Vec::new() } else { self.queue.take_dirty() }
    }

    /// Up to `limit` channels with a local socket from `cursor` on, and the next cursor, 0 at the end. Channels that come
    /// or go between two calls may be missed or seen twice; the next round finds them. Never waits: while the ledger is
    /// busy it returns `cursor` and nothing.
    #[must_use]
    pub fn channels(&self, cursor: usize, limit: usize) -> (usize, Vec<(AppId, ChannelName)>) {
        if self.is_inert() {
            return (0, Vec::new());
        }
        let Some(ledger) = self.ledger.try_lock() else { return (cursor, Vec::new()) };
        let channels: Vec<_> =
            ledger.table.channels().skip(cursor).take(limit).map(|(app, name)| (app.clone(), name.clone())).collect();
        let next = if channels.len() < limit { 0 } else { cursor + limit };
        (next, channels)
    }

    /// Takes up to `max` outcomes, oldest first.
    #[must_use]
    pub fn poll(&self, max: usize) -> Vec<Outcome> {
        if self.is_inherited() { Vec::new() } else { self.telemetry.outcomes().take(max) }
    }

    /// Counters, then gauges: what waits in the queue, behind Redis, and in the outbox.
    #[must_use]
    pub fn stats(&self) -> Vec<(&'static str, u64)> {
        let mut stats = self.telemetry.counters().snapshot();
        let gauges = if self.is_inert() { Gauges::default() } else { self.gauges() };
        let gauges = [
            ("queued_intents", gauges.queued_intents),
            ("channels", gauges.channels),
            ("sockets", gauges.sockets),
            ("unclaimed", gauges.unclaimed),
            ("queued_events", gauges.queued_events),
        ];
        stats.extend(gauges.map(|(name, value)| (name, value as u64)));
        stats
    }

    fn gauges(&self) -> Gauges {
        let queued_events = match &*self.threads.lock() {
            Threads::Running(running) => running.delivery.queued(),
            Threads::Unstarted { .. } | Threads::Stopped => 0,
        };
        let ledger = self.ledger.lock();
        let (channels, sockets) = ledger.table.size();
        let unclaimed = ledger.pending.unanswered_claims();
        Gauges { queued_intents: self.queue.len(), channels, sockets, unclaimed, queued_events }
    }

    /// Sends on everything that was handed over before this call, for at most `time`. Hooks go on working. Returns what was
    /// left.
    ///
    /// All flushes together take no longer than `shutdown_timeout`, and a part of it is kept for [`Self::end`].
    pub fn flush(&self, time: Duration) -> Left {
        if self.is_inert() {
            return Left::default();
        }
        let began = Instant::now();
        let mut time_to_flush = self.time_to_flush.lock();
        let kept_for_end = self.config.shutdown_timeout.mul_f64(1.0 - FLUSH_SHARE);
        let deadline = began + time.min(time_to_flush.saturating_sub(kept_for_end));
        let left = match &*self.threads.lock() {
            Threads::Running(running) => {
                let intents = self.take_in(deadline);
                self.send_on(running, intents, deadline)
            }
            Threads::Unstarted { .. } | Threads::Stopped => Left::default(),
        };
        *time_to_flush = time_to_flush.saturating_sub(began.elapsed());
        left
    }

    /// Waits until every intent pushed before this call is in the ledger. Returns how many are not.
    fn take_in(&self, deadline: Instant) -> usize {
        while Instant::now() < deadline {
            let (reply, taken_in) = bounded(1);
            self.queue.push(Intent::Barrier(reply), self.telemetry.counters());
            match taken_in.recv_deadline(deadline) {
                Ok(()) => return 0,
                // The barrier itself is in the queue.
                Err(RecvTimeoutError::Timeout) => return self.queue.len().saturating_sub(1),
                // It found the queue full, and was dropped.
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(FULL_QUEUE_RETRY),
            }
        }
        self.queue.len()
    }

    /// Has what was taken in judged, and delivers it.
    fn send_on(&self, running: &Running, intents: usize, deadline: Instant) -> Left {
        self.ledger.wait_until(deadline, |ledger| ledger.pending.is_empty());
        let events = running.delivery.flush(deadline).total();
        let claims = self.ledger.lock().pending.unanswered_claims();
        Left { intents, claims, events, kept: running.outbox.is_some() }
    }

    /// The process ends, and every socket with it: the engine takes no more intents, lets go of all that it holds, sends
    /// on what waits until its `shutdown_timeout` is over, and stops its threads within `grace` more. Returns what was left.
    pub fn end(&self, grace: Duration) -> Left {
        if self.is_inert() {
            return Left::default();
        }
        let deadline = Instant::now() + *self.time_to_flush.lock();
        self.booted.store(false, Ordering::Release);
        let left = match &*self.threads.lock() {
            Threads::Running(running) => {
                let intents = self.take_in(deadline);
                self.let_go();
                self.send_on(running, intents, deadline)
            }
            Threads::Unstarted { .. } | Threads::Stopped => Left::default(),
        };
        self.stop(Instant::now() + grace);
        left
    }

    fn let_go(&self) {
        let mut ledger = self.ledger.lock();
        let mut claims = Vec::new();
        ledger.table.close_all(&mut claims);
        ledger.pending.push_claims(claims);
        drop(ledger);
        self.ledger.notify();
    }

    /// Stops the threads without waiting for what is under way. A thread that has not ended by `deadline` is left behind.
    /// Returns whether all have ended.
    pub fn stop(&self, deadline: Instant) -> bool {
        if self.is_inherited() {
            return true;
        }
        self.booted.store(false, Ordering::Release);
        let Threads::Running(running) = std::mem::replace(&mut *self.threads.lock(), Threads::Stopped) else {
            return true;
        };
        self.queue.push(Intent::Stop, self.telemetry.counters());
        // In the order of an event's way back, so that each can still write down what the one before it has done: the
        // outbox needs the node's place in the cluster, which the claimer gives up.
        let now = Instant::now();
        let time = deadline.saturating_duration_since(now);
        let delivery_ended = running.delivery.stop(now + time / 3);
        let outbox_ended = running.outbox.is_none_or(|outbox| outbox.stop(now + time * 2 / 3));
        running.stop_claimer.raise();
        self.ledger.notify();
        running.claimer.wait_until(deadline) && running.intake.wait_until(deadline) && delivery_ended && outbox_ended
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Before the first boot, after the end, and in a forked child.
    pub(crate) fn is_inert(&self) -> bool {
        !self.booted.load(Ordering::Acquire) || self.is_inherited()
    }

    /// Whether it was booted before a fork, by the parent of this process.
    fn is_inherited(&self) -> bool {
        self.generation.load(Ordering::Relaxed) != fork_generation()
    }

    fn push(&self, intent: impl FnOnce() -> Intent) {
        if !self.is_inert() {
            self.queue.push(intent(), self.telemetry.counters());
        }
    }

    fn app_id(&self, app: &[u8]) -> AppId {
        if let Some(known) = self.app_ids.read().get(app) {
            return known.clone();
        }
        self.app_ids.write().entry(Box::from(app)).or_insert_with(|| AppId::new(app)).clone()
    }
}

/// What waits, and what is there.
#[derive(Clone, Copy, Debug, Default)]
struct Gauges {
    queued_intents: usize,
    channels: usize,
    sockets: usize,
    unclaimed: usize,
    queued_events: usize,
}

/// A client event, as the hook saw it.
#[derive(Clone, Copy, Debug)]
pub struct Whisper<'a> {
    /// The channel.
    pub channel: &'a [u8],
    /// The event's name, starting with `client-`.
    pub event: &'a [u8],
    /// Its data as a JSON string, if the client sent any.
    pub data: Option<&'a [u8]>,
    /// The sender.
    pub socket: &'a [u8],
    /// The sender's presence user, if any.
    pub user: Option<&'a [u8]>,
}

/// What a flush could not send on in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Intents not taken in.
    pub intents: usize,
    /// Claims that Redis has not judged.
    pub claims: usize,
    /// Events that an endpoint has not answered.
    pub events: usize,
    /// Whether those events outlive the process.
    pub kept: bool,
}

impl Left {
    /// Whether everything was sent on.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.intents == 0 && self.claims == 0 && self.events == 0
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { intents, claims, events, kept } = self;
        let fate = match (events, kept) {
            (0, _) => "",
            (_, true) => " (safe in Redis)",
            (_, false) => " (lost)",
        };
        write!(f, "{events} events undelivered{fate}, {claims} claims undecided, {intents} intents not taken in")
    }
}
