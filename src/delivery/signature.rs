//! The two signatures of a webhook: Pusher's, over the body, and that of Standard Webhooks, which also covers an id and
//! a time and so cannot be replayed for ever (<https://www.standardwebhooks.com>).

use base16ct::lower;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;

use crate::apps::SigningKey;
use crate::mac::BLOCK;
use crate::outbox::Wire;

/// Of the scheme of Standard Webhooks.
const VERSION: &str = "v1,";

/// The webhook `id` with this `body`, signed at `unix_seconds`: `X-Pusher-Signature` is the lowercase hex HMAC-SHA256 of the
/// body, without a prefix; `webhook-signature` is `v1,` and the base64 of that of `{id}.{timestamp}.{body}`.
///
/// Both codes are made side by side, a block of each in turn: a step of SHA-256 waits for the one before it, and a processor
/// that has two to do fills the time with the other one.
pub(crate) fn sign(id: &str, unix_seconds: u64, body: Vec<u8>, key: &SigningKey) -> Wire {
    let timestamp = unix_seconds.to_string();
    let mut pusher = key.code.clone();
    let frame = [id, ".", &timestamp, "."].concat();
    let mut standard = pusher.clone().chain_update(&frame);
    // The body's first bytes fill the block that the frame has begun: from there on, only whole blocks are handed over.
    let fill = frame.len().next_multiple_of(BLOCK) - frame.len();
    let (begun, blocks) = body.split_at(fill.min(body.len()));
    standard.update(begun);
    let mut behind = body.chunks(BLOCK);
    for block in blocks.chunks(BLOCK) {
        behind.next().into_iter().for_each(|block| pusher.update(block));
        standard.update(block);
    }
    behind.for_each(|block| pusher.update(block));
    // Room for all of it at once.
    let mut standard_signature = String::with_capacity(VERSION.len() + BLOCK);
    standard_signature.push_str(VERSION);
    STANDARD.encode_string(standard.finalize().into_bytes(), &mut standard_signature);
    Wire {
        key: key.key.clone(),
        pusher_signature: lower::encode_string(&pusher.finalize().into_bytes()),
        standard_signature,
        timestamp,
        body,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::apps::Credentials;
    use crate::mac::hmac_sha256;
    use crate::secret::Secret;

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

    fn key(secret: &str) -> SigningKey {
        Credentials { key: "key".to_owned(), secret: Secret::new(secret) }.into()
    }

    #[test]
    fn signatures_equal_those_of_openssl() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../tests/vectors/signature.json")).unwrap();
        assert!(vectors.len() >= 5);
        for vector in vectors {
            let timestamp = vector.timestamp.parse().unwrap();
            let wire = sign(&vector.id, timestamp, vector.body.into_bytes(), &key(&vector.secret));
            assert_eq!(wire.pusher_signature, vector.pusher, "{}", vector.about);
            assert_eq!(wire.standard_signature, vector.standard_webhooks, "{}", vector.about);
        }
    }

    proptest! {
        /// Around the ends of blocks, where the two codes part.
        #[test]
        fn both_are_what_each_would_be_alone(id in "[a-z]{0,130}", body in prop::collection::vec(any::<u8>(), 0..300)) {
            let wire = sign(&id, 1_700_000_000, body.clone(), &key("secret"));
            let message = [format!("{id}.1700000000.").as_bytes(), &body].concat();
            prop_assert_eq!(wire.pusher_signature, lower::encode_string(&hmac_sha256(b"secret", &body)));
            prop_assert_eq!(wire.standard_signature, format!("v1,{}", STANDARD.encode(hmac_sha256(b"secret", &message))));
        }
    }
}
