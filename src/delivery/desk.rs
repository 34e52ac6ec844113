//! Where the dispatcher and the workers meet: the lanes, behind one lock.
//!
//! ```text
//!            routes events, starts workers              settles an answer, takes what is due
//! dispatcher ─────────────────────────────▶  lanes  ◀──────────────────────────────────────── worker
//!            ◀──────────────────────────────────────────────────────────────────────────────
//!              is called for what is not a worker's: a timer, a lane more than it can take
//! ```
//! A worker that has its answer goes on with whatever is due next, so that one POST after another takes no change of
//! threads.
//!
//! Under the lock nothing waits for Redis or a network, and no body is made or signed, except for what is given up unsent.
//! The locks of the outbox and of telemetry are taken under it, never the other way round. It is not poisoned: who panics
//! here has the dispatcher called, which goes on with the lanes as they are.

mod news;
mod passing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use parking_lot::{Mutex, MutexGuard};

use super::AppDirectory;
use super::dispatcher::Message;
use super::lanes::{Job, Lanes};
use super::retry::Answer;
use crate::config::Endpoint;
use crate::outbox::{Flight, Outbox, Queued};
use crate::report::EndpointStates;
use crate::telemetry::Telemetry;

/// How soon a thread that the system refused is asked for again.
const SPAWN_RETRY: Duration = Duration::from_millis(100);

/// What dispatcher and workers share.
#[derive(Debug)]
pub(crate) struct Desk {
    outbox: Arc<dyn Outbox>,
    apps: Arc<AppDirectory>,
    telemetry: Arc<Telemetry>,
    dispatcher: Sender<Message>,
    stopped: AtomicBool,
    work: Mutex<Work>,
}

/// What has been begun and not finished.
#[derive(Debug)]
struct Work {
    lanes: Lanes,
    /// Attempts that no worker has yet.
    unplaced: VecDeque<Job>,
    /// Nothing is sent before it is known what is paused, but at this time in any case.
    held_until: Option<Instant>,
    /// Until when the dispatcher sleeps; when it is awake, a time in the past.
    asleep_until: Option<Instant>,
    /// Whether the dispatcher is about to look at everything.
    called: bool,
    /// Whether the dispatcher keeps events back until a lane has room for them.
    holding_back: bool,
}

/// The desk, with nobody else at it.
pub(crate) struct Open<'a> {
    desk: &'a Desk,
    work: MutexGuard<'a, Work>,
}

impl Desk {
    /// A desk over `lanes`, from which nothing is sent before `held_until` or the first word on what is paused.
    pub(crate) fn new(
        lanes: Lanes,
        held_until: Option<Instant>,
        outbox: Arc<dyn Outbox>,
        apps: Arc<AppDirectory>,
        telemetry: Arc<Telemetry>,
        dispatcher: Sender<Message>,
    ) -> Self {
        let work = Work {
            lanes,
            unplaced: VecDeque::new(),
            held_until,
            asleep_until: None,
            called: false,
            holding_back: false,
        };
        Self { outbox, apps, telemetry, dispatcher, stopped: AtomicBool::new(false), work: Mutex::new(work) }
    }

    /// Nothing is started or settled any more.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Whether it was stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Waits until nobody else is at the desk.
    pub(crate) fn open(&self) -> Open<'_> {
        Open { desk: self, work: self.work.lock() }
    }

    /// Takes the answer to a lane's attempt from a worker, which goes on with what this returns.
    pub(crate) fn exchange(&self, lane: usize, answer: Answer, took: Duration) -> Option<Job> {
        let mut open = self.open();
        let now = Instant::now();
        open.settle(lane, answer, took, now);
        let next = open.next(now);
        if next.is_some() {
            open.put_by(now);
        }
        open.call_for_the_rest(now);
        next
    }

    /// Sends to `endpoints` whatever is routed from now on: nothing that happens later can miss one of them.
    pub(crate) fn set_endpoints(&self, endpoints: Vec<Endpoint>) {
        let mut open = self.open();
        open.work.lanes.set_endpoints(endpoints, Instant::now());
        open.call();
    }

    /// Sends nothing more to endpoints that are paused or disabled in `states`, and to the others again.
    pub(crate) fn set_states(&self, states: EndpointStates) {
        let mut open = self.open();
        open.work.held_until = None;
        open.work.lanes.set_states(states, Instant::now());
        open.call();
    }

    /// Has the dispatcher settle the attempt of a worker that cannot do so itself.
    pub(crate) fn abandon(&self, lane: usize) {
        // Nobody listens any more when delivery has been stopped.
        let _ = self.dispatcher.send(Message::Abandoned { lane });
    }
}

impl Open<'_> {
    /// The lanes.
    pub(crate) fn lanes(&mut self) -> &mut Lanes {
        &mut self.work.lanes
    }

    /// Adds an event to the lanes that want it.
    pub(crate) fn route(&mut self, queued: Queued) {
        let queued = Arc::new(queued);
        let route = self.work.lanes.push(&queued);
        if route.ids.is_empty() {
            self.say_unwanted(&queued);
        } else {
            // Now and not when its batch is signed: that may be a minute later.
            self.desk.apps.want(queued.item.app(), Instant::now());
        }
        // Told before a worker can have passed it.
        self.desk.outbox.routed(&queued, &route.ids);
    }

    /// Takes over a batch that was under way on another node.
    pub(crate) fn inherit(&mut self, flight: Flight) {
        self.desk.apps.want(&flight.lane.app, Instant::now());
        if let Err(flight) = self.work.lanes.inherit(flight, Instant::now()) {
            self.pass_unwanted(&flight);
        }
    }

    /// Takes the answer to a lane's attempt. Whatever is broken off by a stop has not failed: it is sent again by whoever
    /// goes on.
    pub(crate) fn settle(&mut self, lane: usize, answer: Answer, took: Duration, now: Instant) {
        if self.desk.is_stopped() {
            return;
        }
        self.note(lane, &answer, took, now);
        let passed = self.work.lanes.settle(lane, answer, took, now, rand::random());
        self.tell_news();
        if let Some(passed) = passed {
            self.pass(&passed);
        }
    }

    /// Takes an attempt that is due.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Job> {
        if !self.may_send(now) {
            return None;
        }
        let work = &mut *self.work;
        work.unplaced.pop_front().or_else(|| work.lanes.next(now))
    }

    /// Keeps an attempt for which no worker was to be had.
    pub(crate) fn leave(&mut self, job: Job) {
        self.work.unplaced.push_front(job);
    }

    /// The number of workers that attempts wait for, several of one endpoint counted once.
    pub(crate) fn due(&mut self, now: Instant) -> usize {
        self.work.unplaced.len() + self.work.lanes.due_endpoints(now)
    }

    /// The dispatcher is awake.
    pub(crate) fn wake_up(&mut self) {
        self.work.called = false;
        self.work.asleep_until = Some(Instant::now());
    }

    /// The dispatcher goes to sleep, until this returns or `other`, if nobody calls it. While it is `holding_back`, whoever
    /// makes room does.
    pub(crate) fn sleep(&mut self, other: Option<Instant>, holding_back: bool) -> Option<Instant> {
        let work = &mut *self.work;
        work.holding_back = holding_back;
        // While attempts wait for a thread, that a further lane is due changes nothing.
        let next = if work.unplaced.is_empty() {
            work.held_until.or_else(|| work.lanes.next_due())
        } else {
            Some(Instant::now() + SPAWN_RETRY)
        };
        work.asleep_until = [next, other].into_iter().flatten().min();
        work.asleep_until
    }

    fn may_send(&mut self, now: Instant) -> bool {
        if self.desk.is_stopped() || self.work.held_until.is_some_and(|until| now < until) {
            return false;
        }
        self.work.held_until = None;
        true
    }

    /// Takes what is due beside a worker's next attempt, if there can be another worker for it.
    fn put_by(&mut self, now: Instant) {
        let work = &mut *self.work;
        if !work.lanes.is_limited() {
            work.unplaced.extend(work.lanes.next(now));
        }
    }

    /// Calls the dispatcher for what a worker leaves undone.
    fn call_for_the_rest(&mut self, now: Instant) {
        let work = &mut *self.work;
        let earlier = |due| work.asleep_until.is_none_or(|until| due < until);
        let rest = work.holding_back
            || (work.lanes.is_limited() && work.lanes.due_endpoints(now) > 0)
            || !work.unplaced.is_empty()
            || work.lanes.is_flushing()
            || work.lanes.has_unsent()
            || work.lanes.next_due().is_some_and(earlier);
        if rest {
            self.call();
        }
    }

    fn call(&mut self) {
        if !std::mem::replace(&mut self.work.called, true) {
            // It has ended only after a stop.
            let _ = self.desk.dispatcher.send(Message::Due);
        }
    }
}

/// What a panic left undone is the dispatcher's.
impl Drop for Open<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.call();
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;
    use crate::delivery::lanes::tests::{endpoint, lanes, push};
    use crate::support::memory_outbox::MemoryOutbox;

    #[test]
    fn a_dispatcher_that_gets_no_thread_sleeps_though_further_lanes_are_due() {
        let mut lanes = lanes(vec![endpoint(0), endpoint(1)], 8);
        push(&mut lanes, "app", 0);
        let (outbox, telemetry) = (Arc::new(MemoryOutbox::new(10)), Arc::new(Telemetry::default()));
        let desk = Desk::new(lanes, None, outbox, Arc::default(), telemetry, unbounded().0);
        let mut open = desk.open();
        let now = Instant::now();
        let job = open.next(now).unwrap();
        open.leave(job);
        push(open.lanes(), "other", 1);
        assert!(open.lanes().next_due().is_some_and(|due| due <= Instant::now()));
        assert!(open.sleep(None, false).is_some_and(|until| until >= now + SPAWN_RETRY));
    }
}
