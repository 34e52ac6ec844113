//! A client that POSTs to one server.

mod connections;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use derive_more::Deref;
use parking_lot::Mutex;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::{Agent, Error, Proxy, Timeout};

pub(super) use self::connections::HttpConnection;
use self::connections::{Pool, ServerRoute};
use super::connector::Connector;
use super::exchange::Answered;
use super::idle::Idle;
use super::request::{self, RequestHead};
use crate::net::deadline::Deadline;
use crate::net::resolver::{GuardedResolver, refused_literal};
use crate::net::{AddressRules, DnsCache};

/// The longest response head that is parsed.
const LONGEST_HEAD: usize = 32 * 1024;

/// If a reused connection closes within this time, the peer had already closed it when the request was sent. If it closes
/// later, the peer had accepted the request.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// The settings of a client.
pub(crate) struct ClientSettings {
    /// The server, the path and the query.
    pub(crate) uri: Uri,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) connector: Arc<Connector>,
    /// The allowed addresses.
    pub(crate) rules: AddressRules,
    /// The timeout of a whole request.
    pub(crate) timeout: Duration,
    /// The timeout of resolving and of connecting.
    pub(crate) connect_timeout: Duration,
}

/// POSTs to one server.
///
/// ureq opens the connections, including proxies and TLS. The HTTP exchange is our own. A general HTTP client repeats work for
/// each request that is the same for all requests to a server, and that was most of the cost of a POST. Each client has its
/// own connections, so that no client evicts the idle connections of another.
#[derive(Deref)]
pub(crate) struct PostClient {
    #[deref]
    settings: ClientSettings,
    route: ServerRoute,
    /// The reason that this client never sends anything, if the host is a refused address.
    refused: Option<String>,
    config: Config,
    resolver: GuardedResolver,
    idle: Arc<Idle>,
    pool: Arc<Mutex<Pool>>,
}

impl PostClient {
    /// Creates a client with these settings. All clients share `names` and `idle`.
    pub(crate) fn new(settings: ClientSettings, names: Arc<DnsCache>, idle: Arc<Idle>) -> Self {
        let ClientSettings { uri, proxy, connector, rules, .. } = &settings;
        let config = Agent::config_builder()
            // Always set: by default ureq uses the proxy of the environment.
            .proxy(proxy.clone())
            .user_agent(request::USER_AGENT)
            .tls_config(connector.tls.clone())
            .input_buffer_size(LONGEST_HEAD)
            .output_buffer_size(16 * 1024)
            .build();
        Self {
            refused: refused_literal(uri, *rules),
            route: ServerRoute::to(uri, proxy.clone()),
            resolver: GuardedResolver::new(names, *rules, proxy.clone()),
            pool: Arc::default(),
            settings,
            config,
            idle,
        }
    }

    /// Returns the start of a request head.
    pub(crate) fn head(&self) -> RequestHead {
        RequestHead::post(&self.uri, self.forwarder())
    }

    /// POSTs `head` and `body`. Sends them again if an idle connection turns out to be closed. Waits at most for the timeout,
    /// or for a shorter `limit`.
    ///
    /// # Errors
    /// Returns the reason that there was no response, as text for the operator.
    pub(crate) fn post(
        &self,
        head: impl Fn() -> Result<RequestHead, Error>,
        body: &[u8],
        limit: Option<Duration>,
    ) -> Result<Answered<'_>, String> {
        if let Some(reason) = &self.refused {
            return Err(reason.clone());
        }
        let started = Instant::now();
        let deadline = Deadline::of_request(started, limit.map_or(self.timeout, |limit| limit.min(self.timeout)));
        let post = |connection: HttpConnection| {
            let head = head()?.end(body.len())?;
            Answered::to([&head, body], connection, self, deadline)
        };
        let mut answered = None;
        if let Some(kept) = self.kept() {
            // The peer may have closed the idle connection while the request was in flight. That is not a failure of the
            // server, so the request is sent again.
            answered = Some(post(kept)).filter(|answered| !is_close(answered) || started.elapsed() >= STALE_WITHIN);
        }
        let answered = answered.unwrap_or_else(|| post(self.connect(deadline)?));
        answered.map_err(|error| self.explain(&error))
    }

    /// Returns `error` as text for the operator. It never contains userinfo, because ureq never gets any.
    pub(crate) fn explain(&self, error: &Error) -> String {
        match error {
            Error::Timeout(Timeout::Resolve) => {
                let host = self.peer().host().unwrap_or_default();
                format!("no address for {host} within {:?}", self.connect_timeout)
            }
            Error::Timeout(Timeout::Connect) => format!("no connection within {:?}", self.connect_timeout),
            Error::Timeout(_) => format!("no answer within {:?}", self.timeout),
            Error::Io(error) => error.to_string(),
            other => other.to_string(),
        }
    }
}

/// Returns `true` if the peer closed the idle connection, with or without a 408 (RFC 9110, section 15.5.9).
fn is_close(answered: &Result<Answered<'_>, Error>) -> bool {
    match answered {
        Ok(answered) => answered.head().status == 408 && !answered.head().persists,
        Err(error) => is_disconnect(error),
    }
}

/// Returns `true` if the peer closed the connection before it responded.
pub(super) fn is_disconnect(error: &Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error, Error::Io(error) if matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe))
}

#[cfg(test)]
mod tests;
