//! The sources of a node's record, for Redis and for the metrics of the process.

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

/// The time to wait for a reply of the dispatcher, which may be busy.
const REPLY_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum number of applications in a record.
const APPS_AT_MOST: usize = 1000;

/// The sources of a node's record.
pub(crate) struct Sources {
    /// Membership in the cluster.
    pub(crate) membership: Arc<SharedMembership>,
    /// Deliveries.
    pub(crate) delivery: Arc<Delivery>,
    /// Applications.
    pub(crate) apps: Arc<AppRegistry>,
    /// Counters.
    pub(crate) telemetry: Arc<Telemetry>,
    /// Reads the gauges, by name.
    pub(crate) gauges: Box<dyn Fn() -> Vec<(&'static str, usize)> + Send + Sync>,
    /// Start of the node.
    pub(crate) began: Instant,
    /// Redis' clock, from the replies to the reporter.
    pub(crate) clock: Mutex<RedisClock>,
    /// Applications in the config; empty if it lists none.
    pub(crate) app_ids: Vec<AppId>,
    /// Hashes of the config in the last record.
    pub(crate) configured: Mutex<ConfigParts>,
}

impl Sources {
    /// Records Redis' current time in Unix ms.
    pub(crate) fn observe_time(&self, redis_ms: u64) {
        self.clock.lock().observe(redis_ms);
    }

    /// Returns the current time by Redis' clock.
    pub(crate) fn clock(&self) -> WallClock {
        WallClock { at: Instant::now(), unix_ms: self.clock.lock().now_ms() }
    }

    /// Returns the node's record, without its name in the cluster. If the dispatcher does not reply in time, the record
    /// has the deliveries in `last`; otherwise `last` is updated.
    pub(crate) fn record(&self, last: &mut DeliveryStatus) -> NodeRecord {
        // Read the counters first, so that the deliveries include every counted batch.
        let counters = by_name(self.telemetry.counters.snapshot());
        let clock = self.clock();
        if let Some(deliveries) = self.delivery.status(clock, clock.at + REPLY_TIMEOUT) {
            *last = deliveries;
        }
        self.record_of(counters, last.clone())
    }

    /// Returns the record of a node whose dispatcher has ended.
    pub(crate) fn last_record(&self, deliveries: DeliveryStatus) -> NodeRecord {
        self.record_of(by_name(self.telemetry.counters.snapshot()), deliveries)
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
            drop_causes: self
                .telemetry
                .drops()
                .map(|(cause, events)| (<&str>::from(cause).to_owned(), events))
                .collect(),
            configured: self.configured(&deliveries.endpoints_hash),
            apps: self.apps.known(APPS_AT_MOST).iter().map(|app| app.as_text().into_owned()).collect(),
            deliveries,
        }
    }

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
        failures.map(|(fault, count, last)| (fault.label().to_owned(), errors(count, last))).collect()
    }
}

fn by_name(values: impl IntoIterator<Item = (&'static str, u64)>) -> Map<String, Value> {
    values.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}
