//! Network between one node and Redis: a TCP proxy that delays, loses, cuts and holds back calls.
//! It behaves as a real network does. Bytes arrive in order, or the connection ends. Lost bytes are never followed by
//! others.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::wiretap;
use crate::{Ms, now};

/// A fault of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkFault {
    /// Everything takes this much longer (ms), in both directions.
    Slow(Ms),
    /// Requests are lost.
    LosesRequests,
    /// Replies are lost. Redis carries the calls out.
    LosesReplies,
    /// Requests and replies are lost.
    LosesAll,
    /// Connections are closed, and so are new ones.
    Refuses,
    /// The next such call, with all that follows on its connection, arrives at the end of the fault. Other connections
    /// work.
    HoldsBack(Call),
    /// The connection is cut in place of the next reply to such a call.
    CutsReply(Call),
    /// One direction of every connection is closed.
    HalfCloses(Way),
}

/// Direction of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the node to Redis.
    Request,
    /// From Redis to the node.
    Reply,
}

/// Kind of a call, recognised by a key in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A batch of claims, or the reaping of a node.
    Claim,
    /// Persists a batch.
    Persist,
    /// Acknowledges a batch.
    Ack,
    /// Any script call, such as a renewal.
    Any,
}

impl Call {
    fn is_made_by(self, bytes: &[u8]) -> bool {
        let needle: &[u8] = match self {
            Self::Claim => b"wh:held_users:",
            Self::Persist => b"wh:inflight:",
            Self::Ack => b"wh:dead",
            Self::Any => b"EVALSHA",
        };
        bytes.windows(needle.len()).any(|window| window == needle)
    }
}

impl NetworkFault {
    /// Returns true if the fault ends with its first effect.
    const fn ends_at_once(self) -> bool {
        matches!(self, Self::HalfCloses(_))
    }
}

/// Proxy in front of Redis, for one node process.
pub(crate) struct Network {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// Port of Redis.
    redis: AtomicU16,
    conditions: Mutex<Conditions>,
    changed: Condvar,
    /// Time at which Redis last closed a connection, and the number of open connections.
    settled: AtomicU64,
    open: AtomicUsize,
    claims: Mutex<Claims>,
    closed: AtomicBool,
}

#[derive(Default)]
struct Conditions {
    fault: Option<ActiveFault>,
    connections: Vec<Arc<Connection>>,
}

/// A fault and its end.
#[derive(Clone, Copy)]
struct ActiveFault {
    fault: NetworkFault,
    until: Instant,
    /// The call that the fault waits for has come.
    matched: bool,
}

/// Batches of claims that were forwarded.
#[derive(Default)]
struct Claims {
    known: HashSet<wiretap::Claims>,
    passed_on: Vec<Ms>,
}

struct Connection {
    node: TcpStream,
    redis: TcpStream,
    /// Bytes were lost, so no others may follow.
    lost_bytes: AtomicBool,
    /// The last call is one that the fault waits for.
    asked: AtomicBool,
    /// The last call is a batch of claims.
    claims: AtomicBool,
}

/// Decision about some bytes.
enum Forwarding {
    Now,
    After(Duration),
    Wait(Instant),
    Lose,
    Cut,
}

impl Network {
    /// Starts a working network in front of the Redis at `port`.
    pub(crate) fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            redis: AtomicU16::new(port),
            conditions: Mutex::default(),
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

    /// Returns the port that the node connects to.
    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Redirects new connections to the Redis at `port`. Existing ones stay.
    pub(crate) fn redirect(&self, port: u16) {
        self.shared.redis.store(port, Ordering::SeqCst);
    }

    /// Starts a fault, in place of the current one.
    pub(crate) fn start_fault(&self, fault: NetworkFault, lasts: Duration) {
        let mut conditions = self.shared.conditions.lock();
        conditions.fault = None;
        match fault {
            NetworkFault::Refuses => conditions.connections.iter().for_each(|connection| connection.cut()),
            NetworkFault::HalfCloses(way) => {
                conditions.connections.iter().for_each(|connection| connection.half_close(way));
            }
            _ => {}
        }
        conditions.connections.retain(|connection| Arc::strong_count(connection) > 1);
        conditions.connections.iter().for_each(|connection| connection.asked.store(false, Ordering::SeqCst));
        if !fault.ends_at_once() {
            conditions.fault = Some(ActiveFault { fault, until: Instant::now() + lasts, matched: false });
        }
        drop(conditions);
        self.shared.changed.notify_all();
    }

    /// Ends the fault.
    pub(crate) fn end_fault(&self) {
        self.shared.conditions.lock().fault = None;
        self.shared.changed.notify_all();
    }

    /// Returns the time at which Redis had carried out everything that arrived through this network. `None` while
    /// connections are open. Useful once the node is dead: Redis reads a connection to its end before it closes it.
    pub(crate) fn settled(&self) -> Option<Ms> {
        (self.shared.open.load(Ordering::SeqCst) == 0).then(|| self.shared.settled.load(Ordering::SeqCst))
    }

    /// Returns when each batch of claims was first forwarded to Redis, oldest first.
    pub(crate) fn claims(&self) -> Vec<Ms> {
        let mut passed_on = self.shared.claims.lock().passed_on.clone();
        passed_on.sort_unstable();
        passed_on
    }

    /// Accepts no more connections. Bytes under way still arrive.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        // Unblocks the listener.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn open(self: &Arc<Self>, node: TcpStream) {
        let refuses = matches!(self.conditions.lock().now(), Some(ActiveFault { fault: NetworkFault::Refuses, .. }));
        let redis = SocketAddr::from(([127, 0, 0, 1], self.redis.load(Ordering::SeqCst)));
        let Some(redis) = (!refuses).then(|| TcpStream::connect(redis).ok()).flatten() else { return };
        // Nagle's algorithm would add a delay.
        let _ = node.set_nodelay(true).and_then(|()| redis.set_nodelay(true));
        let connection = Arc::new(Connection {
            node,
            redis,
            lost_bytes: AtomicBool::default(),
            asked: AtomicBool::default(),
            claims: AtomicBool::default(),
        });
        self.conditions.lock().connections.push(Arc::clone(&connection));
        self.open.fetch_add(1, Ordering::SeqCst);
        let (shared, requests) = (Arc::clone(self), Arc::clone(&connection));
        std::thread::spawn(move || {
            shared.forward(&requests, Way::Request);
            let _ = requests.redis.shutdown(Shutdown::Write);
        });
        let shared = Arc::clone(self);
        std::thread::spawn(move || {
            shared.forward(&connection, Way::Reply);
            let _ = connection.node.shutdown(Shutdown::Write);
            // Reads to the end: Redis closes the connection when it has carried everything out.
            let _ = std::io::copy(&mut &connection.redis, &mut std::io::sink());
            shared.settled.fetch_max(now(), Ordering::SeqCst);
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }

    /// Forwards bytes in one direction until either side closes.
    fn forward(&self, connection: &Connection, way: Way) {
        let (mut from, mut to) = match way {
            Way::Request => (&connection.node, &connection.redis),
            Way::Reply => (&connection.redis, &connection.node),
        };
        let mut bytes = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            match self.decide(connection, way, &bytes[..read]) {
                Forwarding::Now | Forwarding::Wait(_) => {}
                Forwarding::After(time) => std::thread::sleep(time),
                Forwarding::Lose => continue,
                Forwarding::Cut => return connection.cut(),
            }
            if way == Way::Request && connection.claims(&bytes[..read]) {
                self.claims.lock().pass_on(wiretap::claims(&bytes[..read]));
            }
            if to.write_all(&bytes[..read]).is_err() {
                return;
            }
        }
    }

    /// Decides about these bytes. Waits while the fault holds them back.
    fn decide(&self, connection: &Connection, way: Way, bytes: &[u8]) -> Forwarding {
        let mut conditions = self.conditions.lock();
        loop {
            match conditions.decide(connection, way, bytes) {
                Forwarding::Wait(until) => {
                    self.changed.wait_until(&mut conditions, until);
                }
                decided => return decided,
            }
        }
    }
}

impl Claims {
    /// Records the time of a batch. A repeated batch adds nothing.
    fn pass_on(&mut self, batch: Option<wiretap::Claims>) {
        if batch.is_none_or(|batch| self.known.insert(batch)) {
            self.passed_on.push(now());
        }
    }
}

impl Conditions {
    fn now(&mut self) -> Option<ActiveFault> {
        self.fault.take_if(|active| active.until <= Instant::now());
        self.fault
    }

    fn decide(&mut self, connection: &Connection, way: Way, bytes: &[u8]) -> Forwarding {
        let active = self.now();
        let loses = match active.map(|active| active.fault) {
            Some(NetworkFault::LosesAll) => true,
            Some(NetworkFault::LosesRequests) => way == Way::Request,
            Some(NetworkFault::LosesReplies) => way == Way::Reply,
            _ => false,
        };
        if loses {
            connection.lost_bytes.store(true, Ordering::SeqCst);
            return Forwarding::Lose;
        }
        if connection.lost_bytes.load(Ordering::SeqCst) {
            return Forwarding::Cut;
        }
        match active.map(|active| active.fault) {
            Some(NetworkFault::Refuses) => Forwarding::Cut,
            Some(NetworkFault::Slow(ms)) => Forwarding::After(Duration::from_millis(ms)),
            Some(NetworkFault::CutsReply(call)) => self.cut_reply(call, connection, way, bytes),
            Some(NetworkFault::HoldsBack(call)) => self.hold_back(call, connection, way, bytes),
            _ => Forwarding::Now,
        }
    }

    fn hold_back(&mut self, call: Call, connection: &Connection, way: Way, bytes: &[u8]) -> Forwarding {
        let Some(active) = &mut self.fault else { return Forwarding::Now };
        if !active.matched && way == Way::Request && call.is_made_by(bytes) {
            active.matched = true;
            connection.asked.store(true, Ordering::SeqCst);
        }
        if connection.asked.load(Ordering::SeqCst) { Forwarding::Wait(active.until) } else { Forwarding::Now }
    }

    fn cut_reply(&mut self, call: Call, connection: &Connection, way: Way, bytes: &[u8]) -> Forwarding {
        match way {
            Way::Request => {
                connection.asked.store(call.is_made_by(bytes), Ordering::SeqCst);
                Forwarding::Now
            }
            Way::Reply if connection.asked.load(Ordering::SeqCst) => {
                self.fault = None;
                Forwarding::Cut
            }
            Way::Reply => Forwarding::Now,
        }
    }
}

impl Connection {
    /// Returns true if these bytes start or continue a batch of claims.
    fn claims(&self, bytes: &[u8]) -> bool {
        if bytes.starts_with(b"*") {
            self.claims.store(wiretap::claims(bytes).is_some(), Ordering::SeqCst);
        }
        self.claims.load(Ordering::SeqCst)
    }

    /// Closes the connection. Redis still reads what it was sent.
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
