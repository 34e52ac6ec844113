//! What `make bench-instructions` counts: `instructions PART ROUNDS` does a part so often, and nothing else that grows
//! with that number.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot set its stage has failed")]

use std::hint::black_box;

use resonate_webhooks::config::Config;
use resonate_webhooks::engine::RelayedMessage;
use resonate_webhooks::engine::bench::{Signing, ThreadlessEngine, decode_event, queue};
use resonate_webhooks::event::{ClientEvent, ClientEventParts, Event, EventKind};

const APP: &[u8] = b"app";
const CHANNEL: &[u8] = b"presence-chat.1042";
const SOCKET: &[u8] = b"123456789.987654321";
const USER: &[u8] = b"1042";

/// Sockets that are there meanwhile, so that maps and queues have their usual size.
const CROWD: u32 = 1_000;

fn main() {
    let mut words = std::env::args().skip(1);
    let part = words.next().expect("the name of a part");
    let rounds: u32 = words.next().and_then(|rounds| rounds.parse().ok()).expect("a number of rounds");
    match part.as_str() {
        "hook-subscribe" => hook(rounds, |still| still.engine().subscribed(APP, CHANNEL, SOCKET, Some(USER))),
        "hook-unsubscribe" => hook(rounds, |still| still.engine().unsubscribed(APP, CHANNEL, SOCKET)),
        "hook-close" => hook(rounds, |still| still.engine().closed(APP, SOCKET)),
        "hook-whisper" => hook(rounds, |still| still.engine().client_event(APP, &relayed())),
        "claim" => claim(rounds),
        "whisper" => pass_whispers(rounds),
        "encode" => encode(rounds),
        "codec" => codec(rounds),
        other => panic!("there is no part called {other:?}"),
    }
}

fn relayed() -> RelayedMessage<'static> {
    let message = br#"{"event":"client-typing","channel":"presence-chat.1042","data":{"name":"Somebody","at":17}}"#;
    RelayedMessage { channel: CHANNEL, socket: SOCKET, user: Some(USER), message }
}

/// An engine that serves a crowd, of which everything has been told.
fn still() -> ThreadlessEngine {
    let mut still = ThreadlessEngine::new(Config::default());
    for n in 0..CROWD {
        let (channel, socket) = (format!("presence-chat.{}", n / 4), format!("123456789.{n}"));
        still.engine().subscribed(APP, channel.as_bytes(), socket.as_bytes(), Some(socket.as_bytes()));
    }
    still.take_in();
    still.judge();
    still
}

/// The native part of a hook. The queue is emptied in the same way whatever `rounds` is, and is not counted.
fn hook(rounds: u32, call: impl Fn(&ThreadlessEngine)) {
    let still = still();
    for _ in 0..rounds {
        call(&still);
    }
    // The queue is not taken in: what is freed at the end would be counted.
    std::mem::forget(still);
}

/// A visit that begins and ends a channel and a user: from the hooks to the events, but for Redis.
fn claim(rounds: u32) {
    let mut still = still();
    for _ in 0..rounds {
        still.engine().subscribed(APP, b"presence-visit", SOCKET, Some(USER));
        still.engine().unsubscribed(APP, b"presence-visit", SOCKET);
        still.take_in();
        assert_eq!(still.judge(), 4);
    }
    std::mem::forget(still);
}

/// A client event, from the hook to the event.
fn pass_whispers(rounds: u32) {
    let mut still = still();
    still.engine().subscribed(APP, CHANNEL, SOCKET, Some(USER));
    for _ in 0..rounds {
        still.engine().client_event(APP, &relayed());
        still.take_in();
        black_box(still.judge());
    }
    std::mem::forget(still);
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

/// The JSON of a batch of a hundred client events.
fn encode(rounds: u32) {
    let signing = Signing::new(&"app".into(), (0..100).map(|_| event()).collect(), "secret");
    for _ in 0..rounds {
        black_box(signing.encode());
    }
}

/// A client event on its way into the outbox and out of it.
fn codec(rounds: u32) {
    let event = event();
    let EventKind::ClientEvent(client) = &event.kind else { return };
    for _ in 0..rounds {
        let mut text = b"c3:app18:presence-chat.1042".to_vec();
        text.extend_from_slice(client.as_text());
        black_box(queue(decode_event(&text, event.time_ms).expect("an event of ours")));
    }
}
