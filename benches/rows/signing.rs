//! Events encoded and signed per second on one core, compared with only computing the two HMACs that a webhook needs.

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use hmac::{Hmac, KeyInit, Mac};
use resonate_webhooks::engine::bench::Signing;
use resonate_webhooks::event::{AppId, ClientEvent, ClientEventParts, Event, EventKind};
use sha2::Sha256;

use super::figures::{best, figure};
use super::peers;

/// The number of events in a batch.
pub(crate) const EVENTS: usize = 100;

/// The number of batches between two readings of the clock.
const BATCHES: usize = 2_000;

/// The number of runs of each side. The sides alternate.
const RUNS: usize = 7;

/// The number of signatures of a webhook: Pusher's and that of Standard Webhooks.
const SIGNATURES: f64 = 2.0;

/// Measures all three sides.
pub(crate) fn measure() {
    let signing = Signing::new(&AppId::from("app"), events(), "secret");
    let body = signing.encode();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(per_second(|| _ = black_box(signing.sign(&signing.encode()))));
        bare.push(per_second(|| {
            for _ in 0..2 {
                let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").expect("a key of any length");
                mac.update(black_box(&body));
                black_box(mac.finalize());
            }
        }));
    }
    figure("body_bytes", body.len() as f64);
    figure("ours_per_s", best(ours));
    figure("bare_hmac_per_s", best(bare));
    figure("openssl_per_s", openssl_bytes_per_second(body.len()) / body.len() as f64 / SIGNATURES * EVENTS as f64);
}

/// Returns a batch typical of a chat: users join, type and leave.
pub(crate) fn events() -> Vec<Event> {
    (0..EVENTS).map(event).collect()
}

fn event(n: usize) -> Event {
    let user = format!("{}", 1000 + n / 5);
    let kind = match n % 5 {
        0 => EventKind::ChannelOccupied,
        1 => EventKind::MemberAdded { user: user.as_str().into() },
        2 => EventKind::MemberRemoved { user: user.as_str().into() },
        _ => EventKind::ClientEvent(ClientEvent::new(&ClientEventParts {
            event: b"client-typing",
            socket: b"123456789.987654321",
            user: Some(user.as_bytes()),
            data: Some(br#"{"name":"Somebody","at":17}"#),
        })),
    };
    let channel = format!("presence-chat.{}", n / 5);
    Event { app: "app".into(), channel: channel.as_str().into(), time_ms: 1_700_000_000_000, kind }
}

fn per_second(mut batch: impl FnMut()) -> f64 {
    let began = Instant::now();
    for _ in 0..BATCHES {
        batch();
    }
    (BATCHES * EVENTS) as f64 / began.elapsed().as_secs_f64()
}

fn openssl_bytes_per_second(length: usize) -> f64 {
    let mut command = Command::new("openssl");
    command.args(["speed", "-mr", "-seconds", "1", "-bytes", &length.to_string(), "-hmac", "sha256"]);
    let output = peers::output(&mut command);
    // The line is `+F:31:hmac(sha256):BYTES_PER_SECOND`.
    let figures = output.lines().find(|line| line.starts_with("+F:")).expect("a figure");
    figures.rsplit(':').next().and_then(|number| number.parse().ok()).expect("a number")
}
