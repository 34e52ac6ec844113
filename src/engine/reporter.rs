//! The thread `wh-status`: writes the node's record to Redis and reads the states of endpoints.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, TryRecvError};
use serde_json::Map;

use crate::admin::RedisInfo;
use crate::config::{Address, Config};
use crate::event::Shard;
use crate::metrics::Sources;
use crate::process::Thread;
use crate::redis::{Link, OwnShard, Settings};
use crate::report::{
    DeliveryStatus, Disagreement, EndpointStates, NodeRecord, PendingHistory, SILENT_AFTER_MS, disagreements,
};
use crate::sync::{Receiver, Sender, bounded};
use crate::telemetry::Sight;

/// Time between two records.
const RECORD_INTERVAL: Duration = Duration::from_secs(2);

/// Time between two comparisons of the nodes' configs. A comparison reads all records.
const COMPARE_INTERVAL: Duration = Duration::from_secs(60);

/// Shortest time between two writes to the history. They follow a record, so it may be longer by `RECORD_INTERVAL`.
const HISTORY_INTERVAL: Duration = Duration::from_secs(5);

/// Time between two publications of attempts for watchers.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// The first wait of a node that has not joined the cluster yet. It doubles up to [`RECORD_INTERVAL`].
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The minimum expiry of a record. A longer lease extends it.
const MIN_EXPIRY: Duration = Duration::from_secs(30);

/// The running reporter.
#[derive(Debug)]
pub(crate) struct Reporter {
    /// Nothing is sent on this channel. It disconnects with the stop.
    end: Sender<()>,
    thread: Thread,
}

/// The state of the thread between two rounds.
struct ReportRounds {
    sources: Arc<Sources>,
    keys: OwnShard,
    link: Link,
    expiry: Duration,
    /// The name of the record: the node id of the first incarnation.
    name: Option<String>,
    /// The last status from the dispatcher.
    last: DeliveryStatus,
    /// The states last sent to the dispatcher.
    states: Option<EndpointStates>,
    /// The address of Redis, until its persistence has been checked.
    to_inspect: Option<Address>,
    /// The numbers that are not in the history yet.
    history: PendingHistory,
    /// The time of the next write to the history.
    history_at: Instant,
    /// The last write was refused, and that was logged.
    history_refused: bool,
    /// The time of the next comparison of configs.
    compare_at: Instant,
    /// The disagreements that have been logged.
    logged: Vec<Disagreement>,
}

impl Reporter {
    /// Starts the thread, with the Redis of `settings`.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub(crate) fn start(config: &Config, settings: Settings, sources: Arc<Sources>) -> io::Result<Self> {
        let telemetry = Arc::clone(&sources.telemetry);
        let mut rounds = ReportRounds {
            to_inspect: Some(settings.connection.address.clone()),
            sources,
            keys: OwnShard::of(config, Shard::FIRST),
            // Silent, because the claimer and the outbox already log an unreachable Redis.
            link: Link::silent(settings).counted(Arc::clone(&telemetry)),
            expiry: config.ttl.max(MIN_EXPIRY),
            name: None,
            last: DeliveryStatus::default(),
            states: None,
            history: PendingHistory::default(),
            history_at: Instant::now(),
            history_refused: false,
            compare_at: Instant::now(),
            logged: Vec::new(),
        };
        let (end, ended) = bounded(0);
        let thread = Thread::spawn("wh-status", telemetry, move || rounds.run(&ended))?;
        Ok(Self { end, thread })
    }

    /// Signals the thread to write a last record and end. Returns the thread.
    pub(crate) fn stop(self) -> Thread {
        drop(self.end);
        self.thread
    }
}

impl ReportRounds {
    fn run(&mut self, end: &Receiver<()>) {
        let mut wait = FIRST_WAIT;
        loop {
            let stopped = end.try_recv() == Err(TryRecvError::Disconnected);
            let written = self.write(stopped);
            if written && (stopped || Instant::now() >= self.history_at) {
                self.write_history();
            }
            if stopped {
                return;
            }
            if written {
                self.inspect();
                self.compare(Instant::now());
            }
            let next = Instant::now() + wait;
            wait = if written { RECORD_INTERVAL } else { RECORD_INTERVAL.min(wait * 2) };
            while self.sources.telemetry.watch.is_on() && Instant::now() + WATCH_INTERVAL < next {
                if end.recv_timeout(WATCH_INTERVAL) == Err(RecvTimeoutError::Disconnected) {
                    break;
                }
                self.show();
            }
            let _ = end.recv_deadline(next);
        }
    }

    /// Writes the record, if the node has ever joined the cluster, and reads which endpoints are paused and disabled.
    /// Returns `true` if it wrote a record.
    fn write(&mut self, stopped: bool) -> bool {
        if self.link.ready_at().is_some() {
            return false;
        }
        let node = self.sources.membership.current().map(|membership| membership.node.to_string());
        // The first record waits for the first reply, so that Redis' clock is known.
        if self.name.is_none() && self.states.is_some() {
            self.name.clone_from(&node);
        }
        let name = self.name.clone().unwrap_or_default();
        let record = if name.is_empty() {
            Vec::new()
        } else {
            let record = self.record(node.unwrap_or_else(|| name.clone()), stopped);
            self.history.observe(&record, self.sources.clock().unix_ms);
            let Ok(record) = serde_json::to_vec(&record) else { return false };
            record
        };
        let (keys, expiry, disabled) = (&self.keys, self.expiry, &self.last.disabled);
        let Ok((time_ms, states, watched)) =
            self.link.with(|redis| keys.write_record(redis, &name, &record, expiry, disabled))
        else {
            return false;
        };
        self.sources.observe_time(time_ms);
        self.sources.telemetry.watch.set(watched);
        // Each change is reported once. The dispatcher drops a change when the states from Redis contain it.
        let has_reported = !std::mem::take(&mut self.last.disabled).is_empty();
        if has_reported || self.states.as_ref() != Some(&states) {
            self.sources.delivery.set_states(states.clone());
            self.states = Some(states);
        }
        !record.is_empty()
    }

    /// Adds what has happened to the history. What Redis does not take now is written later.
    fn write_history(&mut self) {
        self.history_at = Instant::now() + HISTORY_INTERVAL;
        let (keys, name) = (&self.keys, self.name.as_deref().unwrap_or_default());
        while let Some(write) = self.history.next_write() {
            let Ok(refused) = self.link.with(|redis| keys.add_to_history(redis, name, write)) else { return };
            if !refused.is_empty() {
                if !std::mem::replace(&mut self.history_refused, true) {
                    let message = format!("Redis refuses the history, which waits for up to an hour: {refused}");
                    self.sources.telemetry.log_warning(message);
                }
                return;
            }
            self.history.written();
            self.history_refused = false;
        }
    }

    /// Warns once if this Redis may lose events.
    fn inspect(&mut self) {
        let Some(address) = &self.to_inspect else { return };
        let Ok(info) = self.link.with(RedisInfo::ask) else { return };
        let dangers = info.dangers();
        if !dangers.is_empty() {
            let message = format!("Redis at {address} may lose events: {}", dangers.join("; "));
            self.sources.telemetry.log_warning(message);
        }
        self.to_inspect = None;
    }

    /// Warns about nodes whose configs have differed for too long. Logs each disagreement once.
    fn compare(&mut self, now: Instant) {
        let Some(name) = self.name.as_ref().filter(|_| now >= self.compare_at) else { return };
        self.compare_at = now + COMPARE_INTERVAL;
        let (keys, now_ms) = (&self.keys, self.sources.clock().unix_ms);
        let since_ms = now_ms.saturating_sub(SILENT_AFTER_MS);
        let Ok(records) = self.link.read(|redis| keys.records(redis, name, since_ms)) else { return };
        let running = records.iter().filter(|record| !record.stopped);
        let found = disagreements(running.map(|record| (record.node.as_str(), &record.configured)), now_ms);
        for disagreement in found.iter().filter(|found| !self.logged.contains(found)) {
            self.sources.telemetry.log_warning(disagreement);
        }
        self.logged = found;
    }

    /// Publishes the recorded attempts for watchers.
    fn show(&mut self) {
        let watch = &self.sources.telemetry.watch;
        let clock = self.sources.clock();
        let node = self.name.clone().unwrap_or_default();
        let sights =
            watch.take().into_iter().map(|(at, sight)| Sight { time_ms: clock.ms(at), node: node.clone(), ..sight });
        let sights: Vec<Vec<u8>> = sights.filter_map(|sight| serde_json::to_vec(&sight).ok()).collect();
        let keys = &self.keys;
        // After an error, the attempts are dropped and the watch is off until the next record.
        watch.set(self.link.with(|redis| keys.show_to_watchers(redis, &sights)).unwrap_or(false));
    }

    fn record(&mut self, node: String, stopped: bool) -> NodeRecord {
        if !stopped {
            return NodeRecord { node, ..self.sources.record(&mut self.last) };
        }
        // The dispatcher has ended, and the waiting events belong to another node or to none.
        self.last = self.sources.delivery.last_status(self.sources.clock());
        self.last.lanes.clear();
        self.last.lanes_truncated = 0;
        self.last.endpoints.iter_mut().for_each(|endpoint| (endpoint.depth, endpoint.oldest_ms) = (0, None));
        NodeRecord { node, stopped, gauges: Map::new(), ..self.sources.last_record(self.last.clone()) }
    }
}
