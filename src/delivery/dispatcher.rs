//! The thread that moves events from the outbox into lanes, keeps the timers, starts workers, and takes orders. It never
//! waits for an endpoint.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::Left;
use super::client::Clients;
use super::desk::Desk;
use super::retry::Answer;
use super::shortage::Shortage;
use super::workers::Workers;
use crate::outbox::{Handover, Outbox, Queued};
use crate::report::{DeliveryStatus, WallClock};
use crate::telemetry::Telemetry;

/// Messages taken before attempts are started again, so that neither starves the other.
const MESSAGES_PER_ROUND: usize = 256;

/// Events that are routed before attempts are started and messages taken again: the lanes empty while a flood comes in.
const EVENTS_PER_ROUND: usize = 1000;

/// Events that are routed before the workers get their turn at the desk.
const EVENTS_AT_ONCE: usize = 50;

/// The longest that events stay unrouted for the sake of a lane that is full.
const HELD_BACK_AT_MOST: Duration = Duration::from_secs(5);

/// How often a dispatcher that holds events back looks whether it may go on.
const HELD_BACK_LOOK: Duration = Duration::from_millis(50);

/// What the dispatcher is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// The outbox has events.
    Events,
    /// There is something to do that whoever saw it leaves to the dispatcher.
    Due,
    /// The worker that made this lane's attempt panicked.
    Abandoned { lane: usize },
    /// Say how everything is doing.
    Status { clock: WallClock, reply: Sender<DeliveryStatus> },
    /// Send what waits, and say what is left when nothing is or when time is up.
    Flush { deadline: Instant, reply: Sender<Left> },
    /// End.
    Stop,
}

/// The dispatcher. Everything it knows is in here, or in the lanes, and not on its stack, so that it goes on after a panic.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(super) desk: Arc<Desk>,
    pub(super) outbox: Arc<dyn Outbox>,
    /// Whether a `Message::Events` is on its way.
    pub(super) signalled: Arc<AtomicBool>,
    pub(super) messages: Receiver<Message>,
    pub(super) workers: Workers,
    pub(super) clients: Arc<Clients>,
    pub(super) telemetry: Arc<Telemetry>,
    /// Events from the outbox on their way into lanes.
    pub(super) incoming: VecDeque<Queued>,
    pub(super) flushes: Vec<Flush>,
    pub(super) shortage: Shortage,
}

/// Somebody who waits until everything has been sent.
#[derive(Debug)]
pub(crate) struct Flush {
    deadline: Instant,
    reply: Sender<Left>,
}

impl Dispatcher {
    /// Works until it is stopped.
    pub(crate) fn run(&mut self) {
        while !self.desk.is_stopped() {
            self.desk.open().wake_up();
            self.route_incoming();
            self.give_up_excess();
            self.start_attempts();
            self.answer_flushes();
            self.wait_for_messages();
        }
    }

    /// Routes a portion of the events from the outbox, unless they are held back.
    fn route_incoming(&mut self) {
        if self.incoming.is_empty() {
            self.take();
        }
        if self.holds_back() {
            return;
        }
        for _ in 0..EVENTS_PER_ROUND / EVENTS_AT_ONCE {
            if self.incoming.is_empty() {
                self.take();
            }
            let mut desk = self.desk.open();
            for _ in 0..EVENTS_AT_ONCE {
                let Some(queued) = self.incoming.pop_front() else { break };
                desk.route(queued);
            }
        }
    }

    /// Whether it is better to let events wait than to give others up for them: the lanes are full, but the longest is
    /// on its way, so that there will be room in a moment. An event waits for another endpoint's sake only so long.
    fn holds_back(&self) -> bool {
        let now = Instant::now();
        let fresh = |next: &Queued| now.saturating_duration_since(next.arrived) < HELD_BACK_AT_MOST;
        let mut desk = self.desk.open();
        self.outbox.excess(desk.lanes().waiting()) > 0
            && self.incoming.front().is_none_or(fresh)
            && desk.lanes().longest_is_prompt(now)
    }

    fn take(&mut self) {
        // Lowered before taking: an event that comes after the taking raises it again.
        self.signalled.store(false, Ordering::SeqCst);
        let Handover { flights, revoked, events } = self.outbox.take();
        for flight in flights {
            self.desk.open().inherit(flight);
        }
        // Afterwards: of a batch that was inherited meanwhile, what stays is sent in its place.
        if !revoked.is_empty() {
            self.incoming.retain(|queued| !revoked.contains(&queued.position.tenure));
            self.desk.open().lanes().revoke(&revoked);
        }
        self.incoming.extend(events);
    }

    fn give_up_excess(&mut self) {
        if self.holds_back() {
            return;
        }
        let waiting = self.desk.open().lanes().waiting();
        let mut excess = self.outbox.excess(waiting);
        while excess > 0 {
            let given_up = self.desk.open().give_up(excess);
            if given_up == 0 {
                return;
            }
            excess = excess.saturating_sub(given_up);
        }
    }

    /// Starts what is due, on workers that have nothing to do.
    fn start_attempts(&mut self) {
        let now = Instant::now();
        self.desk.open().pass_withdrawn();
        while self.desk.open().give_up_unsent(now) {}
        self.make_room(now);
        loop {
            let due = self.desk.open().next(now);
            let Some(job) = due else { return };
            // There is an idle worker, or was just now.
            if self.workers.submit(&job).is_err() {
                self.desk.open().leave(job);
                return;
            }
            if self.workers.idle() <= 1 {
                self.make_room(now);
            }
        }
    }

    fn answer_flushes(&mut self) {
        if self.flushes.is_empty() {
            return;
        }
        let mut desk = self.desk.open();
        let (mut left, now) = (desk.lanes().left(), Instant::now());
        left.waiting += self.incoming.len();
        let done = desk.lanes().is_done() && self.incoming.is_empty();
        self.flushes.retain(|flush| {
            let over = done || flush.deadline <= now;
            if over {
                // Nobody may be waiting any more.
                let _ = flush.reply.send(left);
            }
            !over
        });
        if self.flushes.is_empty() {
            desk.lanes().set_flushing(false);
        }
    }

    fn wait_for_messages(&mut self) {
        let flush = self.flushes.iter().map(|flush| flush.deadline).min();
        let holding_back = self.holds_back();
        // Told of once and not taken since, nobody tells of them again.
        let untaken = self.signalled.load(Ordering::SeqCst);
        let unrouted = (untaken || !self.incoming.is_empty())
            .then(|| Instant::now() + if holding_back { HELD_BACK_LOOK } else { Duration::ZERO });
        let others = [flush, unrouted, self.shortage.until(), self.clients.sweep()];
        let wake = self.desk.open().sleep(others.into_iter().flatten().min(), holding_back);
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
        let mut desk = self.desk.open();
        match message {
            // What is to be done is seen at the desk.
            Message::Events | Message::Due | Message::Stop => {}
            Message::Abandoned { lane } => {
                let panicked = Answer::Failed("the sending thread panicked".to_owned());
                desk.settle(lane, panicked, Duration::ZERO, Instant::now());
            }
            // Nobody may be waiting any more.
            Message::Status { clock, reply } => drop(reply.send(desk.lanes().status(clock))),
            Message::Flush { deadline, reply } => {
                desk.lanes().set_flushing(true);
                self.flushes.push(Flush { deadline, reply });
            }
        }
    }
}
