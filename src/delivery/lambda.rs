//! Invokes an AWS Lambda function with `Invoke`, a signed POST.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

mod event;
mod outcome;

use std::sync::Arc;
use std::time::Duration;

use self::outcome::InvokeReply;
use super::answer::Reply;
use super::aws_client::{AwsClient, Operation};
use super::signature::SignedRequest;
use super::transport::Common;
use crate::aws::sigv4;
use crate::aws::{self, Provider};
use crate::config::{ConfigError, Endpoint, Header, Invocation, Lambda};

/// Invokes one function.
pub(super) struct LambdaClient {
    aws: AwsClient,
    headers: Vec<Header>,
    invocation: Invocation,
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
        let operation = Operation {
            service: "lambda",
            region: &lambda.region,
            server: match &lambda.service {
                Some(service) => service.as_str().trim_end_matches('/').to_owned(),
                None => format!("https://{}", aws::lambda_host(&lambda.region)),
            },
            path: format!("/2015-03-31/functions/{}/invocations", sigv4::encoded(&lambda.function)),
            query: lambda.qualifier.as_deref().map(|qualifier| ("Qualifier", qualifier)),
        };
        Ok(Self {
            aws: AwsClient::new(endpoint, "lambda", operation, common, provider)?,
            headers: endpoint.headers.clone(),
            invocation: lambda.invocation,
        })
    }

    /// Invokes the function and waits for the response of AWS.
    pub(super) fn send(&self, request: &SignedRequest<'_>, limit: Option<Duration>) -> Reply {
        let event = event::encode(request, &self.headers);
        let headers = [("Content-Type", "application/json"), ("X-Amz-Invocation-Type", self.invocation.into())];
        self.aws.send::<InvokeReply>(request, &headers, &event, limit)
    }

    /// Closes idle connections that have expired or that the peer has closed. Returns the number that remains.
    pub(super) fn sweep(&self) -> usize {
        self.aws.sweep()
    }

    /// Aborts requests and closes every connection.
    pub(super) fn shutdown(&self) {
        self.aws.shutdown();
    }
}
