//! The engine: everything between a hook and a POST, and the life of its threads.

#[cfg(feature = "bench")]
pub mod bench;
mod demand;
mod endpoints;
mod flush_report;
mod hooks;
#[cfg(all(test, feature = "models"))]
mod models;
mod node_state;
mod reconcile;
pub mod registry;
mod reporter;
mod root;
mod running;
#[cfg(feature = "bench")]
mod threadless;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;
use foldhash::HashMap;
use parking_lot::RwLock;

use crate::config::{Config, Endpoint};
use crate::delivery::{AppRegistry, Credentials};
use crate::event::AppId;
use crate::presence::{Intent, IntentQueue};
use crate::process::{fork_generation, watch_forks};
use crate::secret::Secret;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::sync::{Mutex, Receiver, bounded, sleep};
use crate::telemetry::Outcome;

pub use crate::outbox::SendError;
use demand::Demands;
pub use flush_report::FlushReport;
pub use hooks::RelayedMessage;
pub use reconcile::Page;
use root::Root;
use running::{Running, Shared, gauges};

/// The share of `shutdown_timeout` that flushes may use before the end. The rest is reserved for sending the last
/// departures to Redis, even if an endpoint hangs.
const FLUSH_SHARE: f64 = 0.9;

/// The wait before a barrier is pushed again to a full queue.
const FULL_QUEUE_RETRY: Duration = Duration::from_millis(1);

/// Webhooks for one host process.
///
/// Hooks call it from the event loop, and the methods for hooks never block. [`Self::flush`], [`Self::end`] and
/// [`Self::stop`] do. In a forked child the engine is inert, because its threads exist only in the parent.
#[derive(Debug)]
pub struct Engine {
    /// The configuration, without its endpoints.
    config: Config,
    demands: Demands,
    /// The fork generation in which the engine was booted.
    generation: AtomicU32,
    shared: Shared,
    /// Interned application ids, so that each is allocated once.
    app_ids: RwLock<HashMap<Box<[u8]>, AppId>>,
    /// The current endpoints.
    endpoints: Mutex<Vec<Endpoint>>,
    booted: AtomicBool,
    /// The remaining part of `shutdown_timeout`. All flushes share it, so the total time is bounded.
    time_to_flush: Mutex<Duration>,
    threads: Mutex<Threads>,
}

/// The state of the threads.
#[derive(Debug)]
enum Threads {
    Unstarted { intents: Receiver<Intent> },
    Running(Root),
    Stopped,
}

impl Engine {
    /// Creates an engine without threads and connections.
    #[must_use]
    pub fn new(mut config: Config) -> Self {
        let (queue, intents) = IntentQueue::new(config.queue_size);
        let demands = Demands::of(&config.endpoints);
        let node_states = node_state::node_states(&config, &demands);
        Self {
            demands,
            endpoints: Mutex::new(std::mem::take(&mut config.endpoints)),
            generation: AtomicU32::new(fork_generation()),
            shared: Shared {
                telemetry: Arc::default(),
                apps: Arc::new(AppRegistry::with_previous(config.previous_secrets.clone())),
                queue: Arc::new(queue),
                node_states: Arc::new(node_states),
            },
            app_ids: RwLock::default(),
            booted: AtomicBool::new(false),
            time_to_flush: Mutex::new(config.shutdown_timeout),
            threads: Mutex::new(Threads::Unstarted { intents }),
            config,
        }
    }

    /// Starts the threads on the first call. An unreachable Redis is not an error: the threads keep trying to connect.
    ///
    /// # Errors
    /// If the operating system refuses a thread, or the settings of the Redis connection are invalid.
    pub fn boot(&self) -> io::Result<()> {
        watch_forks();
        // Before the threads are locked, as in `set_endpoints`.
        let endpoints = self.endpoints.lock().clone();
        let mut threads = self.threads.lock();
        let Threads::Unstarted { intents } = &*threads else { return Ok(()) };
        for warning in &self.config.warnings {
            self.shared.telemetry.log_warning(warning);
        }
        let config = Config { endpoints, ..self.config.clone() };
        let (shared, intents) = (self.shared.clone(), intents.clone());
        *threads =
            Threads::Running(Root::start(&self.shared.telemetry, move || Running::start(&config, &shared, intents))?);
        self.generation.store(fork_generation(), Ordering::Relaxed);
        self.booted.store(true, Ordering::Release);
        Ok(())
    }

    /// Registers or updates the credentials of an application.
    ///
    /// Also works before the boot, because the first events to send may belong to a dead node.
    pub fn register_app(&self, app: &[u8], key: impl AsRef<[u8]>, secret: impl AsRef<[u8]>) {
        if self.is_inherited() {
            return;
        }
        let app = self.app_id(app);
        // Log instead of returning an error: the trace of a PHP exception would show the secret.
        let (Ok(key), Ok(secret)) = (str::from_utf8(key.as_ref()), str::from_utf8(secret.as_ref())) else {
            let message =
                format_args!("Key or secret of application {app:?} is not valid UTF-8: its webhooks cannot be signed");
            return self.shared.telemetry.log_error(message);
        };
        let credentials = Credentials { key: key.to_owned(), secret: Secret::new(secret) };
        self.shared.apps.register(app, credentials);
    }

    /// Takes the applications that have events but no known secret. The caller looks them up in the host.
    #[must_use]
    pub fn wanted_apps(&self) -> Vec<AppId> {
        if self.is_inert() { Vec::new() } else { self.shared.apps.take_requested(Instant::now()) }
    }

    /// Takes up to `max` outcomes, oldest first.
    #[must_use]
    pub fn poll(&self, max: usize) -> Vec<Outcome> {
        if self.is_inherited() { Vec::new() } else { self.shared.telemetry.outcomes.take(max) }
    }

    /// Returns the counters, the failed requests to Redis by reason, and the gauges.
    #[must_use]
    pub fn stats(&self) -> Vec<(&'static str, u64)> {
        // Before the gauges: an intent that is counted and leaves no pending claim is decided.
        let mut stats = self.shared.telemetry.counters.snapshot();
        stats.extend(self.shared.telemetry.redis_failures().map(|(fault, count, _)| (fault.into(), count)));
        stats.extend(self.gauges().map(|(name, value)| (name, value as u64)));
        stats
    }

    /// Returns the number of claims in each shard that Redis has not decided yet.
    #[must_use]
    pub fn undecided_claims(&self) -> Vec<usize> {
        self.shared.node_states.undecided_claims()
    }

    /// Returns the gauges. All are 0 while the engine is inert.
    fn gauges(&self) -> [(&'static str, usize); 6] {
        if self.is_inert() {
            return gauges([0; 6]);
        }
        let queued = |root: &Root| root.with(Some(Instant::now()), |running| running.delivery.queued());
        self.shared.gauges(|| self.with_root(queued).unwrap_or_default())
    }

    /// Calls `work` if the threads run.
    fn with_root<T: Default>(&self, work: impl FnOnce(&Root) -> T) -> T {
        if let Threads::Running(root) = &*self.threads.lock() { work(root) } else { T::default() }
    }

    /// Delivers everything that hooks pushed before this call, for at most `time`. Hooks continue to work meanwhile.
    /// Returns the remaining work.
    ///
    /// All flushes together take at most `shutdown_timeout`, of which a part is reserved for [`Self::end`].
    pub fn flush(&self, time: Duration) -> FlushReport {
        if self.is_inert() {
            return FlushReport::default();
        }
        let began = Instant::now();
        let mut time_to_flush = self.time_to_flush.lock();
        let reserved = self.config.shutdown_timeout.mul_f64(1.0 - FLUSH_SHARE);
        let deadline = began + time.min(time_to_flush.saturating_sub(reserved));
        let left = self.with_root(|root| {
            let intents = self.take_in(deadline);
            self.send_on(root, intents, deadline)
        });
        *time_to_flush = time_to_flush.saturating_sub(began.elapsed());
        left
    }

    /// Waits until the intake has applied every intent pushed before this call. Returns the number of those that it has
    /// not.
    fn take_in(&self, deadline: Instant) -> usize {
        while Instant::now() < deadline {
            let (reply, taken_in) = bounded(1);
            self.shared.queue.push(Intent::Barrier(reply), &self.shared.telemetry.counters);
            match taken_in.recv_deadline(deadline) {
                Ok(()) if !self.shared.queue.is_late() => return 0,
                // Intents that did not fit into the queue wait outside of it, and the barrier has overtaken them: try
                // again.
                Ok(()) => {}
                // The barrier itself is counted.
                Err(RecvTimeoutError::Timeout) => return self.shared.queue.waiting().saturating_sub(1),
                // The queue was full, and the barrier was dropped.
                Err(RecvTimeoutError::Disconnected) => sleep(FULL_QUEUE_RETRY),
            }
        }
        self.shared.queue.waiting()
    }

    /// Waits for Redis to decide the pending claims, then for their events to be delivered.
    fn send_on(&self, root: &Root, intents: usize, deadline: Instant) -> FlushReport {
        self.shared.node_states.wait_until_empty(deadline);
        let flushed = root.with(Some(deadline), move |running| running.delivery.flush(deadline));
        let (events, unread) = flushed.map_or((0, true), |undelivered| (undelivered.total(), undelivered.unread));
        let (claims, client_events) = self.shared.node_states.pending();
        FlushReport { intents, claims, client_events, events, unread }
    }

    /// Ends the engine at the end of the process. Refuses further intents, releases all holds, delivers until
    /// `shutdown_timeout` is over, and stops the threads within another `grace`. If the flush overruns, the stop gets
    /// less time. Returns the remaining work.
    pub fn end(&self, grace: Duration) -> FlushReport {
        if self.is_inert() {
            return FlushReport::default();
        }
        let deadline = Instant::now() + *self.time_to_flush.lock();
        self.booted.store(false, Ordering::Release);
        let left = self.with_root(|root| {
            let intents = self.take_in(deadline);
            self.release_all();
            self.send_on(root, intents, deadline)
        });
        self.stop(Instant::now().min(deadline) + grace);
        left
    }

    fn release_all(&self) {
        for shard in &self.shared.node_states.shards {
            let mut node_state = shard.lock();
            let mut claims = Vec::new();
            node_state.table.close_all(&mut claims);
            node_state.pending.push_claims(claims);
            drop(node_state);
            shard.notify();
        }
    }

    /// Stops the threads without waiting for deliveries. A thread that has not ended by `deadline` is leaked. Returns
    /// `true` if all have ended.
    pub fn stop(&self, deadline: Instant) -> bool {
        if self.is_inherited() {
            return true;
        }
        self.booted.store(false, Ordering::Release);
        let Threads::Running(root) = std::mem::replace(&mut *self.threads.lock(), Threads::Stopped) else {
            return true;
        };
        root.stop(deadline)
    }

    /// Returns the configuration, without its endpoints.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Returns `true` before the first boot, after the end, and in a forked child.
    pub(crate) fn is_inert(&self) -> bool {
        !self.booted.load(Ordering::Acquire) || self.is_inherited()
    }

    /// Returns `true` if the engine was inherited through a fork.
    fn is_inherited(&self) -> bool {
        self.generation.load(Ordering::Relaxed) != fork_generation()
    }

    fn push(&self, intent: impl FnOnce() -> Intent) {
        if !self.is_inert() {
            self.shared.queue.push(intent(), &self.shared.telemetry.counters);
        }
    }

    fn app_id(&self, app: &[u8]) -> AppId {
        if let Some(known) = self.app_ids.read().get(app) {
            return known.clone();
        }
        self.app_ids.write().entry(Box::from(app)).or_insert_with(|| AppId::new(app)).clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::support::redis::RedisServer;
    use crate::support::wait::eventually;

    /// Short, so that the stop takes most of the time.
    const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

    const GRACE: Duration = Duration::from_secs(2);

    #[test]
    fn a_flush_that_overruns_its_time_does_not_delay_the_end() {
        let redis = RedisServer::start();
        let connection = json!({ "host": redis.socket(), "timeout": 20 });
        let config = json!({ "connection": connection, "shutdown_timeout": SHUTDOWN_TIMEOUT.as_secs_f64() });
        let engine = Engine::new(Config::from_value(config).unwrap());
        engine.boot().unwrap();
        let shard = &engine.shared.node_states.shards[0];
        let done = || engine.shared.queue.waiting() == 0 && shard.lock().is_done();
        engine.subscribed(b"app", b"a", b"1.1", None);
        engine.closed(b"app", b"1.1");
        eventually("the claims to be answered", || done().then_some(()));
        // The claimer's timeout is longer than the time for the end.
        redis.hang();
        engine.subscribed(b"app", b"b", b"1.2", None);

        let began = Instant::now();
        std::thread::scope(|scope| {
            let busy = shard.lock();
            let ending = scope.spawn(|| engine.end(GRACE));
            std::thread::sleep(SHUTDOWN_TIMEOUT + GRACE * 3 / 4);
            drop(busy);
            ending.join().unwrap();
        });
        let took = began.elapsed();
        assert!(took >= SHUTDOWN_TIMEOUT + GRACE, "the claimer was not stuck: {took:?}");
        assert!(took < SHUTDOWN_TIMEOUT + GRACE * 4 / 3, "{took:?}");
    }

    #[test]
    fn a_stopped_engine_keeps_no_part_in_memory() {
        let redis = RedisServer::start();
        let config =
            json!({ "connection": { "host": redis.socket() }, "endpoints": [{ "url": "http://127.0.0.1:9/" }] });
        let engine = Engine::new(Config::from_value(config).unwrap());
        // Every part has one.
        let owners = || Arc::strong_count(&engine.shared.telemetry);
        let before = owners();
        engine.boot().unwrap();
        assert!(owners() > before);
        assert!(engine.stop(Instant::now() + GRACE * 4));
        eventually("the end of all parts", || (owners() == before).then_some(()));
    }

    #[test]
    fn a_failed_start_leaves_no_part_running() {
        let redis = RedisServer::start();
        let endpoint = json!({ "url": "https://billing.test/", "ca_file": "/missing.pem" });
        let config = json!({ "connection": { "host": redis.socket() }, "endpoints": [endpoint] });
        let engine = Engine::new(Config::from_value(config).unwrap());
        let owners = || Arc::strong_count(&engine.shared.telemetry);
        let before = owners();
        engine.boot().unwrap_err();
        eventually("the end of all parts", || (owners() == before).then_some(()));
    }
}
