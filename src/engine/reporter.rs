//! The thread that writes down how this node is doing, and hears what it is to do.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serde_json::Map;

use crate::admin::RedisInfo;
use crate::config::{Address, Config};
use crate::metrics::Sources;
use crate::process::Thread;
use crate::redis::{Link, Settings};
use crate::report::{
    DeliveryStatus, Disagreement, EndpointStates, NodeRecord, SILENT_AFTER_MS, StatusKeys, disagreements,
    put_script_together,
};
use crate::telemetry::{Level, Sight};

/// How often a node writes.
const EVERY: Duration = Duration::from_secs(2);

/// How often one of the nodes compares their configs, which reads all records.
const COMPARED_EVERY: Duration = Duration::from_secs(60);

/// How often those who watch are shown what happened.
const SHOWN_EVERY: Duration = Duration::from_millis(250);

/// How soon one that has no place in the cluster yet looks again, at first.
const LOOK: Duration = Duration::from_millis(50);

/// How long a record is kept at least; longer where a lease is.
const KEPT: Duration = Duration::from_secs(30);

/// The running reporter.
#[derive(Debug)]
pub(crate) struct Reporter {
    end: Arc<End>,
    thread: Thread,
}

/// Tells the thread to end.
#[derive(Debug, Default)]
struct End {
    stopped: Mutex<bool>,
    changed: Condvar,
}

/// What the thread keeps from round to round.
struct ReportRounds {
    sources: Arc<Sources>,
    keys: StatusKeys,
    link: Link,
    kept: Duration,
    /// Under which name it writes: that of its first incarnation.
    name: Option<String>,
    /// What the dispatcher last said.
    last: DeliveryStatus,
    /// What the dispatcher was last told.
    states: Option<EndpointStates>,
    /// Where Redis is, until it was said whether events are safe there.
    to_inspect: Option<Address>,
    /// When configs are compared next.
    compare_at: Instant,
    /// What was said about them.
    said: Vec<Disagreement>,
}

impl Reporter {
    /// Starts writing on the Redis of `settings`.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(crate) fn start(config: &Config, settings: Settings, sources: Arc<Sources>) -> io::Result<Self> {
        put_script_together();
        let telemetry = Arc::clone(&sources.telemetry);
        let mut rounds = ReportRounds {
            to_inspect: Some(settings.address().clone()),
            sources,
            keys: StatusKeys::new(&config.key_prefix),
            // The claimer and the outbox say it when Redis is away.
            link: Link::silent(settings).counted(Arc::clone(&telemetry)),
            kept: config.ttl.max(KEPT),
            name: None,
            last: DeliveryStatus::default(),
            states: None,
            compare_at: Instant::now(),
            said: Vec::new(),
        };
        let end = Arc::new(End::default());
        let ended = Arc::clone(&end);
        let thread = Thread::spawn("wh-status", telemetry, move || rounds.run(&ended))?;
        Ok(Self { end, thread })
    }

    /// Has it write a last time and end.
    pub(crate) fn stop(&self) {
        *self.end.stopped.lock() = true;
        self.end.changed.notify_all();
    }

    /// Waits until it has ended, at most until `deadline`.
    pub(crate) fn wait_until(&self, deadline: Instant) -> bool {
        self.thread.wait_until(deadline)
    }
}

impl End {
    /// Waits for `time`, or until it is over. Returns whether it is.
    fn wait(&self, time: Duration) -> bool {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.changed.wait_for(&mut stopped, time);
        }
        *stopped
    }
}

impl ReportRounds {
    fn run(&mut self, end: &End) {
        let mut wait = LOOK;
        loop {
            let stopped = *end.stopped.lock();
            let written = self.write(stopped);
            if stopped {
                return;
            }
            if written {
                self.inspect();
                self.compare(Instant::now());
            }
            let next = Instant::now() + wait;
            wait = if written { EVERY } else { EVERY.min(wait * 2) };
            while self.sources.telemetry.watch().is_on() && Instant::now() + SHOWN_EVERY < next {
                if end.wait(SHOWN_EVERY) {
                    break;
                }
                self.show();
            }
            end.wait(next.saturating_duration_since(Instant::now()));
        }
    }

    /// Writes the record, if the node has or had a place in the cluster, and hears what is paused and disabled. Returns whether
    /// it wrote.
    fn write(&mut self, stopped: bool) -> bool {
        if self.link.ready_at().is_some() {
            return false;
        }
        let node = self.sources.membership.current().map(|membership| membership.node.to_string());
        // By then Redis' clock is known, too.
        if self.name.is_none() && self.states.is_some() {
            self.name.clone_from(&node);
        }
        let name = self.name.clone().unwrap_or_default();
        let record = if name.is_empty() {
            Vec::new()
        } else {
            let record = self.record(node.unwrap_or_else(|| name.clone()), stopped);
            let Ok(record) = serde_json::to_vec(&record) else { return false };
            record
        };
        let (keys, kept, disabled) = (&self.keys, self.kept, &self.last.disabled);
        let Ok((time_ms, states, watched)) = self.link.with(|redis| keys.report(redis, &name, &record, kept, disabled))
        else {
            return false;
        };
        self.sources.hear_time(time_ms);
        self.sources.telemetry.watch().set(watched);
        // Reported once. The dispatcher forgets the changes when it sees them in what Redis has.
        let has_reported = !std::mem::take(&mut self.last.disabled).is_empty();
        if has_reported || self.states.as_ref() != Some(&states) {
            self.sources.delivery.set_states(states.clone());
            self.states = Some(states);
        }
        !record.is_empty()
    }

    /// Says once whether Redis may lose the events that wait in it.
    fn inspect(&mut self) {
        let Some(address) = &self.to_inspect else { return };
        let Ok(info) = self.link.with(RedisInfo::ask) else { return };
        let dangers = info.dangers();
        if !dangers.is_empty() {
            let message = format!("Redis at {address} may lose events that wait: {}", dangers.join("; "));
            self.sources.telemetry.log(Level::Warning, message);
        }
        self.to_inspect = None;
    }

    /// Says which nodes have been configured differently for too long, each time that this is others.
    fn compare(&mut self, now: Instant) {
        let Some(name) = self.name.as_ref().filter(|_| now >= self.compare_at) else { return };
        self.compare_at = now + COMPARED_EVERY;
        let (keys, now_ms) = (&self.keys, self.sources.clock().unix_ms);
        let since_ms = now_ms.saturating_sub(SILENT_AFTER_MS);
        let Ok(records) = self.link.read(|redis| keys.others(redis, name, since_ms)) else { return };
        let running = records.iter().filter(|record| !record.stopped);
        let found = disagreements(running.map(|record| (record.node.as_str(), &record.configured)), now_ms);
        for disagreement in found.iter().filter(|found| !self.said.contains(found)) {
            self.sources.telemetry.log(Level::Warning, disagreement);
        }
        self.said = found;
    }

    /// Shows what was noted to those who watch.
    fn show(&mut self) {
        let watch = self.sources.telemetry.watch();
        let clock = self.sources.clock();
        let node = self.name.clone().unwrap_or_default();
        let sights =
            watch.take().into_iter().map(|(at, sight)| Sight { time_ms: clock.ms(at), node: node.clone(), ..sight });
        let sights: Vec<Vec<u8>> = sights.filter_map(|sight| serde_json::to_vec(&sight).ok()).collect();
        let keys = &self.keys;
        // What could not be shown is not shown later.
        watch.set(self.link.with(|redis| keys.show(redis, &sights)).unwrap_or(false));
    }

    fn record(&mut self, node: String, stopped: bool) -> NodeRecord {
        if !stopped {
            return NodeRecord { node, ..self.sources.record(&mut self.last) };
        }
        // The dispatcher has ended. What waited belongs to another node, or to none.
        self.last.lanes.clear();
        self.last.lanes_truncated = 0;
        self.last.endpoints.iter_mut().for_each(|endpoint| (endpoint.depth, endpoint.oldest_ms) = (0, None));
        NodeRecord { node, stopped, gauges: Map::new(), ..self.sources.last_record(self.last.clone()) }
    }
}
