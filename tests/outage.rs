//! Redis is unavailable under traffic. Hooks stay fast, and no accepted event is lost.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use serde_json::json;
use support::client_event::ClientEvent;
use support::engine::{APP, engine, eventually};
use support::flood::{self, CHANNELS, assert_complete, whisper};
use support::gauges::{resident_bytes, stat};
use support::receiver::{Received, Receiver};
use support::redis::RedisServer;
use support::tally::Tally;
use support::wait::while_it_moves;

/// Redis hangs, then it is dead: half a minute in total.
const HANGING: Duration = Duration::from_secs(12);
const DEAD: Duration = Duration::from_secs(18);

/// Time of the traffic before the outage.
const BEFORE: Duration = Duration::from_secs(3);

/// Interval between two turns of the traffic.
const EVERY: Duration = Duration::from_millis(4);

/// Number of rooms that users enter and leave.
const ROOMS: usize = 40;

/// Clients that send events, come and go.
struct Traffic<'a> {
    engine: &'a Engine,
    turns: u32,
    occupied: [bool; ROOMS],
}

impl Traffic<'_> {
    /// Runs for `time`. Returns the duration of each hook.
    fn run(&mut self, time: Duration) -> Vec<Duration> {
        let (began, mut took) = (Instant::now(), Vec::new());
        while began.elapsed() < time {
            let turn = self.turns;
            took.push(timed(|| whisper(self.engine, turn % CHANNELS, turn / CHANNELS)));
            // Visits every room many times, each in its own rhythm.
            let room = (turn as usize * 7) % ROOMS;
            took.push(timed(|| self.enter_or_leave(room)));
            self.turns += 1;
            std::thread::sleep(EVERY);
        }
        took
    }

    fn enter_or_leave(&mut self, room: usize) {
        let (channel, socket) = (format!("presence-{room}"), format!("2.{room}"));
        if self.occupied[room] {
            self.engine.unsubscribed(APP, channel.as_bytes(), socket.as_bytes());
        } else {
            self.engine.subscribed(APP, channel.as_bytes(), socket.as_bytes(), Some(b"7"));
        }
        self.occupied[room] = !self.occupied[room];
    }

    /// Sends events until every channel has had the same number. Returns that number.
    fn round_off(&mut self) -> u32 {
        while !self.turns.is_multiple_of(CHANNELS) {
            whisper(self.engine, self.turns % CHANNELS, self.turns / CHANNELS);
            self.turns += 1;
        }
        self.turns / CHANNELS
    }
}

fn timed(hook: impl FnOnce()) -> Duration {
    let began = Instant::now();
    hook();
    began.elapsed()
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

/// Returns the edges by room, in order: true for an arrival. A repeated batch counts once.
fn edges(requests: &[Received]) -> BTreeMap<String, Vec<bool>> {
    let mut edges: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    let mut seen = std::collections::BTreeSet::new();
    for request in requests {
        if !seen.insert(request.header("webhook-id").unwrap().to_owned()) {
            continue;
        }
        for event in request.events() {
            let (name, subject) = event.split_once(' ').unwrap();
            let comes = matches!(name, "channel_occupied" | "member_added");
            edges.entry(subject.to_owned()).or_default().push(comes);
        }
    }
    edges
}

#[test]
fn half_a_minute_without_redis_blocks_no_hook_and_loses_nothing() {
    let mut redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (tally, receiver) = (Tally::start(), Receiver::start());
    let engine = flood::engine(json!({
        "connection": { "host": redis.socket(), "timeout": 2 },
        "flush_interval": 0.1,
        "max_attempts": 50,
        "endpoints": [
            { "url": tally.url(), "events": ["client_event"] },
            { "url": receiver.url("/edges"), "events": ["channel_occupied", "channel_vacated", "member_added", "member_removed"] },
        ],
    }));
    let mut traffic = Traffic { engine: &engine, turns: 0, occupied: [false; ROOMS] };

    let before = traffic.run(BEFORE);
    redis.hang();
    let mut away = traffic.run(HANGING);
    redis.kill();
    away.extend(traffic.run(DEAD));
    redis.restart();
    traffic.run(Duration::from_secs(1));

    let longest = away.iter().max().unwrap();
    assert!(*longest < Duration::from_secs(1), "a hook took {longest:?}, so it waited for Redis");
    // `make bench` measures hooks. Here other load may slow them down.
    println!("a hook took {:?} before, {:?} during the outage", median(before), median(away));

    let rounds = traffic.round_off();
    let all = (rounds * CHANNELS) as usize;
    eventually("all client events", || tally.count() >= all);
    assert_eq!(stat(&engine, "client_events_dropped"), 0);
    assert_complete(&without_repeats(&tally), rounds);

    let truth = |room: usize, edges: &BTreeMap<String, Vec<bool>>| {
        let last = |subject: String| edges.get(&subject).and_then(|edges| edges.last()).copied().unwrap_or(false);
        [last(format!("presence-{room}")), last(format!("presence-{room}/7"))] == [traffic.occupied[room]; 2]
    };
    eventually("the last edges to match the truth", || {
        let edges = edges(&receiver.received("/edges"));
        (0..ROOMS).all(|room| truth(room, &edges))
    });
    let left = engine.flush(Duration::from_secs(4));
    assert!(left.is_nothing(), "{left}");
    let edges = edges(&receiver.received("/edges"));
    assert!((0..ROOMS).all(|room| truth(room, &edges)), "{edges:?} is not {:?}", traffic.occupied);
    for (subject, edges) in &edges {
        assert!(edges.iter().enumerate().all(|(n, comes)| *comes == (n % 2 == 0)), "{subject}: {edges:?}");
    }
}

/// Returns the numbers without repeats. A batch whose response was lost is sent again.
fn without_repeats(tally: &Tally) -> BTreeMap<u32, Vec<u32>> {
    let mut numbers = tally.numbers();
    for numbers in numbers.values_mut() {
        let mut next = 0;
        numbers.retain(|number| {
            let is_new = *number >= next;
            next = next.max(number + 1);
            is_new
        });
    }
    numbers
}

#[test]
fn events_that_wait_for_redis_are_limited_in_bytes_and_the_rest_is_counted() {
    let (redis, tally) = (RedisServer::start(), Tally::start());
    let engine = Engine::new(
        Config::from_value(json!({
            "connection": { "host": redis.socket(), "timeout": 1 },
            "flush_interval": 0.1,
            "endpoints": [{ "url": tally.url(), "events": ["client_event"] }],
        }))
        .unwrap(),
    );
    engine.boot().unwrap();
    engine.register_app(APP, "key", "secret");
    engine.subscribed(APP, b"private-0", b"1.1", None);
    eventually("the channel to be occupied", || stat(&engine, "edges") == 1);
    redis.hang();
    let before = resident_bytes();
    let events = 30_000_u32;
    for number in 0..events {
        // A number, padded with spaces to 10 000 bytes, the limit of a message.
        let data = format!("[{number:<10000}]");
        let event = ClientEvent::new(b"private-0", "client-n", Some(&data), b"1.1", None);
        engine.client_event(APP, &event.relayed());
        if number % 1000 == 0 {
            eventually("the intents to be taken in", || stat(&engine, "queued_intents") < 500);
        }
    }
    let taken_in = || stat(&engine, "waiting_client_events") + stat(&engine, "client_events_dropped");
    eventually("every event, waiting or dropped", || taken_in() == events as usize);
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 200 << 20, "{grown} bytes wait for Redis");
    let dropped = stat(&engine, "client_events_dropped");
    assert!(dropped > 10_000, "{dropped} of {events} dropped");

    redis.resume();
    let kept = events as usize - dropped;
    while_it_moves("the events that waited", || tally.count(), || tally.count() >= kept);
    let expected: BTreeMap<u32, Vec<u32>> = [(0, (0..u32::try_from(kept).unwrap()).collect())].into();
    assert_eq!(without_repeats(&tally), expected, "the first events are kept");
}

#[test]
fn a_flush_that_cannot_read_the_outbox_reports_that() {
    let mut redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let receiver = Receiver::start();
    let node = engine(&redis, &receiver, &json!({ "max_attempts": 1, "shutdown_timeout": 60 }));
    node.subscribed(APP, b"news", b"1.1", None);
    receiver.wait_for("/hook", 1);
    eventually("nothing to be left", || node.flush(Duration::from_secs(1)).is_nothing());
    redis.kill();
    eventually("a flush that could not read the outbox", || node.flush(Duration::from_millis(10)).unread);
    redis.restart();
    eventually("nothing to be left", || node.flush(Duration::from_secs(1)).is_nothing());
}
