//! The latency of a client event from the hook to the receiver, at 1,000 events per second.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::figures::{figure, percentile};
use super::receiver::serve;
use super::stage::{APP, client_event, engine, stat, while_it_moves};
use super::support::redis::RedisServer;

/// Events per second.
const RATE: u32 = 1_000;

/// The number of events. Those of the first second are not counted.
const EVENTS: u32 = 11_000;

/// Measures with the default settings of the outbox.
pub(crate) fn measure() {
    let (redis, times) = (RedisServer::start(), Arc::new(Mutex::new(Vec::new())));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let receipts = Arc::clone(&times);
    std::thread::spawn(move || {
        serve(
            &listener,
            move |body| {
                let now = now_us();
                receipts.lock().unwrap().extend(sent_at(body).map(|sent| (now - sent) / 1e3));
            },
            || 0,
        );
    });
    let engine = engine(&redis.socket(), &json!({ "flush_interval": 0.01, "endpoints": [{ "url": url }] }));
    engine.subscribed(APP, b"private-chat", b"123456789.987654321", None);
    while_it_moves("the channel", || stat(&engine, "edges"), || stat(&engine, "edges") == 1);
    let began = Instant::now();
    for n in 0..EVENTS {
        let due = began + Duration::from_secs(1) * n / RATE;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        engine.client_event(APP, &client_event(b"private-chat", &format!("[{}]", now_us())).relayed());
    }
    let received = || times.lock().unwrap().len() as u64;
    while_it_moves("the last receipt", received, || received() == u64::from(EVENTS));
    let mut times = times.lock().unwrap()[RATE as usize..].to_vec();
    figure("p50_ms", percentile(&mut times, 0.5));
    figure("p99_ms", percentile(&mut times, 0.99));
}

fn now_us() -> f64 {
    (SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e6).round()
}

/// Returns the times at which the events of a body were sent, in Unix µs. Each event has its time as data.
fn sent_at(body: &[u8]) -> impl Iterator<Item = f64> {
    let body = std::str::from_utf8(body).expect("text");
    body.split(r#""data":"["#)
        .skip(1)
        .map(|event| event.split(']').next().and_then(|number| number.parse().ok()).expect("a number"))
}
