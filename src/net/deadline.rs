//! Until when something has to be done, and what it means if it is not.

use std::time::{Duration, Instant};

use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Timeout};

/// Longer than any time limit, for an instant that can be computed.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// A point in time, and the time limit that it is the end of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    reason: Timeout,
}

impl Deadline {
    /// The end of a request that began at `started` and may take this long.
    pub(super) fn of_request(started: Instant, time: Duration) -> Self {
        Self { at: started + time, reason: Timeout::Global }
    }

    /// The end of the time that ureq leaves.
    pub(super) fn of(timeout: NextTimeout) -> Self {
        Self { at: Instant::now() + (*timeout.after).min(FAR), reason: timeout.reason }
    }

    /// This, or in `time` from now, if that is sooner.
    pub(super) fn or_within(self, time: Duration, reason: Timeout) -> Self {
        let at = Instant::now() + time;
        if at < self.at { Self { at, reason } } else { self }
    }

    /// What is missed at this time.
    pub(super) const fn reason(self) -> Timeout {
        self.reason
    }

    /// The time that is left.
    ///
    /// # Errors
    /// When it is over.
    pub(super) fn left(self) -> Result<Duration, Error> {
        let left = self.at.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Error::Timeout(self.reason)) } else { Ok(left) }
    }

    /// The same, as ureq takes it.
    ///
    /// # Errors
    /// When it is over.
    pub(super) fn next_timeout(self) -> Result<NextTimeout, Error> {
        Ok(NextTimeout { after: self.left()?.into(), reason: self.reason, ..NextTimeout::default() })
    }
}
