//! POSTs to a service of AWS, each signed with Signature Version 4 when it is made.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::value::RawValue;
use ureq::http::Uri;

use super::answer::{KeepFirst, Reply};
use super::attempt::AttemptResult;
use super::client::EndpointClient;
use super::signature::SignedRequest;
use super::transport::{self, Common};
use crate::aws::sigv4::{self, CredentialScope, Request};
use crate::aws::{AccessKeys, Provider};
use crate::config::{ConfigError, Endpoint};
use crate::event::fields;
use crate::net::http1::{self, PostClient, ResponseHead};

/// The longest time that an attempt waits while another one fetches credentials.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum length of an error name shown to the operator.
const MAX_NAME: usize = 100;

/// The maximum number of bytes read from a response, more than a function can return.
const MAX_ANSWER_BYTES: u64 = 8 * 1024 * 1024;

/// An operation of a service that delivers a batch.
pub(super) trait AwsOperation: Send + Sync {
    /// The fields of a response that count.
    const FIELDS: [&'static str; 3];

    /// Returns the headers of a request, besides those of every request to AWS.
    fn headers(&self) -> [(&'static str, &'static str); 2];

    /// Encodes the body of a request.
    fn encode(&self, request: &SignedRequest<'_>) -> Vec<u8>;

    /// Returns `true` if an answer with another status than 401 and 403 refuses the credentials, so that others may work.
    fn is_about_credentials(_answer: &AnswerFields) -> bool {
        false
    }

    /// Returns the result of an attempt.
    fn result(head: &ResponseHead, answer: &AnswerFields) -> AttemptResult;
}

/// The values of [`AwsOperation::FIELDS`]. All are missing if the body is no JSON object.
pub(super) type AnswerFields = [Option<Box<RawValue>>; 3];

/// The address of an operation of a service.
pub(super) struct AwsAddress {
    /// The service in the scope of a signature.
    pub(super) service: &'static str,
    pub(super) region: String,
    /// Scheme, host and port of the server.
    pub(super) server: String,
    /// Path, percent-encoded.
    pub(super) path: String,
    /// The query parameter, if the operation has one.
    pub(super) query: Option<(&'static str, String)>,
}

/// POSTs to one operation of a service.
pub(super) struct AwsClient<O> {
    operation: O,
    transport: PostClient,
    provider: Arc<Provider>,
    host: String,
    address: AwsAddress,
    credentials_timeout: Duration,
    /// The number of bytes that are kept of a failed answer.
    keep: usize,
}

impl<O: AwsOperation> AwsClient<O> {
    /// Creates a client with the settings of `endpoint`.
    ///
    /// # Errors
    /// Returns an error that names the config key if the URL or the proxy is invalid. `key` is that of the URL, relative
    /// to the endpoint.
    pub(super) fn new(
        endpoint: &Endpoint,
        key: &str,
        operation: O,
        address: AwsAddress,
        common: Common,
        provider: Arc<Provider>,
    ) -> Result<Self, ConfigError> {
        let AwsAddress { server, path, query, .. } = &address;
        let written = query.as_ref().map(|(name, value)| format!("?{name}={}", sigv4::encoded(value)));
        let written = written.unwrap_or_default();
        let wrong = |error: &dyn std::error::Error| ConfigError::at(&format!("{}.{key}", endpoint.key), error);
        let uri: Uri = format!("{server}{path}{written}").parse().map_err(|error| wrong(&error))?;
        Ok(Self {
            operation,
            host: http1::host(&uri),
            transport: transport::client(endpoint, uri, common)?,
            provider,
            address,
            credentials_timeout: endpoint.timeout.min(CREDENTIALS_TIMEOUT),
            keep: endpoint.keep_answers,
        })
    }

    /// Returns the signed head of a request.
    fn head(&self, keys: &AccessKeys, body: &[u8]) -> Result<http1::RequestHead, ureq::Error> {
        let headers = self.operation.headers();
        // The head already has `Host`; it is listed because it is signed.
        let signed_headers = [&[("Host", self.host.as_str())], &headers[..]].concat();
        let AwsAddress { service, region, path, query, .. } = &self.address;
        let query = query.as_ref().map(|(name, value)| (*name, value.as_str()));
        let request = Request { method: "POST", path, query: query.as_slice(), headers: &signed_headers, body };
        let scope = CredentialScope { region, service };
        let signature = sigv4::sign(&request, scope, keys, SystemTime::now());
        let mut head = self.transport.head();
        head.add_common_headers(&[])?;
        for (name, value) in headers {
            head.add(name, value)?;
        }
        head.add("X-Amz-Date", &signature.date)?;
        if let Some(token) = &keys.session_token {
            head.add("X-Amz-Security-Token", token.expose())?;
        }
        head.add("Authorization", signature.authorization.expose())?;
        Ok(head)
    }
}

impl<O: AwsOperation> EndpointClient for AwsClient<O> {
    /// Sends a request and waits for the response of AWS. The next one is sent with new credentials if it is about them.
    fn send(&self, request: &SignedRequest<'_>, limit: Option<Duration>) -> Reply {
        let keys = match self.provider.keys(self.credentials_timeout) {
            Ok(keys) => keys,
            Err(reason) => return Reply::failed(reason.to_string()),
        };
        let body = self.operation.encode(request);
        let answered = match self.transport.post(|| self.head(&keys, &body), &body, limit) {
            Ok(answered) => answered,
            Err(reason) => return Reply::failed(reason),
        };
        let head = answered.head().clone();
        let mut kept = KeepFirst::new(answered.take(MAX_ANSWER_BYTES), self.keep);
        let answer = match read::<O>(&mut kept) {
            Ok(answer) => answer,
            Err(error) => return Reply::failed(self.transport.explain(&error.into())),
        };
        if matches!(head.status, 401 | 403) || O::is_about_credentials(&answer) {
            self.provider.refuse(&keys);
        }
        let secrets = || {
            let mut secrets = request.secrets();
            // AWS repeats the request, with the token, when it refuses the signature.
            keys.secrets().for_each(|secret| secrets.add(secret.expose()));
            secrets
        };
        Reply::new(O::result(&head, &answer), kept, secrets)
    }

    fn sweep(&self) -> usize {
        self.transport.sweep()
    }

    fn shutdown(&self) {
        self.transport.shutdown();
        self.provider.shutdown();
    }
}

/// Reads a body to its end, after which the connection can be reused.
fn read<O: AwsOperation>(body: &mut impl Read) -> io::Result<AnswerFields> {
    let answer = match parse::<O>(&mut *body) {
        Err(error) if error.is_io() => return Err(error.into()),
        answer => answer.unwrap_or_default(),
    };
    io::copy(body, &mut io::sink())?;
    Ok(answer)
}

/// Parses the body of a response.
pub(super) fn parse<O: AwsOperation>(body: impl Read) -> serde_json::Result<AnswerFields> {
    let mut json = serde_json::Deserializer::from_reader(body);
    let answer = fields(&mut json, O::FIELDS)?;
    json.end().map(|()| answer)
}

/// Returns the text of a field, if it is a string.
pub(super) fn text_of(field: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(field?.get()).ok()
}

/// Returns the name of an error in a form that is safe to log, without the URL that AWS may append.
pub(super) fn error_name(text: &str) -> String {
    let fits = |letter: &char| letter.is_ascii_alphanumeric() || "._-".contains(*letter);
    text.chars().take_while(fits).take(MAX_NAME).collect()
}
