//! The two signatures of a webhook. Pusher's covers the body. That of Standard Webhooks also covers an id and a time, so that
//! a receiver can reject replays (<https://www.standardwebhooks.com>).

use base16ct::lower;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;

use super::signing_key::Signer;
use crate::secret::{BLOCK, HmacSha256, Redaction};

/// The version prefix of Standard Webhooks.
const VERSION: &str = "v1,";

/// The length of one signature, including the space before it.
const ROOM: usize = 48;

/// The request of one attempt: id and body of the batch, and the time and signatures of this attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// The signed JSON.
    pub body: &'a [u8],
    /// `X-Pusher-Key`.
    pub key: String,
    /// `X-Pusher-Signature`.
    pub pusher_signature: String,
    /// `webhook-timestamp`, in Unix seconds.
    pub timestamp: String,
    /// `webhook-signature`: one signature for each secret, separated by spaces. The signature of the current secret is first.
    pub standard_signatures: String,
}

/// The headers of a webhook.
const HEADERS: [&str; 6] =
    ["Content-Type", "X-Pusher-Key", "X-Pusher-Signature", "webhook-id", "webhook-timestamp", "webhook-signature"];

impl SignedRequest<'_> {
    /// Returns the headers of the webhook, which are the same for HTTP and Lambda.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, &str); HEADERS.len()] {
        let Self { id, key, pusher_signature, timestamp, standard_signatures, .. } = self;
        let values = ["application/json", key, pusher_signature, id, timestamp, standard_signatures];
        std::array::from_fn(|n| (HEADERS[n], values[n]))
    }

    /// Returns the signatures. With them, anyone could send the body again.
    pub(super) fn secrets(&self) -> Redaction {
        let mut secrets = Redaction::default();
        for signature in self.standard_signatures.split(' ').chain([&*self.pusher_signature]) {
            secrets.add(signature.trim_start_matches(VERSION));
        }
        secrets
    }
}

/// Signs the webhook `id` with this `body` at `unix_seconds`.
///
/// ```text
/// X-Pusher-Signature: hex(HMAC-SHA256(body))                                    lowercase, without a prefix
/// webhook-signature:  v1,base64(HMAC-SHA256("{id}.{timestamp}.{body}"))         for the current secret, then for each
///                                                                               previous one that still signs
/// ```
/// The two current HMACs are computed alternately, block by block. Each step of SHA-256 depends on the previous one, so the
/// processor can run two independent HMACs in parallel.
pub(crate) fn sign<'a>(id: &'a str, unix_seconds: u64, body: &'a [u8], signer: Signer<'_>) -> SignedRequest<'a> {
    let timestamp = unix_seconds.to_string();
    let mut pusher = signer.pusher.pusher.clone();
    let frame = [id, ".", &timestamp, "."].concat();
    let mut standard = signer.standard.standard.clone().chain_update(&frame);
    // The first bytes of the body complete the block that the frame began, so only whole blocks follow.
    let fill = frame.len().next_multiple_of(BLOCK) - frame.len();
    let (begun, blocks) = body.split_at(fill.min(body.len()));
    standard.update(begun);
    let mut pusher_blocks = body.chunks(BLOCK);
    for block in blocks.chunks(BLOCK) {
        pusher_blocks.next().into_iter().for_each(|block| pusher.update(block));
        standard.update(block);
    }
    pusher_blocks.for_each(|block| pusher.update(block));

    let mut standard_signatures = String::with_capacity(ROOM);
    add(&mut standard_signatures, standard);
    for code in signer.standard.previous_at(unix_seconds) {
        standard_signatures.push(' ');
        add(&mut standard_signatures, code.clone().chain_update(&frame).chain_update(body));
    }
    SignedRequest {
        id,
        body,
        key: signer.pusher.key.clone().unwrap_or_default(),
        pusher_signature: lower::encode_string(&pusher.finalize().into_bytes()),
        timestamp,
        standard_signatures,
    }
}

/// Appends a signature of Standard Webhooks.
fn add(signatures: &mut String, code: HmacSha256) {
    signatures.push_str(VERSION);
    STANDARD.encode_string(code.finalize().into_bytes(), signatures);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::super::signing_key::SigningKey;
    use super::*;
    use crate::config::{EndpointSecret, PreviousSecret};
    use crate::secret::{Secret, hmac_sha256};

    impl<'a> SignedRequest<'a> {
        /// Creates an attempt with this body, and with placeholders for the rest.
        pub(in crate::delivery) fn of_body(body: &'a [u8]) -> Self {
            Self {
                id: "msg_1",
                key: "key".to_owned(),
                pusher_signature: "p".to_owned(),
                standard_signatures: "v1,s".to_owned(),
                timestamp: "1700000000".to_owned(),
                body,
            }
        }
    }

    /// One entry of `tests/vectors/signature.json`, which was computed with OpenSSL. The PHP tests read the same file.
    #[derive(Deserialize)]
    struct SignatureVector {
        about: String,
        body: String,
        secret: String,
        pusher: String,
        id: String,
        timestamp: String,
        standard_webhooks: String,
    }

    fn key(secret: &str, previous: &[PreviousSecret]) -> SigningKey {
        SigningKey::of_app("key".to_owned(), &Secret::new(secret), previous)
    }

    fn request<'a>(id: &'a str, body: &'a [u8], key: &SigningKey) -> SignedRequest<'a> {
        sign(id, 1_700_000_000, body, Signer::of(Some(key), None).unwrap())
    }

    /// Returns the `webhook-signature` of `body` with each of these keys, at Unix second 1700000000.
    fn standard(id: &str, body: &[u8], keys: &[&[u8]]) -> String {
        let message = [format!("{id}.1700000000.").as_bytes(), body].concat();
        let signatures = keys.iter().map(|key| format!("v1,{}", STANDARD.encode(hmac_sha256(key, &message))));
        signatures.collect::<Vec<_>>().join(" ")
    }

    fn pusher(body: &[u8], key: &[u8]) -> String {
        lower::encode_string(&hmac_sha256(key, body))
    }

    #[test]
    fn signatures_equal_those_of_openssl() {
        let vectors: Vec<SignatureVector> =
            serde_json::from_str(include_str!("../../tests/vectors/signature.json")).unwrap();
        assert!(vectors.len() >= 5);
        for vector in vectors {
            let (key, timestamp) = (key(&vector.secret, &[]), vector.timestamp.parse().unwrap());
            let request = sign(&vector.id, timestamp, vector.body.as_bytes(), Signer::of(Some(&key), None).unwrap());
            assert_eq!(request.pusher_signature, vector.pusher, "{}", vector.about);
            assert_eq!(request.standard_signatures, vector.standard_webhooks, "{}", vector.about);
        }
    }

    #[test]
    fn each_secret_that_still_signs_has_a_signature_and_that_of_the_current_one_is_first() {
        let previous = |secret: &str, until| PreviousSecret { secret: Secret::new(secret), until };
        let previous = [
            previous("older", None),
            previous("over", Some(1_700_000_000)),
            previous("until later", Some(1_700_000_001)),
            previous("whsec_AAEC", None),
            previous("current", None),
        ];
        let key = key("current", &previous);
        let request = request("msg_1", b"{}", &key);
        assert_eq!(request.pusher_signature, pusher(b"{}", b"current"));
        let keys: [&[u8]; 4] = [b"current", b"older", b"until later", b"whsec_AAEC"];
        assert_eq!(request.standard_signatures, standard("msg_1", b"{}", &keys));
    }

    #[test]
    fn an_endpoint_secret_signs_standard_webhooks_and_with_a_key_also_pusher() {
        let app = key("of the app", &[PreviousSecret { secret: Secret::new("before"), until: None }]);
        let own = |key: Option<&str>| {
            let previous = vec![PreviousSecret { secret: Secret::new("whsec_AA=="), until: None }];
            let (key, secret) = (key.map(str::to_owned), Secret::new("whsec_AAEC"));
            SigningKey::from(&EndpointSecret { key, secret, previous })
        };
        let sign = |own: &SigningKey| {
            let request = sign("msg_1", 1_700_000_000, b"{}", Signer::of(Some(&app), Some(own)).unwrap());
            (request.key, request.pusher_signature, request.standard_signatures)
        };
        let standard = standard("msg_1", b"{}", &[b"\0\x01\x02", b"\0"]);
        assert_eq!(sign(&own(None)), ("key".to_owned(), pusher(b"{}", b"of the app"), standard.clone()));
        // Pusher's signature uses the text of the secret, because Pusher libraries do not decode `whsec_…`.
        assert_eq!(sign(&own(Some("k"))), ("k".to_owned(), pusher(b"{}", b"whsec_AAEC"), standard));
        assert!(Signer::of(None, Some(&own(None))).is_none());
        assert!(Signer::of(None, Some(&own(Some("k")))).is_some());
    }

    proptest! {
        /// Covers the block boundaries, where the two HMACs differ.
        #[test]
        fn both_equal_signatures_computed_separately(id in "[a-z]{0,130}", body in prop::collection::vec(any::<u8>(), 0..300)) {
            let key = key("secret", &[]);
            let request = request(&id, &body, &key);
            prop_assert_eq!(&request.pusher_signature, &pusher(&body, b"secret"));
            prop_assert_eq!(&request.standard_signatures, &standard(&id, &body, &[b"secret"]));
        }
    }
}
