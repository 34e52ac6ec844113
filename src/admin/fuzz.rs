//! Fuzzes what nodes of other versions publish: records, attempts for watchers, the history, hold sets and counts. Also the
//! cursors that callers return.

use serde_json::Value;

use super::merge;
use super::presence::{ChannelState, Cursor};
use crate::fuzz::fuzz;
use crate::report::{NodeRecord, disagreements, history_numbers};
use crate::telemetry::Sight;

/// Sums a number of all endpoints with this id.
fn sum(records: &[NodeRecord], id: &str, number: impl Fn(&crate::report::EndpointStatus) -> u64) -> u64 {
    let endpoints = records.iter().flat_map(|record| &record.deliveries.endpoints);
    endpoints.filter(|endpoint| endpoint.id == id).map(number).fold(0, u64::saturating_add)
}

#[test]
fn a_record_of_any_version_is_read_and_merged() {
    fuzz("node_record", 600, |input| {
        let _ = serde_json::from_slice::<Sight>(input);
        let Ok(Value::Array(written)) = serde_json::from_slice(input) else { return };
        let mut records = Vec::new();
        for written in &written {
            let read = NodeRecord::read(written.to_string().as_bytes());
            assert_eq!(read.is_some(), written.is_object(), "{written}");
            let Some(read) = read else { continue };
            let node = written.get("node").and_then(Value::as_str).unwrap_or_default();
            assert_eq!(read.node, node, "a readable field was lost");
            records.push(read);
        }
        for endpoint in merge::endpoints(records.iter().map(|record| (record, !record.stopped))) {
            let merged = &endpoint.endpoint;
            assert_eq!(merged.attempts, sum(&records, &merged.id, |own| own.attempts));
            assert_eq!(merged.latency.counts[0], sum(&records, &merged.id, |own| own.latency.counts[0]));
            assert!(endpoint.p50_ms <= endpoint.p95_ms && endpoint.p95_ms <= endpoint.p99_ms);
            assert!(serde_json::to_value(&endpoint).is_ok());
        }
        for (name, sum) in merge::counters(records.iter()) {
            let own = records.iter().filter_map(|record| record.counters.get(&name)?.as_u64());
            assert_eq!(sum.as_u64(), Some(own.fold(0, u64::saturating_add)));
        }
        let parts = records.iter().map(|record| (record.node.as_str(), &record.configured));
        for disagreement in disagreements(parts, 1_700_000_000_000) {
            assert!(disagreement.groups.len() > 1, "{disagreement}");
        }
    });
}

#[test]
fn a_number_of_the_history_is_22_bits_of_its_key() {
    fuzz("history", 2_000, |input| {
        let bit = |at: usize| input.get(at / 8).map_or(0, |byte| u64::from(byte >> (7 - at % 8) & 1));
        for (minute, width) in [(0, 6), (59, 20), (7, 1)] {
            let expected = |place: usize| {
                let first = (usize::try_from(minute).unwrap() * width + place) * 22;
                (first..first + 22).fold(0, |number, at| number << 1 | bit(at))
            };
            assert_eq!(history_numbers(input, minute, width), (0..width).map(expected).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_cursor_leads_to_the_same_place_when_it_is_written_and_read_again() {
    fuzz("presence_cursor", 3_000, |input| {
        let mut lines = input.splitn(3, |byte| *byte == b'\n').map(<[u8]>::to_vec);
        let [text, hold_set, counts] = std::array::from_fn(|_| lines.next().unwrap_or_default());
        let text = String::from_utf8_lossy(&text);
        for shards in [1, 8, 64] {
            if let Some(cursor) = Cursor::parse(Some(&text), shards) {
                assert_eq!(Cursor::parse(Some(&cursor.to_string()), shards), Some(cursor));
            }
        }
        let nodes = hold_set.split(|byte| *byte == b'|').filter(|node| !node.is_empty()).count();
        let uncounted = ChannelState { hold_set: hold_set.clone(), members: 0, counts: Vec::new() };
        assert_eq!(uncounted.connections(), nodes as u64);
        let _ = ChannelState { hold_set, members: 0, counts }.connections();
    });
}
