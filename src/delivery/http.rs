//! The POST of a batch.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::http::Uri;
use ureq::tls::TlsConfig;
use ureq::{Agent, Error};

use super::names::Names;
use super::retry::Answer;
use super::transport::{Transport, asked_wait};
use crate::config::{ConfigError, Endpoint, EndpointUrl, Header};
use crate::outbox::Wire;
use crate::secret::Secret;

/// How much of an answer is read. Nobody looks at it, but a connection whose answer was not read cannot be used again.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// How long an answer's body may take. The status has decided already; this is only about keeping the connection.
const ANSWER_BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// What POSTs to one URL.
#[derive(Debug)]
pub(super) struct HttpClient {
    transport: Transport,
    authorization: Option<Secret>,
    headers: Vec<Header>,
}

impl HttpClient {
    /// A client for `endpoint`, which is at `url`.
    ///
    /// # Errors
    /// When that, or the proxy, is none to send to; the message names the key.
    pub(super) fn new(
        endpoint: &Endpoint,
        url: &EndpointUrl,
        tls: TlsConfig,
        names: Arc<Names>,
    ) -> Result<Self, ConfigError> {
        let uri: Result<Uri, _> = url.as_str().parse();
        let uri = uri.map_err(|error| ConfigError::at(&format!("{}.url", endpoint.key), error))?;
        let basic = |userinfo: &Secret| Secret::new(format!("Basic {}", STANDARD.encode(userinfo.expose())));
        Ok(Self {
            transport: Transport::new(endpoint, uri, tls, names, Some(ANSWER_BODY_TIMEOUT))?,
            authorization: url.credentials().map(basic),
            headers: endpoint.headers.clone(),
        })
    }

    /// Sends a batch and waits for the status.
    pub(super) fn send(&self, id: &str, wire: &Wire) -> Answer {
        let sent = self.transport.send(|agent, uri| self.post(agent, uri, id, wire));
        sent.unwrap_or_else(Answer::Failed)
    }

    /// Breaks off what is under way.
    pub(super) fn shutdown(&self) {
        self.transport.shutdown();
    }

    fn post(&self, agent: &Agent, uri: &Uri, id: &str, wire: &Wire) -> Result<Answer, Error> {
        let mut request = agent.post(uri);
        for (name, value) in signed_headers(id, wire) {
            request = request.header(name, value);
        }
        for header in &self.headers {
            request = request.header(header.name(), header.value().expose());
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization.expose());
        }
        let mut answer = request.send(&wire.body[..])?;
        let (status, retry_after) = (answer.status().as_u16(), asked_wait(answer.headers()));
        // Whatever happens here, the endpoint has answered.
        let _ = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        Ok(Answer::Status { status, retry_after })
    }
}

/// The headers by which a receiver knows a webhook, whatever way it comes.
pub(super) fn signed_headers<'a>(id: &'a str, wire: &'a Wire) -> [(&'static str, &'a str); 6] {
    [
        ("Content-Type", "application/json"),
        ("X-Pusher-Key", &wire.key),
        ("X-Pusher-Signature", &wire.pusher_signature),
        ("webhook-id", id),
        ("webhook-timestamp", &wire.timestamp),
        ("webhook-signature", &wire.standard_signature),
    ]
}
