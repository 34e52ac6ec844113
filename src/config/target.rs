//! The target of an endpoint: a URL or an AWS Lambda function.

use std::borrow::Cow;

use derive_more::Display;

use super::error::{ConfigError, place};
use super::{EndpointUrl, Lambda, lambda};
use crate::aws::Environment;
use crate::secret::Secret;

/// The target of webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Display)]
pub enum Target {
    /// An HTTP server.
    Url(EndpointUrl),
    /// A Lambda function.
    Lambda(Lambda),
}

impl Target {
    /// Resolves the target of the endpoint at `key`. A missing target is a warning and gives `None`.
    pub(super) fn of(
        key: &str,
        url: Option<EndpointUrl>,
        lambda: Option<lambda::WrittenLambda>,
        environment: &Environment,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Self>, ConfigError> {
        match (url, lambda) {
            (Some(_), Some(_)) => {
                let problem = format!("cannot be combined with {}: remove one of them", place(&format!("{key}.url")));
                Err(ConfigError::at(&format!("{key}.lambda"), problem))
            }
            (Some(url), None) => Ok(Some(Self::Url(url))),
            (None, Some(written)) => {
                Ok(written.resolve(&format!("{key}.lambda"), environment, warnings)?.map(Self::Lambda))
            }
            (None, None) => {
                warnings.push(format!("{} is empty: this endpoint is skipped", place(&format!("{key}.url"))));
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
        }
    }

    /// Returns the key of an unencrypted URL, relative to the endpoint.
    pub(super) fn unencrypted(&self) -> Option<&'static str> {
        let (url, key) = match self {
            Self::Url(url) => (url, "url"),
            Self::Lambda(lambda) => (lambda.service.as_ref()?, "lambda.endpoint_url"),
        };
        (url.url().scheme() != "https").then_some(key)
    }

    /// Returns `user:password`, if the URL had them.
    pub(super) const fn credentials(&self) -> Option<&Secret> {
        match self {
            Self::Url(url) => url.credentials(),
            Self::Lambda(_) => None,
        }
    }

    /// Returns the target as in the config, without userinfo. The query of a URL may be secret: use it only to compare
    /// it with the config.
    #[must_use]
    pub fn configured(&self) -> String {
        match self {
            Self::Url(url) => url.configured().to_owned(),
            Self::Lambda(lambda) => lambda.to_string(),
        }
    }

    /// Returns `true` if the printed target omits a query. Two such targets can look the same.
    pub(super) fn hides_query(&self) -> bool {
        matches!(self, Self::Url(url) if url.hides_query())
    }

    /// Returns the maximum size of a webhook's body in bytes, if the target has one.
    #[must_use]
    pub const fn max_body_bytes(&self) -> Option<usize> {
        match self {
            Self::Url(_) => None,
            Self::Lambda(lambda) => Some(lambda.max_body_bytes()),
        }
    }
}
