//! A frozen batch as it is kept in Redis, for the heir of a node that dies while it is under way.
//!
//! It holds signatures but no secret: what was signed is repeated, not signed again.

use serde::{Deserialize, Serialize};

use crate::names::AppId;
use crate::outbox::{LaneId, Position, Wire};

/// The text of a lane in Redis: the endpoint's index and the application's id.
pub(super) fn lane_field(lane: &LaneId) -> Vec<u8> {
    let mut field = format!("{}:", lane.endpoint).into_bytes();
    field.extend_from_slice(lane.app.as_bytes());
    field
}

/// The lane that a field stands for.
pub(super) fn parse_lane(field: &[u8]) -> Option<LaneId> {
    let colon = field.iter().position(|byte| *byte == b':')?;
    let endpoint = std::str::from_utf8(&field[..colon]).ok()?.parse().ok()?;
    Some(LaneId { endpoint, app: AppId::new(&field[colon + 1..]) })
}

/// A frozen batch, to be written and read.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// `webhook-id`.
    pub(super) id: String,
    /// What goes over the wire.
    pub(super) wire: Wire,
    /// Where its events stand: partition and place.
    pub(super) events: Vec<(u16, u64)>,
}

impl Kept {
    /// A batch of the events at `positions`.
    pub(super) fn new(id: &str, wire: &Wire, positions: impl Iterator<Item = Position>) -> Self {
        let events = positions.map(|position| (position.partition, position.seq)).collect();
        Self { id: id.to_owned(), wire: wire.clone(), events }
    }

    /// The batch behind its id, by which `pass.lua` recognises it.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut text = format!("{} ", self.id).into_bytes();
        // Strings, numbers and lists: there is nothing that could not be written.
        let _ = serde_json::to_writer(&mut text, self);
        text
    }

    /// Reads what [`Self::write`] wrote.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let space = text.iter().position(|byte| *byte == b' ')?;
        serde_json::from_slice(&text[space + 1..]).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_comes_back_byte_for_byte() {
        let wire = Wire {
            body: "{\"time_ms\":1,\"events\":[{\"channel\":\"é\\u0000\u{1F600}\"}]}".to_owned().into_bytes(),
            key: "key".to_owned(),
            pusher_signature: "00ff".to_owned(),
            timestamp: "1".to_owned(),
            standard_signature: "v1,abc=".to_owned(),
        };
        let kept = Kept { id: "msg_1".to_owned(), wire, events: vec![(3, 7), (4, 1)] };
        assert!(kept.write().starts_with(b"msg_1 {"));
        assert_eq!(Kept::read(&kept.write()), Some(kept));
        assert_eq!(Kept::read(b"garbage"), None);
    }

    #[test]
    fn a_lane_comes_back_whatever_its_application_is_called() {
        let lane = LaneId { endpoint: 12, app: AppId::from("a:b") };
        assert_eq!(parse_lane(&lane_field(&lane)), Some(lane));
        assert_eq!(parse_lane(b"x"), None);
    }
}
