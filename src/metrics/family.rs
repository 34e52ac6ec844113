//! Every metric that there is.

use crate::telemetry::Counters;

/// What every name begins with.
const PREFIX: &str = "resonate_webhooks_";

/// A metric, as `docs/metrics.md` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its whole name.
    pub name: String,
    /// Its type.
    pub kind: MetricKind,
    /// Its labels; in the text of a cluster [`Scope::Node`] means one more, `node`.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: String,
    /// Of what it says that.
    pub scope: Scope,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Grows, and begins anew with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of what did not exceed a bound.
    Histogram,
}

impl MetricKind {
    /// As it stands behind `# TYPE`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Of what a metric speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Of a node: the process tells it, and in the text of the cluster each node has its own.
    Node,
    /// Of what is in Redis, for all nodes together: only in the text of the cluster.
    Cluster,
}

/// The counters whose metrics are called otherwise; those without a name are told with more labels.
const RENAMED: [(&str, Option<&str>); 6] = [
    ("edges", Some("edges_claimed")),
    ("redis_calls", Some("claim_batches")),
    ("events", Some("events_accepted")),
    ("events_dropped", None),
    ("redis_errors", None),
    ("attempts", Some("delivery_attempts")),
];

/// The gauges of an engine, under their names there: what the metric is called, and what it says.
const GAUGES: [(&str, &str, &str); 6] = [
    ("queued_intents", "queued_intents", "Hook calls that wait to be taken in"),
    ("channels", "channels", "Channels with a connection on this node"),
    ("sockets", "sockets", "Connections on at least one channel of this node"),
    ("pending_claims", "pending_claims", "Operations that Redis has not judged yet"),
    ("waiting_client_events", "waiting_client_events", "Client events that wait for Redis"),
    ("queued_events", "queued_events", "Events that wait on this node for their endpoints, once for each"),
];

const PROCESS: [(&str, MetricKind, &[&str], &str); 7] = [
    ("build_info", MetricKind::Gauge, &["version"], "1, with the version of the extension"),
    ("start_time_seconds", MetricKind::Gauge, &[], "When the node began, in Unix time"),
    ("events_total", MetricKind::Counter, &["app", "event"], "Events that came to the lanes of the endpoints"),
    ("events_dropped_total", MetricKind::Counter, &["reason"], "Events that were given up"),
    ("redis_errors_total", MetricKind::Counter, &["reason"], "Requests to Redis that failed"),
    ("endpoints_truncated", MetricKind::Gauge, &[], "Endpoints that are not told of, since there are too many"),
    ("lanes", MetricKind::Gauge, &[], "Lanes, each of an endpoint and an application, in which something waits"),
];

const ENDPOINT: [(&str, MetricKind, &[&str], &str); 8] = [
    ("endpoint_deliveries_total", MetricKind::Counter, &["endpoint", "outcome"], "Batches that came to their end"),
    ("endpoint_events_total", MetricKind::Counter, &["endpoint", "outcome"], "Events that came to their end"),
    (
        "endpoint_attempt_duration_seconds",
        MetricKind::Histogram,
        &["endpoint"],
        "How long attempts took, failed ones too",
    ),
    ("endpoint_consecutive_failures", MetricKind::Gauge, &["endpoint"], "Attempts since the last success"),
    ("endpoint_queued_events", MetricKind::Gauge, &["endpoint"], "Events that wait for the endpoint or are under way"),
    (
        "endpoint_oldest_event_age_seconds",
        MetricKind::Gauge,
        &["endpoint"],
        "How long ago the oldest of them happened; 0 when there is none",
    ),
    (
        "endpoint_last_success_timestamp_seconds",
        MetricKind::Gauge,
        &["endpoint"],
        "When an attempt last succeeded, in Unix time; missing when none has",
    ),
    (
        "endpoint_state",
        MetricKind::Gauge,
        &["endpoint", "state"],
        "1 for the state in which the node sees the endpoint, 0 else",
    ),
];

const CLUSTER: [(&str, MetricKind, &[&str], &str); 7] = [
    ("nodes", MetricKind::Gauge, &["state"], "Nodes whose records are there"),
    ("clock_skew_seconds", MetricKind::Gauge, &["node"], "How far the node's clock is ahead of Redis'"),
    ("last_report_age_seconds", MetricKind::Gauge, &["node"], "How long ago the node wrote its record"),
    ("outbox_entries", MetricKind::Gauge, &["partition"], "Entries in the outbox in Redis"),
    ("dead_letters", MetricKind::Gauge, &[], "Batches that were given up and are kept"),
    ("foreign_keys", MetricKind::Gauge, &[], "Keys of ours that another program has written"),
    (
        "occupied_channels",
        MetricKind::Gauge,
        &["app"],
        "Channels with a connection somewhere, those in their grace too",
    ),
];

/// The metric of a counter, without the prefix; none for one that is told with more labels.
pub(super) fn of_counter(name: &str) -> Option<String> {
    let renamed = RENAMED.iter().find(|(counter, _)| *counter == name);
    let base = renamed.map_or(Some(name), |(_, metric)| *metric)?;
    Some(format!("{base}_total"))
}

/// The metric of a gauge, without the prefix.
pub(super) fn of_gauge(name: &str) -> Option<&'static str> {
    GAUGES.iter().find(|(gauge, ..)| *gauge == name).map(|(_, metric, _)| *metric)
}

/// Every metric, in the order in which they are told.
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
