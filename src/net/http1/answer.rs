//! Parses a response: the head, and the body as it is read. Pure.
//!
//! Only the status line and the headers that frame the body matter. Malformed lines (folded, no colon, a space before the
//! colon) are tolerated, as in curl: a webhook that was answered with 200 has been delivered.

use std::io::{self, ErrorKind};

use ureq::Error;

use super::chunks::{Chunks, copy};
use super::fields::{end, fields};
use super::framing::Framing;

/// The head of a response.
#[derive(Clone, Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    bytes: Box<[u8]>,
    pub(super) persists: bool,
}

/// The part of a response body that is not read yet.
#[derive(Debug)]
pub(super) enum Body {
    /// The next bytes, as many as this.
    Length(u64),
    /// Chunks.
    Chunks(Chunks),
    /// All bytes until the connection closes.
    Rest,
}

impl ResponseHead {
    /// Parses the head of a response at the start of `input`. Returns its length, the head and the body, or `None` while the
    /// head is incomplete.
    ///
    /// The first `seen` bytes were already searched for the end. `is_full` means that the buffer has no room for more. A longer
    /// head counts with its status and the headers so far, and the connection is not reused.
    ///
    /// # Errors
    /// Returns an error if this is not an HTTP response, or if its end is undefined.
    pub(super) fn parse(input: &[u8], seen: usize, is_full: bool) -> Result<Option<(usize, Self, Body)>, Error> {
        // Some servers send an extra line break after the previous response.
        let skipped = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let input = &input[skipped..];
        let line = StatusLine::parse(input)?;
        let (Some(StatusLine { version, status }), Some(length)) = (&line, end(input, seen.saturating_sub(skipped)))
        else {
            return match line {
                _ if !is_full => Ok(None),
                Some(StatusLine { status, .. }) if !is_interim(status) => {
                    let head = Self { status, bytes: input.into(), persists: false };
                    Ok(Some((skipped + input.len(), head, Body::Length(0))))
                }
                _ => Err(not_http("the head is too long")),
            };
        };
        let (status, bytes) = (*status, &input[..length]);
        let framing = Framing::of(bytes);
        let body = framing.body(status)?;
        // A 101 switches protocols, which was never requested.
        let persists = framing.persists(*version) && status != 101 && !matches!(body, Body::Rest);
        Ok(Some((skipped + length, Self { status, bytes: bytes.into(), persists }, body)))
    }

    /// Returns the value of the first header named `name`.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let field = fields(&self.bytes).find(|field| field.is(name))?;
        std::str::from_utf8(field.value).ok()
    }
}

/// Returns `true` for an interim response, which a final one follows.
pub(super) const fn is_interim(status: u16) -> bool {
    matches!(status, 100 | 102..=199)
}

/// The HTTP version: major and minor number.
pub(super) type HttpVersion = (u8, u8);

/// The first line of a response.
struct StatusLine {
    version: HttpVersion,
    status: u16,
}

impl StatusLine {
    /// Parses version and status. Returns `None` while the line is incomplete.
    fn parse(line: &[u8]) -> Result<Option<Self>, Error> {
        const PROTOCOL: &[u8] = b"HTTP/";
        let known = line.len().min(PROTOCOL.len());
        if line[..known] != PROTOCOL[..known] {
            return Err(not_http("it does not start with HTTP"));
        }
        let no_status = || not_http("it has no valid status");
        // Also accepts `HTTP/2` without a minor version, as curl does.
        let (version, rest) = match line[known..] {
            [] | [b'1'] | [b'1', b'.'] => return Ok(None),
            [b'1', b'.', minor @ b'0'..=b'9', ref rest @ ..] => ((1, minor - b'0'), rest),
            [major @ b'2'..=b'3', ref rest @ ..] => ((major - b'0', 0), rest),
            _ => return Err(no_status()),
        };
        let status = skip(rest, b" \t");
        if status.len() == rest.len() && !rest.is_empty() {
            return Err(no_status());
        }
        match *status {
            [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ' | b'\t' | b'\r' | b'\n', ..] => {
                let status = [a, b, c].into_iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
                Ok(Some(Self { version, status }))
            }
            _ if status.len() < 4 && status.iter().all(u8::is_ascii_digit) => Ok(None),
            _ => Err(no_status()),
        }
    }
}

/// Skips any of `bytes` at the start.
fn skip<'a>(text: &'a [u8], bytes: &[u8]) -> &'a [u8] {
    &text[text.iter().take_while(|byte| bytes.contains(byte)).count()..]
}

impl Body {
    /// Returns `true` if the body is complete.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunks(Chunks::End))
    }

    /// Returns `true` if the body may end where the connection closes. Some servers omit the last line of a chunked body.
    pub(super) const fn may_end_here(&self) -> bool {
        self.is_over() || matches!(self, Self::Rest | Self::Chunks(Chunks::Trailer))
    }

    /// Copies body bytes from `input` to `output`. Returns the number of bytes consumed and written.
    ///
    /// # Errors
    /// Returns an error if the chunks are malformed.
    pub(super) fn take(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), Error> {
        let taken = match self {
            Self::Chunks(chunks) => return chunks.take(input, output),
            Self::Length(left) => copy(left, input, output),
            Self::Rest => copy(&mut { u64::MAX }, input, output),
        };
        Ok((taken, taken))
    }
}

/// Returns the error for bytes that are not an HTTP response.
pub(super) fn not_http(why: impl std::fmt::Display) -> Error {
    Error::Io(io::Error::new(ErrorKind::InvalidData, format!("invalid HTTP response: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl ResponseHead {
        /// Splits a response into its head and the bytes after it. `None` if it has no complete head.
        pub(crate) fn split(response: &[u8]) -> Option<(Self, &[u8])> {
            let (length, head, _) = Self::parse(response, 0, false).ok()??;
            Some((head, &response[length..]))
        }

        /// Returns the head of a response with these headers.
        pub(crate) fn of(status: u16, headers: &[(&str, &str)]) -> Self {
            let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
            answer(&format!("HTTP/1.1 {status} \r\n{lines}\r\n")).0
        }
    }

    fn answer(head: &str) -> (ResponseHead, Body) {
        let (length, head, body) = ResponseHead::parse(head.as_bytes(), 0, false).unwrap().unwrap();
        assert_eq!(length, head.bytes.len());
        (head, body)
    }

    #[test]
    fn a_head_is_parsed_when_it_is_complete() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n";
        for length in 0..whole.len() {
            assert!(ResponseHead::parse(&whole[..length], 0, false).unwrap().is_none(), "{length}");
        }
        for (before, seen) in
            ["", "\r\n", "\n\n\n"].into_iter().flat_map(|before| (0..whole.len()).map(move |n| (before, n)))
        {
            let input = [before.as_bytes(), whole, b"hello"].concat();
            let (length, head, body) = ResponseHead::parse(&input, seen, false).unwrap().unwrap();
            assert_eq!((length, head.status, head.persists), (before.len() + whole.len(), 200, true));
            assert!(matches!(body, Body::Length(12)));
        }
    }

    #[test]
    fn header_names_are_case_insensitive() {
        let (head, _) = answer("HTTP/1.1 429 Slow down\r\nretry-AFTER:  7 \r\nx-a : b\r\nRetry-After: 8\r\n\r\n");
        assert_eq!((head.header("Retry-After"), head.header("X-A"), head.header("x-b")), (Some("7"), Some("b"), None));
    }

    #[test]
    fn a_head_that_is_too_long_still_has_its_status_but_its_connection_is_not_reused() {
        let parse = |head: &[u8]| ResponseHead::parse(head, 0, true);
        let (length, head, body) = parse(b"HTTP/1.1 429 OK\r\nRetry-After: 7\r\nX-Long: aaaa").unwrap().unwrap();
        assert_eq!((length, head.status, head.header("Retry-After")), (45, 429, Some("7")));
        assert!(!head.persists && body.is_over());
        for endless in
            [&b"HTTP/1.1 100 Continue\r\nX-Long: aaaa"[..], b"HTTP/1.1       ", b"\r\n\r\n\r\n", b"HTTP/1.1 20"]
        {
            assert!(parse(endless).unwrap_err().to_string().ends_with("the head is too long"));
        }
    }

    #[test]
    fn a_response_that_switches_protocols_ends_its_connection() {
        assert!(!answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n").0.persists);
    }

    #[test]
    fn every_1xx_except_101_is_an_interim_response() {
        let interim = |status: u16| is_interim(answer(&format!("HTTP/1.1 {status} -\r\n\r\n")).0.status);
        assert!(interim(100) && interim(103) && interim(199));
        assert!(!interim(101) && !interim(200) && !interim(404));
    }

    #[test]
    fn an_invalid_response_is_refused_at_its_first_wrong_byte() {
        let refused = |head: &str| ResponseHead::parse(head.as_bytes(), 0, false).unwrap_err().to_string();
        for other in ["S", "SSH-2.0-OpenSSH\r\n", "HTTPS", "<html>"] {
            assert_eq!(refused(other), "io: invalid HTTP response: it does not start with HTTP");
        }
        for other in [
            "HTTP/1.x",
            "HTTP/4",
            "HTTP/0.9 ",
            "HTTP/1.1200",
            "HTTP/1.1 -",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000",
            "HTTP/1.1 099 x",
        ] {
            assert_eq!(refused(other), "io: invalid HTTP response: it has no valid status", "{other}");
        }
    }

    #[test]
    fn a_body_with_a_length_takes_no_more_than_that() {
        let (mut body, mut output) = (Body::Length(5), [0; 3]);
        assert_eq!(body.take(b"hello, you", &mut output).unwrap(), (3, 3));
        assert_eq!(body.take(b"lo, you", &mut output).unwrap(), (2, 2));
        assert!(body.is_over());
    }
}
