//! The thread that owns the lanes: it moves events from the outbox into them, starts what is due, and takes the
//! answers. It never waits for an endpoint.

mod news;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::Left;
use super::lanes::{Ending, GivenUp, Job, Lanes, Passed, Pauses};
use super::retry::{Answer, GONE};
use super::workers::Workers;
use crate::config::{Endpoint, Payload};
use crate::names::AppId;
use crate::outbox::{self, DropReport, Fate, Flight, Handover, Outbox, Queued};
use crate::status::{DeliveryStatus, WallClock};
use crate::telemetry::{Level, OUTBOX_FULL, Outcome, Telemetry, UNCONFIGURED};

/// How soon a thread that the system refused is asked for again.
const SPAWN_RETRY: Duration = Duration::from_millis(100);

/// Answers and orders taken before attempts are started again, so that neither starves the other.
const MESSAGES_PER_ROUND: usize = 256;

/// Events that are routed before attempts are started and answers taken again: the lanes empty while a flood comes in.
const EVENTS_PER_ROUND: usize = 1000;

/// The longest that events stay unrouted for the sake of a lane that is full.
const HELD_BACK_AT_MOST: Duration = Duration::from_secs(5);

/// How often a dispatcher that holds events back looks whether it may go on.
const HELD_BACK_LOOK: Duration = Duration::from_millis(50);

/// What the dispatcher is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// The outbox has events.
    Events,
    /// An attempt of this lane ended.
    Answered { lane: usize, answer: Answer, took: Duration },
    /// Say how everything is doing.
    Status { clock: WallClock, reply: Sender<DeliveryStatus> },
    /// These endpoints are paused, and no others.
    Paused(Pauses),
    /// These are the endpoints now.
    Endpoints(Vec<Endpoint>),
    /// Send what waits, and say what is left when nothing is or when time is up.
    Flush { deadline: Instant, reply: Sender<Left> },
    /// End.
    Stop,
}

/// The dispatcher. Everything it knows is in here and not on its stack, so that it goes on after a panic.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(super) outbox: Arc<dyn Outbox>,
    /// Whether a `Message::Events` is on its way.
    pub(super) signalled: Arc<AtomicBool>,
    pub(super) messages: Receiver<Message>,
    pub(super) workers: Workers,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) lanes: Lanes,
    pub(super) work: Work,
}

/// What the dispatcher has begun and not finished.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Events from the outbox on their way into lanes.
    incoming: VecDeque<Queued>,
    /// Attempts for which no thread was to be had.
    unplaced: VecDeque<Job>,
    flushes: Vec<Flush>,
    /// Nothing is sent before it is known what is paused, but at this time in any case.
    held_until: Option<Instant>,
    stopped: bool,
}

impl Work {
    /// None yet, and none before this time or the first word on what is paused.
    pub(super) fn held(held_until: Option<Instant>) -> Self {
        Self { held_until, ..Self::default() }
    }
}

#[derive(Debug)]
struct Flush {
    deadline: Instant,
    reply: Sender<Left>,
}

impl Dispatcher {
    /// Works until it is stopped.
    pub(crate) fn run(&mut self) {
        while !self.work.stopped {
            self.route_incoming();
            self.give_up_excess();
            self.start_attempts();
            self.answer_flushes();
            self.wait_for_messages();
        }
    }

    /// Routes a portion of the events from the outbox, unless they are held back.
    fn route_incoming(&mut self) {
        if self.work.incoming.is_empty() {
            self.take();
        }
        if self.holds_back() {
            return;
        }
        for _ in 0..EVENTS_PER_ROUND {
            if self.work.incoming.is_empty() {
                self.take();
            }
            let Some(queued) = self.work.incoming.pop_front() else { return };
            let queued = Arc::new(queued);
            let route = self.lanes.push(&queued);
            if route.ids.is_empty() {
                self.say_unwanted(&queued);
            }
            self.outbox.routed(&queued, &route.ids);
        }
    }

    /// Whether it is better to let events wait than to give others up for them: the lanes are full, but the longest is
    /// on its way, so that there will be room in a moment. An event waits for another endpoint's sake only so long.
    fn holds_back(&self) -> bool {
        let now = Instant::now();
        let fresh = |next: &Queued| now.saturating_duration_since(next.arrived) < HELD_BACK_AT_MOST;
        self.outbox.keeps_untaken()
            && self.outbox.excess(self.lanes.waiting()) > 0
            && self.work.incoming.front().is_none_or(fresh)
            && self.lanes.longest_is_prompt(now)
    }

    fn take(&mut self) {
        // Lowered before taking: an event that comes after the taking raises it again.
        self.signalled.store(false, Ordering::SeqCst);
        let Handover { revoked, flights, events } = self.outbox.take(self.lanes.waiting());
        if !revoked.is_empty() {
            self.work.incoming.retain(|queued| !revoked.contains(&queued.position.tenure));
            self.lanes.revoke(&revoked);
        }
        for flight in flights {
            if let Err(flight) = self.lanes.inherit(flight, Instant::now()) {
                self.pass_unwanted(&flight);
            }
        }
        self.work.incoming.extend(events);
    }

    fn give_up_excess(&mut self) {
        if self.holds_back() {
            return;
        }
        let mut excess = self.outbox.excess(self.lanes.waiting());
        while excess > 0 {
            let Some(given_up) = self.lanes.give_up(excess) else { return };
            let GivenUp { lane, endpoint, events, id, behind_a_batch } = given_up;
            excess = excess.saturating_sub(events.len());
            let fate = Fate::Dropped(self.drop_report(&lane.app, Some(endpoint), &events, 0, OUTBOX_FULL));
            self.outbox.passed(outbox::Passed {
                lane: &lane,
                events: &events,
                id: &id,
                body: None,
                payload: self.lanes.endpoint(endpoint).payload,
                behind_a_batch,
                fate,
            });
        }
    }

    fn start_attempts(&mut self) {
        let now = Instant::now();
        if self.work.held_until.is_some_and(|until| now < until) {
            return;
        }
        self.work.held_until = None;
        while let Some(unsent) = self.lanes.next_unsent(now) {
            self.pass(&unsent);
        }
        while let Some(job) = self.work.unplaced.front() {
            if self.workers.submit(job).is_err() {
                return;
            }
            self.work.unplaced.pop_front();
        }
        while let Some(job) = self.lanes.next(now) {
            if let Err(error) = self.workers.submit(&job) {
                self.work.unplaced.push_back(job);
                self.telemetry.log(Level::Error, format_args!("No thread for webhook deliveries, will retry: {error}"));
                return;
            }
        }
    }

    fn answer_flushes(&mut self) {
        if self.work.flushes.is_empty() {
            return;
        }
        let (mut left, now) = (self.lanes.left(), Instant::now());
        left.waiting += self.work.incoming.len();
        let done = self.lanes.is_done() && self.work.incoming.is_empty();
        self.work.flushes.retain(|flush| {
            let over = done || flush.deadline <= now;
            if over {
                // Nobody may be waiting any more.
                let _ = flush.reply.send(left);
            }
            !over
        });
        if self.work.flushes.is_empty() {
            self.lanes.set_flushing(false);
        }
    }

    fn wait_for_messages(&mut self) {
        let retry = (!self.work.unplaced.is_empty()).then(|| Instant::now() + SPAWN_RETRY);
        let flush = self.work.flushes.iter().map(|flush| flush.deadline).min();
        let unrouted = (!self.work.incoming.is_empty())
            .then(|| Instant::now() + if self.holds_back() { HELD_BACK_LOOK } else { Duration::ZERO });
        let due = self.work.held_until.or_else(|| self.lanes.next_due());
        let first = match [due, flush, retry, unrouted].into_iter().flatten().min() {
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
        match message {
            Message::Events => {}
            // Whatever is broken off by a stop has not failed: it is sent again by whoever goes on.
            Message::Answered { .. } if self.work.stopped => {}
            Message::Answered { lane, answer, took } => {
                self.note(lane, &answer, took);
                let passed = self.lanes.settle(lane, answer, took, Instant::now(), rand::random());
                self.tell_news();
                if let Some(passed) = passed {
                    self.pass(&passed);
                }
            }
            Message::Paused(pauses) => {
                self.work.held_until = None;
                self.lanes.set_paused(pauses, Instant::now());
            }
            Message::Endpoints(endpoints) => self.lanes.set_endpoints(endpoints, Instant::now()),
            // Nobody may be waiting any more.
            Message::Status { clock, reply } => drop(reply.send(self.lanes.status(clock))),
            Message::Flush { deadline, reply } => {
                self.work.flushes.push(Flush { deadline, reply });
                self.lanes.set_flushing(true);
            }
            Message::Stop => self.work.stopped = true,
        }
    }

    /// Tells everybody that a lane is done with a batch.
    fn pass(&self, passed: &Passed) {
        let Passed { lane, endpoint, batch, attempts, ending, farewell } = passed;
        let url = &self.lanes.endpoint(*endpoint).target;
        let fate = match ending {
            Ending::Delivered { status } => {
                let counters = self.telemetry.counters();
                counters.batches_delivered.add(1);
                counters.events_delivered.add(count(batch.events()) as u64);
                self.telemetry.report(Outcome::Delivered {
                    url: url.to_string(),
                    status: *status,
                    app_id: lane.app.as_text().into_owned(),
                    attempts: *attempts,
                });
                Fate::Delivered
            }
            Ending::Dropped { reason } => {
                Fate::Dropped(self.drop_report(&lane.app, Some(*endpoint), batch.events(), *attempts, reason))
            }
            Ending::Forgotten => Fate::Forgotten,
        };
        if *farewell {
            self.telemetry.log(
                Level::Warning,
                format_args!(
                    "Endpoint {} answered 410 Gone: it gets nothing more until restart",
                    self.lanes.endpoint(*endpoint).label()
                ),
            );
            self.telemetry.report(Outcome::EndpointDisabled { url: url.to_string(), reason: GONE.to_owned() });
        }
        self.outbox.passed(outbox::Passed {
            lane,
            events: batch.events(),
            id: batch.id(),
            body: batch.wire().map(|wire| wire.body.as_slice()),
            payload: self.lanes.endpoint(*endpoint).payload,
            behind_a_batch: false,
            fate,
        });
    }

    /// A batch was inherited for an endpoint that is not configured any more.
    fn pass_unwanted(&self, flight: &Flight) {
        let fate = Fate::Dropped(self.drop_report(&flight.lane.app, None, &flight.events, 0, UNCONFIGURED));
        self.outbox.passed(outbox::Passed {
            lane: &flight.lane,
            events: &flight.events,
            id: &flight.id,
            body: Some(&flight.wire.body),
            payload: Payload::default(),
            behind_a_batch: false,
            fate,
        });
    }

    /// No lane wants this.
    fn say_unwanted(&self, queued: &Queued) {
        match queued.redelivery() {
            // Of what was inherited, lanes may have had it before.
            None if queued.resume.is_some() => {}
            None => self.telemetry.counters().events_unwanted.add(1),
            Some(redelivery) => self.telemetry.log(
                Level::Warning,
                format_args!("Webhook {} stays a dead letter: {UNCONFIGURED}", redelivery.id.escape_debug()),
            ),
        }
    }

    fn drop_report(
        &self,
        app: &AppId,
        endpoint: Option<usize>,
        events: &[Arc<Queued>],
        attempts: u32,
        reason: &str,
    ) -> DropReport {
        DropReport {
            telemetry: Arc::clone(&self.telemetry),
            url: endpoint.map_or_else(String::new, |endpoint| self.lanes.endpoint(endpoint).target.to_string()),
            endpoint: endpoint.map_or_else(String::new, |endpoint| self.lanes.endpoint(endpoint).label()),
            app_id: app.as_text().into_owned(),
            events: count(events),
            attempts,
            reason: reason.to_owned(),
        }
    }
}

/// For how many events these stand.
fn count(events: &[Arc<Queued>]) -> usize {
    events.iter().map(|queued| queued.item.events()).sum()
}
