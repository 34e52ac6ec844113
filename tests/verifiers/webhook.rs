//! A received webhook, and changed copies of it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base16ct::lower;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::support::receiver::Received;

/// Headers, by name in lower case, and the body.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl From<&Received> for Webhook {
    fn from(request: &Received) -> Self {
        let headers: BTreeMap<_, _> = request.headers.iter().cloned().collect();
        assert_eq!(headers.len(), request.headers.len(), "a header came twice: {:?}", request.headers);
        Self { headers, body: request.body.clone() }
    }
}

impl Webhook {
    /// Returns a webhook as Pusher sends it, with this body.
    pub(crate) fn pushers(key: &str, secret: &str, body: Vec<u8>) -> Self {
        let signature = lower::encode_string(&hmac_sha256(&body, secret));
        let headers = [("content-type", "application/json"), ("x-pusher-key", key), ("x-pusher-signature", &signature)];
        Self { headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(), body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Returns a copy with another value of a header.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.insert(name.to_owned(), value.to_owned());
        other
    }

    /// Returns a copy without a header.
    pub(crate) fn without(&self, name: &str) -> Self {
        let mut other = self.clone();
        assert!(other.headers.remove(name).is_some(), "there is no {name}");
        other
    }

    /// Returns a copy signed anew at `time` (Unix seconds).
    pub(crate) fn signed_again(&self, time: u64, secret: &str) -> Self {
        let signed = [format!("{}.{time}.", self.header("webhook-id").unwrap()).as_bytes(), &self.body].concat();
        let signature = format!("v1,{}", STANDARD.encode(hmac_sha256(&signed, secret)));
        self.with("webhook-timestamp", &time.to_string()).with("webhook-signature", &signature)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.json()["events"].as_array().expect("a list of events").clone()
    }
}

/// Returns the time in Unix seconds.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}

fn hmac_sha256(message: &[u8], secret: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}
