//! Tests of the intent queue.

use super::*;

fn subscribed(channel: &str) -> Intent {
    Intent::Subscribed(AppId::from("app"), Packed::new([channel.as_bytes(), b"1.1", b"", b""]))
}

fn event() -> Intent {
    let message = br#"{"event":"client-x","channel":"private-a"}"#;
    Intent::Message(AppId::from("app"), Packed::new([b"private-a".as_slice(), b"1.1", b"", message]))
}

#[test]
fn packed_strings_come_out_as_they_went_in() {
    let packed = Packed::new([b"presence-a".as_slice(), b"", b"7"]);
    assert_eq!(packed.parts(), [b"presence-a".as_slice(), b"", b"7"]);
}

#[test]
fn client_events_are_dropped_before_subscriptions() {
    let (queue, reader) = IntentQueue::new(8);
    let counters = Counters::default();
    for _ in 0..8 {
        queue.push(event(), &counters);
    }
    assert_eq!((queue.waiting(), counters.client_events_dropped.get()), (7, 1));
    queue.push(subscribed("a"), &counters);
    assert_eq!(reader.len(), 8);
    assert_eq!(counters.hook_queue_overflows.get(), 0);
}

#[test]
fn the_bytes_of_messages_are_limited() {
    let (queue, reader) = IntentQueue::new(64);
    let counters = Counters::default();
    let push = |bytes| {
        let text = Packed::new([b"".as_slice(), b"", b"", &vec![b' '; bytes]]);
        queue.push(Intent::Message(AppId::from("app"), text), &counters);
    };
    push(MESSAGE_BYTES - 1);
    push(1);
    assert_eq!((queue.waiting(), counters.client_events_dropped.get()), (2, 0), "they fit exactly");
    push(1);
    queue.push(subscribed("a"), &counters);
    assert_eq!((queue.waiting(), counters.client_events_dropped.get()), (3, 1));
    while queue.take(&reader).is_some() {}
    queue.entered();
    push(MESSAGE_BYTES);
    assert_eq!((queue.waiting(), counters.client_events_dropped.get()), (1, 1));
}

#[test]
fn an_offer_is_refused_where_only_subscriptions_fit() {
    let (queue, reader) = IntentQueue::new(8);
    assert_eq!((0..9).filter(|_| queue.offer(event())).count(), 7);
    assert_eq!(reader.len(), 7);
}

#[test]
fn a_subscription_that_does_not_fit_marks_its_channel_dirty_once() {
    let (queue, _reader) = IntentQueue::new(1);
    let counters = Counters::default();
    for channel in ["a", "b", "b"] {
        queue.push(subscribed(channel), &counters);
    }
    assert_eq!(queue.take_dirty(), [(AppId::from("app"), ChannelName::from("b"))]);
    assert!(queue.take_dirty().is_empty());
    assert_eq!(counters.hook_queue_overflows.get(), 2);
}

#[test]
fn a_comparison_that_does_not_fit_marks_its_channel_dirty() {
    let (app, socket) = (AppId::from("app"), SocketId::from("1.1"));
    let (queue, _reader) = IntentQueue::new(1);
    let counters = Counters::default();
    queue.push(subscribed("a"), &counters);
    queue.push(Intent::Present(app.clone(), ChannelName::from("b"), Vec::new()), &counters);
    queue.push(Intent::Absent(app.clone(), ChannelName::from("c"), vec![socket]), &counters);
    let mut dirty = queue.take_dirty();
    dirty.sort();
    assert_eq!(dirty, [(app.clone(), ChannelName::from("b")), (app, ChannelName::from("c"))]);
}

fn opened(socket: &str) -> Intent {
    Intent::Opened(AppId::from("app"), SocketId::from(socket))
}

fn closed(socket: &str) -> Intent {
    Intent::Closed(AppId::from("app"), SocketId::from(socket))
}

fn read(intents: Vec<Intent>) -> Vec<String> {
    let read = intents.into_iter().map(|intent| match intent {
        Intent::Opened(_, socket) => format!("+{}", socket.as_text()),
        Intent::Closed(_, socket) => format!("-{}", socket.as_text()),
        other => format!("{other:?}"),
    });
    read.collect()
}

#[test]
fn a_late_intent_wakes_a_reader_that_has_emptied_the_queue() {
    let (queue, reader) = IntentQueue::new(1);
    let counters = Counters::default();
    for intent in [opened("1"), opened("2")] {
        queue.push(intent, &counters);
    }
    assert_eq!(read(vec![reader.recv().unwrap()]), ["+1"]);
    queue.push(closed("1"), &counters);
    assert!(matches!(reader.try_recv(), Ok(Intent::Late)));
    assert_eq!(read(queue.take_late()), ["+2", "-1"]);
}

#[test]
fn sockets_that_open_and_close_while_the_queue_is_full_are_read_after_it_and_in_order() {
    let (queue, reader) = IntentQueue::new(2);
    let counters = Counters::default();
    for intent in [opened("1"), opened("2"), closed("1"), opened("3")] {
        queue.push(intent, &counters);
    }
    assert_eq!(read(queue.take_late()), Vec::<String>::new(), "earlier intents are not read yet");
    assert_eq!(read(vec![reader.recv().unwrap()]), ["+1"]);
    queue.push(closed("3"), &counters);
    assert_eq!((reader.len(), queue.waiting()), (1, 4), "there is room, but the opening of socket 3 still waits");
    assert_eq!(read(vec![reader.recv().unwrap()]), ["+2"]);
    assert_eq!(read(queue.take_late()), ["-1", "+3", "-3"]);
    queue.push(closed("2"), &counters);
    assert_eq!((reader.len(), queue.is_late()), (1, false));
    assert_eq!(counters.hook_queue_overflows.get(), 3);
}
