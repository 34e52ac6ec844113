//! HMAC-SHA256, by which webhooks and requests to AWS are signed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A code of the message that is still to come.
pub(crate) type HmacSha256 = Hmac<Sha256>;

/// The bytes of which SHA-256 makes one step.
pub(crate) const BLOCK: usize = 64;

/// The beginning of a code with this key.
pub(crate) fn keyed(key: &[u8]) -> HmacSha256 {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
    Hmac::new_from_slice(key).expect("a key of any length")
}

/// The code of a message.
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    keyed(key).chain_update(message).finalize().into_bytes().into()
}
