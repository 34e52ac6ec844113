//! The interface of `super` on [`shuttle`], which runs all threads of a model one at a time and chooses the next one.
//!
//! A model has no clock. A wait ends at once if its deadline has passed, and otherwise only when another thread ends it. So
//! a lost wake-up is a deadlock, which the scheduler reports. [`Receiver::recv_timeout`] is the exception: it may time out at
//! any time, because that is how idle workers end.

#![allow(clippy::expect_used, clippy::copy_iterator, reason = "a model has the interface of what it stands for")]

use std::collections::VecDeque;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};
use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, MaxSteps, Runner, sync};

pub(crate) use shuttle::sync::atomic;
pub(crate) use shuttle::thread::{Builder, spawn};

/// Enough for a request over HTTP.
const STACK_BYTES: usize = 512 * 1024;

/// The number of preemptions in a schedule of the second half of a check.
const PREEMPTIONS: usize = 3;

/// More steps mean that a thread waits in a loop for something that never happens.
const MOST_STEPS: usize = 100_000;

/// Runs a model under `schedules` random schedules, and under as many with few preemptions. Panics with the schedule that
/// fails.
pub(crate) fn check(schedules: usize, model: impl Fn() + Send + Sync + 'static) {
    let config = || {
        let mut config = Config::new();
        config.stack_size = STACK_BYTES;
        config.max_steps = MaxSteps::FailAfter(MOST_STEPS);
        config.silence_warnings = true;
        config
    };
    let model = Arc::new(model);
    let again = Arc::clone(&model);
    Runner::new(RandomScheduler::new(schedules), config()).run(move || model());
    Runner::new(PctScheduler::new(PREEMPTIONS, schedules), config()).run(move || again());
}

/// Lets the other threads run. There is no clock.
pub(crate) fn sleep(_time: Duration) {
    shuttle::thread::yield_now();
}

/// A lock like that of `parking_lot`: a panic does not poison it.
#[derive(Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

/// The guard of a [`Mutex`]. Empty only while it waits.
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: Option<sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, guard: Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)) }
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(|guard| MutexGuard { mutex: self, guard: Some(guard) })
    }
}

impl<T> MutexGuard<'_, T> {
    /// Lets a thread that waits for the lock take it.
    pub(crate) fn bump(guard: &mut Self) {
        guard.guard = None;
        guard.guard = Some(guard.mutex.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex")
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect("held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("held")
    }
}

/// A condition variable like that of `parking_lot`.
#[derive(Debug, Default)]
pub(crate) struct Condvar(sync::Condvar);

/// Says whether a wait ended at its deadline.
pub(crate) struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub(crate) const fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(sync::Condvar::new())
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    /// Waits for a notification.
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _longest: Duration) -> WaitTimeoutResult {
        guard.guard = guard.guard.take().map(|held| self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
        WaitTimeoutResult(false)
    }

    pub(crate) fn wait_while_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        while condition(guard) {
            if deadline <= Instant::now() {
                return WaitTimeoutResult(true);
            }
            self.wait_for(guard, Duration::MAX);
        }
        WaitTimeoutResult(false)
    }
}

/// A channel like that of `crossbeam-channel`.
struct Channel<T> {
    state: Mutex<ChannelState<T>>,
    changed: Condvar,
    capacity: usize,
}

struct ChannelState<T> {
    messages: VecDeque<T>,
    senders: usize,
    receivers: usize,
}

pub(crate) struct Sender<T>(Arc<Channel<T>>);

pub(crate) struct Receiver<T>(Arc<Channel<T>>);

pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    bounded(usize::MAX)
}

pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let state = Mutex::new(ChannelState { messages: VecDeque::new(), senders: 1, receivers: 1 });
    let channel = Arc::new(Channel { state, changed: Condvar::new(), capacity });
    (Sender(Arc::clone(&channel)), Receiver(channel))
}

/// Waits until the channel has a message or no sender.
pub(crate) fn wait_for_message<T>(receiver: &Receiver<T>) {
    drop(receiver.0.wait(None));
}

impl<T> Channel<T> {
    /// Waits until the channel has a message or no sender. Returns `None` if `deadline` has passed and it has neither.
    fn wait(&self, deadline: Option<Instant>) -> Option<MutexGuard<'_, ChannelState<T>>> {
        let mut state = self.state.lock();
        while state.messages.is_empty() && state.senders > 0 {
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return None;
            }
            self.changed.wait_for(&mut state, Duration::MAX);
        }
        Some(state)
    }
}

impl<T> Sender<T> {
    /// Sends a message. The channel must have room: no thread of ours waits to send.
    pub(crate) fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.try_send(message).map_err(|refused| match refused {
            TrySendError::Disconnected(message) => SendError(message),
            TrySendError::Full(_) => panic!("a full channel"),
        })
    }

    pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut state = self.0.state.lock();
        if state.receivers == 0 {
            return Err(TrySendError::Disconnected(message));
        }
        if state.messages.len() >= self.0.capacity {
            return Err(TrySendError::Full(message));
        }
        state.messages.push_back(message);
        drop(state);
        self.0.changed.notify_all();
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.state.lock().messages.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Receiver<T> {
    pub(crate) fn recv(&self) -> Result<T, RecvError> {
        self.0.wait(None).and_then(|mut state| state.messages.pop_front()).ok_or(RecvError)
    }

    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.0.state.lock();
        let none = if state.senders > 0 { TryRecvError::Empty } else { TryRecvError::Disconnected };
        state.messages.pop_front().ok_or(none)
    }

    pub(crate) fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        let mut state = self.0.wait(Some(deadline)).ok_or(RecvTimeoutError::Timeout)?;
        state.messages.pop_front().ok_or(RecvTimeoutError::Disconnected)
    }

    /// May time out at any time.
    pub(crate) fn recv_timeout(&self, _longest: Duration) -> Result<T, RecvTimeoutError> {
        let times_out = shuttle::rand::thread_rng().gen_bool(0.5);
        self.recv_deadline(Instant::now() + if times_out { Duration::ZERO } else { Duration::from_secs(3600) })
    }

    pub(crate) fn len(&self) -> usize {
        self.0.state.lock().messages.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Iterator for &Receiver<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.recv().ok()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.state.lock().senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.0.state.lock().receivers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.state.lock().senders -= 1;
        self.0.changed.notify_all();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.receivers -= 1;
        // A message may hold a sender, and its receiver waits.
        let unread = if state.receivers == 0 { std::mem::take(&mut state.messages) } else { VecDeque::new() };
        drop(state);
        drop(unread);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver")
    }
}
