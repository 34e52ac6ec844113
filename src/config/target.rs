//! Where the webhooks of an endpoint go: a URL, or a function of AWS Lambda.

use std::borrow::Cow;
use std::fmt;

use super::error::{ConfigError, place};
use super::{EndpointUrl, Lambda, lambda};
use crate::aws::Environment;
use crate::secret::Secret;

/// Where webhooks go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To an HTTP server.
    Url(EndpointUrl),
    /// To a function.
    Lambda(Lambda),
}

impl Target {
    /// The target of the endpoint at `key`. `None`, with a warning, when it has none.
    pub(super) fn of(
        key: &str,
        url: Option<EndpointUrl>,
        lambda: Option<lambda::Written>,
        environment: &Environment,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Self>, ConfigError> {
        match (url, lambda) {
            (Some(_), Some(_)) => {
                let problem = format!("cannot stand beside {}: leave one of them out", place(&format!("{key}.url")));
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

    /// What it is, whatever else changes about it.
    pub(super) fn identity(&self) -> Cow<'_, str> {
        match self {
            Self::Url(url) => url.as_str().into(),
            Self::Lambda(lambda) => {
                let Lambda { function, region, qualifier, .. } = lambda;
                format!("lambda {region} {function} {}", qualifier.as_deref().unwrap_or_default()).into()
            }
        }
    }

    /// The key that a URL without encryption stands at, below the endpoint's.
    pub(super) fn unencrypted(&self) -> Option<&'static str> {
        let (url, key) = match self {
            Self::Url(url) => (url, "url"),
            Self::Lambda(lambda) => (lambda.service.as_ref()?, "lambda.endpoint_url"),
        };
        (url.url().scheme() != "https").then_some(key)
    }

    /// `user:password`, when the URL had them.
    pub(super) const fn credentials(&self) -> Option<&Secret> {
        match self {
            Self::Url(url) => url.credentials(),
            Self::Lambda(_) => None,
        }
    }

    /// Where it is, as the config has it but for userinfo. A query is part of it: only for a listener that compares the two.
    #[must_use]
    pub fn configured(&self) -> String {
        match self {
            Self::Url(url) => url.configured().to_owned(),
            Self::Lambda(lambda) => lambda.to_string(),
        }
    }

    /// Whether something is left out where it is shown, so that two targets may look alike.
    pub(super) fn hides_query(&self) -> bool {
        matches!(self, Self::Url(url) if url.hides_query())
    }

    /// The most bytes that the body of a webhook may have, if there is a limit.
    #[must_use]
    pub const fn max_body_bytes(&self) -> Option<usize> {
        match self {
            Self::Url(_) => None,
            Self::Lambda(lambda) => Some(lambda.max_body_bytes()),
        }
    }
}

/// As it is shown to everybody: nothing in it is secret.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Lambda(lambda) => lambda.fmt(f),
        }
    }
}
