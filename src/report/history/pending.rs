//! The numbers of a node that are not in the history yet. Pure.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::{Load, MINUTE_MS, Series, totals};
use crate::report::record::{AT_MOST, EndpointState, EndpointStatus, NodeRecord};

/// The number of minutes that wait while Redis is away. Older ones are lost.
const WAITING_AT_MOST: u64 = 60;

/// The number of rows in one call, so that Redis serves other clients in between.
const PORTION: usize = 50;

/// The number of endpoints whose last totals are known, besides those in the last record.
const KNOWN_AT_MOST: usize = 5 * AT_MOST;

/// A minute of a series.
type Row = (u64, Series);

/// The numbers that wait. Records have totals, so the difference between two records is what happened between them.
#[derive(Debug, Default)]
pub(crate) struct PendingHistory {
    /// The last totals of each endpoint, and the number of the record that had them.
    totals: HashMap<String, (u64, Vec<u64>)>,
    counters: [u64; 3],
    records: u64,
    /// The last record left out endpoints.
    was_truncated: bool,
    waiting: BTreeMap<Row, Vec<u64>>,
    under_way: Option<HistoryWrite>,
    writes: u64,
}

/// Rows that are written in one call. A call without a reply is repeated unchanged, and its number tells whether it was
/// executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HistoryWrite {
    /// The number of the call, counted from 1.
    pub(crate) number: u64,
    /// The rows with their numbers.
    pub(crate) rows: Vec<(Row, Vec<u64>)>,
}

impl PendingHistory {
    /// Adds what has happened since the last record, in the minute of `now_ms` by Redis' clock.
    pub(crate) fn observe(&mut self, record: &NodeRecord, now_ms: u64) {
        let minute = now_ms / MINUTE_MS;
        self.waiting.retain(|(at, _), _| at + WAITING_AT_MOST > minute);
        for endpoint in &record.deliveries.endpoints {
            let attempts = self.attempts_since(endpoint);
            if attempts.iter().any(|number| *number > 0) {
                self.add((minute, Series::Endpoint(endpoint.id.clone())), &attempts);
                self.add((minute, Series::All), &attempts);
            }
        }
        let load = self.load_since(record, now_ms);
        if load.iter().any(|number| *number > 0) {
            self.add((minute, Series::Load), &load);
        }
        self.records += 1;
        self.was_truncated = record.deliveries.endpoints_truncated > 0;
        if self.totals.len() > AT_MOST + KNOWN_AT_MOST {
            let records = self.records;
            self.totals.retain(|_, (seen, _)| *seen + 1 == records);
        }
    }

    /// Returns the call to make now, if there is anything to write.
    pub(crate) fn next_write(&mut self) -> Option<&HistoryWrite> {
        if self.under_way.is_none() && !self.waiting.is_empty() {
            let rows = std::iter::from_fn(|| self.waiting.pop_first()).take(PORTION).collect();
            self.writes += 1;
            self.under_way = Some(HistoryWrite { number: self.writes, rows });
        }
        self.under_way.as_ref()
    }

    /// Records that the last call was executed.
    pub(crate) fn written(&mut self) {
        self.under_way = None;
    }

    fn add(&mut self, row: Row, numbers: &[u64]) {
        let (series, len) = (row.1.clone(), numbers.len());
        let waiting = self.waiting.entry(row).or_insert_with(|| vec![0; len]);
        series.add(waiting, numbers);
    }

    /// Returns the attempts to an endpoint since the last record.
    fn attempts_since(&mut self, endpoint: &EndpointStatus) -> Vec<u64> {
        let now = totals(endpoint);
        let nothing = || vec![0; now.len()];
        let before = match self.totals.get(&endpoint.id) {
            // An endpoint that was removed and added again counts from zero.
            Some((seen, before)) if *seen + 1 == self.records || !self.was_truncated => {
                if before.iter().zip(&now).all(|(before, now)| before <= now) { before.clone() } else { nothing() }
            }
            None if !self.was_truncated => nothing(),
            // It was left out of the last record, so the time of its attempts is unknown.
            _ => now.clone(),
        };
        let since = now.iter().zip(before).map(|(now, before)| now - before).collect();
        self.totals.insert(endpoint.id.clone(), (self.records, now));
        since
    }

    fn load_since(&mut self, record: &NodeRecord, now_ms: u64) -> Load {
        let number = |of: &Map<String, Value>, name: &str| of.get(name).and_then(Value::as_u64).unwrap_or_default();
        let now = ["intents", "events", "events_delivered"].map(|name| number(&record.counters, name));
        let before = std::mem::replace(&mut self.counters, now);
        let [intents, events, delivered] = std::array::from_fn(|place| now[place].saturating_sub(before[place]));
        // Events of a paused endpoint wait on purpose.
        let sends = |endpoint: &&EndpointStatus| endpoint.state < EndpointState::Paused;
        let oldest = record.deliveries.endpoints.iter().filter(sends).filter_map(|endpoint| endpoint.oldest_ms).min();
        let [queued_intents, queued_events] =
            ["queued_intents", "queued_events"].map(|name| number(&record.gauges, name));
        let lag_ds = oldest.map_or(0, |oldest| now_ms.saturating_sub(oldest) / 100);
        [intents, events, delivered, queued_intents, queued_events, lag_ds]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::DeliveryStatus;

    fn record(delivered: &[(&str, u64)], truncated: usize) -> NodeRecord {
        let endpoint = |(id, deliveries): &(&str, u64)| EndpointStatus {
            id: (*id).to_owned(),
            deliveries: *deliveries,
            ..EndpointStatus::default()
        };
        let endpoints = delivered.iter().map(endpoint).collect();
        let deliveries = DeliveryStatus { endpoints, endpoints_truncated: truncated, ..DeliveryStatus::default() };
        NodeRecord { deliveries, ..NodeRecord::default() }
    }

    /// Takes everything that waits: minute, series and first number.
    fn taken(pending: &mut PendingHistory) -> Vec<(u64, Series, u64)> {
        let mut taken = Vec::new();
        while let Some(write) = pending.next_write() {
            taken.extend(write.rows.iter().map(|((minute, series), numbers)| (*minute, series.clone(), numbers[0])));
            pending.written();
        }
        taken
    }

    fn endpoint(id: &str) -> Series {
        Series::Endpoint(id.to_owned())
    }

    #[test]
    fn the_differences_of_totals_are_counted_in_their_minute() {
        let mut pending = PendingHistory::default();
        pending.observe(&record(&[("a", 2), ("b", 0)], 0), 59_999);
        pending.observe(&record(&[("a", 5), ("b", 1)], 0), 60_000);
        pending.observe(&record(&[("a", 5), ("b", 1)], 0), 120_000);
        let expected = [
            (0, Series::All, 2),
            (0, endpoint("a"), 2),
            (1, Series::All, 4),
            (1, endpoint("a"), 3),
            (1, endpoint("b"), 1),
        ];
        assert_eq!(taken(&mut pending), expected);
        assert_eq!(pending.next_write(), None);
    }

    #[test]
    fn a_call_without_a_reply_is_repeated_unchanged_and_the_next_one_has_another_number() {
        let mut pending = PendingHistory::default();
        pending.observe(&record(&[("a", 2)], 0), 0);
        let first = pending.next_write().unwrap().clone();
        pending.observe(&record(&[("a", 3)], 0), 0);
        assert_eq!(pending.next_write(), Some(&first));
        pending.written();
        let next = pending.next_write().unwrap();
        assert_eq!((first.number, next.number, next.rows[1].1[0]), (1, 2, 1));
    }

    #[test]
    fn an_endpoint_that_starts_over_counts_from_zero() {
        let mut pending = PendingHistory::default();
        for (delivered, expected) in [(5, 5), (2, 2), (4, 2)] {
            pending.observe(&record(&[("a", delivered)], 0), 0);
            assert_eq!(taken(&mut pending)[1], (0, endpoint("a"), expected));
        }
        pending.observe(&record(&[], 0), 0);
        pending.observe(&record(&[("a", 5)], 0), 0);
        assert_eq!(taken(&mut pending)[1], (0, endpoint("a"), 1), "its totals were not forgotten");
    }

    #[test]
    fn an_endpoint_that_was_left_out_of_a_record_makes_no_peak_when_it_comes_back() {
        let mut pending = PendingHistory::default();
        pending.observe(&record(&[("a", 5)], 1), 0);
        pending.observe(&record(&[("b", 900)], 1), 0);
        pending.observe(&record(&[("a", 905), ("b", 901)], 0), 0);
        assert_eq!(taken(&mut pending), [(0, Series::All, 6), (0, endpoint("a"), 5), (0, endpoint("b"), 1)]);
    }

    #[test]
    fn an_hour_waits_for_redis_and_no_more() {
        let mut pending = PendingHistory::default();
        for minute in 0..100 {
            pending.observe(&record(&[("a", minute + 1)], 0), minute * MINUTE_MS);
        }
        let taken = taken(&mut pending);
        assert_eq!((taken.len(), taken[0].0, taken[119].0), (120, 40, 99));
    }

    #[test]
    fn the_load_has_rates_and_the_greatest_queue_and_lag() {
        let mut pending = PendingHistory::default();
        for (intents, queued, oldest_ms) in [(10, 3, Some(500)), (15, 9, None), (16, 1, Some(59_000))] {
            let paused = EndpointStatus {
                state: EndpointState::Paused,
                oldest_ms: Some(0),
                id: "paused".to_owned(),
                ..EndpointStatus::default()
            };
            let waiting = EndpointStatus { oldest_ms, id: "waiting".to_owned(), ..EndpointStatus::default() };
            let deliveries = DeliveryStatus { endpoints: vec![paused, waiting], ..DeliveryStatus::default() };
            let map = |value: Value| value.as_object().unwrap().clone();
            let (counters, gauges) = (map(json!({ "intents": intents })), map(json!({ "queued_events": queued })));
            pending.observe(&NodeRecord { counters, gauges, deliveries, ..NodeRecord::default() }, 59_900);
        }
        let write = pending.next_write().unwrap();
        assert_eq!(write.rows, [((0, Series::Load), vec![16, 0, 0, 0, 9, 594])]);
    }

    #[test]
    fn thousands_of_endpoints_that_come_and_go_are_forgotten() {
        let mut pending = PendingHistory::default();
        for n in 0..10_000 {
            pending.observe(&record(&[(&n.to_string(), 1)], 0), 0);
            taken(&mut pending);
        }
        assert!(pending.totals.len() <= AT_MOST + KNOWN_AT_MOST);
    }
}
