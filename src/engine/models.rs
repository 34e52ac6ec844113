//! Models of an engine: its end, while Redis is unreachable, and its gauges.

use serde_json::json;

use super::*;
use crate::presence::{Intake, IntentQueue, NodeStates, Packed, SharedNodeState};
use crate::sync::{check, spawn};

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

#[test]
fn a_gauge_misses_nothing_that_moves_on_while_it_is_read() {
    check(500, || {
        let (queue, intents) = IntentQueue::new(8);
        let node = Shared {
            telemetry: Arc::default(),
            apps: Arc::default(),
            queue: Arc::new(queue),
            node_states: Arc::new(NodeStates::new(vec![SharedNodeState::new(8)])),
        };
        let Shared { telemetry, queue, node_states, .. } = node.clone();
        let mut intake = Intake::new(Arc::clone(&queue), intents, node_states, Arc::clone(&telemetry));
        spawn(move || intake.run());
        queue.push(Intent::Subscribed("app".into(), Packed::new([b"a", b"1.1", b"", b""])), &telemetry.counters);
        let [(_, intents), _, _, (_, claims), ..] = node.gauges(|| 0);
        assert!(intents + claims > 0);
        queue.push(Intent::Stop, &telemetry.counters);
    });
}
