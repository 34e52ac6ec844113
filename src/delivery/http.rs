//! The POST of a batch.

use std::io::{self, Read};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::Error;
use ureq::http::Uri;

use super::answer::{KeepFirst, Reply};
use super::attempt::AttemptResult;
use super::client::EndpointClient;
use super::signature::SignedRequest;
use super::transport::{self, Common, requested_wait};
use crate::config::{ConfigError, Endpoint, EndpointUrl, Header};
use crate::net::http1::{PostClient, RequestHead};
use crate::secret::Secret;

/// The maximum number of bytes read from a response body. At most its beginning is kept, but the connection can be reused only
/// after the body was read.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// The longest time for reading a response body. The status has already decided the result, so the only gain is that the
/// connection can be reused.
const ANSWER_BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// POSTs to one URL.
pub(super) struct HttpClient {
    transport: PostClient,
    /// The beginning of every request head.
    head: RequestHead,
    /// The number of bytes that are kept of a failed answer.
    keep: usize,
}

impl HttpClient {
    /// Creates a client that sends the batches of `endpoint` to `url`.
    ///
    /// # Errors
    /// Returns an error that names the config key if the URL or the proxy is invalid.
    pub(super) fn new(endpoint: &Endpoint, url: &EndpointUrl, common: Common) -> Result<Self, ConfigError> {
        let wrong = |error: &dyn std::error::Error| ConfigError::at(&format!("{}.url", endpoint.key), error);
        let uri: Uri = url.as_str().parse().map_err(|error| wrong(&error))?;
        let transport = transport::client(endpoint, uri, common)?;
        let mut head = transport.head();
        let headers: Vec<_> = endpoint.headers.iter().map(Header::parts).collect();
        head.add_common_headers(&headers).map_err(|error| wrong(&error))?;
        if let Some(userinfo) = &url.credentials {
            let basic = Secret::new(format!("Basic {}", STANDARD.encode(userinfo.expose())));
            head.add("Authorization", basic.expose()).map_err(|error| wrong(&error))?;
        }
        Ok(Self { transport, head, keep: endpoint.keep_answers })
    }

    fn head_of(&self, request: &SignedRequest<'_>) -> Result<RequestHead, Error> {
        let mut head = self.head.begin();
        for (name, value) in request.headers() {
            head.add(name, value)?;
        }
        Ok(head)
    }
}

impl EndpointClient for HttpClient {
    /// Sends a request and waits for the status, then for the body.
    fn send(&self, request: &SignedRequest<'_>, limit: Option<Duration>) -> Reply {
        let mut answered = match self.transport.post(|| self.head_of(request), request.body, limit) {
            Ok(answered) => answered,
            Err(reason) => return Reply::failed(reason),
        };
        let head = answered.head();
        let result = AttemptResult::Status { status: head.status, retry_after: requested_wait(head) };
        let is_over = answered.is_over();
        answered.shorten_deadline(ANSWER_BODY_TIMEOUT);
        let mut body = KeepFirst::new(answered.take(MAX_ANSWER_BYTES), self.keep);
        if !is_over {
            // An error here changes nothing: the endpoint has answered.
            let _ = io::copy(&mut body, &mut io::sink());
        }
        Reply::new(result, body, || request.secrets())
    }

    fn sweep(&self) -> usize {
        self.transport.sweep()
    }

    fn shutdown(&self) {
        self.transport.shutdown();
    }
}

#[cfg(test)]
mod fuzz;
