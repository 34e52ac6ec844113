//! Counts of what happens often, such as events refused by a full outbox: said, but not each in a line of its own. Pure.

use std::time::{Duration, Instant};

/// Between two lines in the log.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// What was counted and not said yet.
#[derive(Debug, Default)]
pub(crate) struct PacedCount {
    unsaid: u64,
    said_at: Option<Instant>,
}

impl PacedCount {
    /// Adds so many. Returns how many are to be said now, if it is time.
    pub(crate) fn add(&mut self, count: u64, now: Instant) -> Option<u64> {
        self.unsaid += count;
        let is_time = self.said_at.is_none_or(|said| now >= said + SAY_EVERY);
        (self.unsaid > 0 && is_time).then(|| {
            self.said_at = Some(now);
            std::mem::take(&mut self.unsaid)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_at_once_and_the_others_together_some_time_later() {
        let (mut count, start) = (PacedCount::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(count.add(0, start), None);
        assert_eq!(count.add(2, start), Some(2));
        assert_eq!(count.add(3, after(1)), None);
        assert_eq!(count.add(0, after(9)), None);
        assert_eq!(count.add(4, after(10)), Some(7));
        assert_eq!(count.add(0, after(30)), None);
        assert_eq!(count.add(1, after(31)), Some(1));
    }
}
