//! Waits for a condition with a deadline.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Timeout of a condition. Generous, for slow machines.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Timeout without progress, for waits whose total time is not limited.
pub(crate) const STANDSTILL: Duration = Duration::from_secs(60);

/// Waits for the first `Some` of `condition` and returns it.
///
/// # Panics
/// If there is none within [`PATIENCE`]. The message says that `what` was expected.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "timed out after {PATIENCE:?}, waiting for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `condition` holds, as long as `progress` keeps changing.
///
/// # Panics
/// If `progress` does not change for [`STANDSTILL`].
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
        assert!(since.elapsed() < STANDSTILL, "no progress for {STANDSTILL:?} at {last}, waiting for: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
