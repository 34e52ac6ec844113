//! Invokes an AWS Lambda function with `Invoke`, a signed POST.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

mod event;
#[cfg(test)]
mod fuzz;
mod outcome;

use std::sync::Arc;

use super::attempt::AttemptResult;
use super::aws_client::{AnswerFields, AwsAddress, AwsClient, AwsOperation};
use super::signature::SignedRequest;
use super::transport::Common;
use crate::aws::sigv4;
use crate::aws::{self, Provider};
use crate::config::{ConfigError, Endpoint, Header, Invocation, Lambda};
use crate::net::http1::ResponseHead;

/// Invokes one function.
pub(super) struct Invoke {
    headers: Vec<Header>,
    invocation: Invocation,
}

/// Creates a client for `endpoint`, whose target is `lambda`.
///
/// # Errors
/// Returns an error that names the config key if the service URL or the proxy is invalid.
pub(super) fn client(
    endpoint: &Endpoint,
    lambda: &Lambda,
    common: Common,
    provider: Arc<Provider>,
) -> Result<AwsClient<Invoke>, ConfigError> {
    let address = AwsAddress {
        service: "lambda",
        region: lambda.region.clone(),
        server: match &lambda.service {
            Some(service) => service.as_str().trim_end_matches('/').to_owned(),
            None => format!("https://{}", aws::lambda_host(&lambda.region)),
        },
        path: format!("/2015-03-31/functions/{}/invocations", sigv4::encoded(&lambda.function)),
        query: lambda.qualifier.clone().map(|qualifier| ("Qualifier", qualifier)),
    };
    let invoke = Invoke { headers: endpoint.headers.clone(), invocation: lambda.invocation };
    AwsClient::new(endpoint, "lambda", invoke, address, common, provider)
}

impl AwsOperation for Invoke {
    const FIELDS: [&'static str; 3] = ["statusCode", "headers", "errorType"];

    fn headers(&self) -> [(&'static str, &'static str); 2] {
        [("Content-Type", "application/json"), ("X-Amz-Invocation-Type", self.invocation.into())]
    }

    fn encode(&self, request: &SignedRequest<'_>) -> Vec<u8> {
        event::encode(request, &self.headers)
    }

    fn result(head: &ResponseHead, answer: &AnswerFields) -> AttemptResult {
        outcome::result(head, answer)
    }
}
