//! All metrics.

use strum::Display;

use self::MetricKind::{Counter, Gauge, Histogram};
use crate::telemetry::Counters;

/// The prefix of every name.
const PREFIX: &str = "resonate_webhooks_";

/// A metric, as `docs/metrics.md` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Full name.
    pub name: String,
    /// Type.
    pub kind: MetricKind,
    /// Labels. In the metrics of a cluster, one of [`Scope::Node`] also has the label `node`.
    pub labels: &'static [&'static str],
    /// Help text.
    pub help: String,
    /// Subject.
    pub scope: Scope,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display)]
#[strum(serialize_all = "lowercase")]
pub enum MetricKind {
    /// Only increases, and restarts at 0 with the process.
    Counter,
    /// Increases and decreases.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
}

/// The subject of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A node. Both a process and a cluster have the metric, the latter once per node.
    Node,
    /// The data in Redis. Only a cluster has the metric.
    Cluster,
}

/// The counters whose metrics have another name. `None` for counters that are exported with labels instead.
const RENAMED: [(&str, Option<&str>); 6] = [
    ("edges", Some("edges_claimed")),
    ("redis_calls", Some("claim_batches")),
    ("events", Some("events_accepted")),
    ("events_dropped", None),
    ("redis_errors", None),
    ("attempts", Some("delivery_attempts")),
];

/// The gauges of an engine: name in the engine and of the metric, help text.
const GAUGES: [(&str, &str); 6] = [
    ("queued_intents", "Hook calls in the queue"),
    ("channels", "Channels with a connection on this node"),
    ("sockets", "Connections with at least one channel on this node"),
    ("pending_claims", "Claims that Redis has not decided yet"),
    ("waiting_client_events", "Client events that wait for Redis"),
    ("queued_events", "Events that wait on this node, counted once per endpoint"),
];

const PROCESS: [(&str, MetricKind, &[&str], &str); 7] = [
    ("build_info", Gauge, &["version"], "1, with the version of the extension"),
    ("start_time_seconds", Gauge, &[], "Start time of the node in Unix time"),
    ("events_total", Counter, &["app", "event"], "Events that reached the lanes"),
    ("events_dropped_total", Counter, &["reason"], "Events dropped"),
    ("redis_errors_total", Counter, &["reason"], "Failed requests to Redis"),
    ("endpoints_truncated", Gauge, &[], "Endpoints without metrics, because there are too many"),
    ("lanes", Gauge, &[], "Lanes with events; a lane is one endpoint and one application"),
];

const ENDPOINT: [(&str, MetricKind, &[&str], &str); 8] = [
    ("endpoint_deliveries_total", Counter, &["endpoint", "outcome"], "Batches delivered or dropped"),
    ("endpoint_events_total", Counter, &["endpoint", "outcome"], "Events delivered or dropped"),
    ("endpoint_attempt_duration_seconds", Histogram, &["endpoint"], "Duration of attempts, including failed ones"),
    ("endpoint_consecutive_failures", Gauge, &["endpoint"], "Failed attempts since the last success"),
    ("endpoint_queued_events", Gauge, &["endpoint"], "Events that wait or are in flight"),
    ("endpoint_oldest_event_age_seconds", Gauge, &["endpoint"], "Age of the oldest queued event; 0 without one"),
    (
        "endpoint_last_success_timestamp_seconds",
        Gauge,
        &["endpoint"],
        "Time of the last successful attempt in Unix time; missing without one",
    ),
    (
        "endpoint_state",
        Gauge,
        &["endpoint", "state"],
        "1 for the current state of the endpoint on the node, 0 for the others",
    ),
];

const CLUSTER: [(&str, MetricKind, &[&str], &str); 8] = [
    ("nodes", Gauge, &["state"], "Nodes with a record"),
    ("clock_skew_seconds", Gauge, &["node"], "Offset of the node's clock from Redis' clock"),
    ("last_report_age_seconds", Gauge, &["node"], "Age of the node's record"),
    ("outbox_entries", Gauge, &["shard", "partition"], "Entries in the outbox"),
    ("shards_unavailable", Gauge, &[], "Shards whose Redis does not answer"),
    ("dead_letters", Gauge, &[], "Dead letters"),
    ("foreign_keys", Gauge, &[], "Keys under the prefix that another program has written"),
    ("occupied_channels", Gauge, &["app"], "Occupied channels in the cluster, including those in their grace"),
];

/// Returns the metric of a counter, without the prefix. `None` for an unknown counter and one that is exported with labels.
pub(super) fn of_counter(name: &str) -> Option<String> {
    Counters::described().iter().find(|(known, _)| *known == name)?;
    let renamed = RENAMED.iter().find(|(counter, _)| *counter == name);
    let base = renamed.map_or(Some(name), |(_, metric)| *metric)?;
    Some(format!("{base}_total"))
}

/// Returns `true` if an engine has this gauge.
pub(super) fn is_gauge(name: &str) -> bool {
    GAUGES.iter().any(|(gauge, _)| *gauge == name)
}

/// Returns all metrics, in the order of the text.
#[must_use]
pub fn families() -> Vec<Family> {
    let make = |name: &str, kind, labels, help: &str, scope| Family {
        name: format!("{PREFIX}{name}"),
        kind,
        labels,
        help: help.trim().trim_end_matches('.').to_owned(),
        scope,
    };
    let process = PROCESS.map(|(name, kind, labels, help)| make(name, kind, labels, help, Scope::Node));
    let counters = Counters::described()
        .iter()
        .filter_map(|(name, help)| Some(make(&of_counter(name)?, Counter, &[], help, Scope::Node)));
    let gauges = GAUGES.map(|(name, help)| make(name, Gauge, &[], help, Scope::Node));
    let endpoint = ENDPOINT.map(|(name, kind, labels, help)| make(name, kind, labels, help, Scope::Node));
    let cluster = CLUSTER.map(|(name, kind, labels, help)| make(name, kind, labels, help, Scope::Cluster));
    process.into_iter().chain(counters).chain(gauges).chain(endpoint).chain(cluster).collect()
}
