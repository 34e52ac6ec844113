//! Limits the log lines about frequent incidents, such as events refused by a full outbox: one line reports the number
//! of many incidents. Pure.

use std::time::{Duration, Instant};

/// The minimum time between two log lines.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The number of incidents that have not been logged yet.
#[derive(Debug, Default)]
pub(crate) struct PacedCount {
    unlogged: u64,
    logged_at: Option<Instant>,
}

impl PacedCount {
    /// Adds `count` incidents. Returns the number to log now, if a line is due.
    pub(crate) fn add(&mut self, count: u64, now: Instant) -> Option<u64> {
        self.unlogged += count;
        let is_due = self.logged_at.is_none_or(|logged| now >= logged + LOG_INTERVAL);
        (self.unlogged > 0 && is_due).then(|| {
            self.logged_at = Some(now);
            std::mem::take(&mut self.unlogged)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_incident_is_logged_at_once_and_later_ones_together() {
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
