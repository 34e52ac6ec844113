//! A model of the end of an engine, whose Redis is unreachable.

use serde_json::json;

use super::*;
use crate::sync::check;

/// A model has no clock: a thread that ends only after a timeout never ends.
const NEVER: Duration = Duration::from_secs(3600);

#[test]
fn a_stop_ends_every_thread_at_once() {
    check(50, || {
        let connection = json!({ "host": "/nonexistent/redis.sock" });
        let engine = Engine::new(Config::from_value(json!({ "connection": connection })).unwrap());
        engine.boot().unwrap();
        engine.subscribed(b"app", b"a", b"1.1", None);
        assert!(engine.stop(Instant::now() + NEVER));
    });
}
