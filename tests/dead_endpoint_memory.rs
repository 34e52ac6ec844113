//! The same with an outbox in memory: what a dead endpoint keeps is bounded, and the other one gets everything.
//!
//! One test, because it measures the memory of its process.

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::flood::{CHANNELS, assert_complete, assert_in_order_to_the_end, engine, flood};
use support::gauges::{resident_bytes, stat};
use support::redis::RedisServer;
use support::tally::Tally;
use support::wait::while_it_moves;

/// Without optimisation an event costs ten times as much.
const EVENTS: u32 = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };

/// How far the flood may be ahead of the healthy endpoint: less than half of what may wait, so that its lane is never the
/// longest.
const AHEAD: usize = 2500;

const MAX_EVENTS: usize = 10_000;
const BATCH_EVENTS: usize = 1000;

/// Events that are anywhere at once: on their way to the healthy endpoint; waiting for the dead one, together with those
/// that are given up at once to make room; in its batch.
const UNSETTLED: usize = AHEAD + MAX_EVENTS + MAX_EVENTS / 100 + BATCH_EVENTS;

/// Bytes of one of these events (some 600) with room to spare, and what is not for events.
const BYTES: usize = 1536;
const REST: usize = 32 << 20;

const PROCESS_BYTES: usize = UNSETTLED * BYTES + 2 * EVENTS as usize * size_of::<u32>() + REST;

#[test]
fn a_dead_endpoint_keeps_no_more_events_in_memory_than_it_may() {
    let (redis, healthy, dead) = (RedisServer::start(), Tally::start(), Tally::start());
    dead.answer(503);
    let endpoint = |tally: &Tally| json!({ "url": tally.url(), "events": ["client_event"] });
    let engine = engine(json!({
        "connection": { "host": redis.socket() },
        "outbox": "memory",
        "max_attempts": 4,
        "batch_max_events": BATCH_EVENTS,
        "outbox_max_events": MAX_EVENTS,
        "endpoints": [endpoint(&healthy), endpoint(&dead)],
    }));
    let before = resident_bytes();
    let (mut most, mut waited, mut looked) = (0, 0, Instant::now());
    flood(&engine, EVENTS / CHANNELS, &healthy, AHEAD, || {
        if looked.elapsed() > Duration::from_millis(50) {
            looked = Instant::now();
            most = most.max(resident_bytes().saturating_sub(before));
            waited = waited.max(stat(&engine, "queued_events"));
        }
    });
    let all = EVENTS as usize;
    while_it_moves("the healthy endpoint", || healthy.count(), || healthy.count() == all);
    // Events count once for each endpoint that has yet to pass them.
    let allowed = UNSETTLED + AHEAD;
    assert!(waited <= allowed, "{waited} events waited, allowed are {allowed}");
    assert!(most <= PROCESS_BYTES, "{most} bytes more, allowed are {PROCESS_BYTES}");

    dead.answer(200);
    while_it_moves("rest", || stat(&engine, "events_delivered"), || stat(&engine, "queued_events") == 0);
    assert_complete(&healthy.numbers(), EVENTS / CHANNELS);
    assert_in_order_to_the_end(&dead.numbers(), EVENTS / CHANNELS);
    assert_eq!(stat(&engine, "client_events_dropped"), 0);
    assert_eq!(stat(&engine, "events_delivered"), all + dead.count());
    assert_eq!(stat(&engine, "events_dropped"), all - dead.count(), "all of the dead one");
}
