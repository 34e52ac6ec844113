//! Where it stands how this node is doing: for the record in Redis and for the metrics of the process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::cluster::{RedisClock, SharedMembership, system_ms};
use crate::delivery::{AppRegistry, Delivery};
use crate::event::AppId;
use crate::process::shares_descriptors;
use crate::report::{ConfigParts, DeliveryStatus, NodeRecord, RedisErrors, WallClock, hash_of};
use crate::telemetry::Telemetry;

/// How long is waited for the dispatcher's answer. It may be at work on something.
const ANSWER: Duration = Duration::from_secs(1);

/// The applications that a record names at most.
const APPS_AT_MOST: usize = 1000;

/// What is told, and where it is found.
pub(crate) struct Sources {
    /// The node's membership in the cluster.
    pub(crate) membership: Arc<SharedMembership>,
    /// The deliveries.
    pub(crate) delivery: Arc<Delivery>,
    /// The applications.
    pub(crate) apps: Arc<AppRegistry>,
    /// The counters.
    pub(crate) telemetry: Arc<Telemetry>,
    /// What waits now, by name.
    pub(crate) gauges: Box<dyn Fn() -> Vec<(&'static str, usize)> + Send + Sync>,
    /// When the node began.
    pub(crate) began: Instant,
    /// Redis' clock, as far as the reporter has heard of it.
    pub(crate) clock: Mutex<RedisClock>,
    /// The applications of the config; none where it lists none.
    pub(crate) app_ids: Vec<AppId>,
    /// What was last told of the config.
    pub(crate) configured: Mutex<ConfigParts>,
}

impl Sources {
    /// Redis said so just now.
    pub(crate) fn hear_time(&self, redis_ms: u64) {
        self.clock.lock().observe(redis_ms);
    }

    /// What Redis' clock shows now.
    pub(crate) fn clock(&self) -> WallClock {
        WallClock { at: Instant::now(), unix_ms: self.clock.lock().now_ms() }
    }

    /// The node's record, without its name in the cluster. Replaces `last` if the scheduler answers soon.
    pub(crate) fn record(&self, last: &mut DeliveryStatus) -> NodeRecord {
        // First, so that the deliveries include every batch that is counted.
        let counters = by_name(self.telemetry.counters().snapshot());
        let clock = self.clock();
        if let Some(deliveries) = self.delivery.status(clock, clock.at + ANSWER) {
            *last = deliveries;
        }
        self.record_of(counters, last.clone())
    }

    /// The record of a node whose scheduler has ended.
    pub(crate) fn last_record(&self, deliveries: DeliveryStatus) -> NodeRecord {
        self.record_of(by_name(self.telemetry.counters().snapshot()), deliveries)
    }

    fn record_of(&self, counters: Map<String, Value>, deliveries: DeliveryStatus) -> NodeRecord {
        NodeRecord {
            node: String::new(),
            stopped: false,
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_ms: self.clock().ms(self.began),
            clock_ms: system_ms(),
            shares_descriptors: shares_descriptors(),
            counters,
            gauges: by_name((self.gauges)().into_iter().map(|(name, value)| (name, value as u64))),
            redis_errors: self.redis_errors(),
            drop_causes: self.telemetry.drops().map(|(cause, events)| (cause.as_str().to_owned(), events)).collect(),
            configured: self.configured(&deliveries.endpoints_hash),
            apps: self.apps.known(APPS_AT_MOST).iter().map(|app| app.as_text().into_owned()).collect(),
            deliveries,
        }
    }
}

impl Sources {
    fn configured(&self, endpoints_hash: &str) -> ConfigParts {
        let now_ms = self.clock().unix_ms;
        let mut parts = self.configured.lock();
        if !self.app_ids.is_empty() {
            parts.applications.update(hash_of(self.app_ids.iter().map(AppId::as_bytes)), now_ms);
        }
        if !endpoints_hash.is_empty() {
            parts.endpoints.update(endpoints_hash.to_owned(), now_ms);
        }
        parts.clone()
    }

    fn redis_errors(&self) -> BTreeMap<String, RedisErrors> {
        let clock = self.clock();
        let errors = |count, last: Option<Instant>| RedisErrors { count, last_ms: last.map(|last| clock.ms(last)) };
        let failures = self.telemetry.redis_failures();
        failures.map(|(fault, count, last)| (fault.as_str().to_owned(), errors(count, last))).collect()
    }
}

fn by_name(values: impl IntoIterator<Item = (&'static str, u64)>) -> Map<String, Value> {
    values.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}
