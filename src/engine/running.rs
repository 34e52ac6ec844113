//! The threads of an engine and their connections, in the order in which an event passes through them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::reporter::Reporter;
use crate::cluster::{Audit, SharedMembership};
use crate::config::Config;
use crate::delivery::{AppRegistry, Delivery, STANDING_WORKERS};
use crate::event::{NodeId, Shard};
use crate::metrics::{Listener, Sources};
use crate::outbox::Outbox;
use crate::outbox::redis::ShardedOutbox;
use crate::presence::{
    Claimer, ClaimerParts, Intake, Intent, IntentQueue, NodeStates, OtherData, PresenceScripts, StopFlag,
};
use crate::process::{Reserved, Thread};
use crate::redis::{Link, Settings};
use crate::sync::Receiver;
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
    pub(super) node_states: Arc<NodeStates>,
}

impl Shared {
    /// Returns the gauges. `events` counts the events that wait for endpoints.
    pub(super) fn gauges(&self, events: impl FnOnce() -> usize) -> [(&'static str, usize); 6] {
        // In the order of the way of an event: the other way round, what moves on meanwhile would be in no gauge.
        let intents = self.queue.waiting();
        let (channels, sockets) = self.node_states.size();
        let (claims, client_events) = self.node_states.pending();
        gauges([intents, channels, sockets, claims, client_events, events()])
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
    stop_claimers: Arc<StopFlag>,
    intake: Thread,
    /// One per shard.
    claimers: Vec<Thread>,
    pub(super) delivery: Arc<Delivery>,
    outbox: Arc<ShardedOutbox>,
    reporter: Reporter,
    metrics: Option<Listener>,
}

impl Running {
    /// Starts all threads. `intents` is the receiving end of the queue.
    ///
    /// # Errors
    /// If the operating system refuses a thread, or the settings of the Redis connection are invalid.
    pub(super) fn start(config: &Config, shared: &Shared, intents: Receiver<Intent>) -> io::Result<Self> {
        let Shared { telemetry, queue, node_states, .. } = shared;
        let settings = Settings::of(config, Shard::FIRST).map_err(io::Error::other)?;
        let _reserved = reserve_threads(config)?;
        let memberships: Vec<Arc<SharedMembership>> = config.shards().map(|_| Arc::default()).collect();
        let outbox = Arc::new(ShardedOutbox::start(config, &settings, &memberships, telemetry)?);
        // Reads the certificates of endpoints, which may be missing. Everything else that can fail has succeeded.
        let delivery = start_delivery(config, shared, &outbox).inspect_err(|_| {
            outbox.stop(Instant::now());
        })?;
        // The status is in the first shard, and so is the name of the node.
        let sources = Arc::new(sources(config, shared, Arc::clone(&memberships[0]), &delivery));
        let reporter = Reporter::start(config, settings.clone(), Arc::clone(&sources))?;
        let metrics = config.metrics_listen.map(|address| Listener::start(address, sources)).transpose()?;
        let stop_claimers = Arc::new(StopFlag::default());
        let mut intake = Intake::new(Arc::clone(queue), intents, Arc::clone(node_states), Arc::clone(telemetry));
        intake.ignored = config.ignored_channels.clone();
        let intake = Thread::spawn("wh-intake", Arc::clone(telemetry), move || intake.run())?;
        let claimers = start_claimers(config, &settings, shared, &memberships, &stop_claimers)?;
        Ok(Self { shared: shared.clone(), stop_claimers, intake, claimers, delivery, outbox, reporter, metrics })
    }

    /// Stops the threads by `deadline`. Returns `true` if all have ended.
    pub(super) fn stop(self, deadline: Instant) -> bool {
        let shared = &self.shared;
        shared.queue.push(Intent::Stop, &shared.telemetry.counters);
        // Stop in the order in which results travel: deliveries, outbox, claimer. Each thread can still record the
        // results of the previous one. The claimer is last, because it gives up the node's membership, which the outbox
        // needs.
        let now = Instant::now();
        let time = deadline.saturating_duration_since(now);
        if let Some(metrics) = &self.metrics {
            metrics.stop();
        }
        let delivery_ended = self.delivery.stop(now + time / 3);
        let reporter = self.reporter.stop();
        let outbox_ended = self.outbox.stop(now + time * 2 / 3);
        self.stop_claimers.raise(&shared.node_states.shards);
        let reporter_ended = reporter.wait_until(deadline);
        self.claimers.iter().all(|claimer| claimer.wait_until(deadline))
            && self.intake.wait_until(deadline)
            && delivery_ended
            && outbox_ended
            && reporter_ended
            && self.metrics.is_none_or(|metrics| metrics.wait_until(deadline))
    }
}

/// Reserves all permanent threads, so that an engine starts completely or not at all.
fn reserve_threads(config: &Config) -> io::Result<Reserved> {
    let mut names = vec!["wh-dispatch", "wh-status", "wh-intake"];
    names.extend(["wh-post"; STANDING_WORKERS]);
    names.extend(config.shards().flat_map(|_| ["wh-claimer", "wh-outbox", "wh-ack"]));
    if config.metrics_listen.is_some() {
        names.push("wh-metrics");
    }
    Reserved::new(&names)
}

/// Starts the claimer of each shard, with these memberships.
fn start_claimers(
    config: &Config,
    settings: &Settings,
    shared: &Shared,
    memberships: &[Arc<SharedMembership>],
    stop: &Arc<StopFlag>,
) -> io::Result<Vec<Thread>> {
    // The same in all shards, so that an operator sees one node.
    let boot: u32 = rand::random();
    let start = |((shard, node_state), membership)| {
        let (telemetry, is_first) = (&shared.telemetry, shard == Shard::FIRST);
        let audit = |roster| Audit::new(roster, config.reconcile_interval);
        let mut first_incarnation = Some(boot);
        let parts = ClaimerParts {
            link: Link::new(settings.for_shard(config, shard), Arc::clone(telemetry)),
            keys: PresenceScripts::of(config, shard),
            // The roster is not divided, so one audit is enough.
            audit: config.roster.as_ref().filter(|_| is_first).map(audit),
            compare_every: config.reconcile_interval,
            membership: Arc::clone(membership),
            next_incarnation: Box::new(move || {
                let boot = first_incarnation.take().unwrap_or_else(rand::random);
                NodeId::new(&gethostname::gethostname().to_string_lossy(), std::process::id(), boot)
            }),
            others: OtherData::new(
                memberships.first().filter(|_| !is_first).cloned(),
                config.connection.untagged_prefix(&config.key_prefix).filter(|_| is_first),
            ),
        };
        let mut claimer = Claimer::new(Arc::clone(node_state), parts, Arc::clone(stop), Arc::clone(telemetry));
        Thread::spawn("wh-claimer", Arc::clone(telemetry), move || claimer.run())
    };
    config.shards().zip(&shared.node_states.shards).zip(memberships).map(start).collect()
}

/// Returns the sources of the node's record.
fn sources(config: &Config, shared: &Shared, membership: Arc<SharedMembership>, delivery: &Arc<Delivery>) -> Sources {
    let (counted, delivering) = (shared.clone(), Arc::clone(delivery));
    Sources {
        membership,
        delivery: Arc::clone(delivery),
        apps: Arc::clone(&shared.apps),
        telemetry: Arc::clone(&shared.telemetry),
        gauges: Box::new(move || counted.gauges(|| delivering.queued()).to_vec()),
        began: Instant::now(),
        clock: Mutex::default(),
        app_ids: config.app_ids.clone(),
        configured: Mutex::default(),
    }
}

fn start_delivery(config: &Config, shared: &Shared, outbox: &Arc<ShardedOutbox>) -> io::Result<Arc<Delivery>> {
    let events: Arc<dyn Outbox> = Arc::<ShardedOutbox>::clone(outbox);
    let (apps, telemetry) = (Arc::clone(&shared.apps), Arc::clone(&shared.telemetry));
    let (held, endpoints) = (Instant::now() + PAUSES_KNOWN_WITHIN, config.endpoints.clone());
    let delivery = Delivery::start(Some(held), events, endpoints, apps, telemetry)?;
    let delivery = Arc::new(delivery);
    // Weak, because the delivery owns the outbox.
    let woken = Arc::downgrade(&delivery);
    outbox.on_handover(move || {
        if let Some(delivery) = woken.upgrade() {
            delivery.wake();
        }
    });
    Ok(delivery)
}
