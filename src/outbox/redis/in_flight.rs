//! In-flight batches as Redis stores them, for the successor of a node that dies before the acknowledgement.
//!
//! They contain no secret and no signature: each attempt is signed when it is made.

use serde::{Deserialize, Serialize};

use crate::config::EndpointId;
use crate::event::{AppId, Shard, take};
use crate::outbox::{LaneId, Position};

/// Encodes a lane as a hash field of its shard: the endpoint's id, length-prefixed, then the application's id.
pub(super) fn lane_field(lane: &LaneId) -> Vec<u8> {
    let endpoint = lane.endpoint.as_str();
    let mut field = format!("{}:{endpoint}", endpoint.len()).into_bytes();
    field.extend_from_slice(lane.app.as_bytes());
    field
}

/// Parses the field of a lane of `shard`.
pub(super) fn parse_lane(field: &[u8], shard: Shard) -> Option<LaneId> {
    let (endpoint, app) = take(field)?;
    Some(LaneId { endpoint: EndpointId::new(std::str::from_utf8(endpoint).ok()?), app: AppId::new(app), shard })
}

/// A frozen batch in its stored form.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PersistedBatch {
    /// `webhook-id`.
    pub(super) id: String,
    /// The JSON body.
    pub(super) body: String,
    /// Partition and number of each event.
    pub(super) events: Vec<(u16, u64)>,
}

impl PersistedBatch {
    /// Creates the stored form of a batch of the events at `positions`.
    pub(super) fn new(id: &str, body: &[u8], positions: impl Iterator<Item = Position>) -> Self {
        let events = positions.map(|position| (position.partition, position.seq)).collect();
        Self { id: id.to_owned(), body: String::from_utf8_lossy(body).into_owned(), events }
    }

    /// Encodes the batch after its id, by which `ack.lua` recognises it.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut text = format!("{} ", self.id).into_bytes();
        // Cannot fail: the struct has only strings, numbers and lists.
        let _ = serde_json::to_writer(&mut text, self);
        text
    }

    /// Parses the output of [`Self::write`].
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let space = text.iter().position(|byte| *byte == b' ')?;
        serde_json::from_slice(&text[space + 1..]).ok().filter(|batch: &Self| batch.id.as_bytes() == &text[..space])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_survives_a_round_trip_byte_for_byte() {
        let body = "{\"time_ms\":1,\"events\":[{\"channel\":\"é\\u0000\u{1F600}\"}]}".to_owned();
        let batch = PersistedBatch { id: "msg_1".to_owned(), body, events: vec![(3, 7), (4, 1)] };
        assert!(batch.write().starts_with(b"msg_1 {"));
        assert_eq!(PersistedBatch::read(&batch.write()), Some(batch));
        assert_eq!(PersistedBatch::read(b"garbage"), None);
        assert_eq!(PersistedBatch::read(br#"msg_1 {"id":"msg_2","body":"{}","events":[]}"#), None);
    }

    #[test]
    fn a_lane_survives_a_round_trip_whatever_its_application_is_called() {
        for endpoint in ["00ff", "bill:ing é", "3:"] {
            let lane = LaneId { endpoint: EndpointId::new(endpoint), app: AppId::from("a:b"), shard: Shard::FIRST };
            assert_eq!(parse_lane(&lane_field(&lane), lane.shard), Some(lane));
        }
        assert_eq!(parse_lane(b"x", Shard::FIRST), None);
    }
}
