//! Decodes events from their text in a stream. `append.lua` describes the format.

use super::in_flight::parse_lane;
use crate::event::{AppId, ChannelName, ClientEvent, CustomEvent, Event, EventKind, Shard, UserId, take};
use crate::outbox::{DeadLetterId, Redelivery};

/// Known kinds of events.
const KINDS: &[u8] = b"ovarnmcxkt";

/// Returns `true` if `text` begins like an event of a known kind.
pub(super) fn knows(text: &[u8]) -> bool {
    text.first().is_some_and(|kind| KINDS.contains(kind))
}

/// Decodes an event that happened at `time_ms`. Returns `None` if `text` is malformed.
pub(crate) fn decode(text: &[u8], time_ms: u64) -> Option<Event> {
    let (first, rest) = text.split_first()?;
    let (app, rest) = take(rest)?;
    let (channel, rest) = take(rest)?;
    let kind = match first {
        b'o' => EventKind::ChannelOccupied,
        b'v' => EventKind::ChannelVacated,
        b'a' => EventKind::MemberAdded { user: UserId::new(rest).into() },
        b'r' => EventKind::MemberRemoved { user: UserId::new(rest).into() },
        b'n' => EventKind::SubscriptionCount { count: number(rest)? },
        b'm' => EventKind::CacheMiss,
        b'c' => EventKind::ClientEvent(ClientEvent::from_text(rest)?),
        b'x' => EventKind::Custom(CustomEvent::from_text(rest)?),
        // The socket takes the place of the channel.
        b'k' => EventKind::ConnectionEstablished { socket: channel.into() },
        b't' => EventKind::ConnectionTerminated { socket: channel.into() },
        _ => return None,
    };
    let channel = if matches!(first, b'k' | b't') { b"" } else { channel };
    Some(Event { app: AppId::new(app), channel: ChannelName::new(channel), time_ms, kind })
}

/// Decodes a redelivery in the stream of the first shard, as `redeliver.lua` writes it. Returns `None` if `text` is
/// malformed.
pub(super) fn decode_redelivery(text: &[u8]) -> Option<Box<Redelivery>> {
    let (dead_letter, rest) = take(text)?;
    let (id, rest) = take(rest)?;
    let (events, rest) = take(rest)?;
    let (attempts, rest) = take(rest)?;
    let (run, lane) = take(rest)?;
    Some(Box::new(Redelivery {
        lane: parse_lane(lane, Shard::FIRST)?,
        dead_letter: DeadLetterId::parse(std::str::from_utf8(dead_letter).ok()?)?,
        id: std::str::from_utf8(id).ok()?.to_owned(),
        events: number(events)?,
        attempts: number(attempts)?,
        run: std::str::from_utf8(run).ok()?.into(),
    }))
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::ClientEventParts;

    proptest! {
        #[test]
        fn a_client_event_survives_a_round_trip(
            app in any::<Vec<u8>>(), channel in any::<Vec<u8>>(), event in any::<Vec<u8>>(),
            socket in any::<Vec<u8>>(), user in prop::option::of(prop::collection::vec(any::<u8>(), 1..9)),
            data in prop::option::of(any::<Vec<u8>>()),
        ) {
            let event = ClientEvent::new(&ClientEventParts {
                event: &event, socket: &socket, user: user.as_deref(), data: data.as_deref(),
            });
            let mut text = b"c".to_vec();
            for part in [&app, &channel] {
                text.extend_from_slice(format!("{}:", part.len()).as_bytes());
                text.extend_from_slice(part);
            }
            text.extend_from_slice(event.as_text());
            let kind = EventKind::ClientEvent(event);
            let expected = Event { app: AppId::new(&app), channel: ChannelName::new(&channel), time_ms: 7, kind };
            prop_assert_eq!(decode(&text, 7), Some(expected));
        }

        #[test]
        fn malformed_text_never_panics(text in any::<Vec<u8>>()) {
            let _ = decode(&text, 0);
            let _ = decode_redelivery(&text);
        }
    }

    #[test]
    fn events_are_decoded_as_the_scripts_write_them() {
        let removed = decode(b"r3:app10:presence-a7", 5);
        let kind = EventKind::MemberRemoved { user: "7".into() };
        assert_eq!(removed, Some(Event { app: "app".into(), channel: "presence-a".into(), time_ms: 5, kind }));
        assert_eq!(decode(b"o3:app4:news", 5).map(|event| event.kind), Some(EventKind::ChannelOccupied));
        assert_eq!(decode(b"o9:app4:news", 5), None);
        let kind = EventKind::ConnectionTerminated { socket: "1.2".into() };
        let terminated = Event { app: "app".into(), channel: "".into(), time_ms: 5, kind };
        assert_eq!(decode(b"t3:app3:1.2", 5), Some(terminated));
        let custom = decode(b"x3:app6:orders10:order.paid1{}", 5).unwrap();
        assert_eq!((custom.kind.name(), custom.channel), ("order.paid", "orders".into()));
        assert_eq!(decode(b"x3:app6:orders5:order1{}", 5), None);
        let count = decode(b"n3:app4:news12000", 5).map(|event| event.kind);
        assert_eq!(count, Some(EventKind::SubscriptionCount { count: 12_000 }));
        assert_eq!(decode(b"n3:app4:news", 5), None);
        assert_eq!(decode(b"m3:app7:cache-a", 5).map(|event| event.kind), Some(EventKind::CacheMiss));
    }
}
