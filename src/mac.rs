//! HMAC-SHA256, by which webhooks and requests to AWS are signed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The code of the parts of a message, one behind the other.
pub(crate) fn hmac_sha256(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in message {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
