//! The engines of this process.
//!
//! They belong to the process and not to the PHP objects that made them: hooks still arrive from destructors and fibers
//! after PHP has destroyed the object, so that neither a destructor nor a drop may stop anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::engine::{Engine, Left};

static ENGINES: Mutex<Vec<Arc<Engine>>> = Mutex::new(Vec::new());

/// Keeps `engine` until the process ends.
pub fn register(engine: Arc<Engine>) {
    ENGINES.lock().push(engine);
}

/// Ends every engine, the request being over. Returns what each left unsent.
#[must_use = "what was left unsent should be said"]
pub fn end_all(grace: Duration) -> Vec<Left> {
    engines().iter().map(|engine| engine.end(grace)).collect()
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

/// How many engines this process has made.
#[must_use]
pub fn count() -> usize {
    ENGINES.lock().len()
}
