//! All metrics.

use strum::Display;

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

/// The gauges of an engine: name in the engine, name of the metric, help text.
const GAUGES: [(&str, &str, &str); 6] = [
    ("queued_intents", "queued_intents", "Hook calls in the queue"),
    ("channels", "channels", "Channels with a connection on this node"),
    ("sockets", "sockets", "Connections with at least one channel on this node"),
    ("pending_claims", "pending_claims", "Claims that Redis has not decided yet"),
    ("waiting_client_events", "waiting_client_events", "Client events that wait for Redis"),
    ("queued_events", "queued_events", "Events that wait on this node, counted once per endpoint"),
];

const PROCESS: [(&str, MetricKind, &[&str], &str); 7] = [
    ("build_info", MetricKind::Gauge, &["version"], "1, with the version of the extension"),
    ("start_time_seconds", MetricKind::Gauge, &[], "Start time of the node in Unix time"),
    ("events_total", MetricKind::Counter, &["app", "event"], "Events that reached the lanes"),
    ("events_dropped_total", MetricKind::Counter, &["reason"], "Events dropped"),
    ("redis_errors_total", MetricKind::Counter, &["reason"], "Failed requests to Redis"),
    ("endpoints_truncated", MetricKind::Gauge, &[], "Endpoints without metrics, because there are too many"),
    ("lanes", MetricKind::Gauge, &[], "Lanes with events; a lane is one endpoint and one application"),
];

const ENDPOINT: [(&str, MetricKind, &[&str], &str); 8] = [
    ("endpoint_deliveries_total", MetricKind::Counter, &["endpoint", "outcome"], "Batches delivered or dropped"),
    ("endpoint_events_total", MetricKind::Counter, &["endpoint", "outcome"], "Events delivered or dropped"),
    (
        "endpoint_attempt_duration_seconds",
        MetricKind::Histogram,
        &["endpoint"],
        "Duration of attempts, including failed ones",
    ),
    ("endpoint_consecutive_failures", MetricKind::Gauge, &["endpoint"], "Failed attempts since the last success"),
    ("endpoint_queued_events", MetricKind::Gauge, &["endpoint"], "Events that wait or are in flight"),
    (
        "endpoint_oldest_event_age_seconds",
        MetricKind::Gauge,
        &["endpoint"],
        "Age of the oldest queued event; 0 without one",
    ),
    (
        "endpoint_last_success_timestamp_seconds",
        MetricKind::Gauge,
        &["endpoint"],
        "Time of the last successful attempt in Unix time; missing without one",
    ),
    (
        "endpoint_state",
        MetricKind::Gauge,
        &["endpoint", "state"],
        "1 for the current state of the endpoint on the node, 0 for the others",
    ),
];

const CLUSTER: [(&str, MetricKind, &[&str], &str); 7] = [
    ("nodes", MetricKind::Gauge, &["state"], "Nodes with a record"),
    ("clock_skew_seconds", MetricKind::Gauge, &["node"], "Offset of the node's clock from Redis' clock"),
    ("last_report_age_seconds", MetricKind::Gauge, &["node"], "Age of the node's record"),
    ("outbox_entries", MetricKind::Gauge, &["partition"], "Entries in the outbox"),
    ("dead_letters", MetricKind::Gauge, &[], "Dead letters"),
    ("foreign_keys", MetricKind::Gauge, &[], "Keys under the prefix that another program has written"),
    (
        "occupied_channels",
        MetricKind::Gauge,
        &["app"],
        "Occupied channels in the cluster, including those in their grace",
    ),
];

/// Returns the metric of a counter, without the prefix. `None` for a counter that is exported with labels instead.
pub(super) fn of_counter(name: &str) -> Option<String> {
    let renamed = RENAMED.iter().find(|(counter, _)| *counter == name);
    let base = renamed.map_or(Some(name), |(_, metric)| *metric)?;
    Some(format!("{base}_total"))
}

/// Returns the metric of a gauge, without the prefix.
pub(super) fn of_gauge(name: &str) -> Option<&'static str> {
    GAUGES.iter().find(|(gauge, ..)| *gauge == name).map(|(_, metric, _)| *metric)
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
        .filter_map(|(name, help)| Some(make(&of_counter(name)?, MetricKind::Counter, &[], help, Scope::Node)));
    let gauges = GAUGES.map(|(_, name, help)| make(name, MetricKind::Gauge, &[], help, Scope::Node));
    let endpoint = ENDPOINT.map(|(name, kind, labels, help)| make(name, kind, labels, help, Scope::Node));
    let cluster = CLUSTER.map(|(name, kind, labels, help)| make(name, kind, labels, help, Scope::Cluster));
    process.into_iter().chain(counters).chain(gauges).chain(endpoint).chain(cluster).collect()
}
