//! The two signatures of a webhook: Pusher's, over the body, and that of Standard Webhooks, which also covers an id and
//! a time and so cannot be replayed for ever (<https://www.standardwebhooks.com>).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::mac::hmac_sha256;
use crate::secret::Secret;

/// `X-Pusher-Signature`: lowercase hex HMAC-SHA256 of the body, without a prefix.
pub(crate) fn pusher(body: &[u8], secret: &Secret) -> String {
    hex::encode(hmac_sha256(secret.expose().as_bytes(), &[body]))
}

/// `webhook-signature`: `v1,` and the base64 of the HMAC-SHA256 of `{id}.{timestamp}.{body}`.
pub(crate) fn standard_webhooks(id: &str, timestamp: &str, body: &[u8], secret: &Secret) -> String {
    let mac = hmac_sha256(secret.expose().as_bytes(), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
    format!("v1,{}", STANDARD.encode(mac))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// One entry of `tests/vectors/signature.json`, which was computed with OpenSSL and which the PHP tests read too.
    #[derive(Deserialize)]
    struct Vector {
        about: String,
        body: String,
        secret: String,
        pusher: String,
        id: String,
        timestamp: String,
        standard_webhooks: String,
    }

    #[test]
    fn signatures_equal_those_of_openssl() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../tests/vectors/signature.json")).unwrap();
        assert!(vectors.len() >= 5);
        for vector in vectors {
            let secret = Secret::new(vector.secret);
            let body = vector.body.as_bytes();
            assert_eq!(pusher(body, &secret), vector.pusher, "{}", vector.about);
            let standard = standard_webhooks(&vector.id, &vector.timestamp, body, &secret);
            assert_eq!(standard, vector.standard_webhooks, "{}", vector.about);
        }
    }
}
