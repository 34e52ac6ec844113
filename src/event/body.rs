//! The JSON of an event within the body of a webhook.
//!
//! Key order, string escaping and the types of values are those that Pusher's consumers know: UTF-8 and slashes stay as
//! they are, ids are strings, a client event's data is a JSON document within a string.

use super::text::{Length, Sink};
use super::{ClientEventParts, Event, EventKind};

/// The length of `event` in a body, in bytes.
pub(crate) fn encoded_len(event: &Event) -> usize {
    let mut length = Length::default();
    write_event(&mut length, event);
    length.bytes() + 1
}

/// Writes an event but for its end.
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

/// Writes what is beyond Pusher's. The id is that of the event's place in the outbox of this `origin`, whichever node sends it, to whom and
/// how often.
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
    // As long for every event: a batch knows its length before it knows where its events come from.
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
