//! A flood of client events, numbered by channel, from one engine to two endpoints, of which one fails.

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

/// Number of channels. The events are spread over them evenly.
pub(crate) const CHANNELS: u32 = 50;

/// Starts an engine that serves every channel of the flood.
pub(crate) fn engine(config: Value) -> Engine {
    let engine = Engine::new(Config::from_value(config).expect("a configuration"));
    engine.boot().expect("threads");
    engine.register_app(APP, "key", "secret");
    for channel in 0..CHANNELS {
        engine.subscribed(APP, name(channel).as_bytes(), b"1.1", None);
    }
    super::engine::eventually("all channels to be occupied", || stat(&engine, "edges") == CHANNELS as usize);
    engine
}

/// Sends the event with this number on a channel.
pub(crate) fn whisper(engine: &Engine, channel: u32, number: u32) {
    let (channel, data) = (name(channel), format!("[{number}]"));
    let event = ClientEvent::new(channel.as_bytes(), "client-n", Some(&data), b"1.1", None);
    engine.client_event(APP, &event.relayed());
}

/// Sends the event with this number on every channel.
pub(crate) fn round(engine: &Engine, number: u32) {
    for channel in 0..CHANNELS {
        whisper(engine, channel, number);
    }
}

/// Maximum rate in events per second. Acknowledged events are removed at Redis' speed. A flood without this limit would
/// measure the machine's two cores, not the limits of the engine.
pub(crate) const RATE: usize = if cfg!(debug_assertions) { 10_000 } else { 25_000 };

/// Sends `rounds` rounds, at most `ahead` events ahead of what `healthy` has received. Calls `look` now and then.
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
            assert!(since.elapsed() < STANDSTILL, "no progress at {got} of {sent}: {:?}", engine.stats());
        }
        round(engine, number);
    }
}

/// Asserts that every channel received each number once and in order.
pub(crate) fn assert_complete(received: &BTreeMap<u32, Vec<u32>>, rounds: u32) {
    assert_eq!(received.len(), CHANNELS as usize);
    for (channel, numbers) in received {
        let wrong = numbers.iter().zip(0..).find(|(number, expected)| **number != *expected);
        assert_eq!(wrong, None, "channel {channel}");
        assert_eq!(numbers.len(), rounds as usize, "channel {channel}");
    }
}

/// Asserts that the numbers of every channel increase up to the last one.
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
