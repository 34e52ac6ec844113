//! The way to one endpoint's server, whatever a POST over it carries.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ureq::http::{self, HeaderMap, HeaderName, HeaderValue, Request, Uri, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Error, Proxy, Timeout};

use super::connections::{Connection, Connections};
use super::deadline::Deadline;
use super::exchange::Answered;
use super::names::Names;
use super::resolver::{GuardedResolver, refused_literal};
use super::retry::retry_after;
use crate::config::{ConfigError, Endpoint};

/// The `User-Agent` of every request.
pub(super) const USER_AGENT: &str = concat!("resonate-webhooks/", env!("CARGO_PKG_VERSION"));

/// A request on a reused connection that fails within this time met a peer that had closed it meanwhile. After longer,
/// the peer was at work on the request.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// The way to one server.
///
/// ureq connects, through proxies and TLS, and ureq-proto speaks HTTP. What is between the two is ours, since ureq does for
/// each request what is the same for all requests to an endpoint. Each endpoint has connections of its own: none can push
/// another's idle ones out.
#[derive(Debug)]
pub(super) struct Transport {
    connections: Connections,
    /// Why nothing is ever sent.
    refused: Option<String>,
    timeout: Duration,
    connect_timeout: Duration,
}

impl Transport {
    /// The way to `uri`, by the settings of `endpoint`.
    ///
    /// # Errors
    /// When the proxy is none to go through; the message names the key.
    pub(super) fn new(endpoint: &Endpoint, uri: Uri, tls: TlsConfig, names: Arc<Names>) -> Result<Self, ConfigError> {
        let proxy = endpoint.proxy.as_ref().map(|proxy| Proxy::new(proxy.full().expose())).transpose();
        let proxy = proxy.map_err(|error| ConfigError::at(&format!("{}.proxy", endpoint.key), error))?;
        let resolver = GuardedResolver::new(names, endpoint.addresses, proxy.clone());
        let config = Agent::config_builder()
            // Never the environment's, which ureq would take by itself.
            .proxy(proxy)
            .user_agent(USER_AGENT)
            .tls_config(tls)
            .input_buffer_size(8 * 1024)
            .output_buffer_size(16 * 1024)
            .build();
        Ok(Self {
            refused: refused_literal(&uri, endpoint.addresses),
            connections: Connections::new(uri, config, resolver, endpoint.connect_timeout),
            timeout: endpoint.timeout,
            connect_timeout: endpoint.connect_timeout,
        })
    }

    /// POSTs `body` with what `headers` makes, twice if need be, at most for the endpoint's timeout.
    ///
    /// # Errors
    /// When there was no answer; why.
    pub(super) fn post(
        &self,
        headers: impl Fn() -> Result<HeaderMap, Error>,
        body: &[u8],
    ) -> Result<Answered<'_>, String> {
        if let Some(reason) = &self.refused {
            return Err(reason.clone());
        }
        let (started, deadline) = (Instant::now(), Deadline::after(self.timeout));
        let post = |connection: Connection| {
            let mut request = Request::post(self.connections.uri()).body(())?;
            *request.headers_mut() = headers()?;
            request.headers_mut().insert(header::CONTENT_LENGTH, body.len().into());
            Answered::to(request, body, connection, &self.connections, deadline)
        };
        let mut answered = None;
        if let Some(kept) = self.connections.kept(deadline) {
            // The peer may have closed the idle connection while the request was on its way. That says nothing about the
            // endpoint, so it is no failed attempt.
            let stale = |error: &Error| is_disconnect(error) && started.elapsed() < STALE_WITHIN;
            answered = Some(post(kept)).filter(|answered| !answered.as_ref().is_err_and(stale));
        }
        let answered = answered.unwrap_or_else(|| post(self.connections.connect(deadline)?));
        answered.map_err(|error| self.explain(&error))
    }

    /// Breaks off what is under way and closes every connection. What is being connected ends by its timeout.
    pub(super) fn shutdown(&self) {
        self.connections.shutdown();
    }

    /// The reason as an operator reads it. It never holds userinfo: ureq does not know it.
    pub(super) fn explain(&self, error: &Error) -> String {
        match error {
            Error::Timeout(Timeout::Resolve) => {
                let host = self.connections.uri().host().unwrap_or_default();
                format!("no address for {host} within {:?}", self.connect_timeout)
            }
            Error::Timeout(Timeout::Connect) => format!("no connection within {:?}", self.connect_timeout),
            Error::Timeout(_) => format!("no answer within {:?}", self.timeout),
            Error::Io(error) => error.to_string(),
            other => other.to_string(),
        }
    }
}

/// Adds a header of the caller's.
///
/// # Errors
/// When its name or its value cannot be sent.
pub(super) fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Error> {
    let name: HeaderName = name.parse().map_err(http::Error::from)?;
    headers.append(name, secret_value(value)?);
    Ok(())
}

/// A value that is never printed.
///
/// # Errors
/// When it cannot be sent.
pub(super) fn secret_value(value: &str) -> Result<HeaderValue, Error> {
    let mut value: HeaderValue = value.parse().map_err(http::Error::from)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Adds what every request says, unless the caller says otherwise.
pub(super) fn introduce(headers: &mut HeaderMap) {
    let own = [(header::USER_AGENT, USER_AGENT), (header::ACCEPT, "*/*")];
    for (name, value) in own {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// The wait that an answer asks for.
pub(super) fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    retry_after(value, SystemTime::now())
}

/// The peer ended the connection before it answered.
fn is_disconnect(error: &Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error, Error::Io(error) if matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe))
}
