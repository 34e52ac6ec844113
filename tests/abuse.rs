//! Clients that abuse the server: memory stays bounded, others' webhooks are on time, and the operator sees who it is.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use resonate_webhooks::admin::Cluster;
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};
use support::client_event::ClientEvent;
use support::engine::{APP, engine, eventually};
use support::gauges::{redis_bytes, resident_bytes, stat};
use support::receiver::{Received, Receiver, read_request};
use support::redis::RedisServer;
use support::serve::serve;
use support::wait::while_it_moves;

/// The application of the client that abuses the server. Others use `APP`.
const LOUD: &[u8] = b"loud";

/// Calls per second of a client that does as much as a server lets it do.
const FAST: u32 = 10_000;

/// Maximum time from a subscription of another client to its webhook. Batches wait 20 ms; the rest is for a machine that
/// runs other tests.
const ON_TIME: Duration = Duration::from_secs(10);

const MIB: usize = 1024 * 1024;

/// A server with two applications. Each has an endpoint of its own.
struct Stage {
    redis: RedisServer,
    receiver: Receiver,
    engine: Engine,
    cluster: Cluster,
    _alone: MutexGuard<'static, ()>,
}

impl Stage {
    /// Sets it up. The memory of the process is measured, so one test runs at a time.
    fn set(settings: &Value) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock();
        let (redis, receiver) = (RedisServer::start(), Receiver::start());
        let mut events = vec!["channel_occupied", "channel_vacated", "client_event"];
        events.extend(settings["more_events"].as_str());
        let mut config = json!({
            "endpoints": [
                { "url": receiver.url("/quiet"), "app_id": "app" },
                { "url": sink(), "app_id": "loud", "events": events },
            ],
        });
        for (key, value) in settings.as_object().unwrap().iter().filter(|(key, _)| *key != "more_events") {
            config[key] = value.clone();
        }
        let engine = engine(&redis, &receiver, &config);
        engine.register_app(LOUD, "loud-key", "loud-secret");
        config["connection"] = json!({ "host": redis.socket() });
        let cluster = Cluster::of(&Config::from_value(config).unwrap()).unwrap();
        Self { redis, receiver, engine, cluster, _alone: alone }
    }

    /// Calls `abuse` with numbers below `calls`, this often a second. Meanwhile another client comes and goes. Returns the
    /// longest time to a webhook of the other client.
    fn abuse(&self, calls: u32, a_second: u32, abuse: impl Fn(&Engine, u32) + Sync) -> Duration {
        let quiet = self.receiver.received("/quiet").iter().flat_map(Received::channels).count();
        std::thread::scope(|scope| {
            let (engine, abuse, began) = (&self.engine, &abuse, Instant::now());
            let calls = scope.spawn(move || {
                for call in 0..calls {
                    let due = began + Duration::from_secs(1) * call / a_second;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    abuse(engine, call);
                }
            });
            let mut longest = Duration::ZERO;
            for visit in (quiet..).take_while(|_| !calls.is_finished()) {
                let came = Instant::now();
                self.engine.subscribed(APP, format!("quiet-{visit}").as_bytes(), b"7.7", None);
                self.receiver.wait_for_channels("/quiet", visit + 1);
                longest = longest.max(came.elapsed());
                std::thread::sleep(Duration::from_millis(20));
            }
            longest
        })
    }

    /// Returns the number of events of an application, as an operator sees it.
    fn seen(&mut self, app: &str) -> u64 {
        let status = self.cluster.status().unwrap();
        let of_app = status.nodes.iter().filter_map(|node| node.record.deliveries.events.get(app));
        of_app.flat_map(|events| events.values()).sum()
    }

    /// Waits until nothing is under way.
    fn rest(&self) {
        let waiting = || {
            let in_memory = ["queued_intents", "pending_claims", "queued_events"].map(|name| stat(&self.engine, name));
            in_memory.iter().sum::<usize>() + self.redis.outbox_events()
        };
        while_it_moves("rest", || stat(&self.engine, "events_delivered"), || waiting() == 0);
    }
}

/// Starts a receiver that accepts everything and stores nothing. Returns its URL.
fn sink() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    serve(listener, |stream: &TcpStream| {
        let (mut reader, mut writer) = (BufReader::new(stream), stream);
        while let Ok(Some(_)) = read_request(&mut reader, 0) {
            if writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
                return;
            }
        }
    });
    url
}

#[test]
fn a_client_that_joins_and_leaves_a_thousand_times_a_second() {
    let mut stage = Stage::set(&json!({}));
    let before = resident_bytes();
    let longest = stage.abuse(3000, 1000, |engine, _| {
        engine.subscribed(LOUD, b"door", b"1.1", None);
        engine.unsubscribed(LOUD, b"door", b"1.1");
    });
    stage.rest();
    println!("others wait {longest:?}; {} MiB more", (resident_bytes().saturating_sub(before)) / MIB);
    assert!(longest < ON_TIME, "{longest:?}");
    assert!(resident_bytes() < before + 64 * MIB);
    eventually("the application in the status", || stage.seen("loud") > stage.seen("app"));
}

#[test]
fn a_client_that_whispers_ten_kilobytes_at_full_rate() {
    let mut stage = Stage::set(&json!({ "outbox_max_bytes": 64 * MIB }));
    stage.engine.subscribed(LOUD, b"private-room", b"1.1", None);
    let before = resident_bytes();
    let data = json!([" ".repeat(10_000)]).to_string();
    let event = ClientEvent::new(b"private-room", "client-noise", Some(&data), b"1.1", None);
    let longest = stage.abuse(100_000, u32::MAX, |engine, _| engine.client_event(LOUD, &event.relayed()));
    let (resident, redis) = (resident_bytes() - before, redis_bytes(&mut stage.redis.connect()));
    let dropped = stat(&stage.engine, "client_events_dropped") + stat(&stage.engine, "client_events_refused");
    println!("{dropped} dropped; others wait {longest:?}; {} MiB, Redis {} MiB", resident / MIB, redis / MIB);
    assert!(longest < ON_TIME, "{longest:?}");
    assert!(resident < 256 * MIB && redis < 128 * MIB);
    assert!(dropped > 0);
    eventually("the application in the status", || stage.seen("loud") > stage.seen("app"));
}

#[test]
fn a_client_that_opens_a_hundred_thousand_channels() {
    let mut stage = Stage::set(&json!({}));
    let mut peaks = Vec::new();
    for _ in 0..2 {
        let longest = stage.abuse(100_000, FAST, |engine, call| {
            engine.subscribed(LOUD, format!("room-{call}").as_bytes(), b"1.1", None);
        });
        println!("others wait {longest:?}");
        assert!(longest < ON_TIME, "{longest:?}");
        peaks.push(resident_bytes() / MIB);
        stage.engine.closed(LOUD, b"1.1");
        stage.rest();
    }
    println!("{peaks:?} MiB");
    assert!(peaks[1] < peaks[0] + 32, "the memory of closed channels is used again: {peaks:?} MiB");
    assert_eq!(redis::Commands::exists::<_, bool>(&mut stage.redis.connect(), "wh:channels:loud"), Ok(false));
    eventually("the application in the status", || stage.seen("loud") > stage.seen("app"));
}

#[test]
fn a_client_that_uses_a_hundred_thousand_names_of_cache_channels() {
    let mut stage = Stage::set(&json!({ "more_events": "cache_miss", "cache_miss_ttl": 1 }));
    let before = resident_bytes();
    let longest = stage.abuse(100_000, FAST / 3, |engine, call| {
        let (channel, socket) = (format!("cache-{call}"), b"1.1");
        engine.subscribed(LOUD, channel.as_bytes(), socket, None);
        engine.cache_seen(LOUD, channel.as_bytes(), true);
        engine.unsubscribed(LOUD, channel.as_bytes(), socket);
    });
    stage.rest();
    println!("others wait {longest:?}; {} MiB more", resident_bytes().saturating_sub(before) / MIB);
    assert!(longest < ON_TIME, "{longest:?}");
    assert!(resident_bytes() < before + 192 * MIB);
    eventually("no key of a name in Redis", || {
        let names: Vec<String> = redis::Commands::keys(&mut stage.redis.connect(), "wh:miss:*").unwrap();
        names.is_empty()
    });
    eventually("the application in the status", || stage.seen("loud") > stage.seen("app"));
}
