//! The connection pool of one server.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use derive_more::{Deref, DerefMut};
use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::time::Instant as UreqInstant;
use ureq::unversioned::transport::{ConnectionDetails, ShutdownHandle, Transport};
use ureq::{Error, Proxy, ProxyProtocol, Timeout};

use super::PostClient;
use crate::net::deadline::Deadline;
use crate::net::dns_cache::FRESH;
use crate::net::http1::idle_limit::IdlePermit;

/// The maximum number of idle connections to one server.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// The longest time that a connection stays idle.
const MAX_IDLE_AGE: Duration = Duration::from_secs(30);

/// The maximum age of a tunnel. The address at its end is visible to the proxy only, so a maximum age replaces the DNS check.
/// A change of address is followed as fast as on direct connections.
const MAX_TUNNEL_AGE: Duration = FRESH;

/// A connection over TCP, TLS or a proxy.
#[derive(Deref, DerefMut)]
pub(in crate::net::http1) struct HttpConnection {
    #[deref]
    #[deref_mut]
    transport: Box<dyn Transport>,
    peer: Peer,
}

/// The peer of a connection.
#[derive(Clone, Copy, Debug)]
enum Peer {
    /// An address of the server, or of a forwarding proxy.
    Address(IpAddr),
    /// The end of a tunnel that was opened at this time.
    Tunnel(Instant),
}

/// The route to the server.
#[derive(Debug)]
pub(super) enum ServerRoute {
    Direct,
    /// Through a proxy that forwards each request.
    Forwarded(Proxy),
    /// Through a tunnel of a proxy.
    Tunnel(Proxy),
}

/// The open connections.
#[derive(Default)]
pub(super) struct Pool {
    /// The idle connections, each with the time at which it became idle.
    idle: VecDeque<(HttpConnection, Instant, IdlePermit)>,
    /// The shutdown handles of all connections.
    handles: Vec<Weak<dyn ShutdownHandle>>,
    closed: bool,
}

impl ServerRoute {
    /// Returns the route to `uri`. Plain HTTP needs no tunnel, and many proxies refuse a tunnel to port 80.
    pub(super) fn to(uri: &Uri, proxy: Option<Proxy>) -> Self {
        let is_plain = uri.scheme() == Some(&Scheme::HTTP);
        match proxy {
            None => Self::Direct,
            Some(proxy) if is_plain && matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) => {
                Self::Forwarded(proxy)
            }
            Some(proxy) => Self::Tunnel(proxy),
        }
    }
}

impl PostClient {
    /// Returns the proxy that forwards requests, if there is one.
    pub(super) const fn forwarder(&self) -> Option<&Proxy> {
        if let ServerRoute::Forwarded(proxy) = &self.route { Some(proxy) } else { None }
    }

    /// Returns the host of the TCP connections: the server, or the forwarding proxy.
    pub(super) fn peer(&self) -> &Uri {
        self.forwarder().map_or(&self.uri, Proxy::uri)
    }

    /// Takes the most recently used idle connection that is still open, so that connections opened for a burst expire.
    pub(in crate::net::http1) fn kept(&self) -> Option<HttpConnection> {
        loop {
            let (mut connection, since, _) = self.pool.lock().idle.pop_back()?;
            // `is_open` is false if there is unread input, which would be taken for the next response.
            if since.elapsed() < MAX_IDLE_AGE && connection.is_open() && self.is_current(&connection) {
                return Some(connection);
            }
        }
    }

    /// Returns `true` if the host still resolves to the address of this connection, or currently has no known address.
    fn is_current(&self, connection: &HttpConnection) -> bool {
        match connection.peer {
            Peer::Address(address) => self.resolver.may_be(self.peer(), address),
            Peer::Tunnel(since) => since.elapsed() < MAX_TUNNEL_AGE,
        }
    }

    /// Opens a new connection.
    pub(super) fn connect(&self, deadline: Deadline) -> Result<HttpConnection, Error> {
        let pool = Arc::clone(&self.pool);
        let addrs = self.addresses(deadline)?;
        let deadline = deadline.or_within(self.connect_timeout, Timeout::Connect);
        let details = ConnectionDetails {
            uri: self.peer(),
            addrs,
            config: &self.config,
            request_level: false,
            resolver: &self.resolver,
            now: UreqInstant::now(),
            timeout: deadline.next_timeout()?,
            current_time: Arc::new(UreqInstant::now),
            run_connector: self.connector.to_proxy(deadline),
            register_shutdown: Arc::new(move |handle| pool.lock().register(handle)),
        };
        if let ServerRoute::Tunnel(_) = self.route {
            let peer = Peer::Tunnel(Instant::now());
            return Ok(HttpConnection { transport: self.connector.connect_tunnel(&details)?, peer });
        }
        let (transport, address) = self.connector.connect_direct(&details)?;
        Ok(HttpConnection { transport, peer: Peer::Address(address) })
    }

    fn addresses(&self, deadline: Deadline) -> Result<ResolvedSocketAddrs, Error> {
        // Most proxies resolve names themselves.
        if let ServerRoute::Tunnel(proxy) = &self.route
            && !proxy.resolve_target()
        {
            return Ok(self.resolver.empty());
        }
        let timeout = deadline.or_within(self.connect_timeout, Timeout::Resolve).next_timeout()?;
        self.resolver.resolve(self.peer(), &self.config, timeout)
    }

    /// Returns a connection to the pool after its response was read to its end, unless too many are idle.
    pub(in crate::net::http1) fn keep(&self, mut connection: HttpConnection) {
        // The peer has sent more than the response.
        if !connection.buffers().input().is_empty() {
            return;
        }
        let Some(permit) = IdlePermit::take() else { return };
        let mut pool = self.pool.lock();
        if pool.closed {
            return;
        }
        pool.idle.push_back((connection, Instant::now(), permit));
        if pool.idle.len() > MAX_IDLE_CONNECTIONS {
            pool.idle.pop_front();
        }
        drop(pool);
        self.idle.note();
    }

    /// Closes idle connections that have expired or that the peer has closed. Returns the number that remains.
    pub(crate) fn sweep(&self) -> usize {
        let mut pool = self.pool.lock();
        pool.idle.retain_mut(|(connection, since, _)| since.elapsed() < MAX_IDLE_AGE && connection.is_open());
        pool.idle.len()
    }

    /// Aborts requests and closes every connection. A pending connect ends when its timeout expires.
    pub(crate) fn shutdown(&self) {
        let (idle, handles) = {
            let mut pool = self.pool.lock();
            pool.closed = true;
            (std::mem::take(&mut pool.idle), std::mem::take(&mut pool.handles))
        };
        drop(idle);
        for handle in handles.iter().filter_map(Weak::upgrade) {
            handle.shutdown();
        }
    }
}

impl Pool {
    fn register(&mut self, handle: Weak<dyn ShutdownHandle>) -> Result<(), Error> {
        if self.closed {
            return Err(Error::Io(io::Error::new(ErrorKind::NotConnected, "the delivery was stopped")));
        }
        self.handles.retain(|handle| handle.strong_count() > 0);
        self.handles.push(handle);
        Ok(())
    }
}

#[cfg(test)]
impl HttpConnection {
    /// Wraps the transport of a test.
    pub(in crate::net::http1) fn of_a_test(transport: Box<dyn Transport>) -> Self {
        Self { transport, peer: Peer::Tunnel(Instant::now()) }
    }
}
