//! A header that every POST to an endpoint carries.

use thiserror::Error;
use ureq::http::{HeaderName, HeaderValue};

use crate::secret::Secret;

/// Headers that are ours: they frame the request, or a receiver trusts what stands in them.
const RESERVED: [&str; 12] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-pusher-key",
    "x-pusher-signature",
];

/// The headers of Standard Webhooks, ours as well.
const RESERVED_PREFIX: &str = "webhook-";

/// A header that can go over the wire as it is: no name or value in it can end its line. Its value may be a token, so
/// it does not print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    name: Box<str>,
    value: Secret,
}

/// Why a header cannot be sent. Never says the value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name has characters that HTTP does not allow in one.
    #[error("{0:?} is not the name of a header")]
    Name(String),
    /// The name is one of those that the signature and HTTP itself need.
    #[error("{0:?} is set by the sender and cannot be another")]
    Reserved(String),
    /// The value holds a line break or another control character, or is not ASCII.
    #[error("the value of {0:?} holds a character that no header has")]
    Value(String),
}

impl Header {
    /// Checks `name` and `value`.
    ///
    /// # Errors
    /// When either cannot stand in a header, or the header is not the configuration's to set.
    pub fn new(name: &str, value: &str) -> Result<Self, HeaderError> {
        let lower = name.to_ascii_lowercase();
        if RESERVED.contains(&&*lower) || lower.starts_with(RESERVED_PREFIX) {
            return Err(HeaderError::Reserved(name.to_owned()));
        }
        if HeaderName::from_bytes(lower.as_bytes()).is_err() {
            return Err(HeaderError::Name(name.to_owned()));
        }
        // ASCII only: how a receiver reads other bytes is anybody's guess.
        if !value.is_ascii() || HeaderValue::from_str(value).is_err() {
            return Err(HeaderError::Value(name.to_owned()));
        }
        Ok(Self { name: name.into(), value: Secret::new(value) })
    }

    /// The name as it is written, and as it is sent: there are receivers that know it in that case only.
    #[must_use]
    pub const fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has that name, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Name and value.
    pub(crate) fn parts(&self) -> (&str, &str) {
        (self.name(), self.value.expose())
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &Secret {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_can_be_sent_is_taken_as_it_is() {
        let header = Header::new("X-Api-Token", "a b\tc=").unwrap();
        assert_eq!((header.name(), header.value().expose()), ("X-Api-Token", "a b\tc="));
        assert!(!format!("{header:?}").contains("a b"));
    }

    #[test]
    fn no_name_or_value_can_begin_a_line_of_its_own() {
        for name in ["", "x y", "x:y", "x\r\ny", "x\ny", "ü"] {
            assert_eq!(Header::new(name, "v"), Err(HeaderError::Name(name.to_owned())));
        }
        for value in ["a\r\nx-pusher-key: b", "a\nb", "a\rb", "a\0b", "\u{7f}", "ü"] {
            let refused = Header::new("x", value).unwrap_err();
            assert_eq!(refused, HeaderError::Value("x".to_owned()));
            assert_eq!(refused.to_string(), "the value of \"x\" holds a character that no header has");
        }
    }

    #[test]
    fn the_headers_of_the_signature_cannot_be_overridden() {
        for name in ["X-Pusher-Signature", "x-pusher-key", "Webhook-Id", "WEBHOOK-SIGNATURE", "Content-Type", "Host"] {
            assert_eq!(Header::new(name, "v"), Err(HeaderError::Reserved(name.to_owned())));
        }
    }
}
