//! Converts the record of a node, or the status of a cluster, to samples. Pure.

use std::collections::BTreeMap;

use serde_json::Value;
use strum::VariantArray;

use super::family::{is_gauge, of_counter};
use super::page::MetricsPage;
use crate::admin::{ClusterStatus, NodeLiveness};
use crate::report::{EndpointState, EndpointStatus, LATENCY_BOUNDS_MS, Latency, NodeRecord, OTHER_APPS};

/// The maximum number of applications whose channels are counted separately.
const APPS_AT_MOST: usize = 100;

/// Returns the metrics of a process with this record, at `now_ms` by Redis' clock.
#[must_use]
pub fn of_process(record: &NodeRecord, now_ms: u64) -> String {
    let mut page = MetricsPage::new();
    NodeSamples { page: &mut page, node: None, now_ms }.add_record(record, true);
    page.into_text()
}

/// Returns the metrics of a cluster.
#[must_use]
pub fn of_cluster(status: &ClusterStatus) -> String {
    let mut page = MetricsPage::new();
    for node in &status.nodes {
        let (name, runs) = (node.record.node.as_str(), node.state == NodeLiveness::Running);
        NodeSamples { page: &mut page, node: Some(name), now_ms: status.time_ms }.add_record(&node.record, runs);
        let labels = [("node", name)];
        page.add("last_report_age_seconds", "", &labels, seconds(status.time_ms.saturating_sub(node.written_ms)));
        if runs {
            #[allow(clippy::cast_precision_loss, reason = "a difference of clocks is small")]
            page.add("clock_skew_seconds", "", &labels, node.clock_skew_ms as f64 / 1e3);
        }
    }
    let nodes_are_known = status.shards.first().is_none_or(|first| first.error.is_none());
    for state in NodeLiveness::VARIANTS.iter().filter(|_| nodes_are_known) {
        let count = status.nodes.iter().filter(|node| node.state == *state).count();
        page.add("nodes", "", &[("state", state.into())], count);
    }
    for partition in &status.outbox.partitions {
        let (shard, number) = (partition.shard.to_string(), partition.number.to_string());
        page.add("outbox_entries", "", &[("shard", &shard), ("partition", &number)], partition.events);
    }
    let unavailable = status.shards.iter().filter(|shard| shard.error.is_some()).count();
    page.add("shards_unavailable", "", &[], unavailable);
    page.add("dead_letters", "", &[], status.dead_letters);
    page.add("foreign_keys", "", &[], status.foreign_keys.len());
    for (app, channels) in largest(&status.channels) {
        page.add("occupied_channels", "", &[("app", &app)], channels);
    }
    page.into_text()
}

/// Returns the largest numbers of channels, and the sum of the others.
fn largest(channels: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    let mut sorted: Vec<_> = channels.iter().collect();
    sorted.sort_by_key(|(_, channels)| std::cmp::Reverse(**channels));
    let mut result = BTreeMap::new();
    for (place, (app, channels)) in sorted.into_iter().enumerate() {
        let name = if place < APPS_AT_MOST { app } else { OTHER_APPS };
        *result.entry(name.to_owned()).or_default() += channels;
    }
    result
}

/// Adds the samples of a node. In the metrics of a cluster, they have its name as a label.
struct NodeSamples<'a> {
    page: &'a mut MetricsPage,
    node: Option<&'a str>,
    now_ms: u64,
}

impl NodeSamples<'_> {
    fn add_record(&mut self, record: &NodeRecord, runs: bool) {
        self.add("build_info", &[("version", &record.version)], 1);
        self.add("start_time_seconds", &[], seconds(record.started_ms));
        for (app, counts) in &record.deliveries.events {
            for (event, count) in counts {
                self.add("events_total", &[("app", app), ("event", event)], count);
            }
        }
        for (cause, events) in &record.drop_causes {
            self.add("events_dropped_total", &[("reason", cause)], events);
        }
        for (reason, errors) in &record.redis_errors {
            self.add("redis_errors_total", &[("reason", reason)], errors.count);
        }
        for (name, value) in numbers(&record.counters) {
            if let Some(metric) = of_counter(name) {
                self.add(&metric, &[], value);
            }
        }
        for (name, value) in numbers(&record.gauges).filter(|(name, _)| is_gauge(name)) {
            self.add(name, &[], value);
        }
        for endpoint in &record.deliveries.endpoints {
            self.endpoint_counts(endpoint);
            if runs {
                self.endpoint_now(endpoint);
            }
        }
        if runs {
            self.add("endpoints_truncated", &[], record.deliveries.endpoints_truncated);
            self.add("lanes", &[], record.deliveries.lanes.len() + record.deliveries.lanes_truncated);
        }
    }

    fn endpoint_counts(&mut self, endpoint: &EndpointStatus) {
        let id = endpoint.id.as_str();
        for (outcome, batches, events) in [
            ("delivered", endpoint.deliveries, endpoint.events_delivered),
            ("dropped", endpoint.drops, endpoint.events_dropped),
        ] {
            let labels = [("endpoint", id), ("outcome", outcome)];
            self.add("endpoint_deliveries_total", &labels, batches);
            self.add("endpoint_events_total", &labels, events);
        }
        self.latency(id, &endpoint.latency);
    }

    fn endpoint_now(&mut self, endpoint: &EndpointStatus) {
        let id = [("endpoint", endpoint.id.as_str())];
        let age_ms = endpoint.oldest_ms.map_or(0, |oldest| self.now_ms.saturating_sub(oldest));
        self.add("endpoint_consecutive_failures", &id, endpoint.consecutive_failures);
        self.add("endpoint_queued_events", &id, endpoint.depth);
        self.add("endpoint_oldest_event_age_seconds", &id, seconds(age_ms));
        if let Some(success) = endpoint.last_success_ms {
            self.add("endpoint_last_success_timestamp_seconds", &id, seconds(success));
        }
        for state in EndpointState::VARIANTS {
            self.add("endpoint_state", &[id[0], ("state", state.into())], u8::from(endpoint.state == *state));
        }
    }

    fn latency(&mut self, endpoint: &str, latency: &Latency) {
        const NAME: &str = "endpoint_attempt_duration_seconds";
        let bounds = LATENCY_BOUNDS_MS.map(seconds).into_iter().chain([f64::INFINITY]);
        let mut below = 0;
        for (bound, count) in bounds.zip(latency.counts) {
            below += count;
            let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
            self.part(NAME, "_bucket", &[("endpoint", endpoint), ("le", &bound)], below);
        }
        #[allow(clippy::cast_precision_loss, reason = "sums of times are not that long")]
        self.part(NAME, "_sum", &[("endpoint", endpoint)], latency.sum_us as f64 / 1e6);
        self.part(NAME, "_count", &[("endpoint", endpoint)], below);
    }

    fn add(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.part(name, "", labels, value);
    }

    fn part(&mut self, name: &str, suffix: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let node = self.node.map(|node| ("node", node));
        let labels: Vec<_> = node.into_iter().chain(labels.iter().copied()).collect();
        self.page.add(name, suffix, &labels, value);
    }
}

fn numbers(values: &serde_json::Map<String, Value>) -> impl Iterator<Item = (&str, u64)> {
    values.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_u64()?)))
}

#[allow(clippy::cast_precision_loss, reason = "ms since 1970 are below 2^53")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1e3
}
