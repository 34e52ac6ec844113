//! An additional header of the POSTs to an endpoint: `endpoints.*.headers`.

use ureq::http::{HeaderName, HeaderValue};

use super::endpoint::is_number;
use super::error::{ConfigError, place};
use super::form::List;
use crate::secret::Secret;

/// Headers that the config must not set: they frame the request, or receivers trust them.
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

/// The prefix of the headers of Standard Webhooks, which are reserved too.
const RESERVED_PREFIX: &str = "webhook-";

/// A header that is safe to send: neither its name nor its value contains a line break. Its value may be a token, so it
/// is never printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    name: Box<str>,
    value: Secret,
}

impl Header {
    /// Checks `name` and `value`.
    ///
    /// # Errors
    /// If the name or the value is invalid, or the header is reserved. The error never contains the value.
    pub fn new(name: &str, value: &str) -> Result<Self, String> {
        let lower = name.to_ascii_lowercase();
        if RESERVED.contains(&&*lower) || lower.starts_with(RESERVED_PREFIX) {
            return Err(format!("{name:?} is set by this package and cannot be overridden"));
        }
        if HeaderName::from_bytes(lower.as_bytes()).is_err() {
            return Err(format!("{name:?} is not a valid header name"));
        }
        // ASCII only: receivers disagree on the encoding of other bytes.
        if !value.is_ascii() || HeaderValue::from_str(value).is_err() {
            return Err(format!("the value of {name:?} contains a character that is not allowed in a header"));
        }
        Ok(Self { name: name.into(), value: Secret::new(value) })
    }

    /// Returns `true` if it has this name, ignoring case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Returns the name as in the config, and the value. The name is sent in this case, because some receivers expect it.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        (&self.name, self.value.expose())
    }
}

/// Parses the headers of an endpoint at `key`. A header without a value is left out, because its environment variable may be unset.
pub(super) fn all(
    key: &str,
    List(written): List<Option<String>>,
    url_has_login: bool,
    warnings: &mut Vec<String>,
) -> Result<Vec<Header>, ConfigError> {
    let mut headers: Vec<Header> = Vec::new();
    for (name, value) in written {
        let key = format!("{key}.{name}");
        if is_number(&name) {
            return Err(ConfigError::at(&key, "has no name: write the header as 'Name' => 'value'"));
        }
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            warnings.push(format!("{} is empty: this header is not sent", place(&key)));
            continue;
        };
        let header = Header::new(&name, &value).map_err(|error| ConfigError::at(&key, error))?;
        if header.is("authorization") && url_has_login {
            let problem = "cannot be combined with a user and password in the URL: remove one of them";
            return Err(ConfigError::at(&key, problem));
        }
        if headers.iter().any(|other| other.is(&header.name)) {
            return Err(ConfigError::at(&key, "is set twice"));
        }
        headers.push(header);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_header_is_kept_unchanged() {
        let header = Header::new("X-Api-Token", "a b\tc=").unwrap();
        assert_eq!(header.parts(), ("X-Api-Token", "a b\tc="));
        assert!(!format!("{header:?}").contains("a b"));
    }

    #[test]
    fn no_name_or_value_can_inject_a_line() {
        for name in ["", "x y", "x:y", "x\r\ny", "x\ny", "ü"] {
            assert_eq!(Header::new(name, "v"), Err(format!("{name:?} is not a valid header name")));
        }
        for value in ["a\r\nx-pusher-key: b", "a\nb", "a\rb", "a\0b", "\u{7f}", "ü"] {
            let refused = Header::new("x", value).unwrap_err();
            assert_eq!(refused, "the value of \"x\" contains a character that is not allowed in a header");
        }
    }

    #[test]
    fn the_headers_of_the_signature_cannot_be_overridden() {
        for name in ["X-Pusher-Signature", "x-pusher-key", "Webhook-Id", "WEBHOOK-SIGNATURE", "Content-Type", "Host"] {
            let refused = Header::new(name, "v").unwrap_err();
            assert_eq!(refused, format!("{name:?} is set by this package and cannot be overridden"));
        }
    }
}
