//! Starts the engines to measure, and waits for their progress.

use std::path::Path;

use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};

use crate::support::client_event::ClientEvent;
pub(crate) use crate::support::wait::while_it_moves;

/// The registered application.
pub(crate) const APP: &[u8] = b"app";

/// The number of queued intents above which a row waits before it calls more hooks, so that no intent is dropped.
const AHEAD: u64 = 20_000;

/// Returns the configuration of an engine that uses this Redis. `settings` override the defaults here.
pub(crate) fn config(redis: &Path, settings: &Value) -> Config {
    let mut config = json!({ "connection": { "host": redis, "timeout": 5 }, "ttl": 3600, "endpoints": [] });
    for (key, value) in settings.as_object().expect("settings by name") {
        config[key] = value.clone();
    }
    Config::from_value(config).expect("a configuration")
}

/// Starts an engine.
pub(crate) fn engine(redis: &Path, settings: &Value) -> Engine {
    let engine = Engine::new(config(redis, settings));
    engine.register_app(APP, "key", "secret");
    engine.boot().expect("threads");
    while_it_moves("a session", || stat(&engine, "redis_calls"), || stat(&engine, "redis_calls") > 0);
    engine
}

/// Returns one of the engine's counters or gauges.
pub(crate) fn stat(engine: &Engine, name: &str) -> u64 {
    engine.stats().iter().find(|(known, _)| *known == name).expect("a counter of this name").1
}

/// Waits until the queue has room for more intents.
pub(crate) fn wait_for_room(engine: &Engine) {
    while_it_moves("room", || stat(engine, "intents"), || stat(engine, "queued_intents") < AHEAD);
}

/// Calls `hook` with each number below `count`, no faster than the engine takes intents from the queue.
pub(crate) fn hand_over(engine: &Engine, count: u32, mut hook: impl FnMut(u32)) {
    for n in 0..count {
        if n % 1000 == 0 {
            wait_for_room(engine);
        }
        hook(n);
    }
}

/// Returns a `client-typing` event with `data`.
pub(crate) fn client_event<'a>(channel: &'a [u8], data: &str) -> ClientEvent<'a> {
    ClientEvent::new(channel, "client-typing", Some(data), b"123456789.987654321", Some(b"1042"))
}
