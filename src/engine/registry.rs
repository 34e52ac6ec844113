//! The running engines of this process.
//!
//! The process owns them, and not the PHP objects that created them. Hooks still arrive from destructors and fibers
//! after PHP has destroyed the object, so neither a destructor nor a drop may stop an engine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Engine, FlushReport};
use crate::process::run_at_once;

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
    // A panic must not keep the other engines from ending.
    let end = |engine: &Arc<Engine>| catch_unwind(AssertUnwindSafe(|| engine.end(grace))).unwrap_or_default();
    run_at_once("wh-end", engines.iter().map(|engine| || end(engine)).collect())
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
