//! The throughput of client events, from the hook to the receiver.

use std::time::Instant;

use resonate_webhooks::engine::Engine;
use serde_json::json;

use super::figures::{figure, processor_time, resident_bytes};
use super::receiver::Receiver;
use super::stage::{APP, client_event, engine, stat, while_it_moves};
use super::support::redis::RedisServer;

/// The number of channels. The events go to each in turn.
const CHANNELS: u32 = 1_000;

/// The number of all events, and of those after which the resident memory is first measured.
const EVENTS: u32 = 10_000_000;
const EVENTS_AT_FIRST: u32 = 1_000_000;

/// The maximum number of undelivered events.
const AHEAD: u64 = 40_000;

/// Measures events per second over the first events, and the growth of the process over the rest.
pub(crate) fn measure() {
    let stage = Stage::start();
    let (per_second, processor_us) = stage.run(EVENTS_AT_FIRST);
    figure("per_s", per_second);
    figure("cpu_us", processor_us);
    let at_first = resident_bytes();
    stage.run(EVENTS - EVENTS_AT_FIRST);
    figure("rss_at_first_mb", at_first / 1e6);
    figure("rss_at_last_mb", resident_bytes() / 1e6);
}

struct Stage {
    _redis: RedisServer,
    receiver: Receiver,
    engine: Engine,
    channels: Vec<String>,
}

impl Stage {
    fn start() -> Self {
        let (redis, receiver) = (RedisServer::start(), Receiver::start());
        let settings = json!({
            "flush_interval": 0.05,
            "endpoints": [{ "url": receiver.url() }],
        });
        let engine = engine(&redis.socket(), &settings);
        let channels: Vec<String> = (0..CHANNELS).map(|n| format!("presence-chat.{n}")).collect();
        for channel in &channels {
            engine.subscribed(APP, channel.as_bytes(), b"123456789.987654321", Some(b"1042"));
        }
        let stage = Self { _redis: redis, receiver, engine, channels };
        stage.wait_until_delivered(u64::from(2 * CHANNELS));
        stage
    }

    fn delivered(&self) -> u64 {
        stat(&self.engine, "events_delivered")
    }

    fn wait_until_delivered(&self, count: u64) {
        while_it_moves("receipts", || self.delivered(), || self.delivered() >= count);
    }

    /// Measures from the first hook until the last receipt. Returns events per second, and the CPU time per event in µs.
    fn run(&self, events: u32) -> (f64, f64) {
        let event = |channel| client_event(channel, r#"{"name":"Somebody","at":17}"#);
        let client_events: Vec<_> = self.channels.iter().map(|channel| event(channel.as_bytes())).collect();
        let before = self.delivered();
        let (began, processor) = (Instant::now(), processor_time());
        for n in 0..events {
            if n % 1000 == 0 {
                self.wait_until_delivered((before + u64::from(n)).saturating_sub(AHEAD));
            }
            self.engine.client_event(APP, &client_events[(n % CHANNELS) as usize].relayed());
        }
        let all = before + u64::from(events);
        self.wait_until_delivered(all);
        let (time, processor) = (began.elapsed(), processor_time().saturating_sub(processor));
        assert_eq!(self.receiver.events(), all, "every counted event has arrived");
        (f64::from(events) / time.as_secs_f64(), processor.as_secs_f64() * 1e6 / f64::from(events))
    }
}
