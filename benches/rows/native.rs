//! The native part of a hook: from borrowed bytes to an intent in the queue.

use std::time::Instant;

use resonate_webhooks::engine::Engine;
use resonate_webhooks::engine::bench::ThreadlessEngine;
use serde_json::json;

use super::figures::{figure, percentile};
use super::stage::{APP, client_event, config};

/// The number of consecutive calls between two readings of the clock.
const CALLS: usize = 64;

/// The number of rounds.
const ROUNDS: usize = 4000;

/// Measures each kind of hook. Between rounds the queue is emptied, as another thread does in a server.
pub(crate) fn measure() {
    let channel = b"presence-chat.1042".as_slice();
    time("subscribe", |engine| engine.subscribed(APP, channel, b"123456789.987654321", Some(b"1042")));
    time("unsubscribe", |engine| engine.unsubscribed(APP, channel, b"123456789.987654321"));
    time("close", |engine| engine.closed(APP, b"123456789.987654321"));
    let event = client_event(channel, r#"{"name":"Somebody","at":17}"#);
    time("whisper", |engine| engine.client_event(APP, &event.relayed()));
}

fn time(name: &str, call: impl Fn(&Engine)) {
    let mut node = ThreadlessEngine::new(config("/nowhere".as_ref(), &json!({})));
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..CALLS {
                call(node.engine());
            }
            let time = began.elapsed().as_secs_f64() * 1e6 / CALLS as f64;
            node.take_in();
            time
        })
        .collect();
    figure(&format!("{name}_us"), percentile(&mut times, 0.5));
    figure(&format!("{name}_p99_us"), percentile(&mut times, 0.99));
}
