//! Engines to measure, and how far they have come.

use std::path::Path;

use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};

use crate::support::client_event::ClientEvent;
pub(crate) use crate::support::wait::while_it_moves;

/// The application that the engines know.
pub(crate) const APP: &[u8] = b"app";

/// Intents in the queue, beyond which a row waits before it hands over more: none may be refused.
const AHEAD: u64 = 20_000;

/// The configuration of an engine on this Redis; `settings` replace what is here.
pub(crate) fn config(redis: &Path, settings: &Value) -> Config {
    let mut config = json!({ "connection": { "host": redis, "timeout": 5 }, "ttl": 3600, "endpoints": [] });
    for (key, value) in settings.as_object().expect("settings by name") {
        config[key] = value.clone();
    }
    Config::from_value(config).expect("a configuration")
}

/// A running engine.
pub(crate) fn engine(redis: &Path, settings: &Value) -> Engine {
    let engine = Engine::new(config(redis, settings));
    engine.register_app(APP, "key", "secret");
    engine.boot().expect("threads");
    while_it_moves("a session", || stat(&engine, "redis_calls"), || stat(&engine, "redis_calls") > 0);
    engine
}

/// One of the engine's numbers.
pub(crate) fn stat(engine: &Engine, name: &str) -> u64 {
    engine.stats().iter().find(|(known, _)| *known == name).expect("a counter of this name").1
}

/// Waits until there is room for more intents.
pub(crate) fn wait_for_room(engine: &Engine) {
    while_it_moves("room", || stat(engine, "intents"), || stat(engine, "queued_intents") < AHEAD);
}

/// Calls `hook` with each number below `count`, no faster than intents are taken in.
pub(crate) fn hand_over(engine: &Engine, count: u32, mut hook: impl FnMut(u32)) {
    for n in 0..count {
        if n % 1000 == 0 {
            wait_for_room(engine);
        }
        hook(n);
    }
}

/// A client event such as people typing make, with `data`.
pub(crate) fn client_event<'a>(channel: &'a [u8], data: &str) -> ClientEvent<'a> {
    ClientEvent::new(channel, "client-typing", Some(data), b"123456789.987654321", Some(b"1042"))
}
