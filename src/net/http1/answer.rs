//! What a server answers: the head, and where its body ends (RFC 9112, section 6.3). Pure.

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Response, Status};
use ureq::Error;

use super::chunks::{Chunks, copy};

/// More headers than any server sends.
const HEADERS_AT_MOST: usize = 128;

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    status: u16,
    bytes: Box<[u8]>,
    persists: bool,
}

/// What is left of an answer's body.
#[derive(Debug)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunks(Chunks),
    /// All until the connection ends.
    Rest,
}

impl Head {
    /// Takes the head of an answer off `input`, if all of it has come. Returns how long it is, and what body follows it.
    ///
    /// # Errors
    /// When this is no answer.
    pub(super) fn parse(input: &[u8]) -> Result<Option<(usize, Self, Body)>, Error> {
        let head = read(input, |length, response| {
            let status = response.code.unwrap_or_default();
            let framing = Framing::of(response.headers)?;
            let body = framing.body(status);
            // Only who was asked to may go on in another protocol.
            let persists =
                framing.persists(response.version == Some(1)) && status != 101 && !matches!(body, Body::Rest);
            Ok((length, Self { status, bytes: input[..length].into(), persists }, body))
        });
        head.map_err(not_http)?.transpose()
    }

    /// The status.
    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    /// Whether the answer itself is still to come.
    pub(super) const fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }

    /// Whether another request may follow on the same connection.
    pub(super) const fn persists(&self) -> bool {
        self.persists
    }

    /// The value of the first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let is_it = |header: &&Header<'_>| header.name.eq_ignore_ascii_case(name);
        let value = read(&self.bytes, |_, response| response.headers.iter().find(is_it).map(|header| header.value));
        std::str::from_utf8(value.ok().flatten().flatten()?).ok().map(str::trim)
    }
}

/// What `of` makes of a head and of its length, if all of it has come.
fn read<'a, T>(input: &'a [u8], of: impl FnOnce(usize, &Response<'_, 'a>) -> T) -> Result<Option<T>, httparse::Error> {
    let mut headers = [MaybeUninit::uninit(); HEADERS_AT_MOST];
    let mut response = Response::new(&mut []);
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut response, input, &mut headers)?;
    Ok(if let Status::Complete(length) = parsed { Some(of(length, &response)) } else { None })
}

impl Body {
    /// Whether nothing more belongs to it.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunks(Chunks::End))
    }

    /// Whether it is whole, now that the connection has ended. Some servers leave the very last line of chunks out.
    pub(super) const fn may_end_here(&self) -> bool {
        self.is_over() || matches!(self, Self::Rest | Self::Chunks(Chunks::Trailer))
    }

    /// Takes some of it off `input` and puts it into `output`. Returns how much was used, and how much was put.
    ///
    /// # Errors
    /// When these are no chunks.
    pub(super) fn take(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), Error> {
        let taken = match self {
            Self::Chunks(chunks) => return chunks.take(input, output),
            Self::Length(left) => copy(left, input, output),
            Self::Rest => copy(&mut { u64::MAX }, input, output),
        };
        Ok((taken, taken))
    }
}

/// What the headers say of the body and of the connection.
#[derive(Default)]
struct Framing {
    length: Option<u64>,
    /// The body has a transfer coding; whether the last one is chunks.
    coded: Option<bool>,
    close: bool,
    keep_alive: bool,
}

impl Framing {
    fn of(headers: &[Header<'_>]) -> Result<Self, Error> {
        let mut framing = Self::default();
        for Header { name, value } in headers {
            if name.eq_ignore_ascii_case("content-length") {
                for length in list(value) {
                    framing.is_long(length)?;
                }
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                framing.coded =
                    list(value).last().map(|coding| coding.eq_ignore_ascii_case(b"chunked")).or(framing.coded);
            } else if name.eq_ignore_ascii_case("connection") {
                framing.close |= list(value).any(|option| option.eq_ignore_ascii_case(b"close"));
                framing.keep_alive |= list(value).any(|option| option.eq_ignore_ascii_case(b"keep-alive"));
            }
        }
        Ok(framing)
    }

    fn is_long(&mut self, length: &[u8]) -> Result<(), Error> {
        let digits = std::str::from_utf8(length).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let length = digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| not_http("no length"))?;
        if self.length.replace(length).is_some_and(|other| other != length) {
            return Err(not_http("two lengths"));
        }
        Ok(())
    }

    fn body(&self, status: u16) -> Body {
        match (status, self.coded, self.length) {
            (100..=199 | 204 | 304, ..) => Body::Length(0),
            (_, Some(true), _) => Body::Chunks(Chunks::Size),
            (_, Some(false), _) | (_, None, None) => Body::Rest,
            (_, None, Some(length)) => Body::Length(length),
        }
    }

    const fn persists(&self, is_1_1: bool) -> bool {
        // Who gives a length and a coding may mean another end than we do.
        let is_clear = self.coded.is_none() || (self.length.is_none() && is_1_1);
        !self.close && (is_1_1 || self.keep_alive) && is_clear
    }
}

/// The elements of a list.
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// What came is no answer.
pub(super) fn not_http(why: impl std::fmt::Display) -> Error {
    Error::Io(io::Error::new(ErrorKind::InvalidData, format!("the answer is not HTTP: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(head: &str) -> (Head, Body) {
        let (length, head, body) = Head::parse(head.as_bytes()).unwrap().unwrap();
        assert_eq!(length, head.bytes.len());
        (head, body)
    }

    fn refused(head: &str) -> String {
        Head::parse(head.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_head_is_taken_when_all_of_it_has_come() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n";
        for length in 0..whole.len() {
            assert!(Head::parse(&whole[..length]).unwrap().is_none(), "{length}");
        }
        let (length, head, body) = Head::parse(&[&whole[..], b"hello"].concat()).unwrap().unwrap();
        assert_eq!((length, head.status(), head.persists()), (whole.len(), 200, true));
        assert!(matches!(body, Body::Length(12)));
    }

    #[test]
    fn a_header_is_found_by_its_name_in_any_case() {
        let (head, _) = answer("HTTP/1.1 429 Slow down\r\nretry-AFTER:  7 \r\nx-a: b\r\nRetry-After: 8\r\n\r\n");
        assert_eq!((head.header("Retry-After"), head.header("X-A"), head.header("x-b")), (Some("7"), Some("b"), None));
    }

    #[test]
    fn a_body_ends_where_the_headers_say() {
        let body = |headers: &str| answer(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n")).1;
        assert!(matches!(body("Content-Length: 0\r\n"), Body::Length(0)));
        assert!(matches!(body("Content-Length: 5, 5\r\nContent-Length: 5\r\n"), Body::Length(5)));
        assert!(matches!(body("Transfer-Encoding: Chunked\r\nContent-Length: 5\r\n"), Body::Chunks(_)));
        assert!(matches!(body("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), Body::Chunks(_)));
        assert!(matches!(body("Transfer-Encoding: chunked, gzip\r\n"), Body::Rest));
        assert!(matches!(body(""), Body::Rest));
        for status in [204, 304] {
            assert!(matches!(answer(&format!("HTTP/1.1 {status} -\r\nContent-Length: 5\r\n\r\n")).1, Body::Length(0)));
        }
    }

    #[test]
    fn a_connection_stays_only_where_nobody_can_mistake_the_end_of_the_answer() {
        let stays = |head: &str| answer(&format!("{head}\r\n\r\n")).0.persists();
        assert!(stays("HTTP/1.1 200 OK\r\nContent-Length: 5"));
        assert!(stays("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"));
        assert!(stays("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: Keep-Alive"));
        assert!(!stays("HTTP/1.0 200 OK\r\nContent-Length: 5"));
        assert!(!stays("HTTP/1.1 200 OK"));
        assert!(!stays("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: foo, CLOSE"));
        assert!(!stays("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"));
        assert!(!stays("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked"));
        assert!(!stays("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x"));
    }

    #[test]
    fn interim_answers_are_those_of_the_first_hundred_but_for_a_change_of_protocols() {
        let interim = |status: u16| answer(&format!("HTTP/1.1 {status} -\r\n\r\n")).0.is_interim();
        assert!(interim(100) && interim(103) && interim(199));
        assert!(!interim(101) && !interim(200) && !interim(404));
    }

    #[test]
    fn what_is_no_answer_is_refused_with_the_reason() {
        assert_eq!(refused("SSH-2.0-OpenSSH\r\n"), "io: the answer is not HTTP: invalid HTTP version");
        assert!(refused("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n").ends_with("two lengths"));
        for length in ["-1", "+1", "0x1", "1e3", "18446744073709551616"] {
            assert!(refused(&format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")).ends_with("no length"));
        }
        let many = "x-a: b\r\n".repeat(HEADERS_AT_MOST + 1);
        assert!(refused(&format!("HTTP/1.1 200 OK\r\n{many}\r\n")).ends_with("too many headers"));
    }

    #[test]
    fn a_body_of_a_length_takes_no_more_than_that() {
        let (mut body, mut output) = (Body::Length(5), [0; 3]);
        assert_eq!(body.take(b"hello, you", &mut output).unwrap(), (3, 3));
        assert_eq!(body.take(b"lo, you", &mut output).unwrap(), (2, 2));
        assert!(body.is_over());
    }
}
