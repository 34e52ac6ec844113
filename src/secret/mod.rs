//! Secret values, such as app secrets, passwords and credentials in URLs, which must never be printed. Also HMAC-SHA256.

mod mac;
mod redaction;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use derive_more::{Debug, From};
use serde::Deserialize;
use zeroize::Zeroizing;

pub(crate) use mac::{BLOCK, HmacSha256, hmac_sha256, keyed};
#[cfg(test)]
pub(crate) use redaction::REDACTED;
pub(crate) use redaction::{Redaction, redact};

/// The prefix of a Standard Webhooks secret. Base64 follows.
pub(crate) const WHSEC: &str = "whsec_";

/// As lenient as PHP's `base64_decode`, which the receiver uses.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A value that can be used but not printed. Its memory is overwritten on drop, so a core dump has no secret of the past.
#[derive(Clone, PartialEq, Eq, Default, Deserialize, Debug, From)]
#[from(String)]
#[serde(from = "String")]
#[debug("[redacted]")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Hides `value`.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// Returns the value itself, for the code that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the bytes of a Standard Webhooks secret (`whsec_` and base64), or `None` for any other text.
    pub(crate) fn whsec_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = BASE64.decode(self.0.strip_prefix(WHSEC)?).map(Zeroizing::new);
        bytes.ok().filter(|bytes| !bytes.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_redacted_in_debug_output() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[redacted]");
    }

    #[test]
    fn only_base64_after_whsec_is_decoded() {
        for (secret, bytes) in [("whsec_AAEC", &b"\0\x01\x02"[..]), ("whsec_AA==", b"\0"), ("whsec_AA", b"\0")] {
            assert_eq!(Secret::new(secret).whsec_bytes().as_deref().map(Vec::as_slice), Some(bytes), "{secret}");
        }
        for secret in ["whsec_", "whsec_%", "AAEC", "WHSEC_AAEC", ""] {
            assert_eq!(Secret::new(secret).whsec_bytes(), None, "{secret}");
        }
    }
}
