//! The schedule of sweeps, which close idle connections.
//!
//! A connection that the peer has closed occupies a descriptor until it is closed on this side too. The owner of the clients
//! sweeps their connections once a second while any connection is idle:
//!
//! ```text
//! a connection becomes idle ─▶ wake ── EVERY ──▶ sweep ─┬▶ some remain idle ── EVERY ──▶ sweep ─▶ …
//!                                                       └▶ none remains: stop until the next one becomes idle
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The time between two sweeps.
const EVERY: Duration = Duration::from_secs(1);

/// The sweep schedule, shared by all clients.
pub(crate) struct Idle {
    any: AtomicBool,
    due: Mutex<Option<Instant>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Idle {
    /// Creates a schedule. It calls `wake` when a sweep becomes necessary again after [`Self::sweep`] has returned `None`.
    pub(crate) fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { any: AtomicBool::new(false), due: Mutex::default(), wake: Box::new(wake) }
    }

    /// Records that a connection has become idle.
    pub(super) fn note(&self) {
        // This runs after every POST, and a load is cheaper than a store.
        if !self.any.load(Ordering::Relaxed) && !self.any.swap(true, Ordering::SeqCst) {
            (self.wake)();
        }
    }

    /// Calls `close` if a sweep is due. `close` returns the number of connections that remain idle. Returns the time of the
    /// next sweep, or `None` if no connection is idle.
    pub(crate) fn sweep(&self, now: Instant, close: impl FnOnce() -> usize) -> Option<Instant> {
        let mut due = self.due.lock();
        if !self.any.load(Ordering::SeqCst) {
            return None;
        }
        if due.is_some_and(|due| due <= now) {
            // Must precede `close`, so that a connection that becomes idle during the sweep is noted again.
            self.any.store(false, Ordering::SeqCst);
            *due = None;
            if close() == 0 {
                return None;
            }
            self.any.store(true, Ordering::SeqCst);
        }
        Some(*due.get_or_insert(now + EVERY))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn sweeps_run_every_second_while_a_connection_is_idle() {
        let woken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&woken);
        let idle = Idle::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let start = Instant::now();
        assert_eq!(idle.sweep(start, || panic!("none is idle")), None);

        idle.note();
        idle.note();
        assert_eq!(woken.load(Ordering::SeqCst), 1);
        assert_eq!(idle.sweep(start, || panic!("not yet")), Some(start + EVERY));
        assert_eq!(idle.sweep(start + EVERY / 2, || panic!("not yet")), Some(start + EVERY));
        assert_eq!(idle.sweep(start + EVERY, || 1), Some(start + 2 * EVERY));
        assert_eq!(idle.sweep(start + 2 * EVERY, || 0), None);
        assert_eq!(woken.load(Ordering::SeqCst), 1);

        idle.note();
        assert_eq!(woken.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_connection_that_becomes_idle_during_a_sweep_is_not_forgotten() {
        let idle = Idle::new(|| {});
        let start = Instant::now();
        idle.note();
        idle.sweep(start, || panic!("not yet"));
        let again = idle.sweep(start + EVERY, || {
            idle.note();
            0
        });
        assert_eq!(again, None, "`note` has called `wake`");
        assert!(idle.sweep(start + EVERY, || panic!("not yet")).is_some());
    }
}
