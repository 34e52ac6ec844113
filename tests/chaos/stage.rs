//! Cluster of a run. Carries out the script and records what it did.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clients::Asked;
use crate::faults::Faults;
use crate::fleet::{Launcher, Node};
use crate::history::{History, Life};
use crate::leases::LEASE;
use crate::network::{Network, NetworkFault};
use crate::present::Present;
use crate::receiver::{COUNTS_PATH, PATHS, Receiver};
use crate::record::Run;
use crate::schedule::{Act, Kind, NODES, Script};
use crate::servers::{Failing, Failure, Servers};
use crate::{Ms, now};

/// Interval between ticks.
const TICK: Duration = Duration::from_millis(1);

/// Pause between two ticks (ms) after which the nodes may have been paused too: the machine was busy.
const STALL: Ms = 400;

/// Time in which Redis must close the connections of dead nodes when nothing is broken.
const CLOSES: Duration = Duration::from_secs(5);

/// Time in which a continued node must have renewed its lease (ms).
const STAGGERS: Ms = 300;

/// Time in which a node must have found a restored Redis and renewed its lease (ms).
const SEEKS: Ms = 3000;

/// Interval between observations of the servers (ms).
const OBSERVE_EVERY: Ms = 200;

/// Time in which a node must end cleanly (ms).
const ENDING: Ms = 4000;

/// Runs the script of `seed` for `time`, then lets everything come to rest.
pub(crate) fn play(time: Duration, seed: u64, redis: Box<dyn Servers>, launcher: Launcher, folder: TempDir) -> Run {
    let mut script = Script::new(seed, redis.shards());
    let mut stage = Stage::set(seed, redis, launcher, folder);
    let (mut begin, end) = (now(), u64::try_from(time.as_millis()).unwrap_or(Ms::MAX));
    let mut next = script.next();
    while next.0 < end {
        while next.0 < end && begin + next.0 <= now() {
            // The script pauses while a step waits for the nodes.
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

/// Everything that is running.
pub(crate) struct Stage {
    launcher: Launcher,
    folder: TempDir,
    pub(crate) redis: Box<dyn Servers>,
    pub(crate) receiver: Receiver,
    pub(crate) places: [Option<Running>; NODES],
    /// Nodes that are ending, with the time at which they are killed.
    pub(crate) ending: Vec<(Node, Ms)>,
    /// Networks by life.
    pub(crate) networks: Vec<Network>,
    pub(crate) history: History,
    pub(crate) present: Present,
    /// Nodes count connections.
    pub(crate) counted: bool,
    pub(crate) faults: Faults,
    ticked: Ms,
    observed: Ms,
    /// Shards without a server at that time.
    unserved: Vec<u8>,
    /// Time of the last check of the leases.
    pub(crate) leases_checked: Ms,
    /// Time of the last observation of the outbox.
    pub(crate) outbox_observed: Ms,
    /// The first problem that stopped the run, such as a lost lease or a key that was not restored.
    pub(crate) stuck: Option<String>,
    pub(crate) timeline: Vec<(Ms, String)>,
}

/// The node in a place.
pub(crate) struct Running {
    pub(crate) node: Node,
    pub(crate) started: Ms,
    pub(crate) stopped_since: Option<Ms>,
}

impl Stage {
    fn set(seed: u64, redis: Box<dyn Servers>, launcher: Launcher, folder: TempDir) -> Self {
        Self {
            launcher,
            folder,
            redis,
            receiver: Receiver::start(seed),
            places: std::array::from_fn(|_| None),
            ending: Vec::new(),
            networks: Vec::new(),
            history: History::default(),
            present: Present::default(),
            // A batch that has only counts makes the checker less exact, so not in all runs.
            counted: seed.is_multiple_of(2),
            faults: Faults::default(),
            ticked: now(),
            observed: now(),
            unserved: Vec::new(),
            leases_checked: now(),
            outbox_observed: now(),
            stuck: None,
            timeline: Vec::new(),
        }
    }

    pub(crate) fn note(&mut self, line: impl Into<String>) {
        self.timeline.push((now(), line.into()));
    }

    /// Carries out a step. Returns for how long (ms) it held up the script.
    fn act(&mut self, act: Act) -> Ms {
        let begun = now();
        match act {
            Act::Start { place, life, kind, flush_interval } => {
                assert_eq!(life, self.networks.len(), "the script numbers the lives in order");
                self.start_node(place, kind, flush_interval);
            }
            Act::Send { place, asked } => self.tell(place, asked),
            Act::Kill { place } => {
                if let Some(Running { node, stopped_since, .. }) = self.places[place].take() {
                    self.faults.kills += 1;
                    self.record_end(node, stopped_since);
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
                if let Some(Running { node, stopped_since, .. }) = &mut self.places[place] {
                    node.signal("-STOP");
                    *stopped_since = Some(now());
                    self.faults.stops += 1;
                    let line = format!("life {} is stopped", node.life);
                    self.note(line);
                }
            }
            Act::Resume { place } => self.resume(place),
            Act::NetworkFault { place, network_fault, lasts, shard } => {
                self.network_fault(place, network_fault, lasts, shard);
            }
            Act::Fail { failure, shard } => self.redis_fails(failure, shard),
            Act::Repair => self.repair_redis(),
            Act::SetClock { ahead } => {
                self.set_clock(ahead);
                self.faults.clock_steps += 1;
            }
            Act::LoseKeys { choice, shard } => {
                self.lose_keys(choice, shard);
                return now() - begun;
            }
        }
        0
    }

    pub(crate) fn start_node(&mut self, place: usize, kind: Kind, flush_interval: Ms) {
        let kind = self.launcher.launched(kind);
        let life = self.history.lives.len();
        let network = Network::start(&self.redis.ports());
        let config = json!({
            "connection": self.redis.connection(&network.ports()),
            "flush_interval": Duration::from_millis(flush_interval).as_secs_f64(),
            "ttl": Duration::from_millis(LEASE).as_secs(),
            "reconcile_interval": 1,
            "subscription_count_interval": 1,
            "max_attempts": 50,
            "timeout": 1,
            "batch_max_events": 20,
            "shutdown_timeout": 2,
            "endpoints": self.endpoints(),
        });
        self.note(format!("life {life} starts in place {place}: {kind:?}"));
        self.faults.nodes += 1;
        self.faults.php_nodes += usize::from(kind != Kind::Engine);
        self.faults.reverb_nodes += usize::from(kind == Kind::Reverb);
        let node = Node::start(life, &self.launcher, kind, self.redis.shards(), &config.to_string());
        self.networks.push(network);
        self.history.lives.push(vec![Life::default(); usize::from(self.redis.shards())]);
        self.places[place] = Some(Running { node, started: now(), stopped_since: None });
    }

    /// Returns the endpoints of every node.
    pub(crate) fn endpoints(&self) -> Vec<Value> {
        let mut endpoints: Vec<_> = PATHS.iter().map(|path| json!({ "url": self.receiver.url(path) })).collect();
        if self.counted {
            endpoints.push(json!({ "url": self.receiver.url(COUNTS_PATH), "events": ["subscription_count"] }));
        }
        endpoints
    }

    pub(crate) fn tell(&mut self, place: usize, (order, asked): Asked) {
        let Some(Running { node, .. }) = &mut self.places[place] else { return };
        let from = now();
        let number = node.tell(&order);
        self.present.apply(node.life, &order);
        self.timeline.push((from, format!("life {} order {number}: {}", node.life, order.line())));
        for (key, what) in asked {
            self.history.asked(node.life, key, what, number, from);
        }
    }

    pub(crate) fn resume(&mut self, place: usize) {
        let Some(Running { node, stopped_since, .. }) = &mut self.places[place] else { return };
        let Some(since) = stopped_since.take() else { return };
        node.signal("-CONT");
        let life = node.life;
        self.was_silent(life, &self.shards(), since, now() + STAGGERS);
        self.note(format!("life {life} continues"));
    }

    /// Starts a fault between a node and all servers, or only the one that has `shard` now.
    fn network_fault(&mut self, place: usize, network_fault: NetworkFault, lasts: Ms, shard: Option<u8>) {
        let Some(Running { node, .. }) = &self.places[place] else { return };
        let life = node.life;
        let only = shard.map(|shard| self.redis.port_of(shard));
        self.networks[life].start_fault(network_fault, Duration::from_millis(lasts), only);
        self.faults.network += 1;
        // Any server may answer where a slot is, so a fault of one server may delay the connections to all.
        self.was_silent(life, &self.shards(), now(), now() + lasts + SEEKS);
        let of = shard.map_or(String::new(), |shard| format!(" at the server of shard {shard}"));
        self.note(format!("life {life}: network fault{of} for {lasts} ms: {network_fault:?}"));
    }

    fn redis_fails(&mut self, failure: Failure, shard: u8) {
        let since = now();
        if !self.redis.fail(failure, shard) {
            return self.note(format!("redis cannot fail like this now: {failure:?}"));
        }
        let Some(Failing { shards, .. }) = self.redis.failing().cloned() else { return };
        self.note(format!("redis fails: {failure:?}, shards {shards:?}"));
        self.faults.count(failure);
        if let Failure::FailedOver(_) = failure {
            self.networks.iter().for_each(|network| network.redirect(&self.redis.ports()));
            self.all_were_silent(&shards, since, now() + SEEKS);
        }
    }

    pub(crate) fn repair_redis(&mut self) {
        let Some(Failing { failure, since, shards }) = self.redis.failing().cloned() else { return };
        self.redis.repair();
        self.note("redis works again");
        if failure.silences() {
            self.all_were_silent(&shards, since, now() + SEEKS);
        }
    }

    fn shards(&self) -> Vec<u8> {
        (0..self.redis.shards()).collect()
    }

    /// Sets Redis' clock ahead of the real time (ms).
    fn set_clock(&mut self, ahead: i64) {
        self.note(format!("redis' clock is set {ahead} ms ahead"));
        self.redis.clock().set(ahead);
    }

    /// Ends all faults of nodes, networks and clock.
    pub(crate) fn heal(&mut self) {
        self.set_clock(0);
        self.networks.iter().for_each(Network::end_fault);
        (0..NODES).for_each(|place| self.resume(place));
    }

    /// Checks the nodes and the leases, observes the outbox, and collects nodes that have ended.
    pub(crate) fn tick(&mut self) {
        let last = std::mem::replace(&mut self.ticked, now());
        if last + STALL < self.ticked {
            self.note(format!("the machine was busy for {} ms", self.ticked - last));
            self.all_were_silent(&self.shards(), last, self.ticked + STAGGERS);
        }
        if self.observed + OBSERVE_EVERY <= self.ticked {
            let unserved = self.redis.observe();
            if unserved != self.unserved {
                self.note(format!("shards without a server: {unserved:?}"));
            }
            self.unserved = unserved;
            self.all_were_silent(&self.unserved.clone(), self.observed, self.ticked + SEEKS);
            self.observed = self.ticked;
        }
        if let Some(Failing { failure, since, shards }) = self.redis.failing().cloned() {
            let mut renewed = self.shards();
            renewed.retain(|shard| !self.unserved.contains(shard) && (!failure.silences() || !shards.contains(shard)));
            self.check_leases(since, &renewed);
        }
        self.observe_outbox();
        for Running { node, .. } in self.places.iter_mut().flatten() {
            assert!(!node.has_ended(), "life {} ended unexpectedly: {:?}", node.life, node.log());
        }
        for at in (0..self.ending.len()).rev() {
            let (node, until) = &mut self.ending[at];
            if node.has_ended() || *until <= self.ticked {
                let (node, _) = self.ending.swap_remove(at);
                self.record_end(node, None);
            }
        }
    }

    /// Records the end of a node, and kills it if it is still running. `stopped_since` is the time at which it was
    /// stopped.
    pub(crate) fn record_end(&mut self, node: Node, stopped_since: Option<Ms>) {
        let (life, orders, at) = (node.life, node.orders(), now());
        let mut heard = node.kill();
        self.present.end(life);
        self.networks[life].close();
        if let Some(Failing { since, shards, .. }) = self.redis.failing().filter(|it| it.failure.silences()).cloned() {
            self.was_silent(life, &shards, since, now());
        }
        if heard.left == Some(0) {
            heard.decided.iter_mut().for_each(|decided| decided.push((orders, now())));
            self.note(format!("life {life} has ended"));
        } else {
            let gone = Some(stopped_since.unwrap_or(at));
            self.history.lives[life].iter_mut().for_each(|life| life.gone = gone);
            self.note(format!("life {life} is killed"));
        }
        self.history.lives[life].iter_mut().for_each(|life| life.reaped.clone_from(&heard.reaped));
        self.history.decided(life, &heard.decided);
        for (shard, decided) in heard.decided.into_iter().enumerate() {
            let entry = |(up_to, at)| (at, format!("life {life} decided {up_to} in shard {shard}"));
            self.timeline.extend(decided.into_iter().map(entry));
        }
        self.timeline.extend(heard.log.into_iter().map(|(at, line)| (at, format!("life {life} log: {line}"))));
    }

    /// Records a period in which a node may have been unable to renew its leases in these shards.
    fn was_silent(&mut self, life: usize, shards: &[u8], since: Ms, until: Ms) {
        for shard in shards {
            self.history.lives[life][usize::from(*shard)].silences.push((since, until));
        }
    }

    fn all_were_silent(&mut self, shards: &[u8], since: Ms, until: Ms) {
        let running = self.places.iter().flatten().map(|running| running.node.life);
        let ending = self.ending.iter().map(|(node, _)| node.life);
        for life in running.chain(ending).collect::<Vec<_>>() {
            self.was_silent(life, shards, since, until);
        }
    }

    /// Ends the run.
    fn close(mut self) -> Run {
        for Running { node, .. } in std::mem::take(&mut self.places).into_iter().flatten() {
            let life = node.life;
            self.record_end(node, None);
            // It lived to the end of the run.
            self.history.lives[life].iter_mut().for_each(|life| life.gone = None);
        }
        for (node, _) in std::mem::take(&mut self.ending) {
            self.record_end(node, None);
        }
        let deadline = Instant::now() + CLOSES;
        for (lives, network) in self.history.lives.iter_mut().zip(&self.networks) {
            while network.settled().is_none() && Instant::now() < deadline {
                std::thread::sleep(TICK);
            }
            let settled = network.settled().unwrap_or_else(now);
            for (life, shard) in lives.iter_mut().zip(0..) {
                (life.settled, life.claims) = (settled, network.claims(shard));
            }
        }
        self.history.clock = self.redis.clock().steps();
        self.faults.forced_failovers = self.redis.forced_failovers();
        let Self { receiver, history, faults, stuck, timeline, folder, .. } = self;
        // This deletes the files of killed nodes.
        drop(folder);
        Run { requests: receiver.requests(), history, faults, stuck, timeline }
    }
}
