//! Fuzzes the path of a client's message: read, stored in the outbox, and encoded in a body.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::redis::codec::decode;
use super::*;
use crate::event::{ChannelName, ClientEvent, ClientEventParts, ClientMessage, UserId};
use crate::fuzz::{document, fuzz};

/// A message as it should be read: event, channel, and the data if there is any.
type Expected = (String, String, Option<Data>);

/// The data of a message.
#[derive(Debug)]
enum Data {
    /// JSON that the client wrote into the message, or a blank string.
    Json(Value),
    /// JSON in a string.
    Text(String),
}

/// Reads a message independently of the code under test. `None` if it is not relayed.
fn expected(message: &Value) -> Option<Expected> {
    let fields = message.as_object()?;
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    let event = text("event").filter(|event| event.starts_with("client-"))?;
    let data = match fields.get("data") {
        None | Some(Value::Null) => None,
        Some(data @ (Value::Array(_) | Value::Object(_))) => Some(Data::Json(data.clone())),
        Some(Value::String(data)) => {
            let begun = data.trim_ascii_start();
            if begun.starts_with(['{', '[']) {
                Some(Data::Text(data.clone()))
            } else if begun.trim_ascii_end() == "null" {
                None
            } else if data.chars().all(|letter| " \t\n\r\u{b}\0".contains(letter)) {
                Some(Data::Json(Value::from(data.as_str())))
            } else {
                return None;
            }
        }
        Some(_) => return None,
    };
    Some((event, text("channel")?, data))
}

/// Stores an event of this text in the outbox, and returns the events in the body of its webhook.
fn sent(text: &[u8]) -> Vec<Map<String, Value>> {
    let event = decode(text, 1_700_000_000_000).expect("what is written is readable");
    let position = Position { shard: Shard::FIRST, partition: 3, token: 1, seq: 7 };
    let queued = Arc::new(Queued::new(Item::Event(event), position, Instant::now()));
    let length = body::FRAME_BYTES + body::length(&queued, Payload::Extended);
    let body = body::encode(&[queued], Payload::Extended, 1);
    assert!(body.len() <= length, "the body is longer than computed");
    let body = String::from_utf8(body).expect("a body is UTF-8");
    let mut body: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error} in {body}"));
    assert_eq!(body.as_object().map(Map::len), Some(2), "{body}");
    assert_eq!(body["time_ms"], 1_700_000_000_000_u64);
    let Value::Array(events) = body["events"].take() else { panic!("{body}") };
    events.into_iter().map(|event| event.as_object().cloned().expect("an event is an object")).collect()
}

/// Returns the text of an event in the outbox, as `append.lua` writes it.
fn stored(kind: u8, channel: &[u8], rest: &[u8]) -> Vec<u8> {
    [&[kind][..], b"3:app", channel.len().to_string().as_bytes(), b":", channel, rest].concat()
}

/// Checks a message that was read.
fn check_message(read: &ClientMessage<'_>, socket: &[u8], user: &[u8], expected: Option<Expected>) {
    let ClientMessage { event, channel, data } = read;
    let parts = ClientEventParts {
        event: event.as_bytes(),
        socket,
        user: Some(user),
        data: data.as_ref().map(|data| data.as_bytes()),
    };
    let events = sent(&stored(b'c', channel.as_bytes(), ClientEvent::new(&parts).as_text()));
    let [sent] = &events[..] else { panic!("{} events of one message", events.len()) };
    let keys: Vec<&str> = sent.keys().map(String::as_str).collect();
    let data_and_user = [("data", data.is_some()), ("user_id", !user.is_empty())];
    let optional = |wanted: &str| data_and_user.iter().any(|(key, has)| *key == wanted && *has);
    let all = ["name", "channel", "event", "data", "socket_id", "user_id", "id", "time_ms"];
    let known = |key: &&str| optional(key) || !matches!(*key, "data" | "user_id");
    assert_eq!(keys, all.into_iter().filter(known).collect::<Vec<_>>());
    assert_eq!((&sent["name"], &sent["event"]), (&json!("client_event"), &json!(event)));
    assert_eq!((&sent["channel"], &sent["socket_id"]), (&json!(channel), &json!(String::from_utf8_lossy(socket))));
    assert_eq!(sent.get("user_id").unwrap_or(&json!("")), &json!(String::from_utf8_lossy(user)));
    let Some((wanted, home, wanted_data)) = expected else { return };
    assert_eq!((&**event, &**channel), (&*wanted, &*home));
    let written = sent.get("data").map(|data| data.as_str().expect("data is a string").to_owned());
    match (written, wanted_data) {
        (None, None) => {}
        (Some(written), Some(Data::Text(text))) => assert_eq!(written, text),
        (Some(written), Some(Data::Json(data))) => {
            assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), data, "{written}");
        }
        (written, data) => panic!("{written:?} for {data:?}"),
    }
}

#[test]
fn a_body_says_what_the_client_wrote_and_no_name_breaks_out_of_its_string() {
    fuzz("client_message", 3_000, |input| {
        let (message, socket, user) = match document(input) {
            Some((_, rest)) if rest.len() > 1 => {
                let lengths = rest.iter().map(|line| line.len() + 1).sum::<usize>();
                (&input[..input.len() + 1 - lengths], rest[0], rest[1])
            }
            _ => (input, &b"1.2"[..], &b""[..]),
        };
        let expected = serde_json::from_slice(message).ok().map(|message| expected(&message));
        match ClientMessage::read(message) {
            Some(read) => {
                let expected = expected.map(|expected| expected.expect("this message is not relayed"));
                check_message(&read, socket, user, expected);
            }
            None => assert!(expected.flatten().is_none(), "the message was not read"),
        }
        let events = sent(&stored(b'a', user, UserId::new(socket).as_bytes()));
        assert_eq!((events.len(), &events[0]["user_id"]), (1, &json!(String::from_utf8_lossy(socket))));
        assert_eq!(events[0]["channel"], json!(ChannelName::new(user).as_text()));
    });
}
