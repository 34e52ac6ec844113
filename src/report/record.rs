//! What a node writes down of itself. Read leniently: the nodes of a cluster may be of different versions.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Latency;
use super::agreement::Parts;
use crate::redis::millis;

/// The endpoints, and the lanes, of which a record tells at most: those with a trouble and the longest first.
pub(crate) const AT_MOST: usize = 200;

/// The applications whose events are counted one by one.
pub(crate) const APPS_AT_MOST: usize = 100;

/// What the others are called, all together.
pub(crate) const OTHER_APPS: &str = "_others";

/// A node, as it sees itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeRecord {
    /// Its id in the cluster, of this incarnation.
    pub node: String,
    /// Whether it stopped in good order; it writes nothing more then.
    pub stopped: bool,
    /// The name of its machine.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// The version of the extension.
    pub version: String,
    /// When it began, by Redis' clock, as all times but the next.
    pub started_ms: u64,
    /// Its own clock when it wrote this.
    pub clock_ms: u64,
    /// Whether its connections take descriptors of its server, so that this can hold fewer clients.
    pub shares_descriptors: bool,
    /// Counts since it began.
    pub counters: Map<String, Value>,
    /// What waits now, and what is there.
    pub gauges: Map<String, Value>,
    /// Requests to Redis that failed, by [reason](crate::telemetry::RedisFault).
    pub redis_errors: BTreeMap<String, RedisErrors>,
    /// Events that were given up, by [cause](crate::telemetry::Cause).
    pub drop_causes: BTreeMap<String, u64>,
    /// What it is configured with, to be compared with the others.
    pub configured: Parts,
    /// The applications it has met.
    pub apps: Vec<String>,
    /// Its deliveries.
    #[serde(flatten)]
    pub deliveries: DeliveryStatus,
}

/// Requests to Redis that failed for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RedisErrors {
    /// How many.
    pub count: u64,
    /// When the last one did.
    pub last_ms: Option<u64>,
}

/// How the deliveries of a node are doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryStatus {
    /// The endpoints, in the order of the config.
    pub endpoints: Vec<EndpointStatus>,
    /// How many more there are.
    pub endpoints_truncated: usize,
    /// The lanes in which something waits, the longest first.
    pub lanes: Vec<LaneStatus>,
    /// How many more there are.
    pub lanes_truncated: usize,
    /// A hash of all of its endpoints.
    #[serde(skip)]
    pub endpoints_hash: String,
    /// Endpoints that the node has disabled, with their URLs, or enabled again (`None`), and that Redis does not have yet.
    #[serde(skip)]
    pub disabled: BTreeMap<String, Option<String>>,
    /// Events that came, by application and name. After a hundred applications the others are told as `_others`.
    pub events: BTreeMap<String, BTreeMap<String, u64>>,
}

/// What can be said of an endpoint in a word. The worst comes last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndpointState {
    /// Its last attempt succeeded, or there was none.
    #[default]
    Ok,
    /// Its last attempt failed.
    Failing,
    /// Somebody paused it.
    Paused,
    /// It answered 410 and gets nothing more until it is resumed.
    Disabled,
}

/// An endpoint, on one node or on all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointStatus {
    /// Its id, as in dead letters.
    pub id: String,
    /// Its name, if it has one, and its URL: without userinfo and without a query, where secrets may stand.
    pub label: String,
    /// That URL.
    pub url: String,
    /// Whose events it gets; `*` for those of every application.
    pub app_id: String,
    /// How it is.
    pub state: EndpointState,
    /// Since when, unless it is ok.
    pub since_ms: Option<u64>,
    /// The status of its last attempt, if that was answered.
    pub last_status: Option<u16>,
    /// What was wrong with it, if something was.
    pub last_error: Option<String>,
    /// When that ended.
    pub last_attempt_ms: Option<u64>,
    /// When an attempt last succeeded.
    pub last_success_ms: Option<u64>,
    /// When an attempt last failed.
    pub last_failure_ms: Option<u64>,
    /// Attempts since the last success.
    pub consecutive_failures: u64,
    /// POSTs.
    pub attempts: u64,
    /// Batches delivered.
    pub deliveries: u64,
    /// Events in them.
    pub events_delivered: u64,
    /// Batches given up.
    pub drops: u64,
    /// Events in them, or given up before they were in one.
    pub events_dropped: u64,
    /// How long attempts took, failed ones too.
    pub latency: Latency,
    /// Events that wait for it or are under way.
    pub depth: usize,
    /// When the oldest of them happened.
    pub oldest_ms: Option<u64>,
}

/// A lane with something in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaneStatus {
    /// The endpoint's id.
    pub endpoint: String,
    /// The application.
    pub app_id: String,
    /// Events that wait or are under way.
    pub depth: usize,
    /// When the oldest of them happened.
    pub oldest_ms: Option<u64>,
    /// Attempts that its batch under way has had; 0 when it has none.
    pub attempt: u32,
    /// When that is sent again, if it waits.
    pub next_try_ms: Option<u64>,
}

/// Tells when something was, by Redis' clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    /// At this instant
    pub(crate) at: Instant,
    /// it was so many Unix ms.
    pub(crate) unix_ms: u64,
}

impl WallClock {
    /// The Unix ms of an instant.
    pub(crate) fn ms(&self, instant: Instant) -> u64 {
        let before = millis(self.at.saturating_duration_since(instant));
        let after = millis(instant.saturating_duration_since(self.at));
        self.unix_ms.saturating_sub(before).saturating_add(after)
    }
}
