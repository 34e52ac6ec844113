//! Until when something has to be done, and what it means if it is not.

use std::cell::Cell;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Timeout};

/// Longer than any time limit, for an instant that can be computed.
const FAR: Duration = Duration::from_secs(24 * 3600);

thread_local! {
    /// The longest that a request of this thread may take.
    static LIMIT: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// While this exists, a request that begins on its thread may take no longer than a limit, whatever its own timeout is.
#[derive(Debug)]
pub(crate) struct RequestLimit(PhantomData<*const ()>);

impl RequestLimit {
    /// Limits the requests of the calling thread.
    pub(crate) fn of(time: Duration) -> Self {
        LIMIT.set(Some(time));
        Self(PhantomData)
    }
}

impl Drop for RequestLimit {
    fn drop(&mut self) {
        LIMIT.set(None);
    }
}

/// A point in time, and the time limit that it is the end of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    reason: Timeout,
}

impl Deadline {
    /// The end of a request that began at `started` and may take this long, or less where a [`RequestLimit`] says so.
    pub(super) fn of_request(started: Instant, time: Duration) -> Self {
        let time = LIMIT.get().map_or(time, |limit| limit.min(time));
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
