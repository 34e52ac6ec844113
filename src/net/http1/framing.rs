//! The framing of a response: where its body ends, and whether the connection persists (RFC 9112, sections 6 and 9). Pure.

use ureq::Error;

use super::answer::{Body, HttpVersion, not_http};
use super::chunks::Chunks;
use super::fields::{fields, list};

/// The framing headers of a response.
#[derive(Debug, Default)]
pub(super) struct Framing {
    length: ContentLength,
    /// `None` without a transfer coding, otherwise `true` if the last one is `chunked`.
    coded: Option<bool>,
    close: bool,
    keep_alive: bool,
    /// `true` if another parser may read these headers differently.
    is_odd: bool,
}

/// All `Content-Length` headers of a response, combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ContentLength {
    #[default]
    Absent,
    Is(u64),
    Invalid(&'static str),
}

impl Framing {
    /// Reads the framing headers of a head.
    pub(super) fn of(head: &[u8]) -> Self {
        let mut framing = Self::default();
        for field in fields(head) {
            let has = |option: &str| list(field.value).any(|element| element.eq_ignore_ascii_case(option.as_bytes()));
            if field.is("content-length") {
                framing.length = framing.length.and(field.value);
            } else if field.is("transfer-encoding") {
                let codings = list(field.value).filter(|coding| !coding.eq_ignore_ascii_case(b"identity"));
                framing.coded = codings.last().map(|coding| coding.eq_ignore_ascii_case(b"chunked")).or(framing.coded);
            } else if field.is("connection") {
                framing.close |= has("close");
                framing.keep_alive |= has("keep-alive");
                continue;
            } else {
                continue;
            }
            framing.is_odd |= field.is_odd;
        }
        framing
    }

    /// Returns the body of a response with this status.
    ///
    /// # Errors
    /// Returns an error if the end of the body is ambiguous.
    pub(super) fn body(&self, status: u16) -> Result<Body, Error> {
        Ok(match (status, self.coded, self.length) {
            (100..=199 | 204 | 304, ..) => Body::Length(0),
            (_, Some(true), _) => Body::Chunks(Chunks::Size),
            (_, Some(false), _) | (_, None, ContentLength::Absent) => Body::Rest,
            (_, None, ContentLength::Is(length)) => Body::Length(length),
            (_, None, ContentLength::Invalid(why)) => return Err(not_http(why)),
        })
    }

    /// Returns `true` if another request may follow on the connection. `version` is that of the response.
    pub(super) fn persists(&self, version: HttpVersion) -> bool {
        let is_1_1 = version >= (1, 1);
        // RFC 9112, section 6.1: a length together with a coding may be a smuggling attempt, and HTTP/1.0 has no codings.
        let is_clear = self.coded.is_none() || (self.length == ContentLength::Absent && is_1_1);
        !self.close && (is_1_1 || self.keep_alive) && is_clear && !self.is_odd && version.0 == 1
    }
}

impl ContentLength {
    /// Combines this with the value of another header.
    fn and(self, value: &[u8]) -> Self {
        // An empty element is an error, like everything that is not a number.
        value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).fold(self, |known, element| {
            let digits =
                std::str::from_utf8(element).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            match (known, digits.and_then(|digits| digits.parse().ok())) {
                (Self::Invalid(why), _) => Self::Invalid(why),
                (_, None) => Self::Invalid("invalid Content-Length"),
                (Self::Is(length), Some(other)) if length != other => Self::Invalid("conflicting Content-Length"),
                (_, Some(length)) => Self::Is(length),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &str) -> Framing {
        Framing::of(format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes())
    }

    fn body(headers: &str) -> Body {
        head(headers).body(200).unwrap()
    }

    #[test]
    fn a_body_ends_where_the_headers_say() {
        assert!(matches!(body("Content-Length: 0\r\n"), Body::Length(0)));
        assert!(matches!(body("Content-Length: 5, 5\r\nContent-Length: 5\r\n"), Body::Length(5)));
        assert!(matches!(body("Content-Length:\r\n 5\r\n"), Body::Length(5)));
        assert!(matches!(body("Transfer-Encoding: Chunked\r\nContent-Length: 5\r\n"), Body::Chunks(_)));
        assert!(matches!(body("Transfer-Encoding: chunked\r\nContent-Length: five\r\n"), Body::Chunks(_)));
        assert!(matches!(body("Transfer-Encoding: gzip,\r\n chunked\r\n"), Body::Chunks(_)));
        assert!(matches!(body("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), Body::Chunks(_)));
        assert!(matches!(body("Transfer-Encoding: chunked, gzip\r\n"), Body::Rest));
        assert!(matches!(body("Transfer-Encoding: identity\r\nContent-Length: 5\r\n"), Body::Length(5)));
        assert!(matches!(body(""), Body::Rest));
        for status in [204, 304] {
            assert!(matches!(head("Content-Length: five\r\n").body(status).unwrap(), Body::Length(0)));
        }
    }

    #[test]
    fn an_invalid_or_conflicting_length_is_refused_with_the_reason() {
        let refused = |headers: &str| head(headers).body(200).unwrap_err().to_string();
        assert!(refused("Content-Length: 5\r\nContent-Length: 6\r\n").ends_with("conflicting Content-Length"));
        for length in ["", "-1", "+1", "0x1", "1e3", "5,", "1 2", "1\r\n 2", "18446744073709551616"] {
            assert!(
                refused(&format!("Content-Length: {length}\r\n")).ends_with("invalid Content-Length"),
                "{length:?}"
            );
        }
    }

    #[test]
    fn a_connection_persists_only_if_the_end_of_the_response_is_unambiguous() {
        assert!(head("Content-Length: 5\r\n").persists((1, 1)));
        assert!(head("Transfer-Encoding: chunked\r\n").persists((1, 1)));
        assert!(head("Content-Length: 5\r\nConnection: Keep-Alive\r\n").persists((1, 0)));
        assert!(!head("Content-Length: 5\r\n").persists((1, 0)));
        assert!(!head("Content-Length: 5\r\nConnection: foo, CLOSE\r\n").persists((1, 1)));
        assert!(!head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n").persists((1, 1)));
        assert!(!head("Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n").persists((1, 0)));
        assert!(!head("Content-Length : 5\r\n").persists((1, 1)));
    }
}
