//! An AWS Lambda function that receives webhooks: `endpoints.*.lambda`.

use std::fmt;

use serde::Deserialize;
use strum::IntoStaticStr;

use super::error::place;
use super::{ConfigError, EndpointUrl};
use crate::aws::{self, AccessKeys, ChainLink, Environment};
use crate::secret::Secret;

/// The payload limits of a synchronous and of an asynchronous invocation. AWS documents 6 MB and 1 MB:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MAX_REQUEST_BYTES: usize = 6_000_000;
const MAX_EVENT_BYTES: usize = 1_000_000;

/// Room in an invocation for everything but the body: headers and the envelope of an HTTP request.
const FRAME_BYTES: usize = 16 * 1024;

/// A Lambda function and the settings of its invocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lambda {
    /// Name, partial ARN or ARN, without a qualifier.
    pub function: String,
    /// AWS region.
    pub region: String,
    /// Version or alias.
    pub qualifier: Option<String>,
    /// Invocation type.
    pub invocation: Invocation,
    /// URL of the Lambda service, in place of the region's own.
    pub service: Option<EndpointUrl>,
    /// Sources of credentials, in the order in which they are tried.
    pub credentials: Vec<ChainLink>,
}

/// The type of an invocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, IntoStaticStr)]
pub enum Invocation {
    /// Synchronous: the function's response decides whether the batch is delivered.
    #[default]
    RequestResponse,
    /// Asynchronous: a batch is delivered when AWS has accepted it.
    Event,
}

impl Lambda {
    /// Returns the maximum size of a webhook's body in bytes. The body is sent as a JSON string, and escaping can
    /// double it.
    pub(crate) const fn max_body_bytes(&self) -> usize {
        let whole = match self.invocation {
            Invocation::RequestResponse => MAX_REQUEST_BYTES,
            Invocation::Event => MAX_EVENT_BYTES,
        };
        (whole - FRAME_BYTES) / 2
    }

    /// Returns the name of the function without the rest of its ARN.
    fn name(&self) -> &str {
        self.function.rsplit(':').next().unwrap_or_default()
    }
}

/// `lambda:REGION:NAME`, and `:QUALIFIER` if it has one.
impl fmt::Display for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lambda:{}:{}", self.region, self.name())?;
        self.qualifier.as_ref().map_or(Ok(()), |qualifier| write!(f, ":{qualifier}"))
    }
}

/// `lambda` before it is resolved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with a function_name")]
pub(super) struct WrittenLambda {
    function_name: Option<FunctionName>,
    region: Option<Region>,
    qualifier: Option<Qualifier>,
    invocation_type: Option<Invocation>,
    endpoint_url: Option<EndpointUrl>,
    access_key_id: Option<Secret>,
    secret_access_key: Option<Secret>,
    session_token: Option<Secret>,
    profile: Option<String>,
}

impl WrittenLambda {
    /// Resolves the function at `key`. A missing name is a warning and gives `None`, because its environment variable
    /// may be unset on purpose.
    pub(super) fn resolve(
        self,
        key: &str,
        environment: &Environment,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Lambda>, ConfigError> {
        let at = |name: &str| format!("{key}.{name}");
        let keys = self.keys(key)?;
        let Some(FunctionName { function, region: of_arn, qualifier: of_name }) = self.function_name else {
            warnings.push(format!("{} is empty: this endpoint is skipped", place(&at("function_name"))));
            return Ok(None);
        };
        let profile = self.profile.as_deref();
        if keys.is_some() && profile.is_some() {
            return Err(ConfigError::at(&at("profile"), "cannot be combined with access_key_id: remove one of them"));
        }
        let written = self.region.map(|Region(region)| region);
        let region = same(written, of_arn)
            .map_err(|()| ConfigError::at(&at("region"), "differs from the region in the ARN: remove it"))?;
        let region = match region.or_else(|| aws::default_region(profile, environment)) {
            Some(region) => Region::try_from(region).map_err(|problem| ConfigError::at(&at("region"), problem))?.0,
            None => return Err(ConfigError::at(&at("region"), NO_REGION)),
        };
        let written = self.qualifier.map(|Qualifier(qualifier)| qualifier);
        let qualifier = same(written, of_name).map_err(|()| {
            ConfigError::at(&at("qualifier"), "differs from the one in function_name: remove one of them")
        })?;
        if let Some(url) = &self.endpoint_url
            && (url.credentials.is_some() || url.url.query().is_some() || url.url.path() != "/")
        {
            return Err(ConfigError::at(&at("endpoint_url"), "must contain only a scheme, a host and a port"));
        }
        let credentials = aws::links(keys, profile, environment);
        if aws::has_web_identity_only(&credentials) {
            warnings.push(format!("{} has no AWS credentials: {}", place(key), aws::WEB_IDENTITY));
        }
        Ok(Some(Lambda {
            function,
            region,
            qualifier,
            invocation: self.invocation_type.unwrap_or_default(),
            credentials,
            service: self.endpoint_url,
        }))
    }

    fn keys(&self, key: &str) -> Result<Option<AccessKeys>, ConfigError> {
        let missing = |name: &str, beside: &str| {
            Err(ConfigError::at(&format!("{key}.{name}"), format_args!("is required with {beside}")))
        };
        match (&self.access_key_id, &self.secret_access_key, &self.session_token) {
            (Some(access_key_id), Some(secret_access_key), session_token) => Ok(Some(AccessKeys {
                access_key_id: access_key_id.clone(),
                secret_access_key: secret_access_key.clone(),
                session_token: session_token.clone(),
            })),
            (None, None, None) => Ok(None),
            (Some(_), None, _) => missing("secret_access_key", "access_key_id"),
            (None, Some(_), _) => missing("access_key_id", "secret_access_key"),
            (None, None, Some(_)) => missing("access_key_id", "session_token"),
        }
    }
}

const NO_REGION: &str = "is missing: set it, or name a region in the function's ARN, AWS_REGION, AWS_DEFAULT_REGION or \
                         the profile";

/// Returns the value that is set. Fails if both are set and differ.
fn same(one: Option<String>, other: Option<String>) -> Result<Option<String>, ()> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(()),
        (one, other) => Ok(one.or(other)),
    }
}

/// A region. It becomes part of a host name, so its characters are restricted.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Region(pub(super) String);

impl TryFrom<String> for Region {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.len() <= 32 && text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(fits) {
            Ok(Self(text))
        } else {
            Err(format!("{text:?} is not an AWS region"))
        }
    }
}

/// A version or an alias.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Qualifier(String);

impl TryFrom<String> for Qualifier {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"$_-.".contains(&byte);
        if !text.is_empty() && text.len() <= 129 && text.bytes().all(fits) {
            Ok(Self(text))
        } else {
            Err(format!("{text:?} is neither a version nor an alias"))
        }
    }
}

/// `name`, `ACCOUNT:function:name` or `arn:PARTITION:lambda:REGION:ACCOUNT:function:name`, each with or without a
/// qualifier.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct FunctionName {
    function: String,
    region: Option<String>,
    qualifier: Option<String>,
}

impl TryFrom<String> for FunctionName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refusal = || format!("{text:?} is neither the name nor the ARN of a function");
        let parts: Vec<&str> = text.split(':').collect();
        let (region, before, rest) = match parts[..] {
            ["arn", partition, "lambda", region, account, "function", ..]
                if partition.starts_with("aws") && is_account(account) =>
            {
                (Some(region), 6, &parts[6..])
            }
            [account, "function", ..] if is_account(account) => (None, 2, &parts[2..]),
            _ => (None, 0, &parts[..]),
        };
        let (name, qualifier) = match *rest {
            [name] => (name, None),
            [name, qualifier] => (name, Some(qualifier)),
            _ => return Err(refusal()),
        };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if name.is_empty() || name.len() > 140 || !name.bytes().all(fits) {
            return Err(refusal());
        }
        let qualifier = qualifier.map(|qualifier| Qualifier::try_from(qualifier.to_owned())).transpose();
        let region = region.map(|region| Region::try_from(region.to_owned())).transpose();
        Ok(Self {
            function: parts[..=before].join(":"),
            region: region.map_err(|_| refusal())?.map(|Region(region)| region),
            qualifier: qualifier.map_err(|_| refusal())?.map(|Qualifier(qualifier)| qualifier),
        })
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[path = "lambda_tests.rs"]
mod tests;
