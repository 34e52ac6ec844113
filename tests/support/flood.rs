//! A flood of client events, numbered by channel, from an engine to two endpoints of which one is not well.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use serde_json::Value;

use super::client_event::ClientEvent;
use super::engine::APP;
use super::gauges::stat;
use super::tally::Tally;
use super::wait::STANDSTILL;

/// Channels that the events are on, in turn.
pub(crate) const CHANNELS: u32 = 50;

/// Starts an engine that serves every channel of a flood.
pub(crate) fn engine(config: Value) -> Engine {
    let engine = Engine::new(Config::from_value(config).expect("a configuration"));
    engine.boot().expect("threads");
    engine.register_app(APP, "key", "secret");
    for channel in 0..CHANNELS {
        engine.subscribed(APP, name(channel).as_bytes(), b"1.1", None);
    }
    super::engine::eventually("every channel is occupied", || stat(&engine, "edges") == CHANNELS as usize);
    engine
}

/// Sends the event with this number on a channel.
pub(crate) fn whisper(engine: &Engine, channel: u32, number: u32) {
    let (channel, data) = (name(channel), format!("[{number}]"));
    let event = ClientEvent::new(channel.as_bytes(), "client-n", Some(&data), b"1.1", None);
    engine.client_event(APP, &event.relayed());
}

/// Sends the event with this number on each channel.
pub(crate) fn round(engine: &Engine, number: u32) {
    for channel in 0..CHANNELS {
        whisper(engine, channel, number);
    }
}

/// Events a second, at the most. What a flood settles is removed from Redis at the speed of Redis: a flood that takes all
/// that two cores have to give would measure them and not the limits.
pub(crate) const RATE: usize = if cfg!(debug_assertions) { 10_000 } else { 25_000 };

/// Sends `rounds` rounds, never more than `ahead` events ahead of what `healthy` has got. `look` is called now and then.
pub(crate) fn flood(engine: &Engine, rounds: u32, healthy: &Tally, ahead: usize, mut look: impl FnMut()) {
    let (per_round, began) = (CHANNELS as usize, Instant::now());
    for number in 0..rounds {
        let due = began + Duration::from_secs(1) * number * CHANNELS / u32::try_from(RATE).expect("a small number");
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        look();
        let sent = number as usize * per_round;
        let mut got = healthy.count();
        let mut since = Instant::now();
        while sent + per_round > got + ahead {
            std::thread::sleep(Duration::from_millis(1));
            look();
            let now = healthy.count();
            if now > got {
                (got, since) = (now, Instant::now());
            }
            assert!(since.elapsed() < STANDSTILL, "stuck at {got} of {sent}: {:?}", engine.stats());
        }
        round(engine, number);
    }
}

/// Every number once and in order, on every channel.
pub(crate) fn assert_complete(received: &BTreeMap<u32, Vec<u32>>, rounds: u32) {
    assert_eq!(received.len(), CHANNELS as usize);
    for (channel, numbers) in received {
        let wrong = numbers.iter().zip(0..).find(|(number, expected)| **number != *expected);
        assert_eq!(wrong, None, "channel {channel}");
        assert_eq!(numbers.len(), rounds as usize, "channel {channel}");
    }
}

/// Numbers that only grow, on every channel, up to the last one.
pub(crate) fn assert_in_order_to_the_end(received: &BTreeMap<u32, Vec<u32>>, rounds: u32) {
    assert_eq!(received.len(), CHANNELS as usize);
    for (channel, numbers) in received {
        let wrong = numbers.windows(2).find(|pair| pair[0] >= pair[1]);
        assert_eq!(wrong, None, "channel {channel}");
        assert_eq!(numbers.last(), Some(&(rounds - 1)), "channel {channel}");
    }
}

fn name(channel: u32) -> String {
    format!("private-{channel}")
}
