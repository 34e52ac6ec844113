//! The secret of an endpoint, in place of the application's: `endpoints.*.secret`.

use super::error::place;
use super::previous_secret::PreviousSecrets;
use super::{ConfigError, PreviousSecret};
use crate::secret::{Secret, WHSEC};

/// The key and the secrets that sign the webhooks of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSecret {
    /// Value of `X-Pusher-Key`. Without it, both Pusher headers use the application's key and secret.
    pub key: Option<String>,
    /// Current secret: `whsec_` and base64, or any other text.
    pub secret: Secret,
    /// Previous secrets that still sign.
    pub previous: Vec<PreviousSecret>,
}

impl EndpointSecret {
    /// Resolves the secret of the endpoint at the key `endpoint`, if it has one.
    pub(super) fn at(
        endpoint: &str,
        key: Option<String>,
        secret: Option<Secret>,
        PreviousSecrets(previous): PreviousSecrets,
    ) -> Result<Option<Self>, ConfigError> {
        let at = |name: &str| format!("{endpoint}.{name}");
        if key.as_ref().is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
            let problem =
                "contains a character that is not allowed in X-Pusher-Key: use printable ASCII without spaces";
            return Err(ConfigError::at(&at("key"), problem));
        }
        let Some(secret) = secret else {
            let alone = if key.is_some() {
                "key"
            } else if !previous.is_empty() {
                "previous_secrets"
            } else {
                return Ok(None);
            };
            return Err(ConfigError::at(
                &at(alone),
                format_args!("requires {}, which is not set", place(&at("secret"))),
            ));
        };
        for (name, secret) in std::iter::once(("secret", &secret))
            .chain(previous.iter().map(|previous| ("previous_secrets", &previous.secret)))
        {
            if secret.expose().starts_with(WHSEC) && secret.whsec_bytes().is_none() {
                return Err(ConfigError::at(&at(name), format_args!("has no valid base64 after {WHSEC:?}")));
            }
        }
        Ok(Some(Self { key, secret, previous }))
    }
}
