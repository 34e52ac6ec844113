//! Deadlines, with the timeout that each belongs to.

use std::time::{Duration, Instant};

use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Timeout};

/// Longer than any timeout, short enough for an `Instant`.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// The end of a timeout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    reason: Timeout,
}

impl Deadline {
    /// The deadline of a request that began at `started` and may take `time`.
    pub(super) fn of_request(started: Instant, time: Duration) -> Self {
        Self { at: started + time, reason: Timeout::Global }
    }

    /// The deadline that ureq passes on.
    pub(super) fn of(timeout: NextTimeout) -> Self {
        Self { at: Instant::now() + (*timeout.after).min(FAR), reason: timeout.reason }
    }

    /// This deadline, or `time` from now if that is sooner.
    pub(super) fn or_within(self, time: Duration, reason: Timeout) -> Self {
        let at = Instant::now() + time;
        if at < self.at { Self { at, reason } } else { self }
    }

    /// The timeout that this deadline belongs to.
    pub(super) const fn reason(self) -> Timeout {
        self.reason
    }

    /// The time left.
    ///
    /// # Errors
    /// When the deadline has passed.
    pub(super) fn left(self) -> Result<Duration, Error> {
        let left = self.at.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Error::Timeout(self.reason)) } else { Ok(left) }
    }

    /// The time left, as ureq's type.
    ///
    /// # Errors
    /// When the deadline has passed.
    pub(super) fn next_timeout(self) -> Result<NextTimeout, Error> {
        Ok(NextTimeout { after: self.left()?.into(), reason: self.reason, ..NextTimeout::default() })
    }
}
