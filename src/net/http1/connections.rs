//! The connections to one endpoint's server: made by ureq's connectors, kept open between requests.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::time::Instant as UreqInstant;
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, RustlsConnector, ShutdownHandle, SocksConnector, Transport,
};
use ureq::{Error, Timeout};

use crate::net::deadline::Deadline;
use crate::net::resolver::GuardedResolver;
use crate::net::socket::Sockets;

/// Connections kept open to one endpoint while nothing is sent.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// How long a connection is kept without use.
const MAX_IDLE_AGE: Duration = Duration::from_secs(30);

/// A connection, over whatever it goes.
pub(super) type Connection = Box<dyn Transport>;

/// How often the name is looked up while nobody has to connect: so that its address is known when the connections are gone,
/// also if nobody answers for it then.
const LOOKED_UP_EVERY: Duration = Duration::from_secs(30);

/// Makes connections.
type AnyConnector = dyn Connector<(), Out = Connection>;

/// The connections of one endpoint.
pub(super) struct Connections {
    uri: Uri,
    config: Config,
    resolver: GuardedResolver,
    connect_timeout: Duration,
    connector: Arc<AnyConnector>,
    pool: Arc<Mutex<Pool>>,
}

/// What is open.
#[derive(Default)]
struct Pool {
    /// The connections that nobody uses, with the time since when.
    idle: VecDeque<(Connection, Instant)>,
    /// By what to break off each of them all, used or not.
    handles: Vec<Weak<dyn ShutdownHandle>>,
    /// When the name was looked up last.
    looked_up: Option<Instant>,
    closed: bool,
}

impl Connections {
    /// None yet to `uri`. Each is made, and its name looked up, within `connect_timeout`.
    pub(super) fn new(uri: Uri, config: Config, resolver: GuardedResolver, connect_timeout: Duration) -> Self {
        let proxies = ().chain(SocksConnector::default()).chain(ConnectProxyConnector::default());
        // ureq's own chain, with sockets of ours.
        let connector = proxies.chain(Sockets).chain(RustlsConnector::default()).chain(Boxed);
        Self { uri, config, resolver, connect_timeout, connector: Arc::new(connector), pool: Arc::default() }
    }

    /// Where they lead to.
    pub(super) const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// A kept connection that is still open: the one used last, so that those which a burst needed, and nothing since, end.
    pub(super) fn kept(&self, deadline: Deadline) -> Option<Connection> {
        loop {
            let now = Instant::now();
            let (mut connection, since, look_up) = {
                let mut pool = self.pool.lock();
                let (connection, since) = pool.idle.pop_back()?;
                (
                    connection,
                    since,
                    pool.looked_up.is_some_and(|at| now.saturating_duration_since(at) >= LOOKED_UP_EVERY),
                )
            };
            // What came unasked would be taken for the next answer.
            if now.saturating_duration_since(since) >= MAX_IDLE_AGE || !connection.is_open() {
                continue;
            }
            if look_up {
                // Its address was known lately: nobody waits for this.
                let _ = self.addresses(deadline);
            }
            return Some(connection);
        }
    }

    /// A new connection.
    pub(super) fn connect(&self, deadline: Deadline) -> Result<Connection, Error> {
        let addrs = self.addresses(deadline)?;
        let (connector, pool) = (Arc::clone(&self.connector), Arc::clone(&self.pool));
        let details = ConnectionDetails {
            uri: &self.uri,
            addrs,
            config: &self.config,
            request_level: false,
            resolver: &self.resolver,
            now: UreqInstant::now(),
            timeout: deadline.or_within(self.connect_timeout, Timeout::Connect).next_timeout()?,
            current_time: Arc::new(UreqInstant::now),
            run_connector: Arc::new(move |details| connected(connector.connect(details, None)?)),
            register_shutdown: Arc::new(move |handle| pool.lock().register(handle)),
        };
        let connection = connected(self.connector.connect(&details, None)?)?;
        if self.uri.scheme() == Some(&Scheme::HTTPS) && !connection.is_tls() {
            return Err(Error::TlsRequired);
        }
        Ok(connection)
    }

    fn addresses(&self, deadline: Deadline) -> Result<ResolvedSocketAddrs, Error> {
        let proxy = self.config.proxy();
        // A proxy looks names up by itself, unless it cannot.
        if proxy.is_some_and(|proxy| !proxy.is_no_proxy(&self.uri) && !proxy.resolve_target()) {
            return Ok(self.resolver.empty());
        }
        self.pool.lock().looked_up = Some(Instant::now());
        let timeout = deadline.or_within(self.connect_timeout, Timeout::Resolve).next_timeout()?;
        self.resolver.resolve(&self.uri, &self.config, timeout)
    }

    /// Keeps a connection whose answer was read to the end.
    pub(super) fn keep(&self, mut connection: Connection) {
        // More than the answer came.
        if !connection.buffers().input().is_empty() {
            return;
        }
        let now = Instant::now();
        let mut pool = self.pool.lock();
        if pool.closed {
            return;
        }
        pool.idle.push_back((connection, now));
        let too_old = |(_, since): &(Connection, Instant)| now.saturating_duration_since(*since) >= MAX_IDLE_AGE;
        while pool.idle.len() > MAX_IDLE_CONNECTIONS || pool.idle.front().is_some_and(too_old) {
            pool.idle.pop_front();
        }
    }

    /// Breaks off what is under way and closes every connection. What is being connected ends by its timeout.
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

fn connected(connection: Option<Connection>) -> Result<Connection, Error> {
    connection.ok_or(Error::ConnectionFailed)
}

/// Ends a chain of connectors.
#[derive(Debug)]
struct Boxed;

impl<In: Transport> Connector<In> for Boxed {
    type Out = Connection;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Connection>, Error> {
        Ok(chained.map(|connection| Box::new(connection) as Connection))
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("host", &self.uri.host()).finish_non_exhaustive()
    }
}
