//! The limit of idle connections over all endpoints. Each idle connection occupies a file descriptor.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::process::{most_descriptors, shares_descriptors};

/// The limit if our threads share the host's descriptor table.
const OF_SHARED_DESCRIPTORS: usize = 32;

/// The number of idle connections of this process.
static IDLE: AtomicUsize = AtomicUsize::new(0);

/// The permit for one idle connection.
#[derive(Debug)]
pub(super) struct IdlePermit(());

impl IdlePermit {
    /// Takes a permit, unless the limit is reached.
    pub(super) fn take() -> Option<Self> {
        let most = most(shares_descriptors(), most_descriptors());
        let taken = IDLE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |idle| (idle < most).then_some(idle + 1));
        taken.ok().map(|_| Self(()))
    }
}

impl Drop for IdlePermit {
    fn drop(&mut self) {
        IDLE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns the maximum number of idle connections with a table of `descriptors`. The other half is for connections in use and
/// for Redis.
fn most(shared: bool, descriptors: usize) -> usize {
    if shared { OF_SHARED_DESCRIPTORS } else { descriptors / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connections_take_half_of_our_own_table_and_few_descriptors_of_a_shared_one() {
        assert_eq!(most(false, 1024), 512);
        assert_eq!(most(true, 20_000), 32);
    }
}
