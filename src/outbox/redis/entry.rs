//! What stands in a stream, and how Redis answers with it.
//!
//! Answers are taken apart as they come: each text is moved to where it is wanted, and nothing else is kept of an entry.

use redis::Value;

use super::codec;
use super::scripts::parse_stream_id;
use crate::event::Entrance;
use crate::outbox::Item;

/// What stands in a stream, as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Event {
        text: Vec<u8>,
        /// The connection that made the edge.
        by: Option<Vec<u8>>,
    },
    Redelivery(Vec<u8>),
}

/// Entries of one stream, each with its place.
pub(super) type Page = Vec<(u64, Entry)>;

impl Entry {
    /// `None` when it is none of ours.
    pub(super) fn decode(&self, time_ms: u64) -> Option<Item> {
        match self {
            Self::Event { text, by } => {
                let mut event = codec::decode(text, time_ms)?;
                if let Some(by) = by {
                    event.kind = event.kind.by(Entrance::from_text(by).map(Box::new));
                }
                Some(Item::Event(event))
            }
            Self::Redelivery(text) => codec::decode_redelivery(text).map(Item::Redelivery),
        }
    }

    /// The entry that these fields are, each behind its name.
    fn of(fields: Vec<Value>) -> Self {
        let (mut text, mut by) = (Vec::new(), None);
        let mut fields = fields.into_iter();
        while let (Some(Value::BulkString(name)), Some(Value::BulkString(value))) = (fields.next(), fields.next()) {
            match name.as_slice() {
                b"e" => text = value,
                b"b" => by = Some(value),
                b"r" => return Self::Redelivery(value),
                _ => {}
            }
        }
        Self::Event { text, by }
    }
}

/// The entries of a stream, as `XRANGE` answers with them: each an id and its fields.
pub(super) fn entries(answer: Value) -> Page {
    let Value::Array(entries) = answer else { return Vec::new() };
    entries.into_iter().filter_map(entry).collect()
}

fn entry(answer: Value) -> Option<(u64, Entry)> {
    let [id, fields] = pair(answer)?;
    match (id, fields) {
        (Value::BulkString(id), Value::Array(fields)) => Some((parse_stream_id(&id)?, Entry::of(fields))),
        _ => None,
    }
}

/// The streams of which `XREAD` found something, each with its entries; nothing where it found none.
pub(super) fn streams(answer: Value) -> Vec<(Vec<u8>, Page)> {
    let Value::Array(streams) = answer else { return Vec::new() };
    let stream = |answer| match pair(answer)? {
        [Value::BulkString(name), found] => Some((name, entries(found))),
        _ => None,
    };
    streams.into_iter().filter_map(stream).collect()
}

fn pair(answer: Value) -> Option<[Value; 2]> {
    let Value::Array(items) = answer else { return None };
    items.try_into().ok()
}

#[cfg(test)]
mod tests {
    use redis::Commands;
    use redis::streams::StreamReadOptions;

    use super::*;
    use crate::support::redis::RedisServer;

    fn event(text: &str, by: Option<&str>) -> Entry {
        Entry::Event { text: text.into(), by: by.map(Into::into) }
    }

    #[test]
    fn what_was_appended_is_read_with_its_place_and_foreign_fields_are_passed_over() {
        let server = RedisServer::start();
        let mut redis = server.connect();
        let mut add = |stream: &str, id: &str, fields: &[(&str, &str)]| {
            redis.xadd::<_, _, _, _, String>(stream, id, fields).unwrap();
        };
        add("one", "7-1", &[("e", "o3:app1:a")]);
        add("one", "7-2", &[("z", "?"), ("e", "a3:app1:a9"), ("b", "3:1.1{}")]);
        add("two", "8-0", &[("r", "lane")]);
        let options = StreamReadOptions::default();
        let answer: Value = redis.xread_options(&["one", "none", "two"], &["0", "0", "0"], &options).unwrap();
        let place = |id: &str| parse_stream_id(id.as_bytes()).unwrap();
        let one = vec![(place("7-1"), event("o3:app1:a", None)), (place("7-2"), event("a3:app1:a9", Some("3:1.1{}")))];
        let two = vec![(place("8-0"), Entry::Redelivery(b"lane".to_vec()))];
        assert_eq!(streams(answer), [(b"one".to_vec(), one), (b"two".to_vec(), two)]);
        let nothing: Value = redis.xread_options(&["one"], &["9-0"], &options).unwrap();
        assert_eq!(streams(nothing), []);
        let range: Value = redis.xrange("one", "7-1", "7-1").unwrap();
        assert_eq!(entries(range), [(place("7-1"), event("o3:app1:a", None))]);
    }
}
