//! All lanes of this node. Routes events to lanes and chooses the lane that sends next. Pure: no threads, no clock.

mod closed;
mod complete;
mod pace;
mod paused;
mod ready;
mod redelivery;
mod reload;
mod revoke;
mod routes;
mod status;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::HashMap;

pub(crate) use self::complete::FinishedBatch;
use self::pace::Pace;
use self::redelivery::Ended;
use self::reload::FreePlaces;
use self::routes::{Route, Routes};
use super::Undelivered;
use super::attempt::Attempt;
use super::attempt_limit::AttemptLimit;
use super::batch::{Batch, BatchIds};
use super::health::{Health, HealthTransition};
use super::lane::Lane;
use super::permits::{MAX_WORKERS, WorkerPermits};
use crate::config::Endpoint;
use crate::event::AppId;
use crate::outbox::{BatchOutcome, InFlightBatch, LaneId, Moves, Queued, count_events};
use crate::report::{EndpointStates, EventCounters};
use crate::telemetry::OUTBOX_FULL;

/// An endpoint whose attempts take longer than this is not prompt.
const PROMPT: Duration = Duration::from_secs(1);

/// The lanes, their timers, and the queues of due lanes.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    /// A removed endpoint keeps its place while events wait for it. Then the place is free for another one.
    endpoints: Vec<Endpoint>,
    free: FreePlaces,
    ids: BatchIds,
    entries: Vec<LaneEntry>,
    /// The places of lanes in `entries`. The key is the id and `true` for a lane that retries dead letters.
    places: HashMap<(LaneId, bool), usize>,
    /// The routes of each shard.
    routes: Vec<HashMap<AppId, Routes>>,
    counters: EventCounters,
    /// Lanes by the time when they become due.
    timers: BTreeSet<(Instant, usize)>,
    /// Due lanes that wait for a worker, by endpoint.
    ready: Vec<Ready>,
    /// The places of endpoints with a rate limit.
    paced: Vec<usize>,
    health: Vec<Health>,
    /// Changes to report, with the places of their endpoints.
    transitions: Vec<(usize, HealthTransition)>,
    /// The endpoint that is first to start the next attempt.
    turn: usize,
    permits: WorkerPermits,
    /// The paused and disabled endpoints of the cluster, including endpoints that are not configured here.
    states: EndpointStates,
    /// Changes that are not in Redis yet: endpoints that this node has disabled, with their URLs, or enabled (`None`).
    unreported: BTreeMap<String, Option<String>>,
    /// The number of events that are not in a batch yet.
    pub(crate) waiting: usize,
    /// Incomplete batches are sent immediately.
    pub(crate) flushing: bool,
    /// The number of workers is limited.
    pub(crate) limited: bool,
    /// A closed endpoint may have a due lane.
    undeliverable: bool,
    /// Dead letters that will not be retried.
    withdrawn: Vec<FinishedBatch>,
}

#[derive(Debug)]
struct LaneEntry {
    id: LaneId,
    /// The endpoint's place in `Lanes::endpoints`.
    endpoint: usize,
    lane: Lane,
    /// `true` if the lane retries dead letters.
    redelivers: bool,
    /// `true` if the last attempt failed.
    failing: bool,
    plan: Plan,
}

/// The next step of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Nothing,
    Timer(Instant),
    Ready,
    Running { suspect: bool },
}

/// The due lanes of one endpoint, and the conditions under which they may send.
#[derive(Debug, Default)]
struct Ready {
    /// `true` if the endpoint's last attempt succeeded, `None` before its first one.
    proven: Option<bool>,
    limit: AttemptLimit,
    /// The reason that nothing is sent any more: the endpoint has answered 410, or was removed from the configuration.
    closed: Option<&'static str>,
    /// The time at which this node read the current pause from Redis.
    paused: Option<Instant>,
    healthy: VecDeque<usize>,
    /// Failing lanes have a queue of their own, so that healthy lanes do not wait for a lane that gets no permit.
    failing: VecDeque<usize>,
    /// Lanes that retry dead letters. They send only when no other lane waits.
    redelivering: VecDeque<usize>,
    pace: Pace,
    /// The last retry that ended because a dead letter failed.
    ended: Option<Ended>,
}

impl Lanes {
    /// Creates an empty set of lanes. The first event of an application adds its lanes.
    pub(crate) fn new(endpoints: Vec<Endpoint>, ids: BatchIds, max_workers: usize) -> Self {
        Self {
            ready: endpoints.iter().map(Ready::of).collect(),
            paced: paced(&endpoints),
            health: vec![Health::default(); endpoints.len()],
            permits: WorkerPermits::new(max_workers, endpoints.len()),
            endpoints,
            ids,
            ..Self::default()
        }
    }

    /// Returns the endpoint at `place`.
    pub(crate) fn endpoint(&self, place: usize) -> &Endpoint {
        &self.endpoints[place]
    }

    /// Adds an event to every lane that wants it and has not acknowledged it yet. Returns those lanes.
    pub(crate) fn push(&mut self, queued: &Arc<Queued>) -> Arc<Route> {
        let route = self.route(queued);
        for &lane in &route.lanes {
            self.entries[lane].lane.push(Arc::clone(queued));
            self.waiting += 1;
            self.plan(lane);
        }
        route
    }

    /// Takes over an in-flight batch of another node. Returns it as an error if its endpoint is not configured here.
    pub(crate) fn inherit(&mut self, flight: InFlightBatch, now: Instant) -> Result<(), Box<InFlightBatch>> {
        let Some(lane) = self.find(&flight.lane) else { return Err(Box::new(flight)) };
        self.entries[lane].lane.inherit(Arc::new(Batch::inherited(flight)), now);
        self.plan(lane);
        Ok(())
    }

    /// Starts the next due attempt that gets a permit. Endpoints take turns.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Attempt> {
        self.fire_timers(now);
        for _ in 0..self.endpoints.len() {
            let endpoint = self.turn;
            self.turn = (self.turn + 1) % self.endpoints.len();
            if let Some(job) = self.next_of(endpoint, now) {
                return Some(job);
            }
        }
        None
    }

    /// Returns the number of endpoints with a lane that waits for a worker.
    pub(crate) fn due_endpoints(&mut self, now: Instant) -> usize {
        self.fire_timers(now);
        let due = |ready: &&Ready| {
            let is_open = ready.closed.is_none() && ready.paused.is_none() && ready.pace.due().is_none();
            is_open && !(ready.healthy.is_empty() && ready.failing.is_empty())
        };
        self.ready.iter().filter(due).count()
    }

    /// Limits the workers to the threads that the system provides. `None` removes the limit.
    pub(crate) fn limit_workers(&mut self, workers: Option<usize>) {
        self.limited = workers.is_some();
        self.permits.set_max(workers.unwrap_or(MAX_WORKERS));
    }

    /// Returns the time at which the next lane becomes due or a rate limit admits a waiting lane. Ignores lanes that wait for
    /// a worker.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let paced = self.paced.iter().filter_map(|place| self.ready[*place].pace.due()).min();
        self.timers.first().map(|(at, _)| *at).into_iter().chain(paced).min()
    }

    /// Returns `true` if the endpoint of the longest lane answers promptly and successfully, so that the lane will get shorter.
    pub(crate) fn longest_is_prompt(&self, now: Instant) -> bool {
        self.entries.iter().max_by_key(|entry| entry.lane.waiting()).is_some_and(|entry| {
            let ready = &self.ready[entry.endpoint];
            let is_slow = entry.lane.backing_off() > 0 || entry.lane.tried_for(now) >= PROMPT;
            ready.proven != Some(false)
                && ready.closed.is_none()
                && ready.paused.is_none()
                && !entry.failing
                && !is_slow
        })
    }

    /// Drops up to `count` of the oldest waiting events of the longest lane, and at most as many as fit into one batch. Returns
    /// them as a batch without attempts.
    pub(crate) fn drop_oldest(&mut self, count: usize) -> Option<FinishedBatch> {
        let (longest, entry) = self.entries.iter_mut().enumerate().max_by_key(|(_, entry)| entry.lane.waiting())?;
        let batch = Arc::new(Batch::new(entry.id.app.clone(), self.ids.next(), entry.lane.drop_oldest(count)));
        let moves = if entry.redelivers { Moves::Never } else { entry.lane.moves_of_dropped() };
        let dropped = entry.finished(batch, BatchOutcome::dropped(OUTBOX_FULL), moves);
        let events = &dropped.batch.events;
        self.waiting -= events.len();
        self.health[dropped.endpoint].record_drop(count_events(events));
        self.plan(longest);
        (!events.is_empty()).then_some(dropped)
    }

    /// Sets whether incomplete batches are sent immediately.
    pub(crate) fn set_flushing(&mut self, flushing: bool) {
        self.flushing = flushing;
        for lane in 0..self.entries.len() {
            self.plan(lane);
        }
    }

    /// Counts the events in the lanes.
    pub(crate) fn undelivered(&self) -> Undelivered {
        self.entries.iter().map(|entry| &entry.lane).fold(Undelivered::default(), |sum, lane| Undelivered {
            waiting: sum.waiting + lane.waiting(),
            in_flight: sum.in_flight + lane.in_flight(),
            backing_off: sum.backing_off + lane.backing_off(),
            unread: sum.unread,
        })
    }

    fn next_of(&mut self, endpoint: usize, now: Instant) -> Option<Attempt> {
        loop {
            let unproven = self.ready[endpoint].proven != Some(true);
            let (lane, suspect) =
                self.ready[endpoint].take(now, |suspect| self.permits.try_acquire(endpoint, suspect))?;
            let timeout = self.endpoints[endpoint].timeout;
            let limit = (self.limited && unproven).then(|| self.ready[endpoint].limit.next(timeout));
            if let Some(batch) = self.start(lane, now) {
                let entry = &mut self.entries[lane];
                entry.plan = Plan::Running { suspect };
                self.ready[endpoint].pace.begin(now, entry.failing);
                return Some(Attempt { lane, id: entry.id.clone(), batch, limit: limit.flatten() });
            }
            // The lane's events were dropped while it waited for a worker.
            self.permits.release(endpoint, suspect);
            self.entries[lane].plan = Plan::Nothing;
            self.plan(lane);
        }
    }

    /// Starts the lane's next attempt, if one is due.
    fn start(&mut self, lane: usize, now: Instant) -> Option<Arc<Batch>> {
        let entry = &mut self.entries[lane];
        let make = revoke::maker(&entry.id.app, &mut self.ids, self.endpoints[entry.endpoint].payload);
        let before = entry.lane.waiting();
        let batch = entry.lane.start(now, self.flushing, make);
        self.waiting -= before - entry.lane.waiting();
        batch
    }

    /// Moves due lanes from the timers to the queues of their endpoints.
    fn fire_timers(&mut self, now: Instant) {
        while let Some(&(at, lane)) = self.timers.first() {
            if at > now {
                return;
            }
            self.timers.pop_first();
            let entry = &mut self.entries[lane];
            entry.plan = Plan::Ready;
            let ready = &mut self.ready[entry.endpoint];
            self.undeliverable |= ready.closed.is_some();
            ready.queue_of(entry).push_back(lane);
        }
    }

    /// Updates the lane's timer, unless the lane is queued or running.
    fn plan(&mut self, lane: usize) {
        let entry = &mut self.entries[lane];
        if matches!(entry.plan, Plan::Ready | Plan::Running { .. }) {
            return;
        }
        let plan = entry.lane.due(self.flushing).map_or(Plan::Nothing, Plan::Timer);
        if plan == entry.plan {
            return;
        }
        if let Plan::Timer(old) = entry.plan {
            self.timers.remove(&(old, lane));
        }
        if let Plan::Timer(new) = plan {
            self.timers.insert((new, lane));
        }
        entry.plan = plan;
    }
}

/// Returns the places of endpoints with a rate limit.
fn paced(endpoints: &[Endpoint]) -> Vec<usize> {
    (0..endpoints.len()).filter(|place| endpoints[*place].request_interval.is_some()).collect()
}

#[cfg(test)]
mod due_tests;
#[cfg(test)]
#[path = "lanes_tests.rs"]
pub(crate) mod tests;
