//! The cluster of a run: it does what the script says and writes down what it did.

use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::crowd::Asked;
use crate::fleet::{Node, Shipyard};
use crate::history::{History, Life};
use crate::leases::LEASE;
use crate::network::{Network, Trouble};
use crate::receiver::{PATHS, Receiver};
use crate::record::Run;
use crate::schedule::{Act, Faults, Kind, NODES, Script};
use crate::servers::{Failure, PASSWORD, Servers, USER};
use crate::{Ms, now};

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(1);

/// A pause between two ticks in which the machine was so busy that a node may have stood still too.
const STALL: Ms = 400;

/// How long Redis may take to close the connections of dead nodes, everything being in order.
const CLOSES: Duration = Duration::from_secs(5);

/// How long it may take a node that goes on to say that it is there.
const STAGGERS: Ms = 300;

/// How long it may take a node to find a Redis that is back, and to say that it is there.
const SEEKS: Ms = 3000;

/// How long a node that was told to end may take.
const ENDING: Ms = 4000;

/// Plays the script of `seed` for `time`, and then lets everything come to rest.
pub(crate) fn play(time: Duration, seed: u64, shipyard: Shipyard, folder: TempDir) -> Run {
    let (mut stage, mut script) = (Stage::set(seed, shipyard, folder), Script::new(seed));
    let (mut begin, end) = (now(), u64::try_from(time.as_millis()).unwrap_or(Ms::MAX));
    let mut next = script.next();
    while next.0 < end {
        while next.0 < end && begin + next.0 <= now() {
            // What waits for the nodes has the script wait.
            begin += stage.act(next.1);
            next = script.next();
        }
        stage.tick();
        std::thread::sleep(TICK);
    }
    let stuck = stage.come_to_rest();
    stage.stuck = stage.stuck.take().or(stuck);
    stage.close()
}

/// Everything that runs.
pub(crate) struct Stage {
    shipyard: Shipyard,
    folder: TempDir,
    pub(crate) redis: Servers,
    pub(crate) receiver: Receiver,
    pub(crate) places: [Option<Running>; NODES],
    /// Nodes that were told to end, and until when they may take.
    pub(crate) ending: Vec<(Node, Ms)>,
    /// By life.
    pub(crate) networks: Vec<Network>,
    pub(crate) history: History,
    pub(crate) faults: Faults,
    ticked: Ms,
    /// When leases were looked at.
    pub(crate) looked: Ms,
    /// What did not become what it should.
    pub(crate) stuck: Option<String>,
    pub(crate) diary: Vec<(Ms, String)>,
}

/// The node in a place.
pub(crate) struct Running {
    pub(crate) node: Node,
    pub(crate) started: Ms,
    pub(crate) still_since: Option<Ms>,
}

impl Stage {
    fn set(seed: u64, shipyard: Shipyard, folder: TempDir) -> Self {
        Self {
            shipyard,
            folder,
            redis: Servers::start(),
            receiver: Receiver::start(seed),
            places: std::array::from_fn(|_| None),
            ending: Vec::new(),
            networks: Vec::new(),
            history: History::default(),
            faults: Faults::default(),
            ticked: now(),
            looked: now(),
            stuck: None,
            diary: Vec::new(),
        }
    }

    pub(crate) fn note(&mut self, line: impl Into<String>) {
        self.diary.push((now(), line.into()));
    }

    /// Does what is due. Returns how long nothing else was.
    fn act(&mut self, act: Act) -> Ms {
        let begun = now();
        match act {
            Act::Start { place, life, kind, flush_interval } => {
                assert_eq!(life, self.networks.len(), "the script counts the lives as they come");
                self.start_node(place, kind, flush_interval);
            }
            Act::Tell { place, asked } => self.tell(place, asked),
            Act::Kill { place } => {
                if let Some(Running { node, still_since, .. }) = self.places[place].take() {
                    self.faults.kills += 1;
                    self.bury(node, still_since);
                }
            }
            Act::End { place, asked } => {
                self.tell(place, asked);
                if let Some(Running { node, .. }) = self.places[place].take() {
                    self.faults.ends += 1;
                    self.ending.push((node, now() + ENDING));
                }
            }
            Act::Stop { place } => {
                if let Some(Running { node, still_since, .. }) = &mut self.places[place] {
                    node.signal("-STOP");
                    *still_since = Some(now());
                    self.faults.stops += 1;
                    let line = format!("life {} stands still", node.life);
                    self.note(line);
                }
            }
            Act::GoOn { place } => self.go_on(place),
            Act::Trouble { place, trouble, lasts } => self.trouble(place, trouble, lasts),
            Act::Fail(failure) => self.redis_fails(failure),
            Act::Mend => self.mend_redis(),
            Act::SetClock { ahead } => {
                self.set_clock(ahead);
                self.faults.clock_steps += 1;
            }
            Act::LoseKeys { choice } => {
                self.lose_keys(choice);
                return now() - begun;
            }
        }
        0
    }

    pub(crate) fn start_node(&mut self, place: usize, kind: Kind, flush_interval: Ms) {
        let life = self.history.lives.len();
        let network = Network::start(self.redis.port());
        let endpoints: Vec<_> = PATHS.iter().map(|path| json!({ "url": self.receiver.url(path) })).collect();
        let config = json!({
            "connection": { "host": "127.0.0.1", "port": network.port(), "username": USER, "password": PASSWORD, "timeout": 1 },
            "flush_interval": Duration::from_millis(flush_interval).as_secs_f64(),
            "ttl": Duration::from_millis(LEASE).as_secs(),
            "reconcile_interval": 1,
            "max_attempts": 50,
            "timeout": 1,
            "batch_max_events": 20,
            "shutdown_timeout": 2,
            "endpoints": endpoints,
        });
        self.note(format!("life {life} starts in place {place}: {kind:?}"));
        self.faults.nodes += 1;
        self.faults.php_nodes += usize::from(kind == Kind::Php && self.shipyard.extension.is_some());
        let node = Node::start(life, &self.shipyard, kind, &config.to_string());
        self.networks.push(network);
        self.history.lives.push(Life::default());
        self.places[place] = Some(Running { node, started: now(), still_since: None });
    }

    pub(crate) fn tell(&mut self, place: usize, (order, asked): Asked) {
        let Some(Running { node, .. }) = &mut self.places[place] else { return };
        let from = now();
        let number = node.tell(&order);
        self.diary.push((from, format!("life {} order {number}: {}", node.life, order.line())));
        for (key, what) in asked {
            self.history.asked(node.life, key, what, number, from);
        }
    }

    pub(crate) fn go_on(&mut self, place: usize) {
        let Some(Running { node, still_since, .. }) = &mut self.places[place] else { return };
        let Some(since) = still_since.take() else { return };
        node.signal("-CONT");
        let life = node.life;
        self.was_silent(life, since, now() + STAGGERS);
        self.note(format!("life {life} goes on"));
    }

    fn trouble(&mut self, place: usize, trouble: Trouble, lasts: Ms) {
        let Some(Running { node, .. }) = &self.places[place] else { return };
        let life = node.life;
        self.networks[life].strike(trouble, Duration::from_millis(lasts));
        self.faults.troubles += 1;
        self.was_silent(life, now(), now() + lasts + SEEKS);
        self.note(format!("life {life} has trouble with its network for {lasts} ms: {trouble:?}"));
    }

    fn redis_fails(&mut self, failure: Failure) {
        let since = now();
        if !self.redis.fail(failure) {
            return self.note(format!("redis does not get to this: {failure:?}"));
        }
        self.note(format!("redis fails: {failure:?}"));
        self.faults.count(failure);
        if failure == Failure::FailedOver {
            self.networks.iter().for_each(|network| network.lead_to(self.redis.port()));
            self.all_were_silent(since, now() + SEEKS);
        }
    }

    pub(crate) fn mend_redis(&mut self) {
        let Some((failure, since)) = self.redis.failure() else { return };
        self.redis.mend();
        self.note("redis is well again");
        if failure.silences() {
            self.all_were_silent(since, now() + SEEKS);
        }
    }

    /// Sets Redis' clock.
    fn set_clock(&mut self, ahead: i64) {
        self.note(format!("redis' clock is set {ahead} ms ahead"));
        self.redis.clock.set(ahead);
    }

    /// Ends everything that is wrong with nodes, networks and clock.
    pub(crate) fn heal(&mut self) {
        self.set_clock(0);
        self.networks.iter().for_each(Network::calm);
        (0..NODES).for_each(|place| self.go_on(place));
    }

    /// Looks after the nodes.
    pub(crate) fn tick(&mut self) {
        let last = std::mem::replace(&mut self.ticked, now());
        if last + STALL < self.ticked {
            self.note(format!("the machine was busy for {} ms", self.ticked - last));
            self.all_were_silent(last, self.ticked + STAGGERS);
        }
        if let Some((_, since)) = self.redis.failure().filter(|(failure, _)| !failure.silences()) {
            self.look_at_leases(since);
        }
        for Running { node, .. } in self.places.iter_mut().flatten() {
            assert!(!node.has_ended(), "life {} ended by itself: {:?}", node.life, node.log());
        }
        for at in (0..self.ending.len()).rev() {
            let (node, until) = &mut self.ending[at];
            if node.has_ended() || *until <= self.ticked {
                let (node, _) = self.ending.swap_remove(at);
                self.bury(node, None);
            }
        }
    }

    /// A node is killed, or has ended; it may have stood still before.
    pub(crate) fn bury(&mut self, node: Node, still_since: Option<Ms>) {
        let (life, orders, at) = (node.life, node.orders(), now());
        let mut heard = node.kill();
        self.networks[life].close();
        if let Some((_, since)) = self.redis.failure().filter(|(failure, _)| failure.silences()) {
            self.was_silent(life, since, now());
        }
        if heard.left == Some(0) {
            heard.judged.push((orders, now()));
            self.note(format!("life {life} has ended"));
        } else {
            self.history.lives[life].gone = Some(still_since.unwrap_or(at));
            self.note(format!("life {life} is killed"));
        }
        self.history.lives[life].reaped = heard.reaped;
        self.history.judged(life, &heard.judged);
        let judged = heard.judged.into_iter().map(|(up_to, at)| (at, format!("life {life} judged {up_to}")));
        self.diary.extend(judged);
        self.diary.extend(heard.log.into_iter().map(|(at, line)| (at, format!("life {life} says: {line}"))));
    }

    /// A node could perhaps not renew its lease in this time.
    fn was_silent(&mut self, life: usize, since: Ms, until: Ms) {
        self.history.lives[life].silences.push((since, until));
    }

    fn all_were_silent(&mut self, since: Ms, until: Ms) {
        let running = self.places.iter().flatten().map(|running| running.node.life);
        let ending = self.ending.iter().map(|(node, _)| node.life);
        for life in running.chain(ending).collect::<Vec<_>>() {
            self.was_silent(life, since, until);
        }
    }

    /// Ends everything.
    fn close(mut self) -> Run {
        for Running { node, .. } in std::mem::take(&mut self.places).into_iter().flatten() {
            let life = node.life;
            self.bury(node, None);
            // It lived to the end of the run.
            self.history.lives[life].gone = None;
        }
        for (node, _) in std::mem::take(&mut self.ending) {
            self.bury(node, None);
        }
        let deadline = Instant::now() + CLOSES;
        for (life, network) in self.history.lives.iter_mut().zip(&self.networks) {
            while network.settled().is_none() && Instant::now() < deadline {
                std::thread::sleep(TICK);
            }
            life.settled = network.settled().unwrap_or_else(now);
            life.claims = network.claims();
        }
        self.history.clock = self.redis.clock.steps();
        let Self { receiver, history, faults, stuck, diary, folder, .. } = self;
        // The files of killed nodes go with it.
        drop(folder);
        Run { requests: receiver.requests(), history, faults, stuck, diary }
    }
}
