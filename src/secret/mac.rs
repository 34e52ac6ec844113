//! HMAC-SHA256, which signs webhooks and requests to AWS.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// An HMAC that is keyed and waits for its message.
pub(crate) type HmacSha256 = Hmac<Sha256>;

/// The block size of SHA-256, in bytes.
pub(crate) const BLOCK: usize = 64;

/// Returns an HMAC with this key.
pub(crate) fn keyed(key: &[u8]) -> HmacSha256 {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
    Hmac::new_from_slice(key).expect("a key of any length")
}

/// Returns the HMAC of a message.
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    keyed(key).chain_update(message).finalize().into_bytes().into()
}
