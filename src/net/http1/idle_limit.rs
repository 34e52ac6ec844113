//! The limit of idle connections of all endpoints together. Each holds a file descriptor.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::process::{most_descriptors, shares_descriptors};

/// The limit where descriptors are shared with the host.
const OF_SHARED_DESCRIPTORS: usize = 32;

/// Idle connections of this process.
static IDLE: AtomicUsize = AtomicUsize::new(0);

/// Permits one connection to be idle.
#[derive(Debug)]
pub(super) struct IdlePermit(());

impl IdlePermit {
    /// Takes a permit, if one is left.
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

/// The most idle connections in a table of `descriptors`. The other half is for connections in use and for Redis.
fn most(shared: bool, descriptors: usize) -> usize {
    if shared { OF_SHARED_DESCRIPTORS } else { descriptors / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connections_take_half_of_our_descriptors_and_few_of_the_hosts() {
        assert_eq!(most(false, 1024), 512);
        assert_eq!(most(true, 20_000), 32);
    }
}
