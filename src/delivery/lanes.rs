//! All lanes of this node: which events go where, and which lane may send next. Pure: no threads, no clock.

mod gone;
mod pace;
mod paused;
mod ready;
mod redelivery;
mod revoke;
mod routes;
mod settle;
mod status;
mod swap;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::HashMap;

use self::pace::Pace;
use self::paused::Pause;
use self::redelivery::Ended;
pub(crate) use self::redelivery::Withdrawn;
use self::routes::{Route, Routes};
pub(crate) use self::settle::{Ending, Passed};
use self::swap::Free;
use super::Left;
use super::batch::{Batch, BatchIds};
use super::health::{Health, News};
use super::lane::{Lane, Limits};
use super::patience::Patience;
use super::slots::{MAX_WORKERS, Slots};
use crate::config::Endpoint;
use crate::event::AppId;
use crate::outbox::{Flight, LaneId, Moves, Queued};
use crate::report::{EndpointStates, Tally};

/// How long an attempt may take at an endpoint that is said to be prompt.
const PROMPT: Duration = Duration::from_secs(1);

/// The lanes, their timers and the queues of those that are due.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// One that was taken out keeps its place until nothing of it waits any more. Then another one gets it.
    endpoints: Vec<Endpoint>,
    free: Free,
    limits: Limits,
    ids: BatchIds,
    entries: Vec<Entry>,
    places: HashMap<LaneId, usize>,
    /// The lanes that send dead letters again.
    redelivering: HashMap<LaneId, usize>,
    routes: HashMap<AppId, Routes>,
    tally: Tally,
    /// Lanes that become due, by when.
    timers: BTreeSet<(Instant, usize)>,
    /// Lanes that are due and wait for a worker, by endpoint.
    ready: Vec<Ready>,
    /// The endpoints whose requests are limited, by their places.
    paced: Vec<usize>,
    /// How the endpoints are doing.
    health: Vec<Health>,
    /// What is to be told of them.
    news: Vec<(usize, News)>,
    /// The endpoint whose turn it is to start a batch.
    turn: usize,
    slots: Slots,
    /// Paused and disabled endpoints of the cluster, including those that are not configured here.
    states: EndpointStates,
    /// Endpoints that this node has disabled, with their URLs, or enabled again (`None`), and that Redis does not have yet.
    unreported: BTreeMap<String, Option<String>>,
    waiting: usize,
    flushing: bool,
    limited: bool,
    /// Something may be due of an endpoint that is gone.
    unsent: bool,
    /// Dead letters that stay what they are.
    withdrawn: Vec<Withdrawn>,
}

#[derive(Debug)]
struct Entry {
    id: LaneId,
    /// The endpoint's place in `Lanes::endpoints`.
    endpoint: usize,
    lane: Lane,
    /// It sends dead letters again, apart from what the others have to send.
    redelivers: bool,
    /// Its last attempt failed.
    failing: bool,
    plan: Plan,
}

impl Entry {
    /// A lane of the endpoint at this place, with nothing in it.
    fn new(id: LaneId, endpoint: usize, limits: Limits) -> Self {
        Self { id, endpoint, lane: Lane::new(limits), redelivers: false, failing: false, plan: Plan::Nothing }
    }
}

/// What is arranged for a lane to send next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Nothing,
    Timer(Instant),
    Ready,
    Running { suspect: bool },
}

#[derive(Debug, Default)]
struct Ready {
    /// Whether the endpoint's last attempt succeeded.
    proven: Option<bool>,
    /// How long it may keep a worker while there are few.
    patience: Patience,
    /// Nothing more is sent to the endpoint, and why: it has answered 410, or is not configured any more.
    gone: Option<&'static str>,
    /// Somebody wants nothing to be sent to it for now.
    paused: Option<Pause>,
    healthy: VecDeque<usize>,
    /// Apart from the others, so that they are not held up behind a lane that may not have a worker yet.
    failing: VecDeque<usize>,
    /// Lanes that send dead letters again: when no other waits.
    redelivering: VecDeque<usize>,
    /// The rate limit of its requests.
    pace: Pace,
    /// The last retry of which a letter failed: no more of it is sent.
    ended: Option<Ended>,
}

/// An attempt to make.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The lane, for the answer.
    pub(crate) lane: usize,
    /// The lane, as the outbox knows it.
    pub(crate) id: LaneId,
    /// What to send.
    pub(crate) batch: Arc<Batch>,
    /// When to break the attempt off, if that is before the endpoint's timeout.
    pub(crate) patience: Option<Duration>,
}

/// Waiting events that a lane gave up.
#[derive(Debug)]
pub(crate) struct GivenUp {
    /// The lane.
    pub(crate) lane: LaneId,
    /// The endpoint's place in the list of endpoints.
    pub(crate) endpoint: usize,
    /// The events, oldest first.
    pub(crate) events: Vec<Arc<Queued>>,
    /// What they would have been called, had they been sent.
    pub(crate) id: String,
    /// Which cursors of the lane move.
    pub(crate) moves: Moves,
}

impl Lanes {
    /// No lanes yet: they appear with the first event of an application.
    pub(crate) fn new(endpoints: Vec<Endpoint>, limits: Limits, ids: BatchIds, max_workers: usize) -> Self {
        Self {
            ready: endpoints.iter().map(Ready::of).collect(),
            paced: paced(&endpoints),
            health: vec![Health::default(); endpoints.len()],
            news: Vec::new(),
            slots: Slots::new(max_workers, endpoints.len()),
            endpoints,
            free: Free::default(),
            limits,
            ids,
            entries: Vec::new(),
            places: HashMap::default(),
            redelivering: HashMap::default(),
            states: EndpointStates::default(),
            unreported: BTreeMap::new(),
            withdrawn: Vec::new(),
            routes: HashMap::default(),
            tally: Tally::default(),
            timers: BTreeSet::new(),
            turn: 0,
            waiting: 0,
            flushing: false,
            limited: false,
            unsent: false,
        }
    }

    /// The endpoint at that place.
    pub(crate) fn endpoint(&self, place: usize) -> &Endpoint {
        &self.endpoints[place]
    }

    /// Adds an event to every lane that wants it and has not had it, and says which.
    pub(crate) fn push(&mut self, queued: &Arc<Queued>) -> Arc<Route> {
        let route = self.route(queued);
        for &lane in &route.lanes {
            self.entries[lane].lane.push(Arc::clone(queued));
            self.waiting += 1;
            self.plan(lane);
        }
        route
    }

    /// Takes over a batch that was under way on another node. Gives it back when the endpoint does not exist here.
    pub(crate) fn inherit(&mut self, flight: Flight, now: Instant) -> Result<(), Box<Flight>> {
        let Some(lane) = self.find(&flight.lane) else { return Err(Box::new(flight)) };
        self.entries[lane].lane.inherit(Arc::new(Batch::inherited(flight)), now);
        self.plan(lane);
        Ok(())
    }

    /// The next attempt to make now, if one is due and a worker is allowed. Endpoints take turns.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Job> {
        self.ring(now);
        for _ in 0..self.endpoints.len() {
            let endpoint = self.turn;
            self.turn = (self.turn + 1) % self.endpoints.len();
            if let Some(job) = self.next_of(endpoint, now) {
                return Some(job);
            }
        }
        None
    }

    /// The number of endpoints that have a lane which waits for a worker.
    pub(crate) fn due_endpoints(&mut self, now: Instant) -> usize {
        self.ring(now);
        let due = |ready: &&Ready| {
            let sends = ready.gone.is_none() && ready.paused.is_none() && ready.pace.due().is_none();
            sends && !(ready.healthy.is_empty() && ready.failing.is_empty())
        };
        self.ready.iter().filter(due).count()
    }

    /// There are so many workers at most, because the system gives no more threads; with `None` as many as are wanted.
    pub(crate) fn limit_workers(&mut self, workers: Option<usize>) {
        self.limited = workers.is_some();
        self.slots.set_max(workers.unwrap_or(MAX_WORKERS));
    }

    /// Whether the system gives no more threads.
    pub(crate) const fn is_limited(&self) -> bool {
        self.limited
    }

    /// When the next lane becomes due, or a lane that waits for the rate limit may begin a request. Lanes that wait for a worker
    /// do not count.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let paced = self.paced.iter().filter_map(|place| self.ready[*place].pace.due()).min();
        self.timers.first().map(|(at, _)| *at).into_iter().chain(paced).min()
    }

    /// Whether the longest lane is long for no fault of its endpoint: what it is sent, it answers promptly with success, as
    /// far as is known.
    pub(crate) fn longest_is_prompt(&self, now: Instant) -> bool {
        self.entries.iter().max_by_key(|entry| entry.lane.waiting()).is_some_and(|entry| {
            let ready = &self.ready[entry.endpoint];
            let waits = entry.lane.backing_off() > 0 || entry.lane.tried_for(now) >= PROMPT;
            ready.proven != Some(false) && ready.gone.is_none() && ready.paused.is_none() && !entry.failing && !waits
        })
    }

    /// Gives up the oldest waiting events of the longest lane: `count` of them, or as many as it has and a batch takes.
    pub(crate) fn give_up(&mut self, count: usize) -> Option<GivenUp> {
        let (longest, entry) = self.entries.iter_mut().enumerate().max_by_key(|(_, entry)| entry.lane.waiting())?;
        let given_up = GivenUp {
            lane: entry.id.clone(),
            endpoint: entry.endpoint,
            events: entry.lane.give_up(count),
            id: self.ids.next(),
            moves: if entry.redelivers { Moves::Never } else { entry.lane.moves_behind() },
        };
        self.waiting -= given_up.events.len();
        self.health[given_up.endpoint].gave_up(given_up.events.iter().map(|queued| &**queued));
        self.plan(longest);
        (!given_up.events.is_empty()).then_some(given_up)
    }

    /// Sends what waits without waiting for company, or stops doing so.
    pub(crate) fn set_flushing(&mut self, flushing: bool) {
        self.flushing = flushing;
        for lane in 0..self.entries.len() {
            self.plan(lane);
        }
    }

    /// Whether what waits is sent without waiting for company.
    pub(crate) const fn is_flushing(&self) -> bool {
        self.flushing
    }

    /// Events that wait in lanes and are in no batch yet.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// What the lanes still hold.
    pub(crate) fn left(&self) -> Left {
        self.entries.iter().map(|entry| &entry.lane).fold(Left::default(), |left, lane| Left {
            waiting: left.waiting + lane.waiting(),
            in_flight: left.in_flight + lane.in_flight(),
            backing_off: left.backing_off + lane.backing_off(),
            unread: left.unread,
        })
    }

    fn next_of(&mut self, endpoint: usize, now: Instant) -> Option<Job> {
        loop {
            let unproven = self.ready[endpoint].proven != Some(true);
            let (lane, suspect) = self.ready[endpoint].take(now, |suspect| self.slots.take(endpoint, suspect))?;
            let timeout = self.endpoints[endpoint].timeout;
            let limit = (self.limited && unproven).then(|| self.ready[endpoint].patience.limit(timeout));
            let patience = limit.flatten();
            if let Some(batch) = self.start(lane, now) {
                let entry = &mut self.entries[lane];
                entry.plan = Plan::Running { suspect };
                self.ready[endpoint].pace.begin(now, entry.failing);
                return Some(Job { lane, id: entry.id.clone(), batch, patience });
            }
            // Its events were given up while it waited for a worker.
            self.slots.release(endpoint, suspect);
            self.entries[lane].plan = Plan::Nothing;
            self.plan(lane);
        }
    }

    /// Starts the lane's next attempt.
    fn start(&mut self, lane: usize, now: Instant) -> Option<Arc<Batch>> {
        let entry = &mut self.entries[lane];
        let make = revoke::maker(&entry.id.app, &mut self.ids, self.endpoints[entry.endpoint].payload);
        let before = entry.lane.waiting();
        let batch = entry.lane.start(now, self.flushing, make);
        self.waiting -= before - entry.lane.waiting();
        batch
    }

    /// Moves the lanes that became due from the timers to the queues of their endpoints.
    fn ring(&mut self, now: Instant) {
        while let Some(&(at, lane)) = self.timers.first() {
            if at > now {
                return;
            }
            self.timers.pop_first();
            let entry = &mut self.entries[lane];
            entry.plan = Plan::Ready;
            let ready = &mut self.ready[entry.endpoint];
            self.unsent |= ready.gone.is_some();
            ready.queue_of(entry).push_back(lane);
        }
    }

    /// Sets the lane's timer to when it is due.
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

/// The places of the endpoints whose requests are limited.
fn paced(endpoints: &[Endpoint]) -> Vec<usize> {
    (0..endpoints.len()).filter(|place| endpoints[*place].request_interval.is_some()).collect()
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
pub(crate) mod tests;
