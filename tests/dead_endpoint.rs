//! A million events pass while one endpoint is dead. Memory stays within the limits, the other endpoint gets every
//! event, and every event is accounted for.
//!
//! A file of its own, because it measures the memory of its process.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::{Duration, Instant};

use redis::Commands;
use serde_json::json;
use support::flood::{CHANNELS, RATE, assert_complete, assert_in_order_to_the_end, engine, flood};
use support::gauges::{redis_bytes, resident_bytes, stat};
use support::redis::RedisServer;
use support::tally::{Tally, numbered_events};
use support::wait::while_it_moves;

/// Without optimisation an event costs ten times as much.
const EVENTS: u32 = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };

/// Maximum number of events by which the flood is ahead of the healthy endpoint. Less than half of the limit of waiting
/// events, so its lane is never the longest one.
const AHEAD: usize = 2500;

const MAX_EVENTS: usize = 10_000;
const DEAD_LETTERS: usize = 20;
const BATCH_EVENTS: usize = 1000;
const BATCH_BYTES: usize = 262_144;

/// Maximum number of events that are not acknowledged: those on their way to the healthy endpoint, those waiting for
/// the dead one, those that become dead letters at once to make room, and those in its batch.
const UNSETTLED: usize = AHEAD + MAX_EVENTS + MAX_EVENTS / 100 + BATCH_EVENTS;

/// Maximum number of entries in the streams. Acknowledged events after a batch under way are removed when they are as
/// many as the others, or reach a share of the limit. The events of three seconds are added, because Redis removes at
/// its own speed.
const STREAMED: usize = 2 * UNSETTLED + MAX_EVENTS + 3 * RATE;

/// Bytes of one of these events in a stream (about 110) and in memory (about 600), each with a margin.
const STREAM_BYTES: usize = 256;
const MEMORY_BYTES: usize = 1536;

/// Bytes for everything else: buffers of connections, scripts, threads, and the test's own records.
const REDIS_REST: usize = 16 << 20;
const PROCESS_REST: usize = 48 << 20;

const REDIS_BYTES: usize = STREAMED * STREAM_BYTES + DEAD_LETTERS * BATCH_BYTES + REDIS_REST;
const PROCESS_BYTES: usize = UNSETTLED * MEMORY_BYTES + 2 * EVENTS as usize * size_of::<u32>() + PROCESS_REST;

/// Highest values seen.
#[derive(Debug, Default)]
struct Peak {
    process: usize,
    redis: usize,
    streamed: usize,
    dead_letters: usize,
}

#[test]
fn a_dead_endpoint_stays_within_the_limits_and_does_not_affect_another() {
    let (redis, healthy, dead) = (RedisServer::start(), Tally::start(), Tally::start());
    dead.answer(503);
    let endpoint = |tally: &Tally| json!({ "url": tally.url(), "events": ["client_event"] });
    let engine = engine(json!({
        "connection": { "host": redis.socket() },
        "max_attempts": 4,
        "batch_max_events": BATCH_EVENTS,
        "batch_max_bytes": BATCH_BYTES,
        "outbox_max_events": MAX_EVENTS,
        "dead_letter_max": DEAD_LETTERS,
        "endpoints": [endpoint(&healthy), endpoint(&dead)],
    }));
    let mut connection = redis.connect();
    let (process, server) = (resident_bytes(), redis_bytes(&mut connection));

    let (mut peak, mut looked) = (Peak::default(), Instant::now());
    flood(&engine, EVENTS / CHANNELS, &healthy, AHEAD, || {
        if looked.elapsed() > Duration::from_millis(100) {
            looked = Instant::now();
            peak.process = peak.process.max(resident_bytes().saturating_sub(process));
            peak.redis = peak.redis.max(redis_bytes(&mut connection).saturating_sub(server));
            peak.streamed = peak.streamed.max(redis.outbox_events());
            peak.dead_letters = peak.dead_letters.max(connection.xlen("wh:dead").unwrap());
        }
    });
    let all = EVENTS as usize;
    while_it_moves("all events at the healthy endpoint", || healthy.count(), || healthy.count() == all);
    assert_eq!(dead.count(), 0);
    println!("{peak:?}, allowed: {PROCESS_BYTES} {REDIS_BYTES} {STREAMED} {DEAD_LETTERS}");
    assert!(peak.streamed <= STREAMED, "{peak:?} > {STREAMED} events");
    assert!(peak.dead_letters <= DEAD_LETTERS, "{peak:?}");
    assert!(peak.redis <= REDIS_BYTES, "{peak:?} > {REDIS_BYTES} bytes");
    assert!(peak.process <= PROCESS_BYTES, "{peak:?} > {PROCESS_BYTES} bytes");

    dead.answer(200);
    while_it_moves("an empty outbox", || stat(&engine, "events_delivered"), || redis.outbox_events() == 0);
    assert_complete(&healthy.numbers(), EVENTS / CHANNELS);
    assert_in_order_to_the_end(&dead.numbers(), EVENTS / CHANNELS);
    assert_eq!(stat(&engine, "client_events_dropped"), 0);
    assert_eq!(stat(&engine, "events"), (EVENTS + CHANNELS) as usize, "the flood and the edges of the channels");
    assert_eq!(stat(&engine, "events_delivered"), all + dead.count());
    assert_eq!(stat(&engine, "events_dropped"), all - dead.count(), "every event for the dead endpoint");

    let arrived = dead.numbers();
    for (dead_letter, body) in dead_letters(&mut connection) {
        let given_up = numbered_events(&body);
        assert!(
            given_up.len() <= BATCH_EVENTS && body.len() <= BATCH_BYTES,
            "dead letter {dead_letter} is too large to be sent"
        );
        for (channel, number) in given_up {
            assert!(
                arrived[&channel].binary_search(&number).is_err(),
                "an event of dead letter {dead_letter} has arrived"
            );
        }
    }
}

/// Returns the dead letters by id.
fn dead_letters(redis: &mut redis::Connection) -> Vec<(String, Vec<u8>)> {
    redis.hgetall("wh:dead_bodies").unwrap()
}
