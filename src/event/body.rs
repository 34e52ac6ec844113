//! Encodes an event as JSON in the body of a webhook.
//!
//! Key order, escaping and value types are those of Pusher: UTF-8 and slashes are not escaped, ids are strings, and the
//! data of a client event is a JSON document in a string.

use super::text::{Length, Sink};
use super::{ClientEventParts, Event, EventKind};

/// Returns the length of `event` in a body, in bytes.
pub(crate) fn encoded_len(event: &Event) -> usize {
    let mut length = Length::default();
    write_event(&mut length, event);
    length.bytes() + 1
}

/// Writes an event without its closing brace.
pub(crate) fn write_event(out: &mut impl Sink, event: &Event) {
    out.raw(r#"{"name":""#);
    out.raw(event.kind.name());
    out.raw("\"");
    if let Some(channel) = event.on_channel() {
        out.raw(r#","channel":"#);
        out.string(channel.as_bytes());
    }
    match &event.kind {
        EventKind::ChannelOccupied | EventKind::ChannelVacated | EventKind::CacheMiss => {}
        EventKind::SubscriptionCount { count } => {
            out.raw(r#","subscription_count":"#);
            out.raw(&count.to_string());
        }
        EventKind::MemberAdded { user } | EventKind::MemberRemoved { user } => write_user(out, user.as_bytes()),
        EventKind::ConnectionEstablished { socket } | EventKind::ConnectionTerminated { socket } => {
            write_socket(out, socket.as_bytes());
        }
        EventKind::Custom(custom) => {
            if let Some(data) = custom.data() {
                out.raw(r#","data":"#);
                out.string(data);
            }
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
}

/// Writes the fields of the extended payload. The id depends only on the event's position in the outbox of this
/// `origin`, so all endpoints and all attempts have the same one.
pub(crate) fn write_extension(out: &mut impl Sink, event: &Event, origin: u64, partition: u16, seq: u64) {
    if let EventKind::MemberAdded { user } | EventKind::MemberRemoved { user } = &event.kind
        && let Some(by) = user.by()
    {
        write_socket(out, by.socket.as_bytes());
        if !by.data.is_empty() {
            out.raw(r#","data":"#);
            out.string(&by.data);
        }
    }
    // The id has a fixed length, because the length of a batch is computed before the positions of its events are known.
    out.raw(&format!(r#","id":"evt_{origin:016x}{partition:04x}{seq:016x}","time_ms":{}"#, event.time_ms));
}

fn write_socket(out: &mut impl Sink, socket: &[u8]) {
    out.raw(r#","socket_id":"#);
    out.string(socket);
}

fn write_user(out: &mut impl Sink, user: &[u8]) {
    out.raw(r#","user_id":"#);
    out.string(user);
}
