//! The POST of a batch, over a pool of connections kept alive.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::http::{Uri, header};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector};
use ureq::{Agent, Error, Proxy, Timeout};

use super::names::Names;
use super::resolver::{GuardedResolver, refused_literal};
use super::retry::{Answer, retry_after};
use super::tls;
use crate::config::{ConfigError, Endpoint, Header};
use crate::outbox::Wire;
use crate::secret::Secret;
use crate::telemetry::Telemetry;

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
    headers: Vec<Header>,
    /// Why nothing is ever sent.
    refused: Option<String>,
    timeout: Duration,
    connect_timeout: Duration,
}

impl Client {
    /// A client for each endpoint, in their order. They connect when the first batch is sent.
    ///
    /// # Errors
    /// When a URL or a proxy is none to send to, or a TLS file cannot be used; the message names the key.
    pub(crate) fn for_all(endpoints: &[Endpoint], telemetry: &Arc<Telemetry>) -> io::Result<Arc<[Self]>> {
        let names = Names::new(Arc::clone(telemetry));
        let tls = if endpoints.is_empty() { Vec::new() } else { tls::configs(endpoints).map_err(io::Error::other)? };
        let clients = endpoints.iter().zip(tls).map(|(endpoint, tls)| Self::new(endpoint, tls, Arc::clone(&names)));
        clients.collect::<Result<_, _>>().map_err(io::Error::other)
    }

    fn new(endpoint: &Endpoint, tls: TlsConfig, names: Arc<Names>) -> Result<Self, ConfigError> {
        let wrong =
            |key: &str, error: &dyn std::error::Error| ConfigError::at(&format!("{}.{key}", endpoint.key), error);
        let uri: Uri = endpoint.url.as_str().parse().map_err(|error| wrong("url", &error))?;
        let proxy = endpoint.proxy.as_ref().map(|proxy| Proxy::new(proxy.full().expose())).transpose();
        let proxy = proxy.map_err(|error| wrong("proxy", &error))?;
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
            agent: Agent::with_parts(config, connector, resolver),
            refused: refused_literal(&uri, endpoint.addresses),
            uri,
            authorization: endpoint.url.credentials().map(basic),
            headers: endpoint.headers.clone(),
            timeout: endpoint.timeout,
            connect_timeout: endpoint.connect_timeout,
        })
    }

    /// Sends a batch and waits for the status, at most for the endpoint's timeout.
    pub(crate) fn post(&self, id: &str, wire: &Wire) -> Answer {
        if let Some(reason) = &self.refused {
            return Answer::Failed(reason.clone());
        }
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
            Ok(answer) => answer,
            Err(error) => Answer::Failed(self.explain(&error)),
        }
    }

    /// Breaks off what is under way and closes every connection. What is being connected ends by its timeout.
    pub(crate) fn shutdown(&self) {
        self.agent.clone().shutdown();
    }

    fn post_once(&self, id: &str, wire: &Wire) -> Result<Answer, Error> {
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
        for header in &self.headers {
            request = request.header(header.name(), header.value().expose());
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization.expose());
        }
        let mut answer = request.send(&wire.body[..])?;
        let wait = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = wait.and_then(|value| retry_after(value, SystemTime::now()));
        let status = answer.status().as_u16();
        // Whatever happens here, the endpoint has answered.
        let _ = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        Ok(Answer::Status { status, retry_after })
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
