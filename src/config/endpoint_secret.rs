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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(key: Option<&str>, secret: &str, previous: &[&str]) -> Result<Option<EndpointSecret>, String> {
        let secret = Some(Secret::new(secret)).filter(|secret| !secret.expose().is_empty());
        let previous = previous.iter().map(|text| PreviousSecret { secret: Secret::new(*text), until: None }).collect();
        EndpointSecret::at("endpoints.0", key.map(str::to_owned), secret, PreviousSecrets(previous))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_endpoint_may_have_a_key_and_several_secrets_or_none() {
        let both = at(Some("key!"), "new", &["old"]).unwrap().unwrap();
        assert_eq!((both.key.as_deref(), both.secret.expose()), (Some("key!"), "new"));
        assert_eq!(both.previous.iter().map(|previous| previous.secret.expose()).collect::<Vec<_>>(), ["old"]);
        assert_eq!(at(None, "", &[]), Ok(None));
    }

    #[test]
    fn a_key_that_is_no_header_value_is_refused() {
        for key in ["a b", "a\nb", "ü"] {
            let refusal = at(Some(key), "s", &[]).unwrap_err();
            assert!(refusal.starts_with("resonate-webhooks.endpoints.0.key: contains a character"), "{refusal}");
        }
    }

    #[test]
    fn a_key_or_a_previous_secret_requires_a_secret() {
        for (refused, name) in [(at(Some("key"), "", &[]), "key"), (at(None, "", &["old"]), "previous_secrets")] {
            let expected = "requires resonate-webhooks.endpoints.0.secret, which is not set";
            assert_eq!(refused, Err(format!("resonate-webhooks.endpoints.0.{name}: {expected}")));
        }
    }

    #[test]
    fn a_secret_with_the_prefix_must_be_base64() {
        assert!(at(None, "whsec_aGk=", &["whsec_aGk="]).is_ok());
        for (refused, name) in [(at(None, "whsec_!", &[]), "secret"), (at(None, "s", &["whsec_!"]), "previous_secrets")]
        {
            let expected = "has no valid base64 after \"whsec_\"";
            assert_eq!(refused, Err(format!("resonate-webhooks.endpoints.0.{name}: {expected}")));
        }
    }
}
