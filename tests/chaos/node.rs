//! A node process: an engine that does what its standard input says.
//!
//! It answers `judged N` when Redis has judged all claims that followed from its first N orders, `log …` for a line of
//! its log, and `left N` at its end: the claims that were not judged any more.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::telemetry::Outcome;

use crate::order::Order;
use crate::support::client_event::ClientEvent;

/// Between two looks at what has been judged.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Beyond `shutdown_timeout`, for the threads to end.
const GRACE: Duration = Duration::from_millis(300);

/// How far the orders have come.
#[derive(Default)]
struct Progress {
    pushed: AtomicU64,
    /// The engine shows no gauges any more.
    ending: AtomicBool,
}

/// Runs until it is told to end or its input does.
pub(crate) fn run(config: &str) {
    let config = Config::from_value(serde_json::from_str(config).expect("a config")).expect("a good config");
    let engine = Arc::new(Engine::new(config));
    engine.boot().expect("threads");
    for app in crate::crowd::APPS {
        engine.register_app(app.as_bytes(), app, crate::receiver::SECRET);
    }
    let progress = Arc::new(Progress::default());
    let (watched, seen) = (Arc::clone(&engine), Arc::clone(&progress));
    std::thread::spawn(move || tell_what_is_judged(&watched, &seen));
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let order = Order::parse(&line).expect("an order");
        if order == Order::End {
            progress.ending.store(true, Ordering::SeqCst);
            let left = engine.end(GRACE);
            say(&format!("left {}", left.claims + left.intents));
            return;
        }
        apply(&engine, &order);
        progress.pushed.fetch_add(1, Ordering::SeqCst);
    }
}

fn apply(engine: &Engine, order: &Order) {
    match order {
        Order::Subscribe { app, channel, socket, user } => {
            let user = user.as_deref().map(str::as_bytes);
            engine.subscribed(app.as_bytes(), channel.as_bytes(), socket.as_bytes(), user);
        }
        Order::Unsubscribe { app, channel, socket } => {
            engine.unsubscribed(app.as_bytes(), channel.as_bytes(), socket.as_bytes());
        }
        Order::Close { app, socket } => engine.closed(app.as_bytes(), socket.as_bytes()),
        Order::Whisper { app, channel, socket, user, text } => {
            let user = user.as_deref().map(str::as_bytes);
            let event = ClientEvent::new(channel.as_bytes(), "client-chaos", Some(text), socket.as_bytes(), user);
            engine.client_event(app.as_bytes(), &event.relayed());
        }
        Order::End => {}
    }
}

/// Every order is one intent, so the number of intents taken in tells how many orders are in the node state; the node state is
/// looked at after that number.
fn tell_what_is_judged(engine: &Engine, progress: &Progress) {
    let mut told = 0;
    loop {
        std::thread::sleep(LOOK_EVERY);
        for outcome in engine.poll(1000) {
            match outcome {
                Outcome::Log { level, message } => say(&format!("log {} {message}", level.as_str())),
                Outcome::Dropped { reason, .. } => say(&format!("log dropped {reason}")),
                _ => {}
            }
        }
        if told == progress.pushed.load(Ordering::SeqCst) {
            continue;
        }
        let stats = engine.stats();
        let stat = |name: &str| stats.iter().find(|(known, _)| *known == name).map_or(0, |(_, value)| *value);
        let (taken_in, pending_claims) = (stat("intents"), stat("pending_claims"));
        // Looked at last: what was read before is worth nothing once the engine ends.
        if pending_claims == 0 && taken_in > told && !progress.ending.load(Ordering::SeqCst) {
            told = taken_in;
            say(&format!("judged {told}"));
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody listens to a node that outlived the run.
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}
