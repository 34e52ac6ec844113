//! An engine under test, with a Redis and a receiver of its own.

use std::path::Path;

use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::event::{AppId, Shard};
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::redis::RedisServer;

/// Application that the engines have registered.
pub(crate) const APP: &[u8] = b"app";

/// Returns the number of shards of engines whose settings don't say: one, unless `make test-shards` runs the tests.
pub(crate) fn shards() -> u8 {
    std::env::var("TEST_SHARDS").map_or(1, |shards| shards.parse().expect("a number of shards"))
}

/// Returns the prefix of the keys in each shard of such engines.
pub(crate) fn prefixes() -> Vec<String> {
    if shards() == 1 { vec!["wh".to_owned()] } else { (0..shards()).map(super::redis_cluster::tag).collect() }
}

/// Returns the prefix of the keys of a channel of such engines.
pub(crate) fn prefix_of(channel: &[u8]) -> String {
    prefixes()[Shard::of(&AppId::new(APP), channel, shards()).index()].clone()
}

/// Returns a channel that is in the same shard as `other`. Its name begins with `name`.
pub(crate) fn channel_beside(other: &[u8], name: &str) -> String {
    let mut names = std::iter::once(name.to_owned()).chain((1..1000).map(|n| format!("{name}-{n}")));
    names.find(|name| prefix_of(name.as_bytes()) == prefix_of(other)).expect("a channel")
}

/// Starts an engine with short intervals. Its only endpoint is `/hook` of the receiver. `settings` override these
/// defaults.
pub(crate) fn engine(redis: &RedisServer, receiver: &Receiver, settings: &Value) -> Engine {
    engine_at(&redis.socket(), &receiver.url("/hook"), settings)
}

/// The same with the Redis at this socket file and this endpoint, for use in a separate process.
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
    if config["connection"]["shards"].is_null() {
        config["connection"]["shards"] = json!(shards());
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
