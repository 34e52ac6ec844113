//! Fifty endpoints that never answer do not affect a healthy one.
//!
//! A file of its own, because it measures times.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};
use support::black_hole::BlackHoles;
use support::engine::eventually;
use support::flood::{CHANNELS, engine, whisper};
use support::gauges::{stat, threads};
use support::redis::RedisServer;
use support::tally::Tally;

/// Events of a measurement, and the interval between them.
const EVENTS: u32 = 600;
const EVERY: Duration = Duration::from_millis(5);

/// Number of measurements. The median ignores those in which a busy machine stalls some threads.
const MEASUREMENTS: usize = 5;

/// Times at which each event of a measurement was sent and received.
#[derive(Default)]
struct Times {
    sent: Vec<Instant>,
    arrived: Vec<Option<Instant>>,
}

/// A healthy endpoint, and the times of its events.
struct Healthy {
    tally: Tally,
    times: Arc<Mutex<Times>>,
}

impl Healthy {
    fn start() -> Self {
        let times = Arc::new(Mutex::new(Times::default()));
        let kept = Arc::clone(&times);
        let tally = Tally::watched(move |channel, number, at| {
            let mut times = kept.lock();
            let event = (number * CHANNELS + channel) as usize;
            if let Some(arrived) = times.arrived.get_mut(event) {
                arrived.get_or_insert(at);
            }
        });
        Self { tally, times }
    }

    /// Starts a measurement.
    fn begin(&self) {
        *self.times.lock() = Times { sent: Vec::new(), arrived: vec![None; EVENTS as usize] };
    }

    /// Sends the next event of the measurement to `engine`.
    fn send(&self, engine: &Engine, event: u32) {
        self.times.lock().sent.push(Instant::now());
        whisper(engine, event % CHANNELS, event / CHANNELS);
    }

    /// Returns the time from hook to receipt that 99 % of the events stay within.
    fn p99(&self) -> Duration {
        eventually("all events of the measurement", || self.times.lock().arrived.iter().all(Option::is_some));
        let times = self.times.lock();
        let arrived = times.arrived.iter().flatten();
        let mut took: Vec<Duration> = arrived.zip(&times.sent).map(|(arrived, sent)| *arrived - *sent).collect();
        took.sort_unstable();
        took[took.len() * 99 / 100]
    }
}

/// Starts an engine with these endpoints and a Redis of its own.
fn start(redis: &RedisServer, urls: &[String]) -> Engine {
    let endpoints: Vec<Value> = urls.iter().map(|url| json!({ "url": url, "events": ["client_event"] })).collect();
    engine(json!({
        "connection": { "host": redis.socket() },
        "flush_interval": 0.1,
        "timeout": 2,
        "connect_timeout": 1,
        "max_attempts": 2,
        "outbox_max_events": 10_000,
        "endpoints": endpoints,
    }))
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

#[test]
fn fifty_black_holes_do_not_delay_a_healthy_endpoint() {
    let (baseline, healthy, holes) = (Healthy::start(), Healthy::start(), BlackHoles::start_all());
    let with_holes: Vec<String> = holes.urls().into_iter().chain([healthy.tally.url()]).collect();
    assert_eq!(with_holes.len(), 51);

    let (mut without, mut with_holes_p99) = (Vec::new(), Vec::new());
    for _ in 0..MEASUREMENTS {
        let (redis, redis_of_baseline) = (RedisServer::start(), RedisServer::start());
        let engine = start(&redis, &with_holes);
        let engine_of_baseline = start(&redis_of_baseline, &[baseline.tally.url()]);
        let mut number = 0;
        eventually("the lanes of the black holes to overflow", || {
            whisper(&engine, 0, EVENTS + number);
            number += 1;
            stat(&engine, "events_dropped") > 0
        });

        // Both measurements run at the same time, so other load on the machine affects both.
        baseline.begin();
        healthy.begin();
        for event in 0..EVENTS {
            baseline.send(&engine_of_baseline, event);
            healthy.send(&engine, event);
            std::thread::sleep(EVERY);
        }
        without.push(baseline.p99());
        with_holes_p99.push(healthy.p99());

        let (posting, all) = (threads("wh-post"), threads("wh-"));
        // A worker that is completing its attempt takes no new one yet.
        assert!(posting <= 2 * 52, "{posting} threads for 52 endpoints");
        assert!(all <= posting + 2 * 7, "{all} threads, {posting} of them for endpoints");
        engine.stop(Instant::now() + Duration::from_secs(5));
        engine_of_baseline.stop(Instant::now() + Duration::from_secs(5));
    }
    println!("baseline {without:?}, with black holes {with_holes_p99:?}");
    assert!(
        median(with_holes_p99.clone()) <= 2 * median(without.clone()),
        "baseline {without:?}, with black holes {with_holes_p99:?}"
    );
}
