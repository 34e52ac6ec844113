//! The program of `make bench-instructions`: `instructions PART ROUNDS` runs a part ROUNDS times. Nothing else in it grows with
//! that number.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot prepare its data has failed")]

use std::hint::black_box;

use resonate_webhooks::config::Config;
use resonate_webhooks::engine::RelayedMessage;
use resonate_webhooks::engine::bench::{Signing, ThreadlessEngine, decode_event, queue};
use resonate_webhooks::event::{ClientEvent, ClientEventParts, Event, EventKind};

const APP: &[u8] = b"app";
const CHANNEL: &[u8] = b"presence-chat.1042";
const SOCKET: &[u8] = b"123456789.987654321";
const USER: &[u8] = b"1042";

/// The number of other sockets, so that maps and queues have their usual size.
const CROWD: u32 = 1_000;

fn main() {
    let mut words = std::env::args().skip(1);
    let part = words.next().expect("the name of a part");
    let rounds: u32 = words.next().and_then(|rounds| rounds.parse().ok()).expect("a number of rounds");
    match part.as_str() {
        "hook-subscribe" => hook(rounds, |node| node.engine().subscribed(APP, CHANNEL, SOCKET, Some(USER))),
        "hook-unsubscribe" => hook(rounds, |node| node.engine().unsubscribed(APP, CHANNEL, SOCKET)),
        "hook-close" => hook(rounds, |node| node.engine().closed(APP, SOCKET)),
        "hook-whisper" => hook(rounds, |node| node.engine().client_event(APP, &relayed())),
        "claim" => claim(rounds),
        "whisper" => whisper(rounds),
        "encode" => encode(rounds),
        "codec" => codec(rounds),
        other => panic!("there is no part called {other:?}"),
    }
}

fn relayed() -> RelayedMessage<'static> {
    let message = br#"{"event":"client-typing","channel":"presence-chat.1042","data":{"name":"Somebody","at":17}}"#;
    RelayedMessage { channel: CHANNEL, socket: SOCKET, user: Some(USER), message }
}

/// Returns an engine with [`CROWD`] sockets whose claims are all decided.
fn crowded() -> ThreadlessEngine {
    let mut node = ThreadlessEngine::new(Config::default());
    for n in 0..CROWD {
        let (channel, socket) = (format!("presence-chat.{}", n / 4), format!("123456789.{n}"));
        node.engine().subscribed(APP, channel.as_bytes(), socket.as_bytes(), Some(socket.as_bytes()));
    }
    node.take_in();
    node.judge();
    node
}

/// The native part of a hook. Taking the intents out of the queue is not counted.
fn hook(rounds: u32, call: impl Fn(&ThreadlessEngine)) {
    let node = crowded();
    for _ in 0..rounds {
        call(&node);
    }
    // Never dropped, because freeing the queued intents would be counted.
    std::mem::forget(node);
}

/// A visit that occupies and vacates a channel and a presence user: from the hooks to the events, without Redis.
fn claim(rounds: u32) {
    let mut node = crowded();
    for _ in 0..rounds {
        node.engine().subscribed(APP, b"presence-visit", SOCKET, Some(USER));
        node.engine().unsubscribed(APP, b"presence-visit", SOCKET);
        node.take_in();
        assert_eq!(node.judge(), 4);
    }
    std::mem::forget(node);
}

/// A client event, from the hook to the event.
fn whisper(rounds: u32) {
    let mut node = crowded();
    node.engine().subscribed(APP, CHANNEL, SOCKET, Some(USER));
    for _ in 0..rounds {
        node.engine().client_event(APP, &relayed());
        node.take_in();
        black_box(node.judge());
    }
    std::mem::forget(node);
}

fn event() -> Event {
    let client = ClientEvent::new(&ClientEventParts {
        event: b"client-typing",
        socket: b"123456789.987654321",
        user: Some(b"1042"),
        data: Some(br#"{"name":"Somebody","at":17}"#),
    });
    let kind = EventKind::ClientEvent(client);
    Event { app: "app".into(), channel: "presence-chat.1042".into(), time_ms: 1_700_000_000_000, kind }
}

/// Encodes the JSON of a batch of 100 client events.
fn encode(rounds: u32) {
    let signing = Signing::new(&"app".into(), (0..100).map(|_| event()).collect(), "secret");
    for _ in 0..rounds {
        black_box(signing.encode());
    }
}

/// Encodes a client event for the outbox and decodes it again.
fn codec(rounds: u32) {
    let event = event();
    let EventKind::ClientEvent(client) = &event.kind else { return };
    for _ in 0..rounds {
        let mut text = b"c3:app18:presence-chat.1042".to_vec();
        text.extend_from_slice(client.as_text());
        black_box(queue(decode_event(&text, event.time_ms).expect("a valid event")));
    }
}
