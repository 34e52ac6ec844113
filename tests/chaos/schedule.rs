//! Script of a run: what happens, and when. Pure: it depends on the seed alone.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::Ms;
use crate::clients::{Asked, Clients, ROOMS, ROOMS_ON_CLUSTER};
use crate::network::{Call, NetworkFault, Way};
use crate::servers::{Cause, Failure, RIGHTS};

/// Number of nodes that should be running.
pub(crate) const NODES: usize = 3;

/// Maximum interval between two orders to one node (ms). The load is low enough that all events are delivered between
/// the faults. With a growing backlog, a long run would test nothing else.
const ORDERS_EVERY: Ms = 30;

/// Maximum `flush_interval` of a node, and so the maximum time that a batch spans (ms).
pub(crate) const FLUSH_INTERVAL: Ms = 50;

/// A step of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Node process number `life` starts in this place.
    Start { place: usize, life: usize, kind: Kind, flush_interval: Ms },
    /// A client comes or goes on the node in this place.
    Send { place: usize, asked: Asked },
    /// The node is killed.
    Kill { place: usize },
    /// The node ends cleanly, and all its clients leave.
    End { place: usize, asked: Asked },
    /// The node is stopped (SIGSTOP).
    Stop { place: usize },
    /// The node continues (SIGCONT).
    Resume { place: usize },
    /// The network between the node and Redis has a fault, at all servers or only at that of a shard.
    NetworkFault { place: usize, network_fault: NetworkFault, lasts: Ms, shard: Option<u8> },
    /// The server of a shard fails.
    Fail { failure: Failure, shard: u8 },
    /// The failure of Redis ends.
    Repair,
    /// Redis' clock is set this many milliseconds ahead of the real time.
    SetClock { ahead: i64 },
    /// A shard loses keys of presence, one after the other. The number selects them.
    LoseKeys { choice: u64, shard: u8 },
}

/// Kind of a node process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An engine in a small program of its own.
    Engine,
    /// PHP with the extension, and the plugin in Resonate.
    Resonate,
    /// PHP with the extension, and the package in Reverb.
    Reverb,
}

/// Percentage of nodes that are PHP with the extension.
const PHP_SHARE: u32 = 30;

/// Percentage of kills that spare a node that is stopped or cut off.
const SPARED: u32 = 70;

/// Longer than a lease (ms): a step makes every lease lapse, or none.
const SMALLEST_STEP: i64 = 4000;

/// The steps of a seed, in order.
pub(crate) struct Script {
    rng: StdRng,
    /// Number of shards. With several, Redis is a cluster.
    shards: u8,
    agenda: BTreeMap<(Ms, u64), Item>,
    noted: u64,
    lives: usize,
    places: [Option<Running>; NODES],
    redis_is_well: bool,
    clock_is_right: bool,
    /// The failure of Redis ends only while its clock is right.
    needs_right_clock: bool,
}

/// The node in a place.
struct Running {
    life: usize,
    clients: Clients,
    stopped_until: Option<Ms>,
    /// End of the fault of its network (ms).
    fault_until: Ms,
}

/// A step that is due at some time.
#[derive(Clone, Copy)]
enum Item {
    Fault,
    Start { place: usize },
    Order { place: usize, life: usize },
    Resume { place: usize, life: usize },
    Repair,
    ClockIsRight,
}

impl Script {
    /// Returns the script of a seed.
    pub(crate) fn new(seed: u64, shards: u8) -> Self {
        let mut script = Self {
            rng: StdRng::seed_from_u64(seed),
            shards,
            agenda: BTreeMap::new(),
            noted: 0,
            lives: 0,
            places: std::array::from_fn(|_| None),
            redis_is_well: true,
            clock_is_right: true,
            needs_right_clock: false,
        };
        for place in 0..NODES {
            script.note(0, Item::Start { place });
        }
        script.note(1000, Item::Fault);
        script
    }

    /// Returns the next step and its time, in milliseconds from the start.
    pub(crate) fn next(&mut self) -> (Ms, Act) {
        loop {
            // The next fault is always on the agenda.
            let Some(((at, _), item)) = self.agenda.pop_first() else { unreachable!("an empty agenda") };
            if let Some(act) = self.take(at, item) {
                return (at, act);
            }
        }
    }

    fn note(&mut self, at: Ms, item: Item) {
        self.noted += 1;
        self.agenda.insert((at, self.noted), item);
    }

    fn take(&mut self, at: Ms, item: Item) -> Option<Act> {
        match item {
            Item::Fault => {
                let after = self.rng.random_range(50..650);
                self.note(at + after, Item::Fault);
                self.fault(at)
            }
            Item::Start { place } => {
                let life = self.lives;
                self.lives += 1;
                // The number of the process selects the host, so that the random numbers of a seed stay the same.
                let kind = match (self.rng.random_ratio(PHP_SHARE, 100), life % 2) {
                    (false, _) => Kind::Engine,
                    (true, 0) => Kind::Resonate,
                    (true, _) => Kind::Reverb,
                };
                let flush_interval = self.rng.random_range(10..=FLUSH_INTERVAL);
                let rooms = if self.is_cluster() { ROOMS_ON_CLUSTER } else { ROOMS };
                let clients = Clients::new(place, life, rooms);
                self.places[place] = Some(Running { life, clients, stopped_until: None, fault_until: 0 });
                self.note(at, Item::Order { place, life });
                Some(Act::Start { place, life, kind, flush_interval })
            }
            Item::Order { place, life } => {
                let after = self.rng.random_range(0..ORDERS_EVERY);
                let running = self.places[place].as_mut().filter(|running| running.life == life)?;
                if let Some(until) = running.stopped_until {
                    self.note(until, Item::Order { place, life });
                    return None;
                }
                let asked = running.clients.next(&mut self.rng);
                self.note(at + after, Item::Order { place, life });
                asked.map(|asked| Act::Send { place, asked })
            }
            Item::Resume { place, life } => {
                let running = self.places[place].as_mut().filter(|running| running.life == life)?;
                running.stopped_until = None;
                Some(Act::Resume { place })
            }
            Item::Repair => {
                (self.redis_is_well, self.needs_right_clock) = (true, false);
                Some(Act::Repair)
            }
            Item::ClockIsRight => {
                self.clock_is_right = true;
                Some(Act::SetClock { ahead: 0 })
            }
        }
    }

    fn fault(&mut self, at: Ms) -> Option<Act> {
        let place = self.rng.random_range(0..NODES);
        let down = self.rng.random_range(0..1500);
        match self.rng.random_range(0..131) {
            0..38 => {
                let running = self.places[place].as_ref()?;
                // The consequences of a cut-off show only after it, so most such nodes are spared.
                if (running.stopped_until.is_some() || at < running.fault_until) && self.rng.random_ratio(SPARED, 100) {
                    return None;
                }
                self.places[place] = None;
                self.note(at + down, Item::Start { place });
                Some(Act::Kill { place })
            }
            38..46 => {
                let running = self.places[place].take_if(|running| running.stopped_until.is_none());
                let mut clients = running?.clients;
                self.note(at + down, Item::Start { place });
                Some(Act::End { place, asked: clients.end() })
            }
            46..58 => {
                let until = at + self.rng.random_range(50..12_000);
                let running = self.places[place].as_mut().filter(|running| running.stopped_until.is_none())?;
                running.stopped_until = Some(until);
                let life = running.life;
                self.note(until, Item::Resume { place, life });
                Some(Act::Stop { place })
            }
            58..94 => {
                let (network_fault, lasts) = self.network_fault();
                let shard = (self.is_cluster() && self.rng.random()).then(|| self.shard());
                self.places[place].as_mut()?.fault_until = at + lasts;
                Some(Act::NetworkFault { place, network_fault, lasts, shard })
            }
            94..124 if self.is_cluster() => self.cluster_fails(at),
            94..99 => self.redis_fails(at, Failure::Killed, down),
            99..101 => self.redis_fails(at, Failure::Stopped, down),
            101..109 => {
                let lasts = self.rng.random_range(500..8000);
                self.redis_fails(at, Failure::Full, lasts)
            }
            109..118 => {
                let right = RIGHTS[self.rng.random_range(0..RIGHTS.len())];
                let lasts = self.rng.random_range(100..right.longest);
                self.redis_fails(at, Failure::Forbids(right), lasts)
            }
            118..120 => {
                let lasts = self.rng.random_range(200..4000);
                self.redis_fails(at, Failure::Demoted, lasts)
            }
            120..124 => {
                let lasts = self.rng.random_range(1000..6000);
                self.redis_fails(at, Failure::FailedOver(Cause::Command), lasts)
            }
            124..128 => self.clock_is_set(at),
            _ => Some(Act::LoseKeys { choice: self.rng.random(), shard: self.shard() }),
        }
    }

    const fn is_cluster(&self) -> bool {
        self.shards > 1
    }

    /// Chooses a shard. With one shard, this uses no random number.
    fn shard(&mut self) -> u8 {
        if self.is_cluster() { self.rng.random_range(0..self.shards) } else { 0 }
    }

    /// Chooses a failure of a Redis Cluster.
    fn cluster_fails(&mut self, at: Ms) -> Option<Act> {
        let right = RIGHTS[self.rng.random_range(0..RIGHTS.len())];
        let (failure, lasts) = match self.rng.random_range(0..30) {
            0..8 => (Failure::FailedOver(Cause::Kill), 3000..9000),
            8..11 => (Failure::FailedOver(Cause::Stop), 3000..9000),
            11..15 => (Failure::FailedOver(Cause::Command), 500..4000),
            15..23 => (Failure::SlotMoves, 50..2500),
            23..25 => (Failure::Killed, 0..1000),
            25..27 => (Failure::Stopped, 0..1500),
            27..28 => (Failure::Full, 500..8000),
            _ => (Failure::Forbids(right), 100..right.longest),
        };
        let lasts = self.rng.random_range(lasts);
        if failure.needs_right_clock() && !self.clock_is_right {
            return None;
        }
        let act = self.redis_fails(at, failure, lasts)?;
        self.needs_right_clock = failure.needs_right_clock();
        Some(act)
    }

    fn redis_fails(&mut self, at: Ms, failure: Failure, lasts: Ms) -> Option<Act> {
        if !self.redis_is_well {
            return None;
        }
        self.redis_is_well = false;
        self.note(at + lasts, Item::Repair);
        Some(Act::Fail { failure, shard: self.shard() })
    }

    fn clock_is_set(&mut self, at: Ms) -> Option<Act> {
        if !self.clock_is_right || self.needs_right_clock {
            return None;
        }
        self.clock_is_right = false;
        let by = match self.rng.random_range(0..10) {
            0..6 => self.rng.random_range(SMALLEST_STEP..15_000),
            6..9 => self.rng.random_range(60_000..600_000),
            _ => 3_600_000,
        };
        let lasts = self.rng.random_range(200..8000);
        self.note(at + lasts, Item::ClockIsRight);
        Some(Act::SetClock { ahead: if self.rng.random() { by } else { -by } })
    }

    /// Chooses a fault of a network and its duration (ms).
    fn network_fault(&mut self) -> (NetworkFault, Ms) {
        let call =
            [Call::Claim, Call::Claim, Call::Claim, Call::Persist, Call::Ack, Call::Any][self.rng.random_range(0..6)];
        let way = if self.rng.random() { Way::Request } else { Way::Reply };
        let delay = self.rng.random_range(1..120);
        let network_fault = match self.rng.random_range(0..100) {
            0..35 => NetworkFault::CutsReply(call),
            35..42 => NetworkFault::HalfCloses(way),
            42..50 => NetworkFault::Slow(delay),
            50..60 => NetworkFault::LosesAll,
            60..68 => NetworkFault::LosesReplies,
            68..72 => NetworkFault::LosesRequests,
            72..76 => NetworkFault::Refuses,
            _ => NetworkFault::HoldsBack(call),
        };
        (network_fault, self.rng.random_range(100..6000))
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
