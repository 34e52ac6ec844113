//! An engine under test, on a Redis and a receiver of the test's own.

use std::path::Path;

use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::redis::RedisServer;

/// The application that the engines know.
pub(crate) const APP: &[u8] = b"app";

/// A running engine with short intervals, whose one endpoint is `/hook` of the receiver. `settings` replace any of that.
pub(crate) fn engine(redis: &RedisServer, receiver: &Receiver, settings: &Value) -> Engine {
    engine_at(&redis.socket(), &receiver.url("/hook"), settings)
}

/// The same, on the Redis behind this socket file and with this endpoint: for a process of its own.
pub(crate) fn engine_at(redis: &Path, endpoint: &str, settings: &Value) -> Engine {
    let mut config = json!({
        "connection": { "host": redis, "timeout": 1 },
        "flush_interval": 0.02,
        "ttl": 3,
        "endpoints": [{ "url": endpoint }],
    });
    for (key, value) in settings.as_object().expect("settings by name") {
        config[key] = value.clone();
    }
    let engine = Engine::new(Config::from_value(config).expect("a configuration"));
    engine.boot().expect("threads");
    engine.register_app(APP, "key", "secret");
    engine
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    super::wait::eventually(what, || condition().then_some(()));
}
