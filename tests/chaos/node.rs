//! Node process: an engine that follows the orders on its standard input.
//! Its output has three kinds of lines: `decided N 0 3` when Redis has decided all claims of its first N orders in these
//! shards, `log …` for a line of its log, and `left N` at its end, with the number of undecided claims.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use resonate_webhooks::telemetry::Outcome;

use crate::order::Order;
use crate::support::client_event::ClientEvent;

/// Interval between checks for decided claims.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Time for the threads to end, in addition to `shutdown_timeout`.
const GRACE: Duration = Duration::from_millis(300);

/// Progress of the orders.
#[derive(Default)]
struct Progress {
    pushed: AtomicU64,
    /// The engine is shutting down; its gauges are not valid any more.
    ending: AtomicBool,
}

/// Runs until an order ends it or its input closes.
pub(crate) fn run(config: &str) {
    let config = Config::from_value(serde_json::from_str(config).expect("valid JSON")).expect("a valid config");
    let engine = Arc::new(Engine::new(config));
    engine.boot().expect("threads");
    for app in crate::clients::APPS {
        engine.register_app(app.as_bytes(), app, crate::receiver::SECRET);
    }
    let progress = Arc::new(Progress::default());
    let (watched, seen) = (Arc::clone(&engine), Arc::clone(&progress));
    std::thread::spawn(move || report_progress(&watched, &seen));
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let order = Order::parse(&line).expect("a valid order");
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

/// Prints how many orders are decided in each shard. Each order is one intent, so the number of intents taken in is the
/// number of orders in the node state. The claims are counted after that number is read.
fn report_progress(engine: &Engine, progress: &Progress) {
    let mut told = vec![0; engine.undecided_claims().len()];
    loop {
        std::thread::sleep(LOOK_EVERY);
        for outcome in engine.poll(1000) {
            match outcome {
                Outcome::Log { level, message } => say(&format!("log {level} {message}")),
                Outcome::Dropped { reason, .. } => say(&format!("log dropped {reason}")),
                _ => {}
            }
        }
        let pushed = progress.pushed.load(Ordering::SeqCst);
        if told.iter().all(|told| *told == pushed) {
            continue;
        }
        let taken_in = engine.stats().into_iter().find(|(name, _)| *name == "intents").map_or(0, |(_, value)| value);
        let undecided = engine.undecided_claims();
        let is_new = |shard: &usize| undecided[*shard] == 0 && taken_in > told[*shard];
        let decided: Vec<usize> = (0..told.len()).filter(is_new).collect();
        // Read last: the numbers are not valid once the engine is ending.
        if !decided.is_empty() && !progress.ending.load(Ordering::SeqCst) {
            let shards: Vec<String> = decided.iter().map(ToString::to_string).collect();
            say(&format!("decided {taken_in} {}", shards.join(" ")));
            for shard in decided {
                told[shard] = taken_in;
            }
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The reader may be gone if this process outlived the run.
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}
