//! Deadlines. Each records the timeout that it comes from.

use std::time::{Duration, Instant};

use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Timeout};

/// Longer than any timeout, and short enough to be added to an `Instant`.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// The time at which a timeout expires.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) reason: Timeout,
}

impl Deadline {
    /// Returns the deadline of a request that began at `started` and may take `time`.
    pub(super) fn of_request(started: Instant, time: Duration) -> Self {
        Self { at: started + time, reason: Timeout::Global }
    }

    /// Converts the timeout that ureq passes to a transport.
    pub(super) fn of(timeout: NextTimeout) -> Self {
        Self { at: Instant::now() + (*timeout.after).min(FAR), reason: timeout.reason }
    }

    /// Returns this deadline, or `time` from now if that is sooner.
    pub(super) fn or_within(self, time: Duration, reason: Timeout) -> Self {
        let at = Instant::now() + time;
        if at < self.at { Self { at, reason } } else { self }
    }

    /// Returns the time left.
    ///
    /// # Errors
    /// Returns an error if the deadline has passed.
    pub(super) fn left(self) -> Result<Duration, Error> {
        let left = self.at.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Error::Timeout(self.reason)) } else { Ok(left) }
    }

    /// Returns the time left, as ureq's type.
    ///
    /// # Errors
    /// Returns an error if the deadline has passed.
    pub(super) fn next_timeout(self) -> Result<NextTimeout, Error> {
        Ok(NextTimeout { after: self.left()?.into(), reason: self.reason, ..NextTimeout::default() })
    }
}
