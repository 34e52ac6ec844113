//! The memory of the process per tracked connection and per waiting event.

use serde_json::json;

use super::figures::{figure, resident_bytes};
use super::stage::{APP, client_event, engine, hand_over, stat, while_it_moves};
use super::support::redis::RedisServer;

/// The number of connections, and of channels that they are on.
const CONNECTIONS: u32 = 1_000_000;
const CHANNELS: u32 = 1_000;

/// The number of waiting events.
const EVENTS: u32 = 500_000;

/// Measures both.
pub(crate) fn measure() {
    let redis = RedisServer::start();
    let tracking = engine(&redis.socket(), &json!({}));
    let channels: Vec<String> = (0..CHANNELS).map(|n| format!("private-chat.{n}")).collect();
    let before = resident_bytes();
    hand_over(&tracking, CONNECTIONS, |n| {
        let socket = format!("{}.{n}", 123_456_789);
        tracking.subscribed(APP, channels[(n % CHANNELS) as usize].as_bytes(), socket.as_bytes(), None);
    });
    let sockets = || stat(&tracking, "sockets");
    while_it_moves("the connections", sockets, || sockets() == u64::from(CONNECTIONS));
    figure("connection_bytes", (resident_bytes() - before) / f64::from(CONNECTIONS));

    // Nothing listens on this port, so the first batch is retried and the other events wait.
    let endpoints = json!([{ "url": "http://127.0.0.1:1/", "max_attempts": 100, "connect_timeout": 0.1 }]);
    let settings = json!({ "outbox_max_events": 2 * EVENTS, "endpoints": endpoints });
    let waiting = engine(&redis.socket(), &settings);
    waiting.subscribed(APP, b"presence-chat.1042", b"123456789.987654321", Some(b"1042"));
    while_it_moves("the edges", || stat(&waiting, "events"), || stat(&waiting, "events") == 2);
    let before = resident_bytes();
    let event = client_event(b"presence-chat.1042", r#"{"name":"Somebody","at":17}"#);
    hand_over(&waiting, EVENTS, |_| waiting.client_event(APP, &event.relayed()));
    let queued = || stat(&waiting, "queued_events");
    while_it_moves("the events", queued, || queued() == u64::from(EVENTS) + 2);
    figure("event_bytes", (resident_bytes() - before) / f64::from(EVENTS));
}
