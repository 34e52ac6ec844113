//! The thread that routes events from the outbox into lanes, fires timers, starts workers and answers messages. It never
//! waits for an endpoint.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::thread_shortage::ThreadShortage;
use super::{Scheduler, Workers};
use crate::delivery::Undelivered;
use crate::delivery::attempt::AttemptResult;
use crate::outbox::{Handover, Queued};
use crate::report::{DeliveryStatus, WallClock};
use crate::sync::atomic::Ordering;
use crate::sync::{Receiver, Sender};

/// The number of messages handled before attempts are started again, so that neither starves the other.
const MESSAGES_PER_ROUND: usize = 256;

/// The number of events routed before attempts are started and messages are handled again, so that lanes are sent even while
/// many events arrive.
const EVENTS_PER_ROUND: usize = 1000;

/// The number of events routed under one lock, so that workers get the lock in between.
const EVENTS_PER_LOCK: usize = 50;

/// The longest time that events are held back because of a full lane.
const MAX_HOLD_BACK: Duration = Duration::from_secs(5);

/// The interval at which a dispatcher that holds events back checks for room.
const HOLD_BACK_INTERVAL: Duration = Duration::from_millis(50);

/// A message to the dispatcher.
#[derive(Debug)]
pub(crate) enum Message {
    /// The outbox has events.
    Events,
    /// The scheduler has work for the dispatcher.
    Due,
    /// The worker that made this lane's attempt panicked.
    Abandoned { lane: usize },
    /// Reply with the status of all deliveries.
    Status { clock: WallClock, reply: Sender<DeliveryStatus> },
    /// Send waiting events without delay. Reply when no event is left, or at the deadline.
    Flush { deadline: Instant, reply: Sender<Undelivered> },
    /// Stop the thread.
    Stop,
}

/// The dispatcher. All state is in this struct or in the lanes, never on the stack, so that it survives a panic.
pub(crate) struct Dispatcher {
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) messages: Receiver<Message>,
    pub(crate) workers: Workers,
    /// Events taken from the outbox and not routed yet.
    pub(crate) incoming: VecDeque<Queued>,
    pub(crate) flushes: Vec<Flush>,
    pub(crate) shortage: ThreadShortage,
}

/// A caller that waits for a flush.
#[derive(Debug)]
pub(crate) struct Flush {
    deadline: Instant,
    reply: Sender<Undelivered>,
}

impl Dispatcher {
    /// Runs until the scheduler is stopped.
    pub(crate) fn run(&mut self) {
        while !self.scheduler.is_stopped() {
            self.scheduler.lock().wake_up();
            self.route_incoming();
            self.drop_excess();
            self.start_attempts();
            self.answer_flushes();
            self.wait_for_messages();
        }
    }

    /// Routes a bounded number of events from the outbox, unless they are held back.
    fn route_incoming(&mut self) {
        if self.incoming.is_empty() {
            self.take();
        }
        if self.holds_back() {
            return;
        }
        for _ in 0..EVENTS_PER_ROUND / EVENTS_PER_LOCK {
            if self.incoming.is_empty() {
                self.take();
            }
            let mut guard = self.scheduler.lock();
            for _ in 0..EVENTS_PER_LOCK {
                let Some(queued) = self.incoming.pop_front() else { break };
                guard.route(queued);
            }
        }
    }

    /// Returns `true` if new events must wait in the outbox. That is the case while the lanes are full but the longest one is
    /// being sent and will have room soon, so that no event needs to be dropped. An event waits at most [`MAX_HOLD_BACK`] for
    /// another endpoint.
    fn holds_back(&self) -> bool {
        let now = Instant::now();
        let is_fresh = |next: &Queued| now.saturating_duration_since(next.arrived) < MAX_HOLD_BACK;
        let mut guard = self.scheduler.lock();
        self.scheduler.outbox.excess(guard.lanes().waiting) > 0
            && self.incoming.front().is_none_or(is_fresh)
            && guard.lanes().longest_is_prompt(now)
    }

    fn take(&mut self) {
        // Must be cleared before events are taken: an event that arrives later sets it again.
        self.scheduler.signalled.store(false, Ordering::SeqCst);
        let Handover { in_flight, revoked, events } = self.scheduler.outbox.take();
        for batch in in_flight {
            self.scheduler.lock().inherit(batch);
        }
        // Must follow the inheritance: an inherited batch may have lost a partition, and its other events keep its place.
        if !revoked.is_empty() {
            self.incoming.retain(|queued| !revoked.contains(&queued.position.shard_token()));
            self.scheduler.lock().lanes().revoke(&revoked);
        }
        self.incoming.extend(events);
    }

    fn drop_excess(&mut self) {
        if self.holds_back() {
            return;
        }
        let waiting = self.scheduler.lock().lanes().waiting;
        let mut excess = self.scheduler.outbox.excess(waiting);
        while excess > 0 {
            let dropped = self.scheduler.lock().drop_oldest(excess);
            if dropped == 0 {
                return;
            }
            excess = excess.saturating_sub(dropped);
        }
    }

    /// Gives due attempts to idle workers.
    fn start_attempts(&mut self) {
        let now = Instant::now();
        self.scheduler.lock().ack_withdrawn();
        while self.scheduler.lock().drop_undeliverable(now) {}
        self.add_workers(now);
        loop {
            let due = self.scheduler.lock().next(now);
            let Some(attempt) = due else { return };
            // An idle worker exists, or existed a moment ago.
            if self.workers.submit(&attempt).is_err() {
                self.scheduler.lock().requeue(attempt);
                return;
            }
            if self.workers.idle() <= 1 {
                self.add_workers(now);
            }
        }
    }

    fn answer_flushes(&mut self) {
        if self.flushes.is_empty() {
            return;
        }
        let mut guard = self.scheduler.lock();
        let (mut undelivered, now) = (guard.lanes().undelivered(), Instant::now());
        undelivered.waiting += self.incoming.len();
        let done = guard.lanes().is_done() && self.incoming.is_empty();
        self.flushes.retain(|flush| {
            let over = done || flush.deadline <= now;
            if over {
                // The caller may have given up.
                let _ = flush.reply.send(undelivered);
            }
            !over
        });
        if self.flushes.is_empty() {
            guard.lanes().set_flushing(false);
        }
    }

    fn wait_for_messages(&mut self) {
        let flush = self.flushes.iter().map(|flush| flush.deadline).min();
        let holding_back = self.holds_back();
        // The outbox signals each event only once, so it will not signal these again.
        let untaken = self.scheduler.signalled.load(Ordering::SeqCst);
        let unrouted = (untaken || !self.incoming.is_empty())
            .then(|| Instant::now() + if holding_back { HOLD_BACK_INTERVAL } else { Duration::ZERO });
        let others = [flush, unrouted, self.shortage.until, self.scheduler.clients.sweep()];
        let wake = self.scheduler.lock().sleep(others.into_iter().flatten().min(), holding_back);
        let first = match wake {
            Some(wake) => self.messages.recv_deadline(wake).ok(),
            None => self.messages.recv().ok(),
        };
        let Some(first) = first else { return };
        self.handle(first);
        for _ in 1..MESSAGES_PER_ROUND {
            let Ok(message) = self.messages.try_recv() else { return };
            self.handle(message);
        }
    }

    fn handle(&mut self, message: Message) {
        let mut guard = self.scheduler.lock();
        match message {
            // The next round does the work.
            Message::Events | Message::Due | Message::Stop => {}
            Message::Abandoned { lane } => {
                let panicked = AttemptResult::Failed("the sending thread panicked".to_owned());
                guard.complete(lane, panicked.into(), Instant::now());
            }
            // The caller may have given up.
            Message::Status { clock, reply } => drop(reply.send(guard.lanes().status(clock))),
            Message::Flush { deadline, reply } => {
                guard.lanes().set_flushing(true);
                self.flushes.push(Flush { deadline, reply });
            }
        }
    }
}

#[cfg(test)]
#[path = "dispatcher_tests.rs"]
mod tests;
