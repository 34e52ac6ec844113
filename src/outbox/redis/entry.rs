//! Parses stream entries from the replies of Redis, without intermediate copies of their fields.

use redis::Value;

use super::codec;
use super::scripts::{parse_stream_id, time_ms};
use super::unreadable::Unreadable;
use crate::event::MemberDetails;
use crate::outbox::Item;
use crate::telemetry::{NO_EVENT, NO_PLACE, UNKNOWN_KIND, UNREADABLE};

/// Entries of a stream.
#[derive(Debug, Default)]
pub(super) struct EntryPage {
    /// Readable entries, each with its position.
    pub(super) items: Vec<(u64, Item)>,
    /// Unreadable entries.
    pub(super) unreadable: Vec<Unreadable>,
}

impl EntryPage {
    /// Returns the number of entries.
    pub(super) const fn len(&self) -> usize {
        self.items.len() + self.unreadable.len()
    }

    fn add(&mut self, id: &[u8], fields: Vec<Value>) {
        let read = parse_stream_id(id).ok_or(NO_PLACE).and_then(|seq| Ok((seq, item(&fields, time_ms(seq))?)));
        match read {
            Ok(item) => self.items.push(item),
            Err(reason) => self.unreadable.push(Unreadable::new(id, texts(fields), reason)),
        }
    }
}

/// Returns the fields of an entry as names and values in turn.
fn texts(fields: Vec<Value>) -> Vec<Vec<u8>> {
    let text = |field| if let Value::BulkString(text) = field { Some(text) } else { None };
    fields.into_iter().filter_map(text).collect()
}

/// Parses the fields of an entry.
///
/// # Errors
/// Why they are unreadable.
fn item(fields: &[Value], time_ms: u64) -> Result<Item, &'static str> {
    let field = |wanted: &[u8]| {
        fields.chunks_exact(2).find_map(|field| match field {
            [Value::BulkString(name), Value::BulkString(text)] if name == wanted => Some(&**text),
            _ => None,
        })
    };
    if let Some(text) = field(b"r") {
        return codec::decode_redelivery(text).map(Item::Redelivery).ok_or(UNREADABLE);
    }
    let text = field(b"e").ok_or(NO_EVENT)?;
    let reason = if codec::knows(text) { UNREADABLE } else { UNKNOWN_KIND };
    let mut event = codec::decode(text, time_ms).ok_or(reason)?;
    if let Some(by) = field(b"b") {
        event.kind = event.kind.by(MemberDetails::from_text(by).map(Box::new));
    }
    Ok(Item::Event(event))
}

/// Parses the reply to `XRANGE`: a list of ids with their fields.
pub(super) fn page(answer: Value) -> EntryPage {
    let mut page = EntryPage::default();
    let Value::Array(entries) = answer else { return page };
    for entry in entries {
        if let Some([Value::BulkString(id), Value::Array(fields)]) = pair(entry) {
            page.add(&id, fields);
        }
    }
    page
}

/// Parses the reply to `XREAD`: the streams with new entries. Empty if there are none.
pub(super) fn streams(answer: Value) -> Vec<(Vec<u8>, EntryPage)> {
    let Value::Array(streams) = answer else { return Vec::new() };
    let stream = |answer| match pair(answer)? {
        [Value::BulkString(name), found] => Some((name, page(found))),
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
    use crate::event::EventKind;
    use crate::support::redis::RedisServer;

    fn kinds(page: &EntryPage) -> Vec<(u64, &str)> {
        page.items
            .iter()
            .map(|(seq, item)| match item {
                Item::Event(event) => (*seq, event.kind.name()),
                Item::Redelivery(_) => (*seq, "redelivery"),
            })
            .collect()
    }

    #[test]
    fn entries_are_read_with_their_positions_and_unknown_fields_are_ignored() {
        let server = RedisServer::start();
        let mut redis = server.connect();
        let mut add = |stream: &str, id: &str, fields: &[(&str, &str)]| {
            redis.xadd::<_, _, _, _, String>(stream, id, fields).unwrap();
        };
        add("one", "7-1", &[("e", "o3:app1:a")]);
        add("one", "7-2", &[("z", "?"), ("e", "a3:app1:a9"), ("b", "3:1.1{}")]);
        add("two", "8-0", &[("r", "3:1-15:msg_11:11:13:run1:eapp")]);
        let options = StreamReadOptions::default();
        let answer: Value = redis.xread_options(&["one", "none", "two"], &["0", "0", "0"], &options).unwrap();
        let place = |id: &str| parse_stream_id(id.as_bytes()).unwrap();
        let found = streams(answer);
        let [(first, one), (second, two)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&first[..], &second[..]), (&b"one"[..], &b"two"[..]));
        assert_eq!(kinds(one), [(place("7-1"), "channel_occupied"), (place("7-2"), "member_added")]);
        let Item::Event(added) = &one.items[1].1 else { panic!("{found:?}") };
        let EventKind::MemberAdded { user } = &added.kind else { panic!("{added:?}") };
        assert!(format!("{user:?}").contains("1.1"), "{user:?}");
        assert_eq!(kinds(two), [(place("8-0"), "redelivery")]);
        let nothing: Value = redis.xread_options(&["one"], &["9-0"], &options).unwrap();
        assert!(streams(nothing).is_empty());
        let range: Value = redis.xrange("one", "7-1", "7-1").unwrap();
        assert_eq!(kinds(&page(range)), [(place("7-1"), "channel_occupied")]);
    }

    #[test]
    fn unreadable_entries_keep_their_fields_and_a_reason() {
        let server = RedisServer::start();
        let mut redis = server.connect();
        for (n, (field, text)) in
            [("e", "z3:app1:a"), ("e", "o3:ap"), ("r", "?"), ("later", "x"), ("e", ""), ("e", "o3:app1:a")]
                .iter()
                .enumerate()
        {
            redis.xadd::<_, _, _, _, String>("one", format!("7-{}", n + 1), &[(field, text)]).unwrap();
        }
        redis.xadd::<_, _, _, _, String>("one", "7-1048576", &[("e", "o3:app1:a")]).unwrap();
        let page = page(redis.xrange_all("one").unwrap());
        assert_eq!((page.len(), page.items.len()), (7, 1));
        let reasons: Vec<(&str, &str)> =
            page.unreadable.iter().map(|entry| (entry.id.as_str(), entry.reason)).collect();
        assert_eq!(
            reasons,
            [
                ("7-1", UNKNOWN_KIND),
                ("7-2", UNREADABLE),
                ("7-3", UNREADABLE),
                ("7-4", NO_EVENT),
                ("7-5", UNKNOWN_KIND),
                ("7-1048576", NO_PLACE)
            ]
        );
        assert_eq!(page.unreadable[0].fields, [b"e".to_vec(), b"z3:app1:a".to_vec()]);
    }
}
