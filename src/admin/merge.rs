//! What the records of all nodes come to. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::report::{EndpointState, EndpointStatus, NodeRecord};

/// An endpoint as all nodes together see it.
#[derive(Clone, Debug, Serialize)]
pub struct MergedEndpoint {
    /// Sums over the nodes; the last attempt of all of them; the worst state, and since when it is that on one of them.
    #[serde(flatten)]
    pub endpoint: EndpointStatus,
    /// Half of the attempts took no longer, in ms; an estimate by buckets, as are the next two.
    pub p50_ms: Option<f64>,
    /// 95 in 100.
    pub p95_ms: Option<f64>,
    /// 99 in 100.
    pub p99_ms: Option<f64>,
    /// How many nodes see it in which state, stopped ones left out.
    pub nodes: BTreeMap<EndpointState, usize>,
}

/// The endpoints of all records, in the order in which they come first. Only a node that runs has a say in their state.
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

/// The sums of the counters of all records.
pub(super) fn counters<'a>(records: impl Iterator<Item = &'a NodeRecord>) -> Map<String, Value> {
    let mut sums = Map::new();
    for (name, value) in records.flat_map(|record| &record.counters) {
        let sum = sums.get(name).and_then(Value::as_u64).unwrap_or_default() + value.as_u64().unwrap_or_default();
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
        }
        known.last_success_ms = known.last_success_ms.max(seen.last_success_ms);
        known.last_failure_ms = known.last_failure_ms.max(seen.last_failure_ms);
        known.attempts += seen.attempts;
        known.deliveries += seen.deliveries;
        known.events_delivered += seen.events_delivered;
        known.drops += seen.drops;
        known.events_dropped += seen.events_dropped;
        known.latency.merge(&seen.latency);
        known.depth += seen.depth;
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
    fn the_worst_state_of_a_running_node_is_that_of_the_endpoint() {
        let ok = record(EndpointStatus { attempts: 3, ..EndpointStatus::default() });
        let records = [(&failing(20, 50, "HTTP 500"), true), (&ok, true), (&failing(10, 40, "HTTP 502"), true)];
        let merged = endpoints(records.into_iter());
        let endpoint = &merged[0].endpoint;
        assert_eq!((endpoint.state, endpoint.since_ms), (EndpointState::Failing, Some(10)));
        assert_eq!((endpoint.last_error.as_deref(), endpoint.attempts), (Some("HTTP 500"), 7));
        assert_eq!(merged[0].nodes, BTreeMap::from([(EndpointState::Ok, 1), (EndpointState::Failing, 2)]));
    }

    #[test]
    fn a_node_that_has_stopped_has_counted_but_says_nothing_of_now() {
        let ok = record(EndpointStatus { attempts: 3, ..EndpointStatus::default() });
        let merged = endpoints([(&failing(20, 50, "HTTP 500"), false), (&ok, true)].into_iter());
        assert_eq!((merged[0].endpoint.state, merged[0].endpoint.attempts), (EndpointState::Ok, 5));
        assert_eq!(merged[0].nodes, BTreeMap::from([(EndpointState::Ok, 1)]));
    }

    #[test]
    fn counters_add_up_also_those_that_one_node_alone_knows() {
        let with = |name: &str, value: u64| NodeRecord {
            counters: [(name.to_owned(), value.into())].into_iter().collect(),
            ..NodeRecord::default()
        };
        let sums = counters([with("a", 1), with("a", 2), with("b", 5)].iter());
        assert_eq!((sums["a"].as_u64(), sums["b"].as_u64()), (Some(3), Some(5)));
    }
}
