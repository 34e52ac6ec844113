//! The running engines of this process.
//!
//! They belong to the process and not to the PHP objects that made them: hooks still arrive from destructors and fibers
//! after PHP has destroyed the object, so that neither a destructor nor a drop may stop anything.

use std::sync::Arc;
use std::thread::{Builder, scope};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Engine, FlushReport};
use crate::process::with_signals_blocked;

static ENGINES: Mutex<Vec<Arc<Engine>>> = Mutex::new(Vec::new());

/// Keeps a booted engine until the process ends. One that never ran has nothing to end, and goes with its object.
pub fn keep(engine: &Arc<Engine>) {
    let mut engines = ENGINES.lock();
    if !engines.iter().any(|kept| Arc::ptr_eq(kept, engine)) {
        engines.push(Arc::clone(engine));
    }
}

/// Ends every engine, the request being over, all at the same time. Returns what each left unsent.
#[must_use = "what was left unsent should be said"]
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
            // No thread was to be had: then one after the other.
            Err(_) => engine.end(grace),
        }));
        left
    })
}

/// Stops what still runs, within `grace`.
pub fn stop_all(grace: Duration) {
    let deadline = Instant::now() + grace;
    for engine in engines() {
        engine.stop(deadline);
    }
}

/// A copy, so that the lock is not held while an engine is waited for: a fork meanwhile would inherit it locked.
fn engines() -> Vec<Arc<Engine>> {
    ENGINES.lock().clone()
}

/// How many engines this process has booted.
#[must_use]
pub fn count() -> usize {
    ENGINES.lock().len()
}
