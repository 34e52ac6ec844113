//! `make bench-pure`: the parts that wait for nothing, one by one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot set its stage has failed")]

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

/// An engine that serves so many sockets on as many channels.
fn serving(sockets: u32) -> ThreadlessEngine {
    let mut still = ThreadlessEngine::new(Config::default());
    for n in 0..sockets {
        let (channel, socket) = (format!("presence-chat.{n}"), format!("1.{n}"));
        still.engine().subscribed(APP, channel.as_bytes(), socket.as_bytes(), Some(b"1042"));
        still.take_in();
    }
    still.judge();
    still
}

/// The JSON of a batch.
#[divan::bench(args = [1, 100, 1000])]
fn encode(bencher: Bencher<'_, '_>, events: usize) {
    let signing = Signing::new(&"app".into(), (0..events).map(|_| event()).collect(), "secret");
    bencher.bench(|| signing.encode());
}

/// Both signatures of a batch.
#[divan::bench(args = [1, 100, 1000])]
fn sign(bencher: Bencher<'_, '_>, events: usize) {
    let signing = Signing::new(&"app".into(), (0..events).map(|_| event()).collect(), "secret");
    bencher.with_inputs(|| signing.encode()).bench_values(|body| signing.sign(&body).is_some());
}

/// What lanes hold of an event.
#[divan::bench]
fn enter_a_lane(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(event).bench_values(queue);
}

/// A client event as it is kept, and as it goes into the outbox.
#[divan::bench]
fn put_a_client_event_together(bencher: Bencher<'_, '_>) {
    bencher.bench(|| black_box(client_event()));
}

/// The same on its way out of the outbox.
#[divan::bench]
fn codec_decode(bencher: Bencher<'_, '_>) {
    let mut text = b"c3:app18:presence-chat.1042".to_vec();
    text.extend_from_slice(client_event().as_text());
    bencher.bench(|| decode_event(black_box(&text), 1_700_000_000_000));
}

/// A visit to a channel of its own: two hooks, the local table, four claims, four events.
#[divan::bench(args = [10, 10_000])]
fn visit(bencher: Bencher<'_, '_>, sockets: u32) {
    let mut still = serving(sockets);
    bencher.bench_local(|| {
        still.engine().subscribed(APP, b"presence-visit", SOCKET, Some(b"7"));
        still.engine().unsubscribed(APP, b"presence-visit", SOCKET);
        still.take_in();
        still.judge()
    });
}

/// A client event from the hook to what the outbox gets.
#[divan::bench(args = [10, 10_000])]
fn whisper(bencher: Bencher<'_, '_>, sockets: u32) {
    let mut still = serving(sockets);
    let message = br#"{"event":"client-typing","channel":"presence-chat.1","data":{"name":"Somebody","at":17}}"#;
    let relayed = RelayedMessage { channel: b"presence-chat.1", socket: b"1.1", user: Some(b"1042"), message };
    bencher.bench_local(|| {
        still.engine().client_event(APP, &relayed);
        still.take_in();
        still.judge()
    });
}
