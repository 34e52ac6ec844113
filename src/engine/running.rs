//! The threads of an engine and their connections, in the order in which an event passes through them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use parking_lot::Mutex;

use super::reporter::Reporter;
use crate::cluster::{self, Audit, SharedMembership};
use crate::config::Config;
use crate::delivery::{AppRegistry, Delivery, STANDING_WORKERS};
use crate::event::{EventName, NodeId, PARTITIONS};
use crate::metrics::{Listener, Sources};
use crate::outbox::redis::{RedisOutbox, partition_max};
use crate::presence::{
    self, Claimer, ClaimerParts, Intake, Intent, IntentQueue, PresenceScripts, SharedNodeState, StopFlag,
};
use crate::process::{Reserved, Thread};
use crate::redis::{self, Link};
use crate::telemetry::Telemetry;

/// The maximum time that deliveries wait at the start for the paused endpoints from Redis. After that, no endpoint
/// counts as paused.
const PAUSES_KNOWN_WITHIN: Duration = Duration::from_secs(2);

/// The state that the threads share with the engine.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) apps: Arc<AppRegistry>,
    pub(super) queue: Arc<IntentQueue>,
    pub(super) node_state: Arc<SharedNodeState>,
}

impl Shared {
    /// Returns the gauges. `events` is the number of events that wait for endpoints.
    pub(super) fn gauges(&self, events: usize) -> [(&'static str, usize); 6] {
        let node_state = self.node_state.lock();
        let (channels, sockets) = node_state.table.size();
        let (claims, client_events) = (node_state.pending.unanswered_claims(), node_state.pending.waiting_events());
        gauges([self.queue.waiting(), channels, sockets, claims, client_events, events])
    }
}

/// Returns the gauges with their names.
pub(super) fn gauges(values: [usize; 6]) -> [(&'static str, usize); 6] {
    let names = ["queued_intents", "channels", "sockets", "pending_claims", "waiting_client_events", "queued_events"];
    std::array::from_fn(|place| (names[place], values[place]))
}

/// A running engine. The [root thread](super::root) owns it, because it owns descriptors of that thread's table.
pub(super) struct Running {
    shared: Shared,
    stop_claimer: Arc<StopFlag>,
    intake: Thread,
    claimer: Thread,
    pub(super) delivery: Arc<Delivery>,
    outbox: Arc<RedisOutbox>,
    reporter: Reporter,
    metrics: Option<Listener>,
}

impl Running {
    /// Starts all threads. `intents` is the receiving end of the queue.
    ///
    /// # Errors
    /// If the operating system refuses a thread, or the settings of the Redis connection are invalid.
    pub(super) fn start(config: &Config, shared: &Shared, intents: Receiver<Intent>) -> io::Result<Self> {
        let Shared { telemetry, queue, node_state, .. } = shared;
        cluster::put_scripts_together();
        presence::put_scripts_together();
        let settings = redis::Settings::of(config).map_err(io::Error::other)?;
        let _reserved = reserve_threads(config)?;
        let membership = Arc::new(SharedMembership::default());
        let outbox = RedisOutbox::start(config.into(), &settings, &membership, telemetry)?;
        let delivery = start_delivery(config, shared, &outbox)?;
        let misses = config.wants(EventName::CacheMiss);
        let cluster = ClaimerParts {
            link: Link::new(settings.clone(), Arc::clone(telemetry)),
            keys: PresenceScripts::new(&config.key_prefix, config.ttl, PARTITIONS)
                .with_grace(config.departure_grace)
                .with_partition_max(partition_max(config.outbox_max_events))
                .with_client_bytes_max(config.outbox_max_bytes)
                .with_count_interval(config.subscription_count_interval)
                .with_miss_ttl(if misses { config.cache_miss_ttl } else { Duration::ZERO })
                .with_roster(config.roster.clone())
                .with_identity(config.cluster.clone()),
            audit: config.roster.as_ref().map(|roster| Audit::new(roster, config.reconcile_interval)),
            compare_every: config.reconcile_interval,
            membership: Arc::clone(&membership),
            next_incarnation: Box::new(|| {
                NodeId::new(&gethostname::gethostname().to_string_lossy(), std::process::id(), rand::random())
            }),
        };
        let sources = Arc::new(sources(config, shared, membership, &delivery));
        let reporter = Reporter::start(config, settings, Arc::clone(&sources))?;
        let metrics = config.metrics_listen.map(|address| Listener::start(address, sources)).transpose()?;
        let stop_claimer = Arc::new(StopFlag::default());
        let mut claimer =
            Claimer::new(Arc::clone(node_state), cluster, Arc::clone(&stop_claimer), Arc::clone(telemetry));
        let mut intake = Intake::new(Arc::clone(queue), intents, Arc::clone(node_state), Arc::clone(telemetry))
            .ignoring(config.ignored_channels.clone());
        Ok(Self {
            shared: shared.clone(),
            stop_claimer,
            intake: Thread::spawn("wh-intake", Arc::clone(telemetry), move || intake.run())?,
            claimer: Thread::spawn("wh-claimer", Arc::clone(telemetry), move || claimer.run())?,
            delivery,
            outbox,
            reporter,
            metrics,
        })
    }

    /// Stops the threads by `deadline`. Returns `true` if all have ended.
    pub(super) fn stop(self, deadline: Instant) -> bool {
        let shared = &self.shared;
        shared.queue.push(Intent::Stop, shared.telemetry.counters());
        // Stop in the order in which results travel: deliveries, outbox, claimer. Each thread can still record the
        // results of the previous one. The claimer is last, because it gives up the node's membership, which the outbox
        // needs.
        let now = Instant::now();
        let time = deadline.saturating_duration_since(now);
        if let Some(metrics) = &self.metrics {
            metrics.stop();
        }
        let delivery_ended = self.delivery.stop(now + time / 3);
        self.reporter.stop();
        let outbox_ended = self.outbox.stop(now + time * 2 / 3);
        self.stop_claimer.raise();
        shared.node_state.notify();
        let reporter_ended = self.reporter.wait_until(deadline);
        self.claimer.wait_until(deadline)
            && self.intake.wait_until(deadline)
            && delivery_ended
            && outbox_ended
            && reporter_ended
            && self.metrics.is_none_or(|metrics| metrics.wait_until(deadline))
    }
}

/// Reserves all permanent threads, so that an engine starts completely or not at all.
fn reserve_threads(config: &Config) -> io::Result<Reserved> {
    let mut names = vec!["wh-dispatch", "wh-status", "wh-intake", "wh-claimer", "wh-outbox", "wh-ack"];
    names.extend(["wh-post"; STANDING_WORKERS]);
    if config.metrics_listen.is_some() {
        names.push("wh-metrics");
    }
    Reserved::new(&names)
}

/// Returns the sources of the node's record.
fn sources(config: &Config, shared: &Shared, membership: Arc<SharedMembership>, delivery: &Arc<Delivery>) -> Sources {
    let (counted, delivering) = (shared.clone(), Arc::clone(delivery));
    Sources {
        membership,
        delivery: Arc::clone(delivery),
        apps: Arc::clone(&shared.apps),
        telemetry: Arc::clone(&shared.telemetry),
        gauges: Box::new(move || counted.gauges(delivering.queued()).to_vec()),
        began: Instant::now(),
        clock: Mutex::default(),
        app_ids: config.app_ids.clone(),
        configured: Mutex::default(),
    }
}

fn start_delivery(config: &Config, shared: &Shared, outbox: &Arc<RedisOutbox>) -> io::Result<Arc<Delivery>> {
    let events = Arc::clone(outbox);
    let (apps, telemetry) = (Arc::clone(&shared.apps), Arc::clone(&shared.telemetry));
    let (held, endpoints) = (Instant::now() + PAUSES_KNOWN_WITHIN, config.endpoints.clone());
    let delivery = Delivery::start_held(Some(held), events, config.into(), endpoints, apps, telemetry)?;
    let delivery = Arc::new(delivery);
    let woken = Arc::clone(&delivery);
    outbox.on_handover(Box::new(move || woken.wake()));
    Ok(delivery)
}
