//! The way to one endpoint's server: an agent with a pool of connections kept alive, whatever is sent over it.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ureq::http::{HeaderMap, Uri, header};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, RustlsConnector, SocksConnector,
};
use ureq::{Agent, Error, Proxy, Timeout};

use super::names::Names;
use super::resolver::{GuardedResolver, refused_literal};
use super::retry::retry_after;
use super::socket::Sockets;
use crate::config::{ConfigError, Endpoint};

/// The `User-Agent` of every request.
pub(super) const USER_AGENT: &str = concat!("resonate-webhooks/", env!("CARGO_PKG_VERSION"));

/// Connections kept open to one endpoint while nothing is sent.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// How long a connection is kept without use.
const MAX_IDLE_AGE: Duration = Duration::from_secs(30);

/// A request on a reused connection that fails within this time met a peer that had closed it meanwhile. After longer,
/// the peer was at work on the request.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// The way to one server.
///
/// Each endpoint has an agent of its own: ureq caches the TLS configuration, which holds the root certificates and the
/// sessions to resume, only when the timeouts are the agent's; and no endpoint can push another's idle connections out.
#[derive(Debug)]
pub(super) struct Transport {
    agent: Agent,
    uri: Uri,
    /// Why nothing is ever sent.
    refused: Option<String>,
    timeout: Duration,
    connect_timeout: Duration,
}

impl Transport {
    /// The way to `uri`, by the settings of `endpoint`. Of an answer, its body may take `answer_timeout`, if that is less
    /// than the whole.
    ///
    /// # Errors
    /// When the proxy is none to go through; the message names the key.
    pub(super) fn new(
        endpoint: &Endpoint,
        uri: Uri,
        tls: TlsConfig,
        names: Arc<Names>,
        answer_timeout: Option<Duration>,
    ) -> Result<Self, ConfigError> {
        let proxy = endpoint.proxy.as_ref().map(|proxy| Proxy::new(proxy.full().expose())).transpose();
        let proxy = proxy.map_err(|error| ConfigError::at(&format!("{}.proxy", endpoint.key), error))?;
        let resolver = GuardedResolver::new(names, endpoint.addresses, proxy.clone());
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Never the environment's, which ureq would take by itself.
            .proxy(proxy)
            .user_agent(USER_AGENT)
            .tls_config(tls)
            .timeout_global(Some(endpoint.timeout))
            .timeout_resolve(Some(endpoint.connect_timeout))
            .timeout_connect(Some(endpoint.connect_timeout))
            .timeout_recv_body(answer_timeout)
            .max_idle_connections(MAX_IDLE_CONNECTIONS)
            .max_idle_connections_per_host(MAX_IDLE_CONNECTIONS)
            .max_idle_age(MAX_IDLE_AGE)
            .input_buffer_size(8 * 1024)
            .output_buffer_size(16 * 1024)
            .build();
        // ureq's own chain, with sockets of ours.
        let proxies = ().chain(SocksConnector::default()).chain(ConnectProxyConnector::default());
        let connector = NotesConnects(proxies.chain(Sockets).chain(RustlsConnector::default()));
        Ok(Self {
            agent: Agent::with_parts(config, connector, resolver),
            refused: refused_literal(&uri, endpoint.addresses),
            uri,
            timeout: endpoint.timeout,
            connect_timeout: endpoint.connect_timeout,
        })
    }

    /// Does `send`, twice if need be, at most for the endpoint's timeout.
    ///
    /// # Errors
    /// When there was no answer; why.
    pub(super) fn send<T>(&self, send: impl Fn(&Agent, &Uri) -> Result<T, Error>) -> Result<T, String> {
        if let Some(reason) = &self.refused {
            return Err(reason.clone());
        }
        let once = || {
            CONNECTED.set(Connected::Reused);
            send(&self.agent, &self.uri)
        };
        let started = Instant::now();
        let mut result = once();
        if let Err(error) = &result
            && is_disconnect(error)
            && CONNECTED.get() == Connected::Reused
            && started.elapsed() < STALE_WITHIN
        {
            // The peer closed the idle connection while the request was on its way. That says nothing about the
            // endpoint, so it is no failed attempt.
            result = once();
        }
        result.map_err(|error| self.explain(&error))
    }

    /// Breaks off what is under way and closes every connection. What is being connected ends by its timeout.
    pub(super) fn shutdown(&self) {
        self.agent.clone().shutdown();
    }

    /// The reason as an operator reads it. It never holds userinfo: ureq does not know it.
    fn explain(&self, error: &Error) -> String {
        match error {
            Error::Timeout(Timeout::Resolve) => {
                format!("no address for {} within {:?}", self.uri.host().unwrap_or_default(), self.connect_timeout)
            }
            Error::Timeout(Timeout::Connect) => format!("no connection within {:?}", self.connect_timeout),
            Error::Timeout(_) => format!("no answer within {:?}", self.timeout),
            Error::Io(error) => error.to_string(),
            other => other.to_string(),
        }
    }
}

/// The wait that an answer asks for.
pub(super) fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    retry_after(value, SystemTime::now())
}

/// Whether the last request of this thread ran on a new connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connected {
    Reused,
    Anew,
}

thread_local! {
    static CONNECTED: Cell<Connected> = const { Cell::new(Connected::Anew) };
}

/// A way to connect, noting that it was used: ureq does not tell whether a failed request had been sent on a connection from
/// the pool.
#[derive(Debug)]
struct NotesConnects<C>(C);

impl<C: Connector> Connector for NotesConnects<C> {
    type Out = C::Out;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<()>) -> Result<Option<Self::Out>, Error> {
        CONNECTED.set(Connected::Anew);
        self.0.connect(details, chained)
    }
}

/// The peer ended the connection before it answered.
fn is_disconnect(error: &Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error, Error::Io(error) if matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe))
}
