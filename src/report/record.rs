//! The record of a node. It is parsed leniently, because the nodes of a cluster may have different versions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::{IntoStaticStr, VariantArray};

use super::Latency;
use super::agreement::ConfigParts;
use crate::event::Shard;
use crate::redis::millis;

/// The maximum number of endpoints, and of lanes, in a record. Endpoints with problems and the longest lanes come first.
pub(crate) const AT_MOST: usize = 200;

/// The maximum number of applications whose events are counted separately.
pub(crate) const APPS_AT_MOST: usize = 100;

/// The name that all further applications share.
pub(crate) const OTHER_APPS: &str = "_others";

/// The record of a node.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeRecord {
    /// The id of this incarnation in the cluster.
    pub node: String,
    /// `true` if the node stopped in good order. It writes no further record.
    pub stopped: bool,
    /// The host name of its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// The version of the extension.
    pub version: String,
    /// The time of its start. All times are by Redis' clock, except the next one.
    pub started_ms: u64,
    /// Its own clock at the time of the record.
    pub clock_ms: u64,
    /// `true` if its connections use descriptors of its server, which can then hold fewer clients.
    pub shares_descriptors: bool,
    /// Counters since its start.
    pub counters: Map<String, Value>,
    /// Current values.
    pub gauges: Map<String, Value>,
    /// Requests to Redis that failed, by [reason](crate::telemetry::RedisFault).
    pub redis_errors: BTreeMap<String, RedisErrors>,
    /// Dropped events, by [cause](crate::telemetry::Cause).
    pub drop_causes: BTreeMap<String, u64>,
    /// Hashes of its config, for the comparison with other nodes.
    pub configured: ConfigParts,
    /// The applications that it knows.
    pub apps: Vec<String>,
    /// Its deliveries.
    #[serde(flatten)]
    pub deliveries: DeliveryStatus,
}

impl NodeRecord {
    /// Parses a record. A field that this version cannot read counts as missing. Returns `None` if it is no JSON object.
    pub(crate) fn read(record: &[u8]) -> Option<Self> {
        let read = serde_json::from_slice(record).ok();
        read.or_else(|| {
            let mut fields: Map<String, Value> = serde_json::from_slice(record).ok()?;
            fields.retain(|name, value| {
                let alone = Map::from_iter([(name.clone(), value.clone())]);
                Self::deserialize(Value::Object(alone)).is_ok()
            });
            Self::deserialize(Value::Object(fields)).ok()
        })
    }
}

/// Requests to Redis that failed for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RedisErrors {
    /// The number.
    pub count: u64,
    /// The time of the last one.
    pub last_ms: Option<u64>,
}

/// The status of the deliveries of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryStatus {
    /// The endpoints, in the order of the config.
    pub endpoints: Vec<EndpointStatus>,
    /// The number of endpoints that are left out.
    pub endpoints_truncated: usize,
    /// The lanes with events, the longest first.
    pub lanes: Vec<LaneStatus>,
    /// The number of lanes that are left out.
    pub lanes_truncated: usize,
    /// A hash of all of its endpoints.
    #[serde(skip)]
    pub endpoints_hash: String,
    /// Endpoints that the node has disabled (with their URLs) or enabled (`None`) and that Redis does not have yet.
    #[serde(skip)]
    pub disabled: BTreeMap<String, Option<String>>,
    /// Events received, by application and name. All applications after the first hundred share `_others`.
    pub events: BTreeMap<String, BTreeMap<String, u64>>,
}

/// The state of an endpoint. The worst comes last.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum EndpointState {
    /// Its last attempt succeeded, or there was none.
    #[default]
    Ok,
    /// Its last attempt failed.
    Failing,
    /// An operator paused it.
    Paused,
    /// It answered 410 and gets no more POSTs until it is resumed.
    Disabled,
}

/// An endpoint, on one node or on all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointStatus {
    /// Its id, as in dead letters.
    pub id: String,
    /// Its name, if it has one, and its URL without userinfo and query, which may be secret.
    pub label: String,
    /// Its URL without userinfo and query.
    pub url: String,
    /// The application whose events it gets; `*` for all.
    pub app_id: String,
    /// Its state.
    pub state: EndpointState,
    /// The start of the state, unless it is ok.
    pub since_ms: Option<u64>,
    /// The status of the response to its last attempt, if there was one.
    pub last_status: Option<u16>,
    /// The error of its last attempt, if it failed.
    pub last_error: Option<String>,
    /// The beginning of the answer to its last attempt, if that failed and is kept.
    pub last_answer: Option<String>,
    /// The end of its last attempt.
    pub last_attempt_ms: Option<u64>,
    /// The last successful attempt.
    pub last_success_ms: Option<u64>,
    /// The last failed attempt.
    pub last_failure_ms: Option<u64>,
    /// Failed attempts since the last success.
    pub consecutive_failures: u64,
    /// POSTs sent.
    pub attempts: u64,
    /// Batches delivered.
    pub deliveries: u64,
    /// Events delivered.
    pub events_delivered: u64,
    /// Batches dropped.
    pub drops: u64,
    /// Events dropped, in a batch or before.
    pub events_dropped: u64,
    /// Failed attempts, by [cause](crate::telemetry::Cause).
    pub failures: BTreeMap<String, u64>,
    /// The latency of attempts, including failed ones.
    pub latency: Latency,
    /// Events that wait or are in flight.
    pub depth: usize,
    /// The time of the oldest of them.
    pub oldest_ms: Option<u64>,
}

/// A lane with events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaneStatus {
    /// The endpoint's id.
    pub endpoint: String,
    /// The application.
    pub app_id: String,
    /// The shard.
    pub shard: Shard,
    /// Events that wait or are in flight.
    pub depth: usize,
    /// The time of the oldest of them.
    pub oldest_ms: Option<u64>,
    /// The attempts of its in-flight batch; 0 without one.
    pub attempt: u32,
    /// The time of the next attempt, if it waits.
    pub next_try_ms: Option<u64>,
}

/// The ids of the endpoints that are paused.
pub(crate) type Pauses = BTreeSet<String>;

/// The states of endpoints that Redis has for all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndpointStates {
    /// Paused endpoints.
    pub(crate) paused: Pauses,
    /// Disabled endpoints: id → the URL that has answered 410, without its query.
    pub(crate) disabled: BTreeMap<String, String>,
}

/// Converts instants to Redis' clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    /// An instant.
    pub(crate) at: Instant,
    /// Redis' time at that instant, in Unix ms.
    pub(crate) unix_ms: u64,
}

impl WallClock {
    /// Returns the time of an instant, in Unix ms.
    pub(crate) fn ms(&self, instant: Instant) -> u64 {
        let before = millis(self.at.saturating_duration_since(instant));
        let after = millis(instant.saturating_duration_since(self.at));
        self.unix_ms.saturating_sub(before).saturating_add(after)
    }
}
