//! The network between one node and Redis: a TCP proxy that delays, loses, cuts, and delivers late.
//!
//! What it does to a stream of bytes is what a real network does: bytes arrive in order or the connection ends. Bytes that
//! were swallowed are never followed by others.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::wiretap;
use crate::{Ms, now};

/// What is wrong with a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Everything takes this much longer, in both directions.
    Slow(Ms),
    /// Requests go nowhere.
    LosesRequests,
    /// Redis does what it is asked for, and nobody hears of it.
    LosesReplies,
    /// Nothing comes through.
    LosesAll,
    /// Connections are closed, and new ones at once.
    Refuses,
    /// The next such call, and what follows on its connection, arrives when this is over; other connections work.
    HoldsBack(Call),
    /// The next reply to such a call is not delivered; the connection is cut instead.
    CutsReply(Call),
    /// One direction of every connection is closed.
    HalfCloses(Way),
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the node to Redis.
    Request,
    /// From Redis to the node.
    Reply,
}

/// A kind of call, known by a key that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Claims, and the reaping of a dead node.
    Claim,
    /// A batch is kept.
    Keep,
    /// A batch was passed.
    Pass,
    /// The lease is renewed, or partitions are asked for; and everything else.
    Any,
}

impl Call {
    fn is_made_by(self, bytes: &[u8]) -> bool {
        let needle: &[u8] = match self {
            Self::Claim => b"wh:held_users:",
            Self::Keep => b"wh:inflight:",
            Self::Pass => b"wh:dead",
            Self::Any => b"EVALSHA",
        };
        bytes.windows(needle.len()).any(|window| window == needle)
    }
}

impl Trouble {
    /// Whether it ends with its first effect.
    const fn strikes_once(self) -> bool {
        matches!(self, Self::HalfCloses(_))
    }
}

/// A proxy in front of Redis, for one node process.
pub(crate) struct Network {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// The port of Redis.
    redis: AtomicU16,
    weather: Mutex<Weather>,
    changed: Condvar,
    /// When Redis closed the last connection that it closed, and how many it has not closed.
    settled: AtomicU64,
    open: AtomicUsize,
    claims: Mutex<Claims>,
    closed: AtomicBool,
}

#[derive(Default)]
struct Weather {
    trouble: Option<Spell>,
    connections: Vec<Arc<Connection>>,
}

/// A trouble, and how long it lasts.
#[derive(Clone, Copy)]
struct Spell {
    trouble: Trouble,
    until: Instant,
    /// Whether it has found the call that it waits for.
    met: bool,
}

/// The claims that were passed on.
#[derive(Default)]
struct Claims {
    known: HashSet<wiretap::Claims>,
    passed_on: Vec<Ms>,
}

struct Connection {
    node: TcpStream,
    redis: TcpStream,
    /// Bytes were lost: nothing may follow.
    spoiled: AtomicBool,
    /// The call that was made last is one that the trouble waits for.
    asked: AtomicBool,
    /// The call that was made last is a batch of claims.
    claims: AtomicBool,
}

/// What becomes of some bytes.
enum Fate {
    Pass,
    PassAfter(Duration),
    Wait(Instant),
    Lose,
    Cut,
}

impl Network {
    /// A network that works, in front of the Redis at `port`.
    pub(crate) fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            redis: AtomicU16::new(port),
            weather: Mutex::default(),
            changed: Condvar::new(),
            settled: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            claims: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for node in listener.incoming().map_while(Result::ok) {
                if accepting.closed.load(Ordering::Relaxed) {
                    return;
                }
                accepting.open(node);
            }
        });
        Self { address, shared }
    }

    /// Where the node finds it.
    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Has new connections lead to the Redis at `port`; those that there are stay.
    pub(crate) fn lead_to(&self, port: u16) {
        self.shared.redis.store(port, Ordering::SeqCst);
    }

    /// Lets something go wrong for a while; it replaces what went wrong before.
    pub(crate) fn strike(&self, trouble: Trouble, lasts: Duration) {
        let mut weather = self.shared.weather.lock();
        weather.trouble = None;
        match trouble {
            Trouble::Refuses => weather.connections.iter().for_each(|connection| connection.cut()),
            Trouble::HalfCloses(way) => weather.connections.iter().for_each(|connection| connection.half_close(way)),
            _ => {}
        }
        weather.connections.retain(|connection| Arc::strong_count(connection) > 1);
        weather.connections.iter().for_each(|connection| connection.asked.store(false, Ordering::SeqCst));
        if !trouble.strikes_once() {
            weather.trouble = Some(Spell { trouble, until: Instant::now() + lasts, met: false });
        }
        drop(weather);
        self.shared.changed.notify_all();
    }

    /// Lets everything work again.
    pub(crate) fn calm(&self) {
        self.shared.weather.lock().trouble = None;
        self.shared.changed.notify_all();
    }

    /// When everything that was sent through it had been carried out, or never will be, once its node is dead: Redis reads
    /// a connection to its end before it closes it.
    pub(crate) fn settled(&self) -> Option<Ms> {
        (self.shared.open.load(Ordering::SeqCst) == 0).then(|| self.shared.settled.load(Ordering::SeqCst))
    }

    /// When claims were passed on to Redis for the first time, oldest first.
    pub(crate) fn claims(&self) -> Vec<Ms> {
        let mut passed_on = self.shared.claims.lock().passed_on.clone();
        passed_on.sort_unstable();
        passed_on
    }

    /// Takes no more connections. What is still under way arrives.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn open(self: &Arc<Self>, node: TcpStream) {
        let refuses = matches!(self.weather.lock().now(), Some(Spell { trouble: Trouble::Refuses, .. }));
        let redis = SocketAddr::from(([127, 0, 0, 1], self.redis.load(Ordering::SeqCst)));
        let Some(redis) = (!refuses).then(|| TcpStream::connect(redis).ok()).flatten() else { return };
        // A proxy adds no delay that nobody asked for.
        let _ = node.set_nodelay(true).and_then(|()| redis.set_nodelay(true));
        let connection = Arc::new(Connection {
            node,
            redis,
            spoiled: AtomicBool::default(),
            asked: AtomicBool::default(),
            claims: AtomicBool::default(),
        });
        self.weather.lock().connections.push(Arc::clone(&connection));
        self.open.fetch_add(1, Ordering::SeqCst);
        let (shared, requests) = (Arc::clone(self), Arc::clone(&connection));
        std::thread::spawn(move || {
            shared.carry(&requests, Way::Request);
            let _ = requests.redis.shutdown(Shutdown::Write);
        });
        let shared = Arc::clone(self);
        std::thread::spawn(move || {
            shared.carry(&connection, Way::Reply);
            let _ = connection.node.shutdown(Shutdown::Write);
            // To the end, whether or not anybody wants to know.
            let _ = std::io::copy(&mut &connection.redis, &mut std::io::sink());
            shared.settled.fetch_max(now(), Ordering::SeqCst);
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }

    /// Carries what comes from one side to the other, until either ends.
    fn carry(&self, connection: &Connection, way: Way) {
        let (mut from, mut to) = match way {
            Way::Request => (&connection.node, &connection.redis),
            Way::Reply => (&connection.redis, &connection.node),
        };
        let mut bytes = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            match self.fate(connection, way, &bytes[..read]) {
                Fate::Pass | Fate::Wait(_) => {}
                Fate::PassAfter(time) => std::thread::sleep(time),
                Fate::Lose => continue,
                Fate::Cut => return connection.cut(),
            }
            if way == Way::Request && connection.claims(&bytes[..read]) {
                self.claims.lock().pass_on(wiretap::claims(&bytes[..read]));
            }
            if to.write_all(&bytes[..read]).is_err() {
                return;
            }
        }
    }

    /// What becomes of these bytes, once it is decided.
    fn fate(&self, connection: &Connection, way: Way, bytes: &[u8]) -> Fate {
        let mut weather = self.weather.lock();
        loop {
            match weather.fate(connection, way, bytes) {
                Fate::Wait(until) => {
                    self.changed.wait_until(&mut weather, until);
                }
                decided => return decided,
            }
        }
    }
}

impl Claims {
    /// A batch is passed on; one that is sent again brings nothing that was asked for since.
    fn pass_on(&mut self, batch: Option<wiretap::Claims>) {
        if batch.is_none_or(|batch| self.known.insert(batch)) {
            self.passed_on.push(now());
        }
    }
}

impl Weather {
    fn now(&mut self) -> Option<Spell> {
        self.trouble.take_if(|spell| spell.until <= Instant::now());
        self.trouble
    }

    fn fate(&mut self, connection: &Connection, way: Way, bytes: &[u8]) -> Fate {
        let spell = self.now();
        let loses = match spell.map(|spell| spell.trouble) {
            Some(Trouble::LosesAll) => true,
            Some(Trouble::LosesRequests) => way == Way::Request,
            Some(Trouble::LosesReplies) => way == Way::Reply,
            _ => false,
        };
        if loses {
            connection.spoiled.store(true, Ordering::SeqCst);
            return Fate::Lose;
        }
        if connection.spoiled.load(Ordering::SeqCst) {
            return Fate::Cut;
        }
        match spell.map(|spell| spell.trouble) {
            Some(Trouble::Refuses) => Fate::Cut,
            Some(Trouble::Slow(ms)) => Fate::PassAfter(Duration::from_millis(ms)),
            Some(Trouble::CutsReply(call)) => self.cut_reply(call, connection, way, bytes),
            Some(Trouble::HoldsBack(call)) => self.hold_back(call, connection, way, bytes),
            _ => Fate::Pass,
        }
    }

    fn hold_back(&mut self, call: Call, connection: &Connection, way: Way, bytes: &[u8]) -> Fate {
        let Some(spell) = &mut self.trouble else { return Fate::Pass };
        if !spell.met && way == Way::Request && call.is_made_by(bytes) {
            spell.met = true;
            connection.asked.store(true, Ordering::SeqCst);
        }
        if connection.asked.load(Ordering::SeqCst) { Fate::Wait(spell.until) } else { Fate::Pass }
    }

    fn cut_reply(&mut self, call: Call, connection: &Connection, way: Way, bytes: &[u8]) -> Fate {
        match way {
            Way::Request => {
                connection.asked.store(call.is_made_by(bytes), Ordering::SeqCst);
                Fate::Pass
            }
            Way::Reply if connection.asked.load(Ordering::SeqCst) => {
                self.trouble = None;
                Fate::Cut
            }
            Way::Reply => Fate::Pass,
        }
    }
}

impl Connection {
    /// Whether a batch of claims begins here, or goes on.
    fn claims(&self, bytes: &[u8]) -> bool {
        if bytes.starts_with(b"*") {
            self.claims.store(wiretap::claims(bytes).is_some(), Ordering::SeqCst);
        }
        self.claims.load(Ordering::SeqCst)
    }

    /// Ends it. What Redis has been sent it still reads.
    fn cut(&self) {
        let _ = self.node.shutdown(Shutdown::Both);
        let _ = self.redis.shutdown(Shutdown::Write);
    }

    fn half_close(&self, way: Way) {
        let _ = match way {
            Way::Request => self.redis.shutdown(Shutdown::Write),
            Way::Reply => self.node.shutdown(Shutdown::Write),
        };
    }
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
