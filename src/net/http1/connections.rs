//! The connection pool of one server.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::time::Instant as UreqInstant;
use ureq::unversioned::transport::{ConnectionDetails, ShutdownHandle, Transport};
use ureq::{Error, Proxy, ProxyProtocol, Timeout};

use super::connector::Connector;
use super::idle::Idle;
use super::idle_limit::IdlePermit;
use crate::net::deadline::Deadline;
use crate::net::dns_cache::FRESH;
use crate::net::resolver::GuardedResolver;

/// The most idle connections to one server.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// The longest time that a connection stays idle.
const MAX_IDLE_AGE: Duration = Duration::from_secs(30);

/// The greatest age of a tunnel. Only the proxy knows the address at its end, so its age replaces the DNS lookup: a change of
/// address is followed as fast as on direct connections.
const MAX_TUNNEL_AGE: Duration = FRESH;

/// A connection over TCP, TLS or a proxy.
pub(super) struct HttpConnection {
    transport: Box<dyn Transport>,
    leads: Leads,
}

/// The peer of a connection.
#[derive(Clone, Copy, Debug)]
enum Leads {
    /// An address of the server, or of a forwarding proxy.
    To(IpAddr),
    /// The end of a tunnel, made at this time.
    Beyond(Instant),
}

/// The route to the server.
#[derive(Debug)]
enum Way {
    Straight,
    /// Through a proxy that forwards each request.
    Forwarded(Proxy),
    /// Through a tunnel of a proxy.
    Tunnel(Proxy),
}

/// The connections to one server.
pub(super) struct Connections {
    uri: Uri,
    way: Way,
    config: Config,
    resolver: GuardedResolver,
    connect_timeout: Duration,
    connector: Arc<Connector>,
    idle: Arc<Idle>,
    pool: Arc<Mutex<Pool>>,
}

/// The open connections.
#[derive(Default)]
struct Pool {
    /// The idle connections, each with the time since when it is idle.
    idle: VecDeque<(HttpConnection, Instant, IdlePermit)>,
    /// The shutdown handles of all connections.
    handles: Vec<Weak<dyn ShutdownHandle>>,
    closed: bool,
}

impl Connections {
    /// A pool without connections to `uri`. Each is resolved and made within `connect_timeout`.
    pub(super) fn new(
        uri: Uri,
        config: Config,
        resolver: GuardedResolver,
        connect_timeout: Duration,
        connector: Arc<Connector>,
        idle: Arc<Idle>,
    ) -> Self {
        let way = match config.proxy().cloned() {
            None => Way::Straight,
            Some(proxy) if forwards(&proxy, &uri) => Way::Forwarded(proxy),
            Some(proxy) => Way::Tunnel(proxy),
        };
        Self { uri, way, config, resolver, connect_timeout, connector, idle, pool: Arc::default() }
    }

    /// The URI of the server.
    pub(super) const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The proxy that forwards requests.
    pub(super) const fn forwarder(&self) -> Option<&Proxy> {
        if let Way::Forwarded(proxy) = &self.way { Some(proxy) } else { None }
    }

    /// The host of the TCP connections: the server, or the forwarding proxy.
    pub(super) fn peer(&self) -> &Uri {
        self.forwarder().map_or(&self.uri, Proxy::uri)
    }

    /// Takes the idle connection that was used last, if it is still open. Connections needed only by a burst expire.
    pub(super) fn kept(&self) -> Option<HttpConnection> {
        loop {
            let (mut connection, since, _) = self.pool.lock().idle.pop_back()?;
            // Unexpected input would be read as the next response.
            if since.elapsed() < MAX_IDLE_AGE && connection.is_open() && self.lead_there(&connection) {
                return Some(connection);
            }
        }
    }

    /// Returns whether the name still has the address of this connection, or has no known address.
    fn lead_there(&self, connection: &HttpConnection) -> bool {
        match connection.leads {
            Leads::To(address) => self.resolver.may_be(self.peer(), address),
            Leads::Beyond(since) => since.elapsed() < MAX_TUNNEL_AGE,
        }
    }

    /// Makes a new connection.
    pub(super) fn connect(&self, deadline: Deadline) -> Result<HttpConnection, Error> {
        let pool = Arc::clone(&self.pool);
        let details = ConnectionDetails {
            uri: self.peer(),
            addrs: self.addresses(deadline)?,
            config: &self.config,
            request_level: false,
            resolver: &self.resolver,
            now: UreqInstant::now(),
            timeout: deadline.or_within(self.connect_timeout, Timeout::Connect).next_timeout()?,
            current_time: Arc::new(UreqInstant::now),
            run_connector: self.connector.to_proxy(),
            register_shutdown: Arc::new(move |handle| pool.lock().register(handle)),
        };
        if let Way::Tunnel(_) = self.way {
            let leads = Leads::Beyond(Instant::now());
            return Ok(HttpConnection { transport: self.connector.through(&details)?, leads });
        }
        let (transport, address) = self.connector.straight(&details)?;
        Ok(HttpConnection { transport, leads: Leads::To(address) })
    }

    fn addresses(&self, deadline: Deadline) -> Result<ResolvedSocketAddrs, Error> {
        // Most proxies resolve names themselves.
        if let Way::Tunnel(proxy) = &self.way
            && !proxy.resolve_target()
        {
            return Ok(self.resolver.empty());
        }
        let timeout = deadline.or_within(self.connect_timeout, Timeout::Resolve).next_timeout()?;
        self.resolver.resolve(self.peer(), &self.config, timeout)
    }

    /// Keeps a connection whose response was read to its end, unless too many are idle.
    pub(super) fn keep(&self, mut connection: HttpConnection) {
        // The peer sent more than the response.
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

    /// Closes idle connections that are expired or closed by the peer. Returns the number that stays.
    pub(super) fn sweep(&self) -> usize {
        let mut pool = self.pool.lock();
        pool.idle.retain_mut(|(connection, since, _)| since.elapsed() < MAX_IDLE_AGE && connection.is_open());
        pool.idle.len()
    }

    /// Breaks off requests and closes every connection. A connection that is being made ends by its timeout.
    pub(super) fn shutdown(&self) {
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

/// Returns whether `proxy` forwards requests to `uri`. Plain HTTP needs no tunnel, and many proxies refuse one to port 80.
fn forwards(proxy: &Proxy, uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTP) && matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https)
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
    /// A connection that a test has made.
    pub(super) fn of_a_test(transport: Box<dyn Transport>) -> Self {
        Self { transport, leads: Leads::Beyond(Instant::now()) }
    }
}

impl Deref for HttpConnection {
    type Target = dyn Transport;

    fn deref(&self) -> &Self::Target {
        &*self.transport
    }
}

impl DerefMut for HttpConnection {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.transport
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("host", &self.uri.host()).finish_non_exhaustive()
    }
}
