//! One lane: the ordered stream of one application's events to one endpoint. A pure state machine.
//!
//! ```text
//!             start                 finish
//! collecting ───────▶ in flight ───────────▶ collecting
//!                      ▲     │ back_off
//!                start │     ▼
//!                    backing off
//! ```
//! One batch at a time: the next cannot overtake one that is being retried.

mod halves;
mod revoke;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Batch;
use crate::config::{Batching, Endpoint, Payload};
use crate::outbox::body::{self, FRAME_BYTES};
use crate::outbox::{Moves, Queued};

/// What bounds a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The longest that an event waits for company.
    pub(crate) flush_interval: Duration,
    /// The most event time a batch may span.
    pub(crate) span: Duration,
    /// The most events of a batch.
    pub(crate) max_events: usize,
    /// The most bytes of a body, unless a single event is longer.
    pub(crate) max_bytes: usize,
    /// What is said of each event.
    pub(crate) payload: Payload,
}

impl Limits {
    /// What bounds the batches of `endpoint`.
    pub(crate) fn of(self, endpoint: &Endpoint) -> Self {
        let Batching { flush_interval, span, max_events } = endpoint.batching;
        let flush_interval = flush_interval.unwrap_or(self.flush_interval);
        // Extended events have their own times, so that `time_ms` need not stand for all. A bound would make a backlog as
        // many requests as it spans intervals.
        let otherwise = if endpoint.payload == Payload::Extended { Duration::MAX } else { flush_interval };
        Self {
            flush_interval,
            span: span.unwrap_or(otherwise),
            max_events: max_events.unwrap_or(self.max_events),
            max_bytes: endpoint.target.max_body_bytes().map_or(self.max_bytes, |most| most.min(self.max_bytes)),
            payload: endpoint.payload,
        }
    }
}

/// The state of one lane.
#[derive(Debug)]
pub(crate) struct Lane {
    limits: Limits,
    /// Batches that come before everything that waits: those that were under way on another node, and the halves of one that
    /// was too large.
    ahead: VecDeque<(Instant, Arc<Batch>)>,
    waiting: VecDeque<Arc<Queued>>,
    head: Head,
    state: State,
    /// When the last pause ended: nothing has waited for longer.
    resumed: Option<Instant>,
}

#[derive(Debug)]
enum State {
    Collecting,
    InFlight(Trying),
    BackingOff { trying: Trying, until: Instant },
}

/// A batch that was started, and is neither delivered nor given up.
#[derive(Clone, Debug)]
struct Trying {
    batch: Arc<Batch>,
    attempts: u32,
    /// When its first attempt began.
    since: Instant,
}

/// A lane at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Glance {
    /// Events that wait or are under way.
    pub(crate) depth: usize,
    /// When the oldest of them happened, in Unix ms.
    pub(crate) oldest_ms: Option<u64>,
    /// Attempts that the batch under way has had.
    pub(crate) attempts: u32,
    /// When it is sent again, if it waits.
    pub(crate) next_try: Option<Instant>,
}

/// The events at the front that the next batch will take.
#[derive(Debug, Default)]
struct Head {
    events: usize,
    bytes: usize,
    earliest_ms: u64,
    latest_ms: u64,
    /// No event can join any more: a cap is reached, or the next event does not fit.
    closed: bool,
}

impl Head {
    /// Lets `queued` join, or closes the head.
    fn offer(&mut self, queued: &Queued, limits: &Limits) {
        if self.closed {
            return;
        }
        let Some(event) = queued.event() else {
            // A redelivery has a batch to itself.
            self.events = self.events.max(1);
            self.closed = true;
            return;
        };
        let comma = 1;
        let time_ms = event.time_ms;
        if self.events == 0 {
            *self = Self { earliest_ms: time_ms, latest_ms: time_ms, bytes: FRAME_BYTES, ..Self::default() };
        }
        let joined = Self {
            events: self.events + 1,
            bytes: self.bytes + body::length(queued, limits.payload) + comma,
            earliest_ms: self.earliest_ms.min(time_ms),
            latest_ms: self.latest_ms.max(time_ms),
            closed: false,
        };
        let span = Duration::from_millis(joined.latest_ms - joined.earliest_ms);
        if self.events > 0 && (joined.bytes > limits.max_bytes || span > limits.span) {
            self.closed = true;
            return;
        }
        *self = joined;
        self.closed = self.events >= limits.max_events || self.bytes >= limits.max_bytes;
    }
}

impl Lane {
    /// An empty lane.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            ahead: VecDeque::new(),
            waiting: VecDeque::new(),
            head: Head::default(),
            state: State::Collecting,
            resumed: None,
        }
    }

    /// Bundles what waits by these limits from now on.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.measure_head();
    }

    /// Adds an event behind the others.
    pub(crate) fn push(&mut self, queued: Arc<Queued>) {
        self.head.offer(&queued, &self.limits);
        self.waiting.push_back(queued);
    }

    /// When the lane has something to send, if it has and is free to. With a full batch, or when `flushing`, that is in
    /// the past.
    pub(crate) fn due(&self, flushing: bool) -> Option<Instant> {
        match &self.state {
            State::InFlight(_) => None,
            State::BackingOff { until, .. } => Some(*until),
            State::Collecting if !self.ahead.is_empty() => self.ahead.front().map(|(since, _)| *since),
            State::Collecting => {
                let arrived = self.waiting.front()?.arrived;
                Some(if self.head.closed || flushing { arrived } else { arrived + self.limits.flush_interval })
            }
        }
    }

    /// Starts an attempt if one is due: the batch that is backing off, or a new one that `make` makes of the oldest
    /// events.
    pub(crate) fn start(
        &mut self,
        now: Instant,
        flushing: bool,
        make: impl FnOnce(Vec<Arc<Queued>>) -> Batch,
    ) -> Option<Arc<Batch>> {
        if self.due(flushing).is_none_or(|due| due > now) {
            return None;
        }
        let fresh = |batch| Trying { batch, attempts: 1, since: now };
        let trying = match &self.state {
            // What never became an attempt has not begun to be tried.
            State::BackingOff { trying, .. } if trying.attempts == 0 => fresh(Arc::clone(&trying.batch)),
            State::BackingOff { trying, .. } => Trying { attempts: trying.attempts + 1, ..trying.clone() },
            _ => fresh(match self.ahead.pop_front() {
                Some((_, batch)) => batch,
                None => Arc::new(make(self.take_head())),
            }),
        };
        let batch = Arc::clone(&trying.batch);
        self.state = State::InFlight(trying);
        Some(batch)
    }

    /// Takes over a batch that was under way on another node.
    pub(crate) fn inherit(&mut self, batch: Arc<Batch>, now: Instant) {
        self.ahead.push_back((now, batch));
    }

    /// The attempt in flight was none: the same batch is due again at `until`.
    pub(crate) fn postpone(&mut self, until: Instant) {
        if let State::InFlight(trying) = &self.state {
            let trying = Trying { attempts: trying.attempts - 1, ..trying.clone() };
            self.state = State::BackingOff { trying, until };
        }
    }

    /// Returns whether an unfinished batch exists, started or not.
    pub(crate) fn has_batch(&self) -> bool {
        !matches!(self.state, State::Collecting) || !self.ahead.is_empty()
    }

    /// The cursors that move with events that were given up before they were in a batch.
    pub(crate) fn moves_behind(&self) -> Moves {
        if self.has_batch() { Moves::Nothing } else { Moves::All }
    }

    /// The number of the attempt that is in flight; the first is 1.
    pub(crate) fn attempts(&self) -> u32 {
        self.trying().map_or(0, |trying| trying.attempts)
    }

    /// How long ago the first attempt of the batch began that is in flight.
    pub(crate) fn tried_for(&self, now: Instant) -> Duration {
        self.trying().map_or(Duration::ZERO, |trying| now.saturating_duration_since(trying.since))
    }

    /// How long the oldest event of the batch that is in flight has been here.
    pub(crate) fn waited_for(&self, now: Instant) -> Duration {
        let oldest = self.trying().and_then(|trying| trying.batch.events().first()).map(|queued| queued.arrived);
        oldest.max(oldest.and(self.resumed)).map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// The attempt failed: the same batch is due again at `until`.
    pub(crate) fn back_off(&mut self, until: Instant) {
        if let State::InFlight(trying) = &self.state {
            self.state = State::BackingOff { trying: trying.clone(), until };
        }
    }

    /// Ends the wait of a batch that is backing off.
    pub(crate) fn hurry(&mut self, now: Instant) {
        if let State::BackingOff { until, .. } = &mut self.state {
            *until = now.min(*until);
        }
    }

    /// The batch in flight was delivered or given up: the lane has passed its events.
    pub(crate) fn finish(&mut self) -> Option<Arc<Batch>> {
        match std::mem::replace(&mut self.state, State::Collecting) {
            State::InFlight(trying) => Some(trying.batch),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Gives up the `count` oldest waiting events, or as many of them as a batch takes: they may be sent after all, from
    /// the dead letters. A batch that was started is not touched.
    pub(crate) fn give_up(&mut self, count: usize) -> Vec<Arc<Queued>> {
        let given_up = self.waiting.drain(..count.min(self.head.events)).collect();
        self.measure_head();
        given_up
    }

    /// Events that wait for their batch.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Events in a batch whose attempt is under way.
    pub(crate) fn in_flight(&self) -> usize {
        if let State::InFlight(trying) = &self.state { trying.batch.events().len() } else { 0 }
    }

    /// Events in a batch that waits for its next attempt.
    pub(crate) fn backing_off(&self) -> usize {
        let ahead: usize = self.ahead.iter().map(|(_, batch)| batch.events().len()).sum();
        ahead + if let State::BackingOff { trying, .. } = &self.state { trying.batch.events().len() } else { 0 }
    }

    /// The endpoint was paused from `began` to `now`: that time is not held against what waited.
    pub(crate) fn excuse(&mut self, began: Instant, now: Instant) {
        self.resumed = Some(now);
        if let State::InFlight(trying) | State::BackingOff { trying, .. } = &mut self.state {
            trying.since += now.saturating_duration_since(trying.since.max(began));
        }
    }

    /// What is to be seen from afar.
    pub(crate) fn glance(&self) -> Glance {
        let started = self.trying().map(|trying| &trying.batch);
        let batches = started.into_iter().chain(self.ahead.iter().map(|(_, batch)| batch));
        // Each is in order, so that the first of each will do.
        let firsts = batches.filter_map(|batch| batch.events().first()).chain(self.waiting.front());
        Glance {
            depth: self.waiting() + self.in_flight() + self.backing_off(),
            oldest_ms: firsts.filter_map(|queued| queued.event()).map(|event| event.time_ms).min(),
            attempts: self.attempts(),
            next_try: if let State::BackingOff { until, .. } = &self.state { Some(*until) } else { None },
        }
    }

    /// The batch that was started.
    pub(crate) fn batch(&self) -> Option<&Batch> {
        self.trying().map(|trying| &*trying.batch)
    }

    const fn trying(&self) -> Option<&Trying> {
        match &self.state {
            State::Collecting => None,
            State::InFlight(trying) | State::BackingOff { trying, .. } => Some(trying),
        }
    }

    fn take_head(&mut self) -> Vec<Arc<Queued>> {
        let taken = self.waiting.drain(..self.head.events).collect();
        self.measure_head();
        taken
    }

    fn measure_head(&mut self) {
        self.head = Head::default();
        for queued in &self.waiting {
            self.head.offer(queued, &self.limits);
            if self.head.closed {
                break;
            }
        }
        if self.waiting.is_empty() {
            // What a long backlog took is given back.
            self.waiting.shrink_to(self.limits.max_events);
        }
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
