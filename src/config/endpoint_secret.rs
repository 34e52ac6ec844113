//! The secret that an endpoint has for itself, in place of its applications'.

use super::error::{ConfigError, place};
use super::previous_secret::{PreviousSecret, PreviousSecrets};
use crate::secret::{Secret, WHSEC};

/// What signs the webhooks of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSecret {
    /// Sent as `X-Pusher-Key`; without one, Pusher's two headers are those of the application.
    pub key: Option<String>,
    /// The current secret: `whsec_` and base64, or any other text.
    pub secret: Secret,
    /// Those that it replaced.
    pub previous: Vec<PreviousSecret>,
}

impl EndpointSecret {
    /// The secret of the endpoint at `endpoint`, if it has one.
    pub(super) fn at(
        endpoint: &str,
        key: Option<String>,
        secret: Option<Secret>,
        PreviousSecrets(previous): PreviousSecrets,
    ) -> Result<Option<Self>, ConfigError> {
        let at = |name: &str| format!("{endpoint}.{name}");
        if key.as_ref().is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(ConfigError::at(&at("key"), "holds a character that no key has; it is sent as X-Pusher-Key"));
        }
        let Some(secret) = secret else {
            let alone = if key.is_some() {
                "key"
            } else if !previous.is_empty() {
                "previous_secrets"
            } else {
                return Ok(None);
            };
            return Err(ConfigError::at(&at(alone), format_args!("needs {}, which is not set", place(&at("secret")))));
        };
        for (name, secret) in std::iter::once(("secret", &secret))
            .chain(previous.iter().map(|previous| ("previous_secrets", &previous.secret)))
        {
            if secret.expose().starts_with(WHSEC) && secret.whsec_bytes().is_none() {
                return Err(ConfigError::at(&at(name), format_args!("has no base64 behind {WHSEC:?}")));
            }
        }
        Ok(Some(Self { key, secret, previous }))
    }
}
