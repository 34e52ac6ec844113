//! The POST of a batch.

use std::io::{self, Read};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::Error;
use ureq::http::Uri;

use super::retry::Answer;
use super::signature::SignedRequest;
use super::transport::{self, Common, asked_wait};
use crate::config::{ConfigError, Endpoint, EndpointUrl, Header};
use crate::net::http1::{Client, RequestHead};
use crate::secret::Secret;

/// How much of an answer is read. Nobody looks at it, but a connection whose answer was not read cannot be used again.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// How long an answer's body may take. The status has decided already; this is only about keeping the connection.
const ANSWER_BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// What POSTs to one URL.
#[derive(Debug)]
pub(super) struct HttpClient {
    transport: Client,
    /// What every POST begins with.
    head: RequestHead,
}

impl HttpClient {
    /// A client for `endpoint`, which is at `url`.
    ///
    /// # Errors
    /// When that, or the proxy, is none to send to; the message names the key.
    pub(super) fn new(endpoint: &Endpoint, url: &EndpointUrl, common: Common) -> Result<Self, ConfigError> {
        let wrong = |error: &dyn std::error::Error| ConfigError::at(&format!("{}.url", endpoint.key), error);
        let uri: Uri = url.as_str().parse().map_err(|error| wrong(&error))?;
        let transport = transport::client(endpoint, uri, common)?;
        let mut head = transport.head();
        let headers: Vec<_> = endpoint.headers.iter().map(Header::parts).collect();
        head.introduce(&headers).map_err(|error| wrong(&error))?;
        if let Some(userinfo) = url.credentials() {
            let basic = Secret::new(format!("Basic {}", STANDARD.encode(userinfo.expose())));
            head.add("Authorization", basic.expose()).map_err(|error| wrong(&error))?;
        }
        Ok(Self { transport, head })
    }

    /// Sends a batch and waits for the status.
    pub(super) fn send(&self, request: &SignedRequest<'_>) -> Answer {
        let mut answered = match self.transport.post(|| self.head_of(request), request.body) {
            Ok(answered) => answered,
            Err(reason) => return Answer::Failed(reason),
        };
        let head = answered.head();
        let answer = Answer::Status { status: head.status(), retry_after: asked_wait(head) };
        if !answered.is_over() {
            answered.hurry(ANSWER_BODY_TIMEOUT);
            // Whatever happens here, the endpoint has answered.
            let _ = io::copy(&mut answered.take(MAX_ANSWER_BYTES), &mut io::sink());
        }
        answer
    }

    /// Closes idle connections that are of no use any more. Returns how many stay.
    pub(super) fn sweep(&self) -> usize {
        self.transport.sweep()
    }

    /// Breaks off what is under way.
    pub(super) fn shutdown(&self) {
        self.transport.shutdown();
    }

    fn head_of(&self, request: &SignedRequest<'_>) -> Result<RequestHead, Error> {
        let mut head = self.head.begin();
        for (name, value) in request.headers() {
            head.add(name, value)?;
        }
        Ok(head)
    }
}
