//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// How long a condition may take on a slow machine before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

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
