//! Time that an endpoint needs to catch up after an outage.
//!
//! At full scale, for two minutes: `CATCH_UP_EVENTS=100000 CATCH_UP_LATENCY_MS=1000 cargo test --release --test
//! catch_up`.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::engine::engine;
use support::receiver::{Answer, Received, Receiver};
use support::redis::RedisServer;
use support::wait::while_it_moves;

const CHANNELS: u64 = 10;

/// Requirement at full scale: an endpoint that responds after 1 s catches up with 100 000 events within 180 s.
const EVENTS: u64 = 100_000;
const REQUESTS: u64 = 180;

fn given(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn a_slow_endpoint_catches_up_with_a_long_backlog_in_few_requests() {
    let (events, latency) = (given("CATCH_UP_EVENTS", 20_000), given("CATCH_UP_LATENCY_MS", 20));
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.always("/hook", Answer::Late(Duration::from_millis(latency)));
    // Several hours of events.
    redis.append_numbers(events, CHANNELS, Duration::from_millis(200));
    let endpoint = json!({ "url": receiver.url("/hook"), "events": ["subscription_count"], "payload": "extended" });
    let began = Instant::now();
    let settings = json!({ "endpoints": [endpoint], "flush_interval": 1, "outbox_max_events": 2 * EVENTS });
    let _node = engine(&redis, &receiver, &settings);
    while_it_moves("an empty outbox", || receiver.received("/hook").len(), || redis.outbox_events() == 0);
    let (took, requests) = (began.elapsed(), receiver.received("/hook"));
    println!("{events} events, {latency} ms per response: {} requests in {took:.1?}", requests.len());

    let mut last = vec![0; usize::try_from(CHANNELS).unwrap()];
    for event in requests.iter().map(Received::json).flat_map(|body| body["events"].as_array().unwrap().clone()) {
        let channel: usize = event["channel"].as_str().unwrap().parse().unwrap();
        let number = event["subscription_count"].as_u64().unwrap();
        assert_eq!(number, last[channel] + 1, "channel {channel}");
        last[channel] = number;
        assert!(event["time_ms"].is_u64(), "each event has its own time");
    }
    assert_eq!(last.iter().sum::<u64>(), events);
    for request in &requests {
        let body = request.json();
        assert_eq!(body["time_ms"], body["events"][0]["time_ms"], "a batch has the time of its first event");
    }
    let allowed = usize::try_from(REQUESTS * events / EVENTS).unwrap();
    assert!(requests.len() <= allowed, "{} requests, at most {allowed} allowed", requests.len());
    if latency >= 1000 {
        assert!(took < Duration::from_secs(REQUESTS), "{took:?}");
    }
}
