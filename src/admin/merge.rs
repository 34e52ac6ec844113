//! Merges the records of all nodes. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::report::{EndpointState, EndpointStatus, NodeRecord};

/// An endpoint, merged over all nodes.
#[derive(Clone, Debug, Serialize)]
pub struct MergedEndpoint {
    /// Sums over the nodes, the last attempt of any node, and the worst state with its earliest start.
    #[serde(flatten)]
    pub endpoint: EndpointStatus,
    /// Median of the attempt latency in ms, estimated from the buckets.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Number of running nodes by the state in which they have the endpoint.
    pub nodes: BTreeMap<EndpointState, usize>,
}

/// Merges the endpoints of all records, in the order of their first occurrence. Only running nodes determine their
/// states.
pub(super) fn endpoints<'a>(records: impl Iterator<Item = (&'a NodeRecord, bool)>) -> Vec<MergedEndpoint> {
    let mut merged: Vec<MergedEndpoint> = Vec::new();
    for (record, runs) in records {
        for seen in &record.deliveries.endpoints {
            match merged.iter_mut().find(|known| known.endpoint.id == seen.id) {
                Some(known) => known.add(seen, runs),
                None => merged.push(MergedEndpoint::first(seen, runs)),
            }
        }
    }
    for MergedEndpoint { endpoint, p50_ms, p95_ms, p99_ms, .. } in &mut merged {
        *p50_ms = endpoint.latency.quantile_ms(0.5);
        *p95_ms = endpoint.latency.quantile_ms(0.95);
        *p99_ms = endpoint.latency.quantile_ms(0.99);
    }
    merged
}

/// Sums the counters of all records.
pub(super) fn counters<'a>(records: impl Iterator<Item = &'a NodeRecord>) -> Map<String, Value> {
    let mut sums = Map::new();
    for (name, value) in records.flat_map(|record| &record.counters) {
        let sum = sums.get(name).and_then(Value::as_u64).unwrap_or_default();
        let sum = sum.saturating_add(value.as_u64().unwrap_or_default());
        sums.insert(name.clone(), sum.into());
    }
    sums
}

impl MergedEndpoint {
    fn first(seen: &EndpointStatus, runs: bool) -> Self {
        let nothing = EndpointStatus {
            id: seen.id.clone(),
            label: seen.label.clone(),
            url: seen.url.clone(),
            app_id: seen.app_id.clone(),
            ..EndpointStatus::default()
        };
        let mut merged = Self { endpoint: nothing, p50_ms: None, p95_ms: None, p99_ms: None, nodes: BTreeMap::new() };
        merged.add(seen, runs);
        merged
    }

    fn add(&mut self, seen: &EndpointStatus, runs: bool) {
        let known = &mut self.endpoint;
        if runs {
            *self.nodes.entry(seen.state).or_default() += 1;
            if seen.state > known.state {
                (known.state, known.since_ms) = (seen.state, seen.since_ms);
            } else if seen.state == known.state {
                known.since_ms = [known.since_ms, seen.since_ms].into_iter().flatten().min();
            }
            known.consecutive_failures = known.consecutive_failures.max(seen.consecutive_failures);
        }
        if seen.last_attempt_ms > known.last_attempt_ms {
            known.last_attempt_ms = seen.last_attempt_ms;
            known.last_status = seen.last_status;
            known.last_error.clone_from(&seen.last_error);
            known.last_answer.clone_from(&seen.last_answer);
        }
        known.last_success_ms = known.last_success_ms.max(seen.last_success_ms);
        known.last_failure_ms = known.last_failure_ms.max(seen.last_failure_ms);
        known.attempts = known.attempts.saturating_add(seen.attempts);
        known.deliveries = known.deliveries.saturating_add(seen.deliveries);
        known.events_delivered = known.events_delivered.saturating_add(seen.events_delivered);
        known.drops = known.drops.saturating_add(seen.drops);
        known.events_dropped = known.events_dropped.saturating_add(seen.events_dropped);
        for (cause, attempts) in &seen.failures {
            let sum = known.failures.entry(cause.clone()).or_default();
            *sum = sum.saturating_add(*attempts);
        }
        known.latency.merge(&seen.latency);
        known.depth = known.depth.saturating_add(seen.depth);
        known.oldest_ms = known.oldest_ms.into_iter().chain(seen.oldest_ms).min();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::DeliveryStatus;

    fn record(endpoint: EndpointStatus) -> NodeRecord {
        let endpoint = EndpointStatus { id: "e".to_owned(), ..endpoint };
        NodeRecord {
            deliveries: DeliveryStatus { endpoints: vec![endpoint], ..DeliveryStatus::default() },
            ..NodeRecord::default()
        }
    }

    fn failing(since_ms: u64, last_attempt_ms: u64, error: &str) -> NodeRecord {
        record(EndpointStatus {
            state: EndpointState::Failing,
            since_ms: Some(since_ms),
            last_attempt_ms: Some(last_attempt_ms),
            last_error: Some(error.to_owned()),
            attempts: 2,
            ..EndpointStatus::default()
        })
    }

    #[test]
    fn an_endpoint_has_the_worst_state_of_any_running_node() {
        let ok = record(EndpointStatus { attempts: 3, ..EndpointStatus::default() });
        let records = [(&failing(20, 50, "HTTP 500"), true), (&ok, true), (&failing(10, 40, "HTTP 502"), true)];
        let merged = endpoints(records.into_iter());
        let endpoint = &merged[0].endpoint;
        assert_eq!((endpoint.state, endpoint.since_ms), (EndpointState::Failing, Some(10)));
        assert_eq!((endpoint.last_error.as_deref(), endpoint.attempts), (Some("HTTP 500"), 7));
        assert_eq!(merged[0].nodes, BTreeMap::from([(EndpointState::Ok, 1), (EndpointState::Failing, 2)]));
    }

    #[test]
    fn a_stopped_node_contributes_counts_but_no_state() {
        let ok = record(EndpointStatus { attempts: 3, ..EndpointStatus::default() });
        let merged = endpoints([(&failing(20, 50, "HTTP 500"), false), (&ok, true)].into_iter());
        assert_eq!((merged[0].endpoint.state, merged[0].endpoint.attempts), (EndpointState::Ok, 5));
        assert_eq!(merged[0].nodes, BTreeMap::from([(EndpointState::Ok, 1)]));
    }

    #[test]
    fn counters_are_summed_even_if_only_one_node_has_them() {
        let with = |name: &str, value: u64| NodeRecord {
            counters: [(name.to_owned(), value.into())].into_iter().collect(),
            ..NodeRecord::default()
        };
        let sums = counters([with("a", 1), with("a", 2), with("b", 5)].iter());
        assert_eq!((sums["a"].as_u64(), sums["b"].as_u64()), (Some(3), Some(5)));
    }
}
