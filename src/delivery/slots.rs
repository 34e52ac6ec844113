//! Who may hold a worker. Pure counting, so that a dead endpoint can never starve a healthy one.

/// The most worker threads, and so the most POSTs at once. Each is a thread that mostly waits for an endpoint.
pub(crate) const MAX_WORKERS: usize = 256;

/// The slots of the workers: how many are taken, and by whom.
///
/// Two rules, each enough for one way to go wrong:
/// - *Suspects* hold at most half: lanes whose last attempt failed, and all lanes of an endpoint whose last attempt
///   failed or which has not answered yet. Any number of dead endpoints leaves the other half free.
/// - One endpoint holds at most half, unless it is the only one: an endpoint that was healthy and now hangs is no
///   suspect until the first of its requests has timed out, and may have a thousand lanes.
#[derive(Debug)]
pub(crate) struct Slots {
    max: usize,
    taken: usize,
    suspects: usize,
    by_endpoint: Vec<usize>,
}

impl Slots {
    /// `max` free slots for that many endpoints.
    pub(crate) fn new(max: usize, endpoints: usize) -> Self {
        Self { max, taken: 0, suspects: 0, by_endpoint: vec![0; endpoints] }
    }

    /// Takes a slot for a lane of `endpoint`, if the rules allow.
    pub(crate) fn take(&mut self, endpoint: usize, suspect: bool) -> bool {
        let half = (self.max / 2).max(1);
        let alone = self.by_endpoint.len() == 1;
        let free =
            self.taken < self.max && (alone || self.by_endpoint[endpoint] < half) && (!suspect || self.suspects < half);
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

    /// Slots in use.
    pub(crate) const fn taken(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspects_of_any_number_of_endpoints_leave_half_of_the_slots_to_the_healthy() {
        let mut slots = Slots::new(8, 5);
        let suspects = (0..100).filter(|n| slots.take(n % 4, true)).count();
        assert_eq!(suspects, 4);
        assert!((0..4).all(|_| slots.take(4, false)));
        assert!(!slots.take(4, false), "all slots are taken");
    }

    #[test]
    fn an_endpoint_that_is_not_alone_takes_at_most_half() {
        let mut slots = Slots::new(8, 2);
        assert_eq!((0..100).filter(|_| slots.take(0, false)).count(), 4);
        assert_eq!((0..100).filter(|_| slots.take(1, false)).count(), 4);
    }

    #[test]
    fn an_only_endpoint_takes_all() {
        let mut slots = Slots::new(8, 1);
        assert_eq!((0..100).filter(|_| slots.take(0, false)).count(), 8);
    }

    #[test]
    fn a_released_slot_can_be_taken_again() {
        let mut slots = Slots::new(2, 2);
        assert!(slots.take(0, true));
        assert!(!slots.take(1, true));
        slots.release(0, true);
        assert!(slots.take(1, true));
        assert_eq!(slots.taken(), 1);
    }
}
