//! `make bench-pure`: the parts that wait for nothing, each measured alone.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot prepare its data has failed")]

use divan::{Bencher, black_box};
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::RelayedMessage;
use resonate_webhooks::engine::bench::{Signing, ThreadlessEngine, decode_event, queue};
use resonate_webhooks::event::{ClientEvent, ClientEventParts, Event, EventKind};

const APP: &[u8] = b"app";
const SOCKET: &[u8] = b"123456789.987654321";

fn main() {
    divan::main();
}

fn client_event() -> ClientEvent {
    ClientEvent::new(&ClientEventParts {
        event: b"client-typing",
        socket: b"123456789.987654321",
        user: Some(b"1042"),
        data: Some(br#"{"name":"Somebody","at":17}"#),
    })
}

fn event() -> Event {
    let kind = EventKind::ClientEvent(client_event());
    Event { app: "app".into(), channel: "presence-chat.1042".into(), time_ms: 1_700_000_000_000, kind }
}

/// Returns an engine with `sockets` sockets, each on a channel of its own.
fn serving(sockets: u32) -> ThreadlessEngine {
    let mut node = ThreadlessEngine::new(Config::default());
    for n in 0..sockets {
        let (channel, socket) = (format!("presence-chat.{n}"), format!("1.{n}"));
        node.engine().subscribed(APP, channel.as_bytes(), socket.as_bytes(), Some(b"1042"));
        node.take_in();
    }
    node.judge();
    node
}

/// Encodes the JSON of a batch.
#[divan::bench(args = [1, 100, 1000])]
fn encode(bencher: Bencher<'_, '_>, events: usize) {
    let signing = Signing::new(&"app".into(), (0..events).map(|_| event()).collect(), "secret");
    bencher.bench(|| signing.encode());
}

/// Computes both signatures of a batch.
#[divan::bench(args = [1, 100, 1000])]
fn sign(bencher: Bencher<'_, '_>, events: usize) {
    let signing = Signing::new(&"app".into(), (0..events).map(|_| event()).collect(), "secret");
    bencher.with_inputs(|| signing.encode()).bench_values(|body| signing.sign(&body).is_some());
}

/// Creates the form of an event that lanes hold.
#[divan::bench]
fn enter_a_lane(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(event).bench_values(queue);
}

/// Creates a client event in the form that the outbox stores.
#[divan::bench]
fn put_a_client_event_together(bencher: Bencher<'_, '_>) {
    bencher.bench(|| black_box(client_event()));
}

/// Decodes a client event from the outbox.
#[divan::bench]
fn codec_decode(bencher: Bencher<'_, '_>) {
    let mut text = b"c3:app18:presence-chat.1042".to_vec();
    text.extend_from_slice(client_event().as_text());
    bencher.bench(|| decode_event(black_box(&text), 1_700_000_000_000));
}

/// A visit to a channel of its own: two hooks, node state, four claims, four events.
#[divan::bench(args = [10, 10_000])]
fn visit(bencher: Bencher<'_, '_>, sockets: u32) {
    let mut node = serving(sockets);
    bencher.bench_local(|| {
        node.engine().subscribed(APP, b"presence-visit", SOCKET, Some(b"7"));
        node.engine().unsubscribed(APP, b"presence-visit", SOCKET);
        node.take_in();
        node.judge()
    });
}

/// A client event, from the hook to the form that the outbox gets.
#[divan::bench(args = [10, 10_000])]
fn whisper(bencher: Bencher<'_, '_>, sockets: u32) {
    let mut node = serving(sockets);
    let message = br#"{"event":"client-typing","channel":"presence-chat.1","data":{"name":"Somebody","at":17}}"#;
    let relayed = RelayedMessage { channel: b"presence-chat.1", socket: b"1.1", user: Some(b"1042"), message };
    bencher.bench_local(|| {
        node.engine().client_event(APP, &relayed);
        node.take_in();
        node.judge()
    });
}
