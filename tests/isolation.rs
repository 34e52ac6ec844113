//! A failing endpoint does not affect the others, and every event for it is accounted for.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::BTreeSet;

use redis::Commands;
use serde_json::json;
use support::engine::eventually;
use support::flood::{CHANNELS, assert_complete, assert_in_order_to_the_end, engine, flood, round};
use support::gauges::stat;
use support::port::Port;
use support::redis::RedisServer;
use support::tally::{Tally, numbered_events};
use support::wait::while_it_moves;

/// Returns the received events as channel and number.
fn arrived(tally: &Tally) -> BTreeSet<(u32, u32)> {
    let numbers = tally.numbers().into_iter();
    numbers.flat_map(|(channel, numbers)| numbers.into_iter().map(move |number| (channel, number))).collect()
}

#[test]
fn a_burst_over_the_limit_loses_no_event_while_the_endpoint_keeps_up() {
    let (redis, tally) = (RedisServer::start(), Tally::start());
    let engine = engine(json!({
        "connection": { "host": redis.socket() },
        "flush_interval": 0.5,
        // An attempt of a second is not prompt, and a larger batch takes longer on a busy machine.
        "batch_max_events": 50,
        "outbox_max_events": 1000,
        "endpoints": [{ "url": tally.url(), "events": ["client_event"] }],
    }));
    // The dispatcher does not wait for an endpoint that has never responded.
    round(&engine, 0);
    eventually("the first round", || tally.count() == CHANNELS as usize);
    for number in 1..100 {
        round(&engine, number);
    }
    let finished = || stat(&engine, "events_delivered") + stat(&engine, "events_dropped");
    while_it_moves("the end of the burst", finished, || finished() == 100 * CHANNELS as usize);
    assert_eq!(stat(&engine, "events_dropped"), 0);
    assert_complete(&tally.numbers(), 100);
}

#[test]
fn every_event_for_an_endpoint_that_was_down_arrives_or_is_a_dead_letter() {
    let (redis, healthy) = (RedisServer::start(), Tally::start());
    let port = Port::free();
    let refusing = format!("http://{}/", port.address());
    let engine = engine(json!({
        "connection": { "host": redis.socket() },
        "flush_interval": 0.5,
        "max_attempts": 2,
        "outbox_max_events": 2000,
        "dead_letter_max": 100_000,
        "dead_letter_max_per_endpoint": 100_000,
        "endpoints": [
            { "url": healthy.url(), "events": ["client_event"] },
            { "url": refusing, "events": ["client_event"] },
        ],
    }));
    let rounds = 200;
    flood(&engine, rounds, &healthy, 500, || {});
    let returned = Tally::start_on(port.address());
    while_it_moves("an empty queue", || stat(&engine, "events_delivered"), || stat(&engine, "queued_events") == 0);
    assert_complete(&healthy.numbers(), rounds);
    assert_in_order_to_the_end(&returned.numbers(), rounds);

    let mut redis = redis.connect();
    let bodies: Vec<Vec<u8>> = redis.hvals("wh:dead_bodies").unwrap();
    let dead_letters: Vec<(u32, u32)> = bodies.iter().flat_map(|body| numbered_events(body)).collect();
    let dropped = stat(&engine, "events_dropped");
    let dead: BTreeSet<(u32, u32)> = dead_letters.iter().copied().collect();
    assert_eq!((dead.len(), dead_letters.len()), (dropped, dropped), "no event is in two dead letters");
    let arrived = arrived(&returned);
    assert!(dead.is_disjoint(&arrived));
    let all: BTreeSet<(u32, u32)> = (0..CHANNELS).flat_map(|channel| (0..rounds).map(move |n| (channel, n))).collect();
    assert_eq!(&dead | &arrived, all);
    assert!(!dead.is_empty() && !arrived.is_empty());
}
