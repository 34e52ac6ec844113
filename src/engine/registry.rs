//! The running engines of this process.
//!
//! The process owns them, and not the PHP objects that created them. Hooks still arrive from destructors and fibers
//! after PHP has destroyed the object, so neither a destructor nor a drop may stop an engine.

use std::sync::Arc;
use std::thread::{Builder, scope};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Engine, FlushReport};
use crate::process::with_signals_blocked;

static ENGINES: Mutex<Vec<Arc<Engine>>> = Mutex::new(Vec::new());

/// Keeps a booted engine until the process ends. Call it only for booted engines: others have nothing to end.
pub fn keep(engine: &Arc<Engine>) {
    let mut engines = ENGINES.lock();
    if !engines.iter().any(|kept| Arc::ptr_eq(kept, engine)) {
        engines.push(Arc::clone(engine));
    }
}

/// Ends all engines in parallel, at the end of the request. Returns the remaining work of each.
#[must_use = "the remaining work should be logged"]
pub fn end_all(grace: Duration) -> Vec<FlushReport> {
    let mut engines = engines();
    engines.retain(|engine| !engine.is_inert());
    let Some((first, others)) = engines.split_first() else { return Vec::new() };
    scope(|scope| {
        let end = |engine| {
            let thread = Builder::new().name("wh-end".to_owned());
            with_signals_blocked(|| thread.spawn_scoped(scope, move || Engine::end(engine, grace)))
        };
        let endings: Vec<_> = others.iter().map(|engine| (engine, end(engine))).collect();
        let mut left = vec![first.end(grace)];
        left.extend(endings.into_iter().map(|(engine, ending)| match ending {
            Ok(thread) => thread.join().unwrap_or_default(),
            // The system refused a thread: end this engine on the current one.
            Err(_) => engine.end(grace),
        }));
        left
    })
}

/// Stops the engines that still run, within `grace`.
pub fn stop_all(grace: Duration) {
    let deadline = Instant::now() + grace;
    for engine in engines() {
        engine.stop(deadline);
    }
}

/// Returns a copy, so that the lock is not held while the caller waits for an engine. A fork meanwhile would inherit
/// the locked mutex.
fn engines() -> Vec<Arc<Engine>> {
    ENGINES.lock().clone()
}

/// Returns the number of engines that this process has booted.
#[must_use]
pub fn count() -> usize {
    ENGINES.lock().len()
}
