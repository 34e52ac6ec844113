//! Events as text in a stream. The scripts write edges in the same form; `append.lua` describes it.

use super::flight::parse_lane;
use crate::event::{ClientEvent, Event, EventKind};
use crate::names::{AppId, ChannelName, SocketId, UserId};
use crate::outbox::{LetterId, Redelivery};

/// What of a client event stands behind application and channel.
pub(crate) fn encode_client_event(event: &ClientEvent) -> Vec<u8> {
    let user = event.user.as_ref().map_or(&b""[..], UserId::as_bytes);
    let data = event.data.as_deref().unwrap_or_default();
    let mut text = Vec::with_capacity(event.event.len() + event.socket.as_bytes().len() + user.len() + data.len() + 16);
    for part in [&event.event, event.socket.as_bytes(), user] {
        text.extend_from_slice(part.len().to_string().as_bytes());
        text.push(b':');
        text.extend_from_slice(part);
    }
    text.push(if event.data.is_some() { b'1' } else { b'0' });
    text.extend_from_slice(data);
    text
}

/// The event that `text` stands for, which happened at `time_ms`. `None` when it is none of ours.
pub(crate) fn decode(text: &[u8], time_ms: u64) -> Option<Event> {
    let (kind, rest) = text.split_first()?;
    let (app, rest) = take(rest)?;
    let (channel, rest) = take(rest)?;
    let kind = match kind {
        b'o' => EventKind::ChannelOccupied,
        b'v' => EventKind::ChannelVacated,
        b'a' => EventKind::MemberAdded { user: UserId::new(rest) },
        b'r' => EventKind::MemberRemoved { user: UserId::new(rest) },
        b'c' => EventKind::ClientEvent(Box::new(decode_client_event(rest)?)),
        _ => return None,
    };
    Some(Event { app: AppId::new(app), channel: ChannelName::new(channel), time_ms, kind })
}

fn decode_client_event(text: &[u8]) -> Option<ClientEvent> {
    let (event, rest) = take(text)?;
    let (socket, rest) = take(rest)?;
    let (user, rest) = take(rest)?;
    let (has_data, data) = rest.split_first()?;
    Some(ClientEvent {
        event: Box::from(event),
        data: (*has_data == b'1').then(|| Box::from(data)),
        socket: SocketId::new(socket),
        user: (!user.is_empty()).then(|| UserId::new(user)),
    })
}

/// The redelivery that `text` stands for, as `redeliver.lua` writes it. `None` when it is none of ours.
pub(super) fn decode_redelivery(text: &[u8]) -> Option<Redelivery> {
    fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
    let (letter, rest) = take(text)?;
    let (id, rest) = take(rest)?;
    let (events, rest) = take(rest)?;
    let (attempts, lane) = take(rest)?;
    Some(Redelivery {
        lane: parse_lane(lane)?,
        letter: LetterId::parse(std::str::from_utf8(letter).ok()?)?,
        id: std::str::from_utf8(id).ok()?.to_owned(),
        events: number(events)?,
        attempts: number(attempts)?,
    })
}

/// Takes what stands behind its own length: `3:abc`.
pub(super) fn take(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&text[..colon]).ok()?.parse().ok()?;
    text[colon + 1..].split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_client_event_comes_back_as_it_went_in(
            app in any::<Vec<u8>>(), channel in any::<Vec<u8>>(), event in any::<Vec<u8>>(),
            socket in any::<Vec<u8>>(), user in prop::option::of(prop::collection::vec(any::<u8>(), 1..9)),
            data in prop::option::of(any::<Vec<u8>>()),
        ) {
            let event = ClientEvent {
                event: event.into(),
                data: data.map(Into::into),
                socket: SocketId::new(&socket),
                user: user.as_deref().map(UserId::new),
            };
            let mut text = b"c".to_vec();
            for part in [&app, &channel] {
                text.extend_from_slice(format!("{}:", part.len()).as_bytes());
                text.extend_from_slice(part);
            }
            text.extend(encode_client_event(&event));
            let kind = EventKind::ClientEvent(Box::new(event));
            let expected = Event { app: AppId::new(&app), channel: ChannelName::new(&channel), time_ms: 7, kind };
            prop_assert_eq!(decode(&text, 7), Some(expected));
        }

        #[test]
        fn foreign_text_is_refused_and_never_panics(text in any::<Vec<u8>>()) {
            let _ = decode(&text, 0);
            let _ = decode_redelivery(&text);
        }
    }

    #[test]
    fn edges_are_read_as_the_scripts_write_them() {
        let removed = decode(b"r3:app10:presence-a7", 5);
        let kind = EventKind::MemberRemoved { user: "7".into() };
        assert_eq!(removed, Some(Event { app: "app".into(), channel: "presence-a".into(), time_ms: 5, kind }));
        assert_eq!(decode(b"o3:app4:news", 5).map(|event| event.kind), Some(EventKind::ChannelOccupied));
        assert_eq!(decode(b"o9:app4:news", 5), None);
    }
}
