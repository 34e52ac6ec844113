//! POSTs per second to a local receiver, compared with wrk (same body, same number of connections) and with ureq alone, the
//! HTTP library that we use.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use resonate_webhooks::config::Config;
use resonate_webhooks::delivery::{AppRegistry, Credentials, Delivery};
use resonate_webhooks::engine::bench::Signing;
use resonate_webhooks::event::{AppId, Event, EventKind};
use resonate_webhooks::secret::Secret;
use resonate_webhooks::telemetry::Telemetry;
use serde_json::json;

use super::figures::{best, figure, missing};
use super::peers;
use super::receiver::Receiver;
use super::stage::while_it_moves;
use super::support::memory_outbox::MemoryOutbox;

/// The numbers of lanes. Each lane has one connection.
const LANES: [usize; 3] = [1, 8, 64];

/// The number of runs of each side. The sides alternate.
const RUNS: usize = 3;

/// The duration of a run of wrk, about that of the other runs.
const RUN: Duration = Duration::from_secs(2);

/// The number of POSTs in a run.
const POSTS: usize = 20_000;

/// Measures all sides for each number of lanes.
pub(crate) fn measure() {
    let wrk = Command::new("wrk").arg("--version").output().is_ok();
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("post.lua");
    std::fs::write(&script, wrk_script()).expect("a script");
    for lanes in LANES {
        let receiver = Receiver::start();
        let (mut ours, mut of_ureq, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ours.push(our_posts_per_second(&receiver, lanes));
            of_ureq.push(bare_posts_per_second(&receiver, lanes));
            if wrk {
                theirs.push(wrk_posts_per_second(&receiver, &script, lanes, 1));
                theirs.extend((lanes > 1).then(|| wrk_posts_per_second(&receiver, &script, lanes, 2)));
            }
        }
        figure(&format!("ours_{lanes}_per_s"), best(ours));
        figure(&format!("ureq_{lanes}_per_s"), best(of_ureq));
        if wrk {
            figure(&format!("wrk_{lanes}_per_s"), best(theirs));
        } else {
            missing(&format!("wrk_{lanes}_per_s"), "not installed");
        }
    }
}

fn app(lane: usize) -> AppId {
    AppId::from(format!("app-{lane}").as_str())
}

/// Returns an event. Each event makes one POST here.
fn event(lane: usize) -> Event {
    let kind = EventKind::MemberAdded { user: "1042".into() };
    Event { app: app(lane), channel: "presence-chat.1042".into(), time_ms: 1_700_000_000_000, kind }
}

/// Measures from the time when all events are in the outbox until the last answer.
fn our_posts_per_second(receiver: &Receiver, lanes: usize) -> f64 {
    let apps = AppRegistry::default();
    for lane in 0..lanes {
        apps.register(app(lane), Credentials { key: "key".to_owned(), secret: Secret::new("secret") });
    }
    let telemetry = Arc::new(Telemetry::default());
    let batching = json!({ "duration": 1, "max_events": 1 });
    let config = json!({ "endpoints": [{ "url": receiver.url(), "batching": batching }] });
    let config = Config::from_value(config).expect("a configuration");
    let outbox = Arc::new(MemoryOutbox::new(POSTS));
    let events = Arc::clone(&outbox);
    let delivery = Delivery::start(None, events, config.endpoints, Arc::new(apps), Arc::clone(&telemetry)).unwrap();
    let delivered = || telemetry.counters.events_delivered.get();
    let run = |count: usize| {
        let all = delivered() + count as u64;
        let began = Instant::now();
        outbox.append((0..count).map(|n| event(n % lanes)).collect());
        delivery.wake();
        while_it_moves("the last answer", delivered, || delivered() >= all);
        count as f64 / began.elapsed().as_secs_f64()
    };
    // A first run opens the connections and starts the threads.
    run(lanes * 8);
    let posts_per_second = run(POSTS);
    assert_eq!(telemetry.counters.attempts.get(), delivered(), "an attempt failed");
    delivery.stop(Instant::now() + Duration::from_secs(5));
    posts_per_second
}

/// Measures ureq alone: one thread per lane sends the same webhook repeatedly.
fn bare_posts_per_second(receiver: &Receiver, lanes: usize) -> f64 {
    let ((signing, body), url) = (webhook(), &receiver.url());
    let webhook = &signing.sign(&body).expect("credentials");
    // No timeouts, because with them ureq resolves names on a separate thread.
    let config = ureq::Agent::config_builder().max_idle_connections_per_host(lanes).build();
    let agent = &ureq::Agent::new_with_config(config);
    let post = move || {
        let request =
            webhook.headers().into_iter().fold(agent.post(url), |request, (name, value)| request.header(name, value));
        request.send(webhook.body).expect("an answer").body_mut().read_to_vec().expect("its body");
    };
    let began = Instant::now();
    std::thread::scope(|threads| {
        for _ in 0..lanes {
            threads.spawn(move || (0..POSTS / lanes).for_each(|_| post()));
        }
    });
    (POSTS / lanes * lanes) as f64 / began.elapsed().as_secs_f64()
}

/// Returns the signing key and the body of a webhook.
fn webhook() -> (Signing, Vec<u8>) {
    let signing = Signing::new(&app(0), vec![event(0)], "secret");
    let body = signing.encode();
    (signing, body)
}

/// Returns the script with which wrk sends the same webhook.
fn wrk_script() -> String {
    let (signing, body) = webhook();
    let webhook = signing.sign(&body).expect("credentials");
    let body = std::str::from_utf8(webhook.body).expect("JSON");
    let mut script = format!("wrk.method = 'POST'\nwrk.body = [[{body}]]\n");
    for (name, value) in webhook.headers() {
        _ = writeln!(script, "wrk.headers['{name}'] = '{value}'");
    }
    script
}

fn wrk_posts_per_second(receiver: &Receiver, script: &Path, connections: usize, threads: usize) -> f64 {
    let mut command = Command::new("wrk");
    command.arg(format!("-c{connections}")).arg(format!("-t{threads}")).arg(format!("-d{}", RUN.as_secs()));
    let output = peers::output(command.arg("-s").arg(script).arg(receiver.url()));
    peers::number_after(&output, "Requests/sec:")
}
