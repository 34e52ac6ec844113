//! The scheduler: the lanes behind one lock, the dispatcher thread and the workers.
//!
//! ```text
//!            routes events, starts workers              completes an attempt, takes the next one
//! dispatcher ─────────────────────────────▶  lanes  ◀──────────────────────────────────────────── worker
//!            ◀────────────────────────────────────────────────────────────────────────────────────
//!              notifications: a new timer, a lane that needs another worker
//! ```
//! A worker that has completed an attempt continues with the next due one, so consecutive POSTs need no thread switch.
//!
//! A thread that holds the lock never waits for Redis or a network. It never encodes or signs a body, except for events that
//! are dropped unsent. Lock order: this lock first, then the locks of the outbox and of telemetry. The lock is never
//! poisoned: after a panic, the dispatcher is notified and continues with the lanes as they are.

mod acks;
mod dispatcher;
mod reports;
mod thread_shortage;
mod workers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use derive_more::Deref;

pub(crate) use self::dispatcher::{Dispatcher, Message};
pub(crate) use self::thread_shortage::ThreadShortage;
pub(crate) use self::workers::{STANDING_WORKERS, Workers};
use super::attempt::{Attempt, EndedAttempt};
use super::lanes::Lanes;
use super::sender::BatchSender;
use crate::config::Endpoint;
use crate::outbox::{InFlightBatch, Queued};
use crate::report::EndpointStates;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard, Sender};

/// The pause before a refused thread is requested again.
const SPAWN_RETRY: Duration = Duration::from_millis(100);

/// The scheduler, shared by the dispatcher and the workers.
#[derive(Debug, Deref)]
pub(crate) struct Scheduler {
    #[deref]
    sender: BatchSender,
    /// To the dispatcher.
    pub(super) messages: Sender<Message>,
    /// A [`Message::Events`] was sent and is not handled yet.
    pub(super) signalled: AtomicBool,
    stopped: AtomicBool,
    state: Mutex<SchedulerState>,
}

#[derive(Debug, Default)]
struct SchedulerState {
    lanes: Lanes,
    /// Due attempts that have no worker yet.
    unassigned: VecDeque<Attempt>,
    /// Nothing is sent until the paused endpoints are known, or until this time.
    held_until: Option<Instant>,
    /// The time until which the dispatcher sleeps. A time in the past while it is awake.
    asleep_until: Option<Instant>,
    /// The dispatcher was notified and has not handled that yet.
    notified: bool,
    /// The dispatcher holds events back until a lane has room for them.
    holding_back: bool,
}

/// The locked scheduler.
pub(crate) struct SchedulerGuard<'a> {
    scheduler: &'a Scheduler,
    state: MutexGuard<'a, SchedulerState>,
}

impl Scheduler {
    /// Creates the scheduler of `lanes`. It sends nothing until `held_until` or the first call of [`Self::set_states`].
    pub(crate) fn new(
        lanes: Lanes,
        held_until: Option<Instant>,
        sender: BatchSender,
        messages: Sender<Message>,
    ) -> Self {
        let state = SchedulerState { lanes, held_until, ..SchedulerState::default() };
        let (signalled, stopped) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { sender, messages, signalled, stopped, state: Mutex::new(state) }
    }

    /// Stops the scheduler: it starts and completes no more attempts.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Returns `true` if the scheduler was stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Locks the scheduler.
    pub(crate) fn lock(&self) -> SchedulerGuard<'_> {
        SchedulerGuard { scheduler: self, state: self.state.lock() }
    }

    /// Completes a lane's attempt. Returns the next attempt for the same worker.
    pub(crate) fn complete(&self, lane: usize, ended: EndedAttempt) -> Option<Attempt> {
        let mut guard = self.lock();
        let now = Instant::now();
        guard.complete(lane, ended, now);
        let next = guard.next(now);
        if next.is_some() {
            guard.reserve_next(now);
        }
        guard.notify_if_work_remains(now);
        next
    }

    /// Replaces the endpoints. Events routed from now on go to the new ones.
    pub(crate) fn set_endpoints(&self, endpoints: Vec<Endpoint>) {
        let mut guard = self.lock();
        guard.state.lanes.set_endpoints(endpoints, Instant::now());
        guard.notify();
    }

    /// Stops sending to endpoints that are paused or disabled in `states`, and resumes the others.
    pub(crate) fn set_states(&self, states: EndpointStates) {
        let mut guard = self.lock();
        guard.state.held_until = None;
        guard.state.lanes.set_states(states, Instant::now());
        guard.notify();
    }
}

impl SchedulerGuard<'_> {
    /// Returns the lanes.
    pub(crate) fn lanes(&mut self) -> &mut Lanes {
        &mut self.state.lanes
    }

    /// Adds an event to the lanes that want it.
    pub(crate) fn route(&mut self, queued: Queued) {
        let queued = Arc::new(queued);
        let route = self.state.lanes.push(&queued);
        if route.ids.is_empty() {
            self.report_unwanted(&queued);
        } else {
            // Requested here, because the batch may be signed only a minute later.
            self.scheduler.apps.request(queued.item.app(), Instant::now());
        }
        // Must run under the lock, or a worker could acknowledge the event first.
        self.scheduler.outbox.routed(&queued, &route.ids);
    }

    /// Takes over a batch that another node had in flight.
    pub(crate) fn inherit(&mut self, flight: InFlightBatch) {
        self.scheduler.apps.request(&flight.lane.app, Instant::now());
        if let Err(flight) = self.state.lanes.inherit(flight, Instant::now()) {
            self.ack_unconfigured(&flight);
        }
    }

    /// Completes a lane's attempt. Does nothing after a stop: an attempt that the stop aborted has not failed, and a
    /// successor repeats it.
    pub(crate) fn complete(&mut self, lane: usize, ended: EndedAttempt, now: Instant) {
        if self.scheduler.is_stopped() {
            return;
        }
        self.show_to_watchers(lane, &ended, now);
        let finished = self.state.lanes.complete(lane, ended, now, rand::random());
        self.report_transitions();
        if let Some(finished) = finished {
            self.ack(&finished);
        }
    }

    /// Takes the next attempt that is due.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Attempt> {
        if !self.may_send(now) {
            return None;
        }
        let state = &mut *self.state;
        state.unassigned.pop_front().or_else(|| state.lanes.next(now))
    }

    /// Returns an attempt to the queue after no worker could be started for it.
    pub(crate) fn requeue(&mut self, attempt: Attempt) {
        self.state.unassigned.push_front(attempt);
    }

    /// Returns the number of workers needed now. Each endpoint counts once.
    pub(crate) fn due(&mut self, now: Instant) -> usize {
        self.state.unassigned.len() + self.state.lanes.due_endpoints(now)
    }

    /// Records that the dispatcher is awake.
    pub(crate) fn wake_up(&mut self) {
        self.state.notified = false;
        self.state.asleep_until = Some(Instant::now());
    }

    /// Records that the dispatcher goes to sleep. Returns the time at which it must wake, at the latest `other`. While
    /// `holding_back` is set, every worker that makes room notifies the dispatcher.
    pub(crate) fn sleep(&mut self, other: Option<Instant>, holding_back: bool) -> Option<Instant> {
        let state = &mut *self.state;
        state.holding_back = holding_back;
        // While attempts wait for a thread, more due lanes make no difference.
        let next = if state.unassigned.is_empty() {
            state.held_until.or_else(|| state.lanes.next_due())
        } else {
            Some(Instant::now() + SPAWN_RETRY)
        };
        state.asleep_until = [next, other].into_iter().flatten().min();
        state.asleep_until
    }

    /// Returns `true` if the dispatcher sleeps beyond the next timer, and nothing wakes it.
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn oversleeps(&self, now: Instant) -> bool {
        let state = &*self.state;
        let is_asleep = state.asleep_until.is_none_or(|until| until > now);
        let is_missed = |due| state.asleep_until.is_none_or(|until| due < until);
        is_asleep && !state.notified && state.lanes.next_due().is_some_and(is_missed)
    }

    fn may_send(&mut self, now: Instant) -> bool {
        if self.scheduler.is_stopped() || self.state.held_until.is_some_and(|until| now < until) {
            return false;
        }
        self.state.held_until = None;
        true
    }

    /// Reserves one more due attempt for another worker, unless the number of workers is limited.
    fn reserve_next(&mut self, now: Instant) {
        let state = &mut *self.state;
        if !state.lanes.limited {
            state.unassigned.extend(state.lanes.next(now));
        }
    }

    fn notify_if_work_remains(&mut self, now: Instant) {
        let state = &mut *self.state;
        let is_earlier = |due| state.asleep_until.is_none_or(|until| due < until);
        let remains = state.holding_back
            || (state.lanes.limited && state.lanes.due_endpoints(now) > 0)
            || !state.unassigned.is_empty()
            || state.lanes.flushing
            || state.lanes.has_undeliverable()
            || state.lanes.next_due().is_some_and(is_earlier);
        if remains {
            self.notify();
        }
    }

    /// Notifies the dispatcher, unless an earlier notification is unhandled.
    fn notify(&mut self) {
        if !std::mem::replace(&mut self.state.notified, true) {
            // The dispatcher has ended only after a stop.
            let _ = self.scheduler.messages.send(Message::Due);
        }
    }
}

/// Notifies the dispatcher if the holder of the lock panicked, so that it completes the interrupted work.
impl Drop for SchedulerGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.notify();
        }
    }
}

#[cfg(test)]
mod report_tests;
#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
