//! The JSON of a webhook, written straight into bytes: what is signed is what is sent.
//!
//! Key order, string escaping and the types of values are those that Pusher's consumers know: UTF-8 and slashes stay as
//! they are, ids are strings, a client event's data is a JSON document within a string.

use std::sync::Arc;

use super::text;
use crate::event::{ClientEventParts, Event, EventKind};
use crate::outbox::Queued;

/// What a body has beside its events and the commas between them: the longest possible frame, in bytes.
pub(crate) const FRAME_BYTES: usize = r#"{"time_ms":18446744073709551615,"events":[]}"#.len();

/// The body of a batch. Its `time_ms` is when the first event happened.
pub(crate) fn encode(events: &[Arc<Queued>]) -> Vec<u8> {
    let size = FRAME_BYTES + events.iter().map(|queued| queued.encoded_len + 1).sum::<usize>();
    let mut body = Vec::with_capacity(size);
    let time_ms = events.iter().find_map(|queued| queued.event()).map_or(0, |first| first.time_ms);
    body.raw(r#"{"time_ms":"#);
    body.raw(&time_ms.to_string());
    body.raw(r#","events":["#);
    for (n, event) in events.iter().filter_map(|queued| queued.event()).enumerate() {
        if n > 0 {
            body.raw(",");
        }
        write_event(&mut body, event);
    }
    body.raw("]}");
    body
}

/// The length of `event` in a body, in bytes.
pub(crate) fn encoded_len(event: &Event) -> usize {
    let mut length = Length(0);
    write_event(&mut length, event);
    length.0
}

/// Where JSON goes: into bytes, or only into a sum of their number, so that both agree by construction.
trait Sink {
    /// Takes text that is JSON already.
    fn raw(&mut self, json: &str);
    /// Takes text that becomes a JSON string. Invalid UTF-8 becomes U+FFFD.
    fn string(&mut self, text: &[u8]);
}

fn write_event(out: &mut impl Sink, event: &Event) {
    out.raw(r#"{"name":""#);
    out.raw(event.kind.name().as_str());
    out.raw("\"");
    if let Some(channel) = event.on_channel() {
        out.raw(r#","channel":"#);
        out.string(channel.as_bytes());
    }
    match &event.kind {
        EventKind::ChannelOccupied | EventKind::ChannelVacated => {}
        EventKind::MemberAdded { user } | EventKind::MemberRemoved { user } => write_user(out, user.as_bytes()),
        EventKind::ConnectionEstablished { socket } | EventKind::ConnectionTerminated { socket } => {
            write_socket(out, socket.as_bytes());
        }
        EventKind::ClientEvent(client) => {
            out.raw(r#","event":"#);
            let ClientEventParts { event, socket, user, data } = client.parts();
            out.string(event);
            if let Some(data) = data {
                out.raw(r#","data":"#);
                out.string(data);
            }
            write_socket(out, socket);
            if let Some(user) = user {
                write_user(out, user);
            }
        }
    }
    out.raw("}");
}

fn write_socket(out: &mut impl Sink, socket: &[u8]) {
    out.raw(r#","socket_id":"#);
    out.string(socket);
}

fn write_user(out: &mut impl Sink, user: &[u8]) {
    out.raw(r#","user_id":"#);
    out.string(user);
}

impl Sink for Vec<u8> {
    fn raw(&mut self, json: &str) {
        self.extend_from_slice(json.as_bytes());
    }

    fn string(&mut self, text: &[u8]) {
        text::write(self, text);
    }
}

/// Counts instead of writing.
struct Length(usize);

impl Sink for Length {
    fn raw(&mut self, json: &str) {
        self.0 += json.len();
    }

    fn string(&mut self, text: &[u8]) {
        self.0 += text::length(text);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::event::ClientEvent;
    use crate::outbox::{Item, Position};

    fn event(channel: &[u8], kind: EventKind) -> Event {
        Event { app: "app".into(), channel: crate::names::ChannelName::new(channel), time_ms: 1_700_000_000_000, kind }
    }

    fn body(events: Vec<Event>) -> String {
        let queue = |event| {
            Arc::new(Queued::new(Item::Event(event), Position { partition: 0, tenure: 0, seq: 0 }, Instant::now()))
        };
        String::from_utf8(encode(&events.into_iter().map(queue).collect::<Vec<_>>())).unwrap()
    }

    fn client_event(data: Option<&[u8]>, user: Option<&str>) -> EventKind {
        let user = user.map(str::as_bytes);
        EventKind::ClientEvent(ClientEvent::new(&ClientEventParts {
            event: b"client-typing",
            socket: b"1.2",
            user,
            data,
        }))
    }

    #[test]
    fn a_body_has_the_keys_and_the_order_that_pusher_has() {
        let channel = b"presence-chat.42";
        let events = vec![
            event(channel, EventKind::ChannelOccupied),
            event(channel, EventKind::MemberAdded { user: "7".into() }),
            event(channel, client_event(Some(br#"{"a":1}"#), Some("7"))),
            event(channel, EventKind::MemberRemoved { user: "7".into() }),
            event(channel, EventKind::ChannelVacated),
        ];
        assert_eq!(
            body(events),
            concat!(
                r#"{"time_ms":1700000000000,"events":["#,
                r#"{"name":"channel_occupied","channel":"presence-chat.42"},"#,
                r#"{"name":"member_added","channel":"presence-chat.42","user_id":"7"},"#,
                r#"{"name":"client_event","channel":"presence-chat.42","event":"client-typing","data":"{\"a\":1}","socket_id":"1.2","user_id":"7"},"#,
                r#"{"name":"member_removed","channel":"presence-chat.42","user_id":"7"},"#,
                r#"{"name":"channel_vacated","channel":"presence-chat.42"}]}"#,
            )
        );
    }

    #[test]
    fn a_client_event_without_data_or_user_has_neither_key() {
        for user in [None, Some("")] {
            let body = body(vec![event(b"private-a", client_event(None, user))]);
            assert!(
                body.ends_with(
                    r#"{"name":"client_event","channel":"private-a","event":"client-typing","socket_id":"1.2"}]}"#
                ),
                "{body}"
            );
        }
    }

    #[test]
    fn utf_8_and_slashes_are_not_escaped_and_broken_utf_8_is_replaced() {
        let body = body(vec![
            event("a/ü🦀\u{2028}".as_bytes(), EventKind::ChannelOccupied),
            event(b"x\xffy", EventKind::ChannelOccupied),
        ]);
        assert!(body.contains("\"a/ü🦀\u{2028}\""), "{body}");
        assert!(body.contains("\"x\u{fffd}y\""), "{body}");
    }

    #[test]
    fn a_channel_name_cannot_break_out_of_its_string() {
        let body = body(vec![event(b"x\"}],\"\n\\", EventKind::ChannelOccupied)]);
        let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(parsed["events"][0]["channel"], "x\"}],\"\n\\");
    }

    proptest! {
        #[test]
        fn the_length_known_beforehand_is_the_length_written(channel: Vec<u8>, data: Option<Vec<u8>>, user: Option<String>) {
            let event = event(&channel, client_event(data.as_deref(), user.as_deref()));
            let mut written = Vec::new();
            write_event(&mut written, &event);
            prop_assert_eq!(encoded_len(&event), written.len());
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&written).is_ok());
        }
    }
}
