//! Who may hold a worker. Pure counting, so that a dead endpoint can never starve a healthy one.

/// The most worker threads, and so the most POSTs at once. Each is a thread that mostly waits for an endpoint.
pub(crate) const MAX_WORKERS: usize = 256;

/// The slots of the workers: how many are taken, and by whom.
///
/// Each rule answers one way for dead endpoints to starve the others:
/// - *Suspects* hold at most half: lanes whose last attempt failed, and all lanes of an endpoint whose last attempt
///   failed or which has not answered yet.
/// - An endpoint that holds no slot may take its first beyond that, up to three quarters: or one that has not answered
///   yet would wait for those that never will. Of two slots or more, one is always left for an endpoint that answers.
/// - One endpoint holds at most half, unless it is the only one: an endpoint that was healthy and now hangs is no
///   suspect until the first of its requests has timed out, and may have a thousand lanes.
#[derive(Debug)]
pub(crate) struct Slots {
    max: usize,
    taken: usize,
    suspects: usize,
    by_endpoint: Vec<usize>,
    /// How many of these endpoints there still are.
    endpoints: usize,
}

impl Slots {
    /// `max` free slots for that many endpoints.
    pub(crate) fn new(max: usize, endpoints: usize) -> Self {
        Self { max, taken: 0, suspects: 0, by_endpoint: vec![0; endpoints], endpoints }
    }

    /// There are that many slots from now on, two at least. Those that are taken beyond them stay taken.
    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max.max(2);
    }

    /// There are that many endpoints now, and `places` with those that there were.
    pub(crate) fn set_endpoints(&mut self, endpoints: usize, places: usize) {
        self.by_endpoint.resize(places, 0);
        self.endpoints = endpoints;
    }

    /// Takes a slot for a lane of `endpoint`, if the rules allow.
    pub(crate) fn take(&mut self, endpoint: usize, suspect: bool) -> bool {
        let half = self.max / 2;
        let suspects_at_most = if self.by_endpoint[endpoint] == 0 { self.max * 3 / 4 } else { half };
        let endpoint_at_most = if self.endpoints == 1 { self.max } else { half };
        let free = self.taken < self.max
            && self.by_endpoint[endpoint] < endpoint_at_most
            && (!suspect || self.suspects < suspects_at_most);
        if free {
            self.taken += 1;
            self.by_endpoint[endpoint] += 1;
            self.suspects += usize::from(suspect);
        }
        free
    }

    /// Gives back a slot, as it was taken.
    pub(crate) fn release(&mut self, endpoint: usize, suspect: bool) {
        self.taken -= 1;
        self.by_endpoint[endpoint] -= 1;
        self.suspects -= usize::from(suspect);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspects_leave_half_of_the_slots_to_the_healthy() {
        let mut slots = Slots::new(8, 3);
        let suspects = (0..100).filter(|n| slots.take(n % 2, true)).count();
        assert_eq!(suspects, 4);
        assert!((0..4).all(|_| slots.take(2, false)));
        assert!(!slots.take(2, false), "all slots are taken");
    }

    #[test]
    fn an_endpoint_that_has_not_answered_yet_does_not_wait_for_those_that_hang() {
        let mut slots = Slots::new(8, 3);
        assert_eq!((0..100).filter(|_| slots.take(0, true)).count(), 4);
        assert!(slots.take(1, true));
        assert!(!slots.take(1, true), "one, to show what it can do");
    }

    #[test]
    fn any_number_of_dead_endpoints_leaves_a_quarter_of_the_slots() {
        let mut slots = Slots::new(8, 101);
        assert_eq!((0..100).filter(|endpoint| slots.take(*endpoint, true)).count(), 6);
        assert!((0..2).all(|_| slots.take(100, false)));
    }

    #[test]
    fn an_endpoint_that_is_not_alone_takes_at_most_half() {
        let mut slots = Slots::new(8, 2);
        assert_eq!((0..100).filter(|_| slots.take(0, false)).count(), 4);
        assert_eq!((0..100).filter(|_| slots.take(1, false)).count(), 4);
    }

    #[test]
    fn few_slots_leave_one_for_an_endpoint_that_answers() {
        for max in 2..8 {
            let mut slots = Slots::new(256, 31);
            slots.set_max(max);
            let suspects = (0..30).filter(|endpoint| slots.take(*endpoint, true)).count();
            assert_eq!(suspects, max * 3 / 4);
            assert!(slots.take(30, false), "{max} slots, {suspects} of them taken by suspects");
        }
    }

    #[test]
    fn an_only_endpoint_takes_all() {
        let mut slots = Slots::new(8, 1);
        assert_eq!((0..100).filter(|_| slots.take(0, false)).count(), 8);
    }

    #[test]
    fn a_released_slot_can_be_taken_again() {
        let mut slots = Slots::new(2, 1);
        assert!(slots.take(0, true));
        assert!(!slots.take(0, true));
        slots.release(0, true);
        assert!(slots.take(0, true));
        assert_eq!(slots.taken, 1);
    }
}
