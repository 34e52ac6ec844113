//! The POST of a batch, over a pool of connections kept alive.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector};
use ureq::{Agent, Error, Timeout};

use super::retry::Answer;
use crate::config::Endpoint;
use crate::outbox::Wire;
use crate::secret::Secret;

/// The `User-Agent` of every POST.
const USER_AGENT: &str = concat!("resonate-webhooks/", env!("CARGO_PKG_VERSION"));

/// How much of an answer is read. Nobody looks at it, but a connection whose answer was not read cannot be used again.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// How long an answer's body may take. The status has decided already; this is only about keeping the connection.
const ANSWER_BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// Connections kept open to one endpoint while nothing is sent.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// How long a connection is kept without use.
const MAX_IDLE_AGE: Duration = Duration::from_secs(30);

/// A request on a reused connection that fails within this time met a peer that had closed it meanwhile. After longer,
/// the peer was at work on the request.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// What sends to one endpoint.
///
/// Each endpoint has an agent of its own: ureq caches the TLS configuration, which holds the root certificates and the
/// sessions to resume, only when the timeouts are the agent's; and no endpoint can push another's idle connections out.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    uri: Uri,
    authorization: Option<Secret>,
    timeout: Duration,
    connect_timeout: Duration,
}

impl Client {
    /// A client for each endpoint, in their order. They connect when the first batch is sent.
    ///
    /// # Errors
    /// When a URL is none to send to.
    pub(crate) fn for_all(endpoints: &[Endpoint]) -> io::Result<Arc<[Self]>> {
        let tls = if endpoints.is_empty() { TlsConfig::default() } else { tls_config() };
        endpoints.iter().map(|endpoint| Self::new(endpoint, tls.clone())).collect()
    }

    fn new(endpoint: &Endpoint, tls: TlsConfig) -> io::Result<Self> {
        let uri: Uri = endpoint.url.as_str().parse().map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("endpoint {}: {error}", endpoint.index))
        })?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(USER_AGENT)
            .tls_config(tls)
            .timeout_global(Some(endpoint.timeout))
            .timeout_connect(Some(endpoint.connect_timeout))
            .timeout_recv_body(Some(ANSWER_BODY_TIMEOUT))
            .max_idle_connections(MAX_IDLE_CONNECTIONS)
            .max_idle_connections_per_host(MAX_IDLE_CONNECTIONS)
            .max_idle_age(MAX_IDLE_AGE)
            .input_buffer_size(8 * 1024)
            .output_buffer_size(16 * 1024)
            .build();
        let connector = NotesConnects(DefaultConnector::default());
        let basic = |userinfo: &Secret| Secret::new(format!("Basic {}", STANDARD.encode(userinfo.expose())));
        Ok(Self {
            agent: Agent::with_parts(config, connector, DefaultResolver::default()),
            uri,
            authorization: endpoint.url.credentials().map(basic),
            timeout: endpoint.timeout,
            connect_timeout: endpoint.connect_timeout,
        })
    }

    /// Sends a batch and waits for the status, at most for the endpoint's timeout.
    pub(crate) fn post(&self, id: &str, wire: &Wire) -> Answer {
        let started = Instant::now();
        let mut result = self.post_once(id, wire);
        if let Err(error) = &result
            && is_disconnect(error)
            && CONNECTED.get() == Connected::Reused
            && started.elapsed() < STALE_WITHIN
        {
            // The peer closed the idle connection while the request was on its way. That says nothing about the
            // endpoint, so it is no failed attempt.
            result = self.post_once(id, wire);
        }
        match result {
            Ok(status) => Answer::Status(status),
            Err(error) => Answer::Failed(self.explain(&error)),
        }
    }

    /// Breaks off what is under way and closes every connection. What is being connected ends by its timeout.
    pub(crate) fn shutdown(&self) {
        self.agent.clone().shutdown();
    }

    fn post_once(&self, id: &str, wire: &Wire) -> Result<u16, Error> {
        CONNECTED.set(Connected::Reused);
        let mut request = self
            .agent
            .post(&self.uri)
            .header("Content-Type", "application/json")
            .header("X-Pusher-Key", &wire.key)
            .header("X-Pusher-Signature", &wire.pusher_signature)
            .header("webhook-id", id)
            .header("webhook-timestamp", &wire.timestamp)
            .header("webhook-signature", &wire.standard_signature);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization.expose());
        }
        let mut answer = request.send(&wire.body[..])?;
        let status = answer.status().as_u16();
        // Whatever happens here, the endpoint has answered.
        let _ = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        Ok(status)
    }

    /// The reason as an operator reads it. It never holds userinfo: ureq does not know it.
    fn explain(&self, error: &Error) -> String {
        match error {
            Error::Timeout(Timeout::Connect) => format!("no connection within {:?}", self.connect_timeout),
            Error::Timeout(_) => format!("no answer within {:?}", self.timeout),
            Error::Io(error) => error.to_string(),
            other => other.to_string(),
        }
    }
}

/// The TLS configuration of all endpoints: the certificates that this machine trusts, as PHP's own HTTP clients use
/// them, or Mozilla's where the machine has none.
fn tls_config() -> TlsConfig {
    // Without a provider chosen for the process, rustls panics as soon as two are compiled in. An error means that one
    // was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let system = rustls_native_certs::load_native_certs().certs;
    let roots = if system.is_empty() {
        RootCerts::WebPki
    } else {
        RootCerts::from(system.iter().map(|der| Certificate::from_der(der).to_owned()))
    };
    TlsConfig::builder().root_certs(roots).build()
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

/// ureq's own way to connect, noting that it was used: ureq does not tell whether a failed request had been sent on a
/// connection from the pool.
#[derive(Debug)]
struct NotesConnects(DefaultConnector);

impl Connector for NotesConnects {
    type Out = <DefaultConnector as Connector>::Out;

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
