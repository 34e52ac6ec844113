//! Invokes an AWS Lambda function with `Invoke`, a signed POST.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

mod event;
mod outcome;

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ureq::http::Uri;

use self::outcome::InvokeReply;
use super::answer::{KeepFirst, Reply};
use super::signature::SignedRequest;
use super::transport::{self, Common, requested_wait};
use crate::aws::sigv4::{self, CredentialScope, Request};
use crate::aws::{self, AccessKeys, Provider};
use crate::config::{ConfigError, Endpoint, Header, Invocation, Lambda};
use crate::net::http1::{self, PostClient};
use crate::secret::Secret;

/// The longest time that an attempt waits while another one fetches credentials.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of bytes read from a response, more than a function can return.
const MAX_ANSWER_BYTES: u64 = 8 * 1024 * 1024;

/// Invokes one function.
pub(super) struct LambdaClient {
    transport: PostClient,
    provider: Arc<Provider>,
    headers: Vec<Header>,
    host: String,
    path: String,
    qualifier: Option<String>,
    region: String,
    invocation: Invocation,
    credentials_timeout: Duration,
    /// The number of bytes that are kept of a failed answer.
    keep: usize,
}

impl LambdaClient {
    /// Creates a client for `endpoint`, whose target is `lambda`.
    ///
    /// # Errors
    /// Returns an error that names the config key if the service URL or the proxy is invalid.
    pub(super) fn new(
        endpoint: &Endpoint,
        lambda: &Lambda,
        common: Common,
        provider: Arc<Provider>,
    ) -> Result<Self, ConfigError> {
        let path = format!("/2015-03-31/functions/{}/invocations", sigv4::encoded(&lambda.function));
        let query = lambda.qualifier.as_deref().map(sigv4::encoded);
        let query = query.map_or_else(String::new, |qualifier| format!("?{QUALIFIER}={qualifier}"));
        let server = match &lambda.service {
            Some(service) => service.as_str().trim_end_matches('/').to_owned(),
            None => format!("https://{}", aws::lambda_host(&lambda.region)),
        };
        let wrong = |error: &dyn std::error::Error| ConfigError::at(&format!("{}.lambda", endpoint.key), error);
        let uri: Uri = format!("{server}{path}{query}").parse().map_err(|error| wrong(&error))?;
        let host = http1::host(&uri);
        Ok(Self {
            transport: transport::client(endpoint, uri, common)?,
            provider,
            headers: endpoint.headers.clone(),
            host,
            path,
            qualifier: lambda.qualifier.clone(),
            region: lambda.region.clone(),
            invocation: lambda.invocation,
            credentials_timeout: endpoint.timeout.min(CREDENTIALS_TIMEOUT),
            keep: endpoint.keep_answers,
        })
    }

    /// Invokes the function and waits for the response of AWS.
    pub(super) fn send(&self, request: &SignedRequest<'_>, limit: Option<Duration>) -> Reply {
        let keys = match self.provider.keys(self.credentials_timeout) {
            Ok(keys) => keys,
            Err(reason) => return Reply::failed(reason.to_string()),
        };
        let event = event::encode(request, &self.headers);
        let (reply, body) = match self.invoke(&keys, &event, limit) {
            Ok(reply) => reply,
            Err(reason) => return Reply::failed(reason),
        };
        if reply.is_about_credentials() {
            self.provider.refuse(&keys);
        }
        let secrets = || {
            let mut secrets = request.secrets();
            // AWS repeats the request, with the token, when it refuses the signature.
            for secret in [Some(&keys.access_key_id), Some(&keys.secret_access_key), keys.session_token.as_ref()] {
                secrets.add(secret.map(Secret::expose).unwrap_or_default());
            }
            secrets
        };
        Reply::new(reply.into_result(), body, secrets)
    }

    /// Closes idle connections that have expired or that the peer has closed. Returns the number that remains.
    pub(super) fn sweep(&self) -> usize {
        self.transport.sweep()
    }

    /// Aborts requests and closes every connection.
    pub(super) fn shutdown(&self) {
        self.transport.shutdown();
        self.provider.shutdown();
    }

    fn invoke(
        &self,
        keys: &AccessKeys,
        event: &[u8],
        limit: Option<Duration>,
    ) -> Result<(InvokeReply, KeepFirst<impl Read>), String> {
        // The head already has `Host`; it is listed because it is signed.
        let own = [
            ("Host", self.host.as_str()),
            ("Content-Type", "application/json"),
            ("X-Amz-Invocation-Type", self.invocation.into()),
        ];
        let query = self.qualifier.as_deref().map(|qualifier| (QUALIFIER, qualifier));
        let signed = Request { method: "POST", path: &self.path, query: query.as_slice(), headers: &own, body: event };
        let scope = CredentialScope { region: &self.region, service: "lambda" };
        let head = || {
            let signature = sigv4::sign(&signed, scope, keys, SystemTime::now());
            let mut head = self.transport.head();
            head.add_common_headers(&[])?;
            for (name, value) in &own[1..] {
                head.add(name, value)?;
            }
            head.add("X-Amz-Date", &signature.date)?;
            if let Some(token) = &keys.session_token {
                head.add("X-Amz-Security-Token", token.expose())?;
            }
            head.add("Authorization", signature.authorization.expose())?;
            Ok(head)
        };
        let answered = self.transport.post(head, event, limit)?;

        let head = answered.head();
        let header = |name: &str| head.header(name).map(str::to_owned);
        let (error_type, function_error) = (header("x-amzn-errortype"), header("x-amz-function-error"));
        let (status, retry_after) = (head.status, requested_wait(head));
        let mut body = KeepFirst::new(answered.take(MAX_ANSWER_BYTES), self.keep);
        // The connection can be reused only after the response was read to its end.
        let result = outcome::read(&mut body).and_then(|result| io::copy(&mut body, &mut io::sink()).map(|_| result));
        let result = result.map_err(|error| self.transport.explain(&error.into()))?;
        Ok((InvokeReply { status, retry_after, error_type, function_error, result }, body))
    }
}

/// The query parameter for a version or an alias.
const QUALIFIER: &str = "Qualifier";
