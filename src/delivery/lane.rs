//! A lane: the ordered queue of one application's events for one endpoint. A pure state machine.
//!
//! ```text
//!             start                 finish
//! collecting ───────▶ in flight ───────────▶ collecting
//!                      ▲     │ back_off
//!                start │     ▼
//!                    backing off
//! ```
//! A lane sends one batch at a time, so that no batch overtakes a retried one.

mod halves;
mod revoke;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Batch;
use crate::config::{Batching, Payload};
use crate::outbox::body::{self, FRAME_BYTES};
use crate::outbox::{Moves, Queued};

/// One lane.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    limits: Batching,
    payload: Payload,
    /// Batches that go before the waiting events: inherited ones, and the halves of a batch that was too large. Each with the
    /// time at which it was added.
    ahead: VecDeque<(Instant, Arc<Batch>)>,
    waiting: VecDeque<Arc<Queued>>,
    next: NextBatch,
    state: LaneState,
    /// The end of the last pause. Waiting times count from here.
    resumed: Option<Instant>,
}

#[derive(Debug, Default)]
enum LaneState {
    #[default]
    Collecting,
    InFlight(Trying),
    BackingOff {
        trying: Trying,
        until: Instant,
    },
}

/// A started batch.
#[derive(Clone, Debug)]
struct Trying {
    batch: Arc<Batch>,
    attempts: u32,
    /// The start of the first attempt.
    since: Instant,
}

/// The state of a lane at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LaneSnapshot {
    /// The number of events that wait or are in flight.
    pub(crate) depth: usize,
    /// The time of the oldest event, in Unix ms.
    pub(crate) oldest_ms: Option<u64>,
    /// The number of attempts of the started batch.
    pub(crate) attempts: u32,
    /// The time of the next attempt, if the batch is backing off.
    pub(crate) next_try: Option<Instant>,
}

/// The waiting events that the next batch takes.
#[derive(Debug, Default)]
struct NextBatch {
    events: usize,
    bytes: usize,
    earliest_ms: u64,
    latest_ms: u64,
    /// No further event can join: a limit is reached, or the next event does not fit.
    closed: bool,
}

impl NextBatch {
    /// Adds `queued`, or closes the batch.
    fn offer(&mut self, queued: &Queued, limits: &Batching, payload: Payload) {
        if self.closed {
            return;
        }
        let Some(event) = queued.event() else {
            // A redelivery is always a batch of its own.
            self.events = self.events.max(1);
            self.closed = true;
            return;
        };
        let comma = 1;
        let time_ms = event.time_ms;
        if self.events == 0 {
            *self = Self { earliest_ms: time_ms, bytes: FRAME_BYTES, ..Self::default() };
        }
        let joined = Self {
            events: self.events + 1,
            bytes: self.bytes + body::length(queued, payload) + comma,
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
    /// Creates an empty lane.
    pub(crate) fn new(limits: Batching, payload: Payload) -> Self {
        Self { limits, payload, ..Self::default() }
    }

    /// Changes the limits of batches that have not started.
    pub(crate) fn set_limits(&mut self, limits: Batching, payload: Payload) {
        (self.limits, self.payload) = (limits, payload);
        self.measure_next();
    }

    /// Adds an event at the end.
    pub(crate) fn push(&mut self, queued: Arc<Queued>) {
        self.next.offer(&queued, &self.limits, self.payload);
        self.waiting.push_back(queued);
    }

    /// Returns the time at which the next attempt is due. `None` without events or while an attempt is in flight. The time has
    /// already passed for a full batch, or if `flushing`.
    pub(crate) fn due(&self, flushing: bool) -> Option<Instant> {
        match &self.state {
            LaneState::InFlight(_) => None,
            LaneState::BackingOff { until, .. } => Some(*until),
            LaneState::Collecting if !self.ahead.is_empty() => self.ahead.front().map(|(since, _)| *since),
            LaneState::Collecting => {
                let arrived = self.waiting.front()?.arrived;
                Some(if self.next.closed || flushing { arrived } else { arrived + self.limits.flush_interval })
            }
        }
    }

    /// Starts an attempt if one is due: with the batch that is backing off, or with a new one that `make` creates from the
    /// oldest events.
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
            // The first attempt was postponed, so the time of the batch begins now.
            LaneState::BackingOff { trying, .. } if trying.attempts == 0 => fresh(Arc::clone(&trying.batch)),
            LaneState::BackingOff { trying, .. } => Trying { attempts: trying.attempts + 1, ..trying.clone() },
            _ => fresh(match self.ahead.pop_front() {
                Some((_, batch)) => batch,
                None => Arc::new(make(self.take_next())),
            }),
        };
        let batch = Arc::clone(&trying.batch);
        self.state = LaneState::InFlight(trying);
        Some(batch)
    }

    /// Takes over an in-flight batch of another node.
    pub(crate) fn inherit(&mut self, batch: Arc<Batch>, now: Instant) {
        self.ahead.push_back((now, batch));
    }

    /// Makes the batch in flight due again at `until`, without counting the attempt.
    pub(crate) fn postpone(&mut self, until: Instant) {
        if let LaneState::InFlight(trying) = &self.state {
            let trying = Trying { attempts: trying.attempts - 1, ..trying.clone() };
            self.state = LaneState::BackingOff { trying, until };
        }
    }

    /// Returns `true` if an unfinished batch exists, started or not.
    pub(crate) fn has_batch(&self) -> bool {
        !matches!(self.state, LaneState::Collecting) || !self.ahead.is_empty()
    }

    /// Returns the cursors that move when events are dropped before they are in a batch.
    pub(crate) fn moves_of_dropped(&self) -> Moves {
        if self.has_batch() { Moves::Nothing } else { Moves::All }
    }

    /// Returns the number of attempts of the started batch, including one in flight.
    pub(crate) fn attempts(&self) -> u32 {
        self.trying().map_or(0, |trying| trying.attempts)
    }

    /// Returns the time since the first attempt of the started batch.
    pub(crate) fn tried_for(&self, now: Instant) -> Duration {
        self.trying().map_or(Duration::ZERO, |trying| now.saturating_duration_since(trying.since))
    }

    /// Returns the time since the oldest event of the started batch arrived.
    pub(crate) fn waited_for(&self, now: Instant) -> Duration {
        let oldest = self.trying().and_then(|trying| trying.batch.events.first()).map(|queued| queued.arrived);
        oldest.max(oldest.and(self.resumed)).map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Makes the batch in flight due again at `until`, after a failed attempt.
    pub(crate) fn back_off(&mut self, until: Instant) {
        if let LaneState::InFlight(trying) = &self.state {
            self.state = LaneState::BackingOff { trying: trying.clone(), until };
        }
    }

    /// Ends the backoff: the batch is due now.
    pub(crate) fn make_due(&mut self, now: Instant) {
        if let LaneState::BackingOff { until, .. } = &mut self.state {
            *until = now.min(*until);
        }
    }

    /// Removes the batch in flight, which was delivered or dropped.
    pub(crate) fn finish(&mut self) -> Option<Arc<Batch>> {
        match std::mem::replace(&mut self.state, LaneState::Collecting) {
            LaneState::InFlight(trying) => Some(trying.batch),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Removes up to `count` of the oldest waiting events, at most one batch, so that they fit into one dead letter. Does not
    /// touch a started batch.
    pub(crate) fn drop_oldest(&mut self, count: usize) -> Vec<Arc<Queued>> {
        let dropped = self.waiting.drain(..count.min(self.next.events)).collect();
        self.measure_next();
        dropped
    }

    /// Returns the number of events that are not in a batch yet.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns the number of events in the batch in flight.
    pub(crate) fn in_flight(&self) -> usize {
        if let LaneState::InFlight(trying) = &self.state { trying.batch.events.len() } else { 0 }
    }

    /// Returns the number of events in batches that wait for their next attempt.
    pub(crate) fn backing_off(&self) -> usize {
        let ahead: usize = self.ahead.iter().map(|(_, batch)| batch.events.len()).sum();
        ahead + if let LaneState::BackingOff { trying, .. } = &self.state { trying.batch.events.len() } else { 0 }
    }

    /// Extends all deadlines by a pause of the endpoint from `began` to `now`.
    pub(crate) fn extend_deadlines(&mut self, began: Instant, now: Instant) {
        self.resumed = Some(now);
        if let LaneState::InFlight(trying) | LaneState::BackingOff { trying, .. } = &mut self.state {
            trying.since += now.saturating_duration_since(trying.since.max(began));
        }
    }

    /// Returns the state of the lane for the status.
    pub(crate) fn snapshot(&self) -> LaneSnapshot {
        let started = self.trying().map(|trying| &trying.batch);
        let batches = started.into_iter().chain(self.ahead.iter().map(|(_, batch)| batch));
        // Each batch is in order, so its first event is its oldest.
        let firsts = batches.filter_map(|batch| batch.events.first()).chain(self.waiting.front());
        LaneSnapshot {
            depth: self.waiting() + self.in_flight() + self.backing_off(),
            oldest_ms: firsts.filter_map(|queued| queued.event()).map(|event| event.time_ms).min(),
            attempts: self.attempts(),
            next_try: if let LaneState::BackingOff { until, .. } = &self.state { Some(*until) } else { None },
        }
    }

    /// Returns the started batch.
    pub(crate) fn batch(&self) -> Option<&Batch> {
        self.trying().map(|trying| &*trying.batch)
    }

    const fn trying(&self) -> Option<&Trying> {
        match &self.state {
            LaneState::Collecting => None,
            LaneState::InFlight(trying) | LaneState::BackingOff { trying, .. } => Some(trying),
        }
    }

    fn take_next(&mut self) -> Vec<Arc<Queued>> {
        let taken = self.waiting.drain(..self.next.events).collect();
        self.measure_next();
        taken
    }

    fn measure_next(&mut self) {
        self.next = NextBatch::default();
        for queued in &self.waiting {
            self.next.offer(queued, &self.limits, self.payload);
            if self.next.closed {
                break;
            }
        }
        if self.waiting.is_empty() {
            // Frees the memory of a long backlog.
            self.waiting.shrink_to(self.limits.max_events);
        }
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
