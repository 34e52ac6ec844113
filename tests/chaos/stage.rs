//! The cluster of a run: it does what the schedule says and writes down what it did.

use std::path::PathBuf;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redis::Commands;
use serde_json::json;

use crate::checker::Report;
use crate::crowd::{Asked, Crowd};
use crate::fleet::Node;
use crate::history::{History, Life};
use crate::receiver::{PATHS, Receiver, Request};
use crate::schedule::{Fault, Faults, NODES};
use crate::support::redis::RedisServer;
use crate::{Ms, now};

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(1);

/// Between two orders to one node, at most.
const ORDERS_EVERY: Ms = 14;

/// How long a node is silent at least before it is taken for dead: its lease, less the time since it was renewed.
const SILENCE: Ms = 1900;

/// How long it may take a node that goes on to say so.
const STAGGERS: Ms = 300;

/// How long it may take a node to find a Redis that is back, and to say that it is there.
const SEEKS: Ms = 3000;

/// How long a node that was told to end may take.
const ENDING: Ms = 4000;

/// How long the cluster may take to come to rest: leases lapse, retries back off.
const SETTLING: Ms = 60_000;

/// Partitions of the outbox.
const PARTITIONS: usize = 16;

/// A run that is over.
pub(crate) struct Run {
    pub(crate) history: History,
    pub(crate) requests: Vec<Request>,
    pub(crate) faults: Faults,
    /// What did not come to rest.
    pub(crate) stuck: Option<String>,
    diary: Vec<(Ms, String)>,
}

/// Plays the schedule of `seed` for `time`, and then lets everything come to rest.
pub(crate) fn play(time: Duration, seed: u64) -> Run {
    let mut stage = Stage::set(seed);
    let end = now() + u64::try_from(time.as_millis()).unwrap_or(Ms::MAX);
    let (after, mut fault) = Fault::draw(&mut stage.rng);
    let mut fault_at = now() + after;
    while now() < end {
        if fault_at <= now() {
            stage.strike(fault);
            let (after, next) = Fault::draw(&mut stage.rng);
            (fault_at, fault) = (now() + after, next);
        }
        stage.tick(true);
        std::thread::sleep(TICK);
    }
    let stuck = stage.come_to_rest();
    stage.close(stuck)
}

struct Stage {
    rng: StdRng,
    redis: RedisServer,
    /// When Redis is to be started again, if it is down, and since when it is.
    redis_down: Option<(Ms, Ms)>,
    receiver: Receiver,
    places: [Place; NODES],
    history: History,
    faults: Faults,
    diary: Vec<(Ms, String)>,
}

/// The place of one node.
enum Place {
    Empty { until: Ms },
    Running { node: Node, crowd: Crowd, next_order: Ms, still: Option<Still> },
    Ending { node: Node, until: Ms },
}

/// A node that stands still.
struct Still {
    since: Ms,
    until: Ms,
}

impl Stage {
    fn set(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            redis: RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]),
            redis_down: None,
            receiver: Receiver::start(seed),
            places: std::array::from_fn(|_| Place::Empty { until: 0 }),
            history: History::default(),
            faults: Faults::default(),
            diary: Vec::new(),
        }
    }

    fn note(&mut self, line: String) {
        self.diary.push((now(), line));
    }

    fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::Kill { place, down } => {
                let running = std::mem::replace(&mut self.places[place], Place::Empty { until: now() + down });
                match running {
                    Place::Running { node, still, .. } => {
                        self.faults.kills += 1;
                        self.bury(node, still.map(|still| still.since));
                    }
                    Place::Ending { node, .. } => {
                        self.faults.kills += 1;
                        self.bury(node, None);
                    }
                    empty @ Place::Empty { .. } => self.places[place] = empty,
                }
            }
            Fault::End { place, down } => self.tell_to_end(place, down),
            Fault::Stop { place, still: time } => {
                if let Place::Running { node, still: still @ None, .. } = &mut self.places[place] {
                    node.signal("-STOP");
                    *still = Some(Still { since: now(), until: now() + time });
                    self.faults.stops += 1;
                    let line = format!("life {} stands still for {time} ms", node.life);
                    self.note(line);
                }
            }
            Fault::KillRedis { down } => {
                if self.redis_down.is_none() {
                    self.note("redis is killed".to_owned());
                    self.redis_down = Some((now(), now() + down));
                    self.redis.kill();
                    self.faults.redis_kills += 1;
                }
            }
        }
    }

    fn tell_to_end(&mut self, place: usize, down: Ms) {
        let was = std::mem::replace(&mut self.places[place], Place::Empty { until: now() + down });
        self.places[place] = match was {
            Place::Running { mut node, mut crowd, still: None, .. } => {
                self.faults.ends += 1;
                let asked = crowd.end();
                self.tell(&mut node, asked);
                Place::Ending { node, until: now() + ENDING }
            }
            other => other,
        };
    }

    /// Does what is due; `orders` tells whether people still come and go.
    fn tick(&mut self, orders: bool) {
        if let Some((since, _)) = self.redis_down.take_if(|(_, until)| *until <= now()) {
            self.redis.restart();
            self.note("redis is back".to_owned());
            for life in 0..self.history.lives.len() {
                if self.history.lives[life].gone.is_none() {
                    self.was_silent(life, since, SEEKS);
                }
            }
        }
        for place in 0..NODES {
            let was = std::mem::replace(&mut self.places[place], Place::Empty { until: 0 });
            self.places[place] = self.tick_place(place, was, orders);
        }
    }

    fn tick_place(&mut self, number: usize, mut place: Place, orders: bool) -> Place {
        let ended = match &mut place {
            Place::Running { node, .. } | Place::Ending { node, .. } => node.has_ended(),
            Place::Empty { .. } => false,
        };
        match place {
            Place::Empty { until } if until <= now() => self.start_node(number),
            Place::Running { node, .. } if ended => {
                panic!("a node ended by itself: {:?}", node.kill());
            }
            Place::Running { mut node, mut crowd, mut next_order, mut still } => {
                if let Some(Still { since, .. }) = still.take_if(|still| still.until <= now()) {
                    node.signal("-CONT");
                    self.was_silent(node.life, since, STAGGERS);
                    self.note(format!("life {} goes on", node.life));
                }
                if orders && still.is_none() && next_order <= now() {
                    if let Some(asked) = crowd.next(&mut self.rng) {
                        self.tell(&mut node, asked);
                    }
                    next_order = now() + self.rng.random_range(0..ORDERS_EVERY);
                }
                Place::Running { node, crowd, next_order, still }
            }
            Place::Ending { node, until } if ended || until <= now() => {
                self.bury(node, None);
                Place::Empty { until: now() + self.rng.random_range(0..1000) }
            }
            waiting => waiting,
        }
    }

    fn start_node(&mut self, number: usize) -> Place {
        let life = self.history.lives.len();
        self.history.lives.push(Life::default());
        let endpoints: Vec<_> = PATHS.iter().map(|path| json!({ "url": self.receiver.url(path) })).collect();
        let config = json!({
            "connection": { "host": self.redis.socket(), "timeout": 1 },
            "flush_interval": Duration::from_millis(self.rng.random_range(10..=crate::checker::FLUSH_INTERVAL)).as_secs_f64(),
            "ttl": 3,
            "max_attempts": 50,
            "timeout": 1,
            "batch_max_events": 20,
            "shutdown_timeout": 2,
            "endpoints": endpoints,
        });
        self.note(format!("life {life} starts in place {number}"));
        let node = Node::start(life, &config.to_string());
        Place::Running { node, crowd: Crowd::new(number, life), next_order: now(), still: None }
    }

    fn tell(&mut self, node: &mut Node, (order, asked): Asked) {
        let from = now();
        let number = node.tell(&order);
        self.diary.push((from, format!("life {} order {number}: {}", node.life, order.line())));
        for (key, what) in asked {
            self.history.asked(node.life, key, what, number, from);
        }
    }

    /// A node is killed, or has ended; it may have stood still before.
    fn bury(&mut self, node: Node, still_since: Option<Ms>) {
        let (life, orders) = (node.life, node.orders());
        let mut heard = node.kill();
        if heard.left == Some(0) {
            heard.judged.push((orders, now()));
            self.note(format!("life {life} has ended"));
        } else {
            self.history.lives[life].gone = Some(still_since.unwrap_or_else(now));
            self.note(format!("life {life} is killed"));
        }
        self.history.judged(life, &heard.judged);
        let judged = heard.judged.into_iter().map(|(up_to, at)| (at, format!("life {life} judged {up_to}")));
        self.diary.extend(judged);
        self.diary.extend(heard.log.into_iter().map(|(at, line)| (at, format!("life {life} says: {line}"))));
    }

    /// A node was silent until now, and takes a while to say that it is there: it may have been taken for dead.
    fn was_silent(&mut self, life: usize, since: Ms, then: Ms) {
        let (from, to) = (since + SILENCE, now() + then);
        if from <= to {
            self.history.lives[life].away.push((from, to));
        }
    }

    /// Ends all faults and waits until nothing is under way. Returns what still was when time was up.
    fn come_to_rest(&mut self) -> Option<String> {
        self.note("the schedule is over".to_owned());
        self.receiver.be_well();
        self.redis_down.iter_mut().for_each(|(_, until)| *until = 0);
        for place in &mut self.places {
            if let Place::Running { still: Some(still), .. } = place {
                still.until = 0;
            }
        }
        let (begun, deadline) = (now(), now() + SETTLING);
        while !self.places.iter().all(|place| matches!(place, Place::Running { .. })) && now() < deadline {
            self.tick(false);
            std::thread::sleep(TICK);
        }
        self.tick(false);
        for place in 0..NODES {
            let was = std::mem::replace(&mut self.places[place], Place::Empty { until: Ms::MAX });
            self.places[place] = match was {
                Place::Running { mut node, mut crowd, next_order, still } => {
                    let asked = crowd.last_word();
                    self.tell(&mut node, asked);
                    Place::Running { node, crowd, next_order, still }
                }
                other => other,
            };
        }
        let mut redis = self.redis.connect();
        loop {
            let Some(under_way) = self.under_way(&mut redis) else {
                self.faults.rest = now() - begun;
                return None;
            };
            if now() > deadline {
                self.note(under_way.clone());
                return Some(under_way);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What is not done yet, if anything.
    fn under_way(&self, redis: &mut redis::Connection) -> Option<String> {
        let mut lines = Vec::new();
        let nodes: usize = redis.zcard("wh:nodes").expect("a Redis");
        if nodes != NODES {
            lines.push(format!("{nodes} nodes have a lease"));
        }
        for partition in 0..PARTITIONS {
            let events: usize = redis.xlen(format!("wh:out:{partition}")).expect("a Redis");
            let batches: usize = redis.hlen(format!("wh:flight:{partition}")).expect("a Redis");
            if events + batches > 0 {
                let owner: Option<String> = redis.hget("wh:owners", partition).expect("a Redis");
                lines.push(format!("{events} events and {batches} batches in partition {partition} of {owner:?}"));
            }
        }
        for place in &self.places {
            if let Place::Running { node, .. } = place
                && !node.is_judged()
            {
                lines.push(format!("orders of life {} are not judged", node.life));
            }
        }
        (!lines.is_empty()).then(|| format!("not at rest: {}", lines.join("\n  ")))
    }

    /// Ends everything.
    fn close(mut self, stuck: Option<String>) -> Run {
        for place in 0..NODES {
            let was = std::mem::replace(&mut self.places[place], Place::Empty { until: Ms::MAX });
            if let Place::Running { node, .. } | Place::Ending { node, .. } = was {
                let life = node.life;
                self.bury(node, None);
                // It lived to the end of the run.
                self.history.lives[life].gone = None;
            }
        }
        let Self { receiver, history, faults, diary, .. } = self;
        Run { requests: receiver.requests(), history, faults, stuck, diary }
    }
}

impl Run {
    /// Writes all that happened into a file.
    pub(crate) fn write_down(&self, report: &Report, seed: u64) -> PathBuf {
        let mut lines = self.diary.clone();
        lines.extend(self.requests.iter().map(|request| {
            (request.at, format!("received at {} as {}: {} {}", request.path, request.id, request.app, request.body))
        }));
        lines.sort_by_key(|(at, _)| *at);
        let violations = report.violations.iter().map(ToString::to_string);
        let diary = lines.into_iter().map(|(at, line)| format!("{at} {line}"));
        let text: Vec<String> = violations.chain(diary).collect();
        let path = std::env::temp_dir().join(format!("chaos-{seed}-{}.log", std::process::id()));
        std::fs::write(&path, text.join("\n")).expect("a file for what happened");
        path
    }
}
