//! Locks, channels and threads: everything through which our threads wait for each other.
//!
//! Here they are those of the standard library, `parking_lot` and `crossbeam-channel`. `make test-models` replaces them with
//! those of `model`, so that a scheduler decides which thread runs next, at every lock, message and atomic.

#[cfg(all(test, feature = "models"))]
mod model;

#[cfg(all(test, feature = "models"))]
pub(crate) use model::{Builder, Condvar, Mutex, MutexGuard, Receiver, Sender, atomic, bounded, sleep, unbounded};
#[cfg(all(test, feature = "models"))]
pub(crate) use model::{check, spawn, wait_for_message};
#[cfg(not(all(test, feature = "models")))]
pub(crate) use {
    crossbeam_channel::{Receiver, Sender, bounded, unbounded},
    parking_lot::{Condvar, Mutex, MutexGuard},
    std::sync::atomic,
    std::thread::{Builder, sleep},
};

/// Waits until the channel has a message or no sender. `recv` would also remove the message.
#[cfg(not(all(test, feature = "models")))]
pub(crate) fn wait_for_message<T>(receiver: &Receiver<T>) {
    let mut arrival = crossbeam_channel::Select::new();
    arrival.recv(receiver);
    arrival.ready();
}
