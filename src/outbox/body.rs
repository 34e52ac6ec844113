//! The JSON body of a webhook, encoded into one buffer: the signed bytes are the sent bytes.

use std::sync::Arc;

use super::Queued;
use crate::config::Payload;
use crate::event::body::{write_event, write_extension};
use crate::event::text::{Length, Sink, Text};

/// Length of the longest body without events, in bytes.
pub(crate) const FRAME_BYTES: usize = r#"{"time_ms":18446744073709551615,"events":[]}"#.len();

/// Encodes the body of a batch of events from the outbox `origin`. Its `time_ms` is the time of the first event.
pub(crate) fn encode(events: &[Arc<Queued>], payload: Payload, origin: u64) -> Vec<u8> {
    let size = FRAME_BYTES + events.iter().map(|queued| length(queued, payload) + 1).sum::<usize>();
    let mut body = Text::with_room_for(size);
    let time_ms = events.iter().find_map(|queued| queued.event()).map_or(0, |first| first.time_ms);
    body.raw(r#"{"time_ms":"#);
    body.raw(&time_ms.to_string());
    body.raw(r#","events":["#);
    for (n, (queued, event)) in events.iter().filter_map(|queued| Some((queued, queued.event()?))).enumerate() {
        if n > 0 {
            body.raw(",");
        }
        write_event(&mut body, event);
        if payload == Payload::Extended {
            write_extension(&mut body, event, origin, queued.position.partition, queued.position.seq);
        }
        body.raw("}");
    }
    body.raw("]}");
    body.into_bytes()
}

/// Returns the length of `queued` in a body of format `payload`, in bytes.
pub(crate) fn length(queued: &Queued, payload: Payload) -> usize {
    let Some(event) = queued.event().filter(|_| payload == Payload::Extended) else { return queued.encoded_len };
    let mut extension = Length::default();
    write_extension(&mut extension, event, 0, queued.position.partition, queued.position.seq);
    queued.encoded_len + extension.bytes()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::super::Position;
    use super::*;
    use crate::event::body::encoded_len;
    use crate::event::{ClientEvent, ClientEventParts, CustomEvent, CustomName, EventKind, Member, MemberDetails};
    use crate::event::{Event, Shard};
    use crate::outbox::Item;

    fn event(channel: &[u8], kind: EventKind) -> Event {
        Event { app: "app".into(), channel: crate::event::ChannelName::new(channel), time_ms: 1_700_000_000_000, kind }
    }

    fn body(events: Vec<Event>) -> String {
        let queue = |event| {
            Arc::new(Queued::new(
                Item::Event(event),
                Position { shard: Shard::FIRST, partition: 0, token: 0, seq: 0 },
                Instant::now(),
            ))
        };
        String::from_utf8(encode(&events.into_iter().map(queue).collect::<Vec<_>>(), Payload::Pusher, 0)).unwrap()
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
    fn a_count_is_a_number_and_a_cache_miss_has_only_its_channel() {
        let events = vec![
            event(b"cache-a", EventKind::SubscriptionCount { count: 12_000 }),
            event(b"cache-a", EventKind::CacheMiss),
        ];
        assert_eq!(
            body(events),
            concat!(
                r#"{"time_ms":1700000000000,"events":["#,
                r#"{"name":"subscription_count","channel":"cache-a","subscription_count":12000},"#,
                r#"{"name":"cache_miss","channel":"cache-a"}]}"#,
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
    fn a_custom_event_has_its_own_name_and_optional_channel_and_data() {
        let custom = |data| EventKind::Custom(CustomEvent::new(&CustomName::parse("order.paid").unwrap(), data));
        let body = body(vec![event(b"orders", custom(Some(br#"{"n":1}"#))), event(b"", custom(None))]);
        let events = r#"[{"name":"order.paid","channel":"orders","data":"{\"n\":1}"},{"name":"order.paid"}]}"#;
        assert!(body.ends_with(events), "{body}");
    }

    #[test]
    fn unicode_and_slashes_are_not_escaped_and_invalid_utf_8_is_replaced() {
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

    fn extended(member: Member, origin: u64, seq: u64) -> (String, usize) {
        let event = event(b"presence-a", EventKind::MemberAdded { user: member });
        let position = Position { shard: Shard::FIRST, partition: 11, token: 3, seq };
        let queued = Arc::new(Queued::new(Item::Event(event), position, Instant::now()));
        let length = FRAME_BYTES - "18446744073709551615".len() + "1700000000000".len();
        let length = length + super::length(&queued, Payload::Extended);
        (String::from_utf8(encode(&[queued], Payload::Extended, origin)).unwrap(), length)
    }

    #[test]
    fn an_extended_event_adds_its_id_time_and_origin() {
        let data = br#"{"user_id":7,"user_info":{"name":"J\u00f6rg"}}"#;
        let by = MemberDetails { socket: "1.2".into(), data: data.as_slice().into() };
        let (body, length) = extended(Member::from("7").with(Some(Box::new(by))), 0xab, 0xcd);
        assert_eq!(
            body,
            concat!(
                r#"{"time_ms":1700000000000,"events":["#,
                r#"{"name":"member_added","channel":"presence-a","user_id":"7","socket_id":"1.2","#,
                r#""data":"{\"user_id\":7,\"user_info\":{\"name\":\"J\\u00f6rg\"}}","#,
                r#""id":"evt_00000000000000ab000b00000000000000cd","time_ms":1700000000000}]}"#,
            )
        );
        assert_eq!(body.len(), length);
    }

    #[test]
    fn an_extended_event_without_member_details_has_a_fixed_length_id() {
        let (body, length) = extended("7".into(), u64::MAX, u64::MAX);
        assert!(body.contains(r#""user_id":"7","id":"evt_ffffffffffffffff000bffffffffffffffff","time_ms""#), "{body}");
        assert_eq!(body.len(), length);
    }

    proptest! {
        #[test]
        fn the_precomputed_length_is_the_encoded_length(channel: Vec<u8>, data: Option<Vec<u8>>, user: Option<String>) {
            let event = event(&channel, client_event(data.as_deref(), user.as_deref()));
            let mut written = Text::with_room_for(encoded_len(&event));
            write_event(&mut written, &event);
            written.raw("}");
            let written = written.into_bytes();
            prop_assert_eq!(encoded_len(&event), written.len());
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&written).is_ok());
        }
    }
}
