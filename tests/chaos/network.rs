//! Network between one node and Redis: TCP proxies that delay, lose, cut and hold back calls.
//! It behaves as a real network does. Bytes arrive in order, or the connection ends. Lost bytes are never followed by
//! others. Each server has a proxy of its own. Where a server names others, as those of a Redis Cluster do, the node
//! reads the ports of their proxies.

mod conditions;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use self::conditions::{ActiveFault, Conditions, Forwarding};
pub(crate) use self::conditions::{Call, NetworkFault, Way};
use crate::wiretap;
use crate::{Ms, now};

/// Proxies in front of Redis, for one node process.
pub(crate) struct Network {
    shared: Arc<Shared>,
}

struct Shared {
    proxies: Vec<Proxy>,
    conditions: Mutex<Conditions>,
    changed: Condvar,
    /// Time at which Redis last closed a connection, and the number of open connections.
    settled: AtomicU64,
    open: AtomicUsize,
    claims: Mutex<Claims>,
    closed: AtomicBool,
}

/// Proxy of a server.
struct Proxy {
    address: SocketAddr,
    /// Port of the server.
    server: AtomicU16,
}

/// Batches of claims that were forwarded.
#[derive(Default)]
struct Claims {
    known: HashSet<wiretap::Claims>,
    /// Shards and times.
    passed_on: Vec<(u8, Ms)>,
}

struct Connection {
    node: TcpStream,
    redis: TcpStream,
    /// Port of the server.
    server: u16,
    /// Bytes were lost, so no others may follow.
    lost_bytes: AtomicBool,
    /// The last call is one that the fault waits for.
    asked: AtomicBool,
    /// Shard of the batch of claims that the last call is.
    claims: Mutex<Option<u8>>,
    /// The last call asks for the servers of a Redis Cluster.
    asked_for_servers: AtomicBool,
}

impl Network {
    /// Starts a working network in front of the servers at these ports.
    pub(crate) fn start(ports: &[u16]) -> Self {
        let listeners: Vec<_> = ports.iter().map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        let proxy = |(listener, port): (&TcpListener, &u16)| Proxy {
            address: listener.local_addr().expect("an address"),
            server: AtomicU16::new(*port),
        };
        let shared = Arc::new(Shared {
            proxies: listeners.iter().zip(ports).map(proxy).collect(),
            conditions: Mutex::default(),
            changed: Condvar::new(),
            settled: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            claims: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        for (n, listener) in listeners.into_iter().enumerate() {
            let accepting = Arc::clone(&shared);
            std::thread::spawn(move || {
                for node in listener.incoming().map_while(Result::ok) {
                    if accepting.closed.load(Ordering::Relaxed) {
                        return;
                    }
                    accepting.open(node, accepting.proxies[n].server.load(Ordering::SeqCst));
                }
            });
        }
        Self { shared }
    }

    /// Returns the ports that the node connects to.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.shared.proxies.iter().map(|proxy| proxy.address.port()).collect()
    }

    /// Redirects new connections to the servers at these ports. Existing ones stay.
    pub(crate) fn redirect(&self, ports: &[u16]) {
        for (proxy, port) in self.shared.proxies.iter().zip(ports) {
            proxy.server.store(*port, Ordering::SeqCst);
        }
    }

    /// Starts a fault, in place of the current one. It affects all servers, or `only` the one at this port.
    pub(crate) fn start_fault(&self, fault: NetworkFault, lasts: Duration, only: Option<u16>) {
        let mut conditions = self.shared.conditions.lock();
        conditions.fault = None;
        let active = ActiveFault { fault, until: Instant::now() + lasts, only, matched: false };
        for connection in conditions.connections.iter().filter(|connection| active.affects(connection.server)) {
            match fault {
                NetworkFault::Refuses => connection.cut(),
                NetworkFault::HalfCloses(way) => connection.half_close(way),
                _ => {}
            }
        }
        conditions.connections.iter().for_each(|connection| connection.asked.store(false, Ordering::SeqCst));
        if !fault.ends_at_once() {
            conditions.fault = Some(active);
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

    /// Returns when each batch of claims of a shard was first forwarded to Redis, oldest first.
    pub(crate) fn claims(&self, shard: u8) -> Vec<Ms> {
        let claims = self.shared.claims.lock();
        let of_shard = claims.passed_on.iter().filter(|(of, _)| *of == shard);
        let mut times: Vec<Ms> = of_shard.map(|(_, at)| *at).collect();
        times.sort_unstable();
        times
    }

    /// Accepts no more connections. Bytes under way still arrive.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        // Unblocks the listeners.
        for proxy in &self.shared.proxies {
            drop(TcpStream::connect(proxy.address));
        }
    }
}

impl Shared {
    fn open(self: &Arc<Self>, node: TcpStream, server: u16) {
        let active = self.conditions.lock().now(server);
        let refuses = active.is_some_and(|active| active.fault == NetworkFault::Refuses);
        let redis = SocketAddr::from(([127, 0, 0, 1], server));
        let Some(redis) = (!refuses).then(|| TcpStream::connect(redis).ok()).flatten() else { return };
        // Nagle's algorithm would add a delay.
        let _ = node.set_nodelay(true).and_then(|()| redis.set_nodelay(true));
        let connection = Arc::new(Connection {
            node,
            redis,
            server,
            lost_bytes: AtomicBool::default(),
            asked: AtomicBool::default(),
            claims: Mutex::default(),
            asked_for_servers: AtomicBool::default(),
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
            // A run has thousands of connections, and each has two descriptors.
            shared.conditions.lock().connections.retain(|known| !Arc::ptr_eq(known, &connection));
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
            if way == Way::Request {
                if let Some(shard) = connection.claims(&bytes[..read]) {
                    self.claims.lock().pass_on(shard, wiretap::claims(&bytes[..read]));
                }
                connection.asked_for_servers.store(wiretap::asks_for_servers(&bytes[..read]), Ordering::SeqCst);
            } else if connection.asked_for_servers.load(Ordering::SeqCst) {
                self.proxies.iter().for_each(|proxy| proxy.replace_port(&mut bytes[..read]));
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
    fn pass_on(&mut self, shard: u8, batch: Option<wiretap::Claims>) {
        if batch.is_none_or(|batch| self.known.insert(batch)) {
            self.passed_on.push((shard, now()));
        }
    }
}

impl Proxy {
    /// Replaces the port of the server by that of its proxy in a reply to `CLUSTER SLOTS`. The reply is small and arrives
    /// at once, and both ports have five digits.
    fn replace_port(&self, reply: &mut [u8]) {
        let named = |port: u16| format!("127.0.0.1\r\n:{port}\r\n").into_bytes();
        let (server, proxy) = (named(self.server.load(Ordering::SeqCst)), named(self.address.port()));
        assert_eq!(server.len(), proxy.len(), "ports have five digits");
        for at in 0..reply.len().saturating_sub(server.len() - 1) {
            if reply[at..].starts_with(&server) {
                reply[at..at + proxy.len()].copy_from_slice(&proxy);
            }
        }
    }
}

impl Connection {
    /// Returns the shard of the batch of claims that these bytes start or continue.
    fn claims(&self, bytes: &[u8]) -> Option<u8> {
        let mut claims = self.claims.lock();
        if bytes.starts_with(b"*") {
            *claims = wiretap::claims(bytes).map(|batch| batch.shard);
        }
        *claims
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
