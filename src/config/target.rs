//! The target of an endpoint: a URL, an AWS Lambda function or a queue.

use std::borrow::Cow;

use derive_more::Display;

use super::error::place;
use super::queue::{Queue, QueueServer, RedisQueue, SqsQueue};
use super::{ConfigError, Defaults, EndpointUrl, Lambda, lambda};
use crate::aws::ChainLink;
use crate::secret::Secret;

/// The target of webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Display)]
pub enum Target {
    /// An HTTP server.
    Url(EndpointUrl),
    /// A Lambda function.
    Lambda(Lambda),
    /// A queue of the Laravel application.
    Queue(Queue),
}

impl Target {
    /// Resolves the target of the endpoint at `key`, from the keys that name it. A missing target is a warning and gives `None`.
    pub(super) fn of(
        key: &str,
        url: Option<EndpointUrl>,
        lambda: Option<lambda::WrittenLambda>,
        queue: Option<String>,
        connection: Option<String>,
        defaults: &Defaults,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Self>, ConfigError> {
        let at = |name: &str| format!("{key}.{name}");
        let both = |name: &str, other: &str| {
            let problem = format!("cannot be combined with {}: remove one of them", place(&at(other)));
            Err(ConfigError::at(&at(name), problem))
        };
        match (url, lambda, queue) {
            (Some(_), Some(_), _) => both("lambda", "url"),
            (Some(_), _, Some(_)) => both("queue", "url"),
            (_, Some(_), Some(_)) => both("queue", "lambda"),
            (Some(_), ..) | (_, Some(_), _) if connection.is_some() => {
                Err(ConfigError::at(&at("connection"), "is the connection of a queue: remove it, or set queue"))
            }
            (Some(url), None, None) => Ok(Some(Self::Url(url))),
            (None, Some(written), None) => {
                Ok(written.resolve(&at("lambda"), &defaults.environment, warnings)?.map(Self::Lambda))
            }
            (None, None, Some(name)) => {
                Queue::resolve(name, connection, key, defaults, warnings).map(Self::Queue).map(Some)
            }
            (None, None, None) => {
                let name = if connection.is_some() { "queue" } else { "url" };
                warnings.push(format!("{} is empty: this endpoint is skipped", place(&at(name))));
                Ok(None)
            }
        }
    }

    /// Returns the part of the target that identifies the endpoint.
    pub(super) fn identity(&self) -> Cow<'_, str> {
        match self {
            Self::Url(url) => url.as_str().into(),
            Self::Lambda(lambda) => {
                let Lambda { function, region, qualifier, .. } = lambda;
                format!("lambda {region} {function} {}", qualifier.as_deref().unwrap_or_default()).into()
            }
            Self::Queue(queue) => queue.to_string().into(),
        }
    }

    /// Returns the key of an unencrypted URL, relative to the endpoint.
    pub(super) fn unencrypted(&self) -> Option<&'static str> {
        let (url, key) = match self {
            Self::Url(url) => (url, "url"),
            Self::Lambda(lambda) => (lambda.service.as_ref()?, "lambda.endpoint_url"),
            Self::Queue(Queue { server: QueueServer::Sqs(sqs), .. }) => {
                (sqs.service.as_ref().unwrap_or(&sqs.url), "connection")
            }
            // Like the package's own, this connection is encrypted if its settings say so.
            Self::Queue(_) => return None,
        };
        (url.url.scheme() != "https").then_some(key)
    }

    /// Returns `user:password`, if the URL had them.
    pub(super) const fn credentials(&self) -> Option<&Secret> {
        match self {
            Self::Url(url) => url.credentials.as_ref(),
            Self::Lambda(_) | Self::Queue(_) => None,
        }
    }

    /// Returns `true` if a setting of endpoints has no effect on this target. Nothing is signed for a queue, and a connection
    /// to Redis has its own settings.
    pub(super) fn ignores(&self, key: &str) -> bool {
        match self {
            Self::Url(_) | Self::Lambda(_) => false,
            Self::Queue(queue) => {
                matches!(key, "headers" | "key" | "secret" | "previous_secrets")
                    || matches!(queue.server, QueueServer::Redis(_))
            }
        }
    }

    /// Returns the target as in the config, without userinfo. The query of a URL may be secret: use it only to compare
    /// it with the config.
    pub(crate) fn configured(&self) -> String {
        match self {
            Self::Url(url) => url.configured.to_string(),
            Self::Lambda(lambda) => lambda.to_string(),
            Self::Queue(queue) => queue.to_string(),
        }
    }

    /// Returns `true` if the printed target omits a query. Two such targets can look the same.
    pub(super) fn hides_query(&self) -> bool {
        matches!(self, Self::Url(url) if url.url.query().is_some())
    }

    /// Returns the sources of credentials of a target in AWS.
    pub(crate) fn aws_credentials(&self) -> Option<&[ChainLink]> {
        match self {
            Self::Lambda(lambda) => Some(&lambda.credentials),
            Self::Queue(Queue { server: QueueServer::Sqs(sqs), .. }) => Some(&sqs.credentials),
            Self::Url(_) | Self::Queue(_) => None,
        }
    }

    /// Returns the maximum size of a webhook's body in bytes, if the target has one.
    pub(crate) const fn max_body_bytes(&self) -> Option<usize> {
        match self {
            Self::Url(_) => None,
            Self::Lambda(lambda) => Some(lambda.max_body_bytes()),
            Self::Queue(queue) => Some(match queue.server {
                QueueServer::Redis(_) => RedisQueue::MAX_BODY_BYTES,
                QueueServer::Sqs(_) => SqsQueue::MAX_BODY_BYTES,
            }),
        }
    }
}
