//! Signing keys: the secrets of an application or an endpoint, as HMACs that are keyed once and cloned for each message.

use crate::config::{EndpointSecret, PreviousSecret};
use crate::secret::{HmacSha256, Secret, keyed};

/// The key and the secrets of an application or an endpoint.
#[derive(Debug)]
pub(crate) struct SigningKey {
    /// `X-Pusher-Key`. An endpoint may have none.
    pub(crate) key: Option<String>,
    /// The HMAC for `X-Pusher-Signature`, keyed by the text of the current secret.
    pub(crate) pusher: HmacSha256,
    /// The HMAC for `webhook-signature`, keyed by the current secret.
    pub(crate) standard: HmacSha256,
    /// The HMACs for `webhook-signature`, keyed by previous secrets.
    previous: Vec<(PreviousSecret, HmacSha256)>,
}

impl SigningKey {
    /// Creates the signing key of an application. Its secrets are always plain text.
    pub(crate) fn of_app(key: String, secret: &Secret, previous: &[PreviousSecret]) -> Self {
        Self::new(Some(key), secret, previous, text)
    }

    fn new(
        key: Option<String>,
        secret: &Secret,
        previous: &[PreviousSecret],
        standard: impl Fn(&Secret) -> HmacSha256,
    ) -> Self {
        let replaced = previous.iter().filter(|previous| previous.secret != *secret);
        Self {
            key,
            pusher: text(secret),
            standard: standard(secret),
            previous: replaced.map(|previous| (previous.clone(), standard(&previous.secret))).collect(),
        }
    }

    /// Returns the previous secrets that still sign at `unix_seconds`.
    pub(crate) fn previous_at(&self, unix_seconds: u64) -> impl Iterator<Item = &HmacSha256> {
        let signing = self.previous.iter().filter(move |(previous, _)| previous.signs_at(unix_seconds));
        signing.map(|(_, code)| code)
    }
}

/// Creates the signing key of an endpoint. Its secrets may have the format of Standard Webhooks (`whsec_…`).
impl From<&EndpointSecret> for SigningKey {
    fn from(EndpointSecret { key, secret, previous }: &EndpointSecret) -> Self {
        let standard = |secret: &Secret| secret.whsec_bytes().map_or_else(|| text(secret), |bytes| keyed(&bytes));
        Self::new(key.clone(), secret, previous, standard)
    }
}

fn text(secret: &Secret) -> HmacSha256 {
    keyed(secret.expose().as_bytes())
}

/// The keys that sign an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signer<'a> {
    /// Provides `X-Pusher-Key` and signs `X-Pusher-Signature`.
    pub(crate) pusher: &'a SigningKey,
    /// Signs `webhook-signature`.
    pub(crate) standard: &'a SigningKey,
}

impl<'a> Signer<'a> {
    /// Combines the key of the application with the `own` key of the endpoint, if it has one. Returns `None` if the
    /// application's key is needed and unknown.
    pub(crate) fn of(app: Option<&'a SigningKey>, own: Option<&'a SigningKey>) -> Option<Self> {
        let pusher = own.filter(|own| own.key.is_some()).or(app)?;
        Some(Self { pusher, standard: own.unwrap_or(pusher) })
    }
}
