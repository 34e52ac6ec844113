//! Waiting for a condition, with a deadline.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long a condition may take on a slow machine before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The longest that something may stand still that takes as long as it takes.
pub(crate) const STANDSTILL: Duration = Duration::from_secs(60);

/// Returns the first `Some` of `condition`.
///
/// # Panics
/// When there was none in time, naming `what` was expected.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "still waiting for {what} after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `condition` holds, however long it takes while `progress` goes on.
///
/// # Panics
/// When it stands still.
pub(crate) fn while_it_moves<T: PartialEq + Display>(
    what: &str,
    mut progress: impl FnMut() -> T,
    mut condition: impl FnMut() -> bool,
) {
    let (mut last, mut since) = (progress(), Instant::now());
    while !condition() {
        let now = progress();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < STANDSTILL, "still waiting for {what} at {last}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
