//! Bounds the attempts under way, so that dead endpoints never starve healthy ones. Pure.

/// The maximum number of worker threads, and so of concurrent POSTs. Each thread mostly waits for an endpoint.
pub(crate) const MAX_WORKERS: usize = 256;

/// Permits for attempts, one for each worker.
///
/// Each rule prevents one way in which dead endpoints could starve the others:
/// - *Suspects* hold at most half of the permits. A suspect is a lane whose last attempt failed, or any lane of an endpoint
///   whose last attempt failed or that has not answered yet.
/// - An endpoint that holds no permit may exceed that half with its first permit, up to three quarters. Otherwise an endpoint
///   that has not answered yet would wait for endpoints that hang. With two or more permits, one always remains for an
///   endpoint that answers.
/// - One endpoint holds at most half, unless it is the only one. A healthy endpoint that starts to hang becomes a suspect only
///   when its first request times out, and it may have a thousand lanes.
#[derive(Debug, Default)]
pub(crate) struct WorkerPermits {
    max: usize,
    acquired: usize,
    suspects: usize,
    by_endpoint: Vec<usize>,
    /// The number of configured endpoints. `by_endpoint` also has entries for removed ones.
    endpoints: usize,
}

impl WorkerPermits {
    /// Provides `max` permits for `endpoints` endpoints.
    pub(crate) fn new(max: usize, endpoints: usize) -> Self {
        Self { max, by_endpoint: vec![0; endpoints], endpoints, ..Self::default() }
    }

    /// Changes the number of permits, to at least two. Permits held above a lower number stay held.
    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max.max(2);
    }

    /// Changes the number of endpoints and of their places.
    pub(crate) fn set_endpoints(&mut self, endpoints: usize, places: usize) {
        self.by_endpoint.resize(places, 0);
        self.endpoints = endpoints;
    }

    /// Acquires a permit for a lane of `endpoint`, if the rules allow.
    pub(crate) fn try_acquire(&mut self, endpoint: usize, suspect: bool) -> bool {
        let half = self.max / 2;
        let max_suspects = if self.by_endpoint[endpoint] == 0 { self.max * 3 / 4 } else { half };
        let max_of_endpoint = if self.endpoints == 1 { self.max } else { half };
        let free = self.acquired < self.max
            && self.by_endpoint[endpoint] < max_of_endpoint
            && (!suspect || self.suspects < max_suspects);
        if free {
            self.acquired += 1;
            self.by_endpoint[endpoint] += 1;
            self.suspects += usize::from(suspect);
        }
        free
    }

    /// Releases a permit. The arguments must equal those of its acquisition.
    pub(crate) fn release(&mut self, endpoint: usize, suspect: bool) {
        self.acquired -= 1;
        self.by_endpoint[endpoint] -= 1;
        self.suspects -= usize::from(suspect);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspects_leave_half_of_the_permits_to_healthy_endpoints() {
        let mut permits = WorkerPermits::new(8, 3);
        let suspects = (0..100).filter(|n| permits.try_acquire(n % 2, true)).count();
        assert_eq!(suspects, 4);
        assert!((0..4).all(|_| permits.try_acquire(2, false)));
        assert!(!permits.try_acquire(2, false), "all permits are taken");
    }

    #[test]
    fn an_endpoint_that_has_not_answered_yet_does_not_wait_for_those_that_hang() {
        let mut permits = WorkerPermits::new(8, 3);
        assert_eq!((0..100).filter(|_| permits.try_acquire(0, true)).count(), 4);
        assert!(permits.try_acquire(1, true));
        assert!(!permits.try_acquire(1, true), "only its first permit exceeds the half");
    }

    #[test]
    fn any_number_of_dead_endpoints_leaves_a_quarter_of_the_permits() {
        let mut permits = WorkerPermits::new(8, 101);
        assert_eq!((0..100).filter(|endpoint| permits.try_acquire(*endpoint, true)).count(), 6);
        assert!((0..2).all(|_| permits.try_acquire(100, false)));
    }

    #[test]
    fn one_of_several_endpoints_takes_at_most_half() {
        let mut permits = WorkerPermits::new(8, 2);
        assert_eq!((0..100).filter(|_| permits.try_acquire(0, false)).count(), 4);
        assert_eq!((0..100).filter(|_| permits.try_acquire(1, false)).count(), 4);
    }

    #[test]
    fn an_endpoint_without_a_permit_gets_none_when_all_are_taken() {
        let mut permits = WorkerPermits::new(8, 3);
        assert!((0..8).all(|n| permits.try_acquire(n % 2, false)));
        assert!(!permits.try_acquire(2, false));
    }

    #[test]
    fn even_a_few_permits_leave_one_for_an_endpoint_that_answers() {
        for max in 2..8 {
            let mut permits = WorkerPermits::new(256, 31);
            permits.set_max(max);
            let suspects = (0..30).filter(|endpoint| permits.try_acquire(*endpoint, true)).count();
            assert_eq!(suspects, max * 3 / 4);
            assert!(permits.try_acquire(30, false), "{max} permits, {suspects} of them held by suspects");
        }
    }

    #[test]
    fn a_single_endpoint_takes_all() {
        let mut permits = WorkerPermits::new(8, 1);
        assert_eq!((0..100).filter(|_| permits.try_acquire(0, false)).count(), 8);
    }

    #[test]
    fn a_released_permit_can_be_acquired_again() {
        let mut permits = WorkerPermits::new(2, 1);
        assert!(permits.try_acquire(0, true));
        assert!(!permits.try_acquire(0, true));
        permits.release(0, true);
        assert!(permits.try_acquire(0, true));
        assert_eq!(permits.acquired, 1);
    }
}
