//! Fuzzes the parser of responses, also with those of the table in `tests/answers`.
//!
//! - No response causes a panic, and none is read without limit.
//! - The outcome does not depend on how the bytes are split into reads.
//! - httparse, a strict parser, returns the same for every head that it accepts.

use std::fmt::{self, Write};
use std::sync::Arc;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

use super::*;
use crate::fuzz::fuzz_with;
use crate::net::http1::{ClientSettings, Connector, Idle};
use crate::net::{AddressRules, DnsCache};

#[path = "../../../tests/answers/table.rs"]
#[allow(dead_code, unused_imports, reason = "only the responses are used here, not their outcomes")]
mod table;

/// The longest response head, as in the client.
const ROOM: usize = 32 * 1024;

/// The maximum number of bytes read from a body.
const READ_AT_MOST: u64 = 64 * 1024;

/// The outcome of a response.
#[derive(Debug, PartialEq)]
struct FuzzOutcome {
    head: Result<(u16, Option<String>), String>,
    body: Result<Vec<u8>, String>,
    is_kept: bool,
}

/// A connection that provides `bytes` and then ends. Each read returns at most the next number of `cuts`.
struct Pieces<'a> {
    bytes: Vec<u8>,
    cuts: Box<dyn FnMut() -> usize + Send + Sync + 'a>,
    read: usize,
    buffers: LazyBuffers,
}

impl Transport for Pieces<'static> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), Error> {
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let (rest, room) = (&self.bytes[self.read..], self.buffers.input_append_buf());
        let piece = (self.cuts)().min(rest.len()).min(room.len());
        room[..piece].copy_from_slice(&rest[..piece]);
        self.buffers.input_appended(piece);
        self.read += piece;
        Ok(piece > 0)
    }

    fn is_open(&mut self) -> bool {
        // Unread bytes would be taken for the next response.
        self.read == self.bytes.len()
    }
}

impl fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").finish_non_exhaustive()
    }
}

/// Returns a client without connections.
fn client() -> PostClient {
    let second = Duration::from_secs(1);
    let settings = ClientSettings {
        uri: "http://127.0.0.1/".parse().unwrap(),
        proxy: None,
        connector: Arc::new(Connector::new(ureq::tls::TlsConfig::default())),
        rules: AddressRules::default(),
        timeout: second,
        connect_timeout: second,
    };
    PostClient::new(settings, DnsCache::new(Arc::default()), Arc::new(Idle::new(|| {})))
}

/// Reads `answer` in pieces of the lengths that `cuts` returns.
fn read(answer: &[u8], client: &PostClient, cuts: impl FnMut() -> usize + Send + Sync + 'static) -> FuzzOutcome {
    let (bytes, buffers) = (answer.to_vec(), LazyBuffers::new(ROOM, 1024));
    let pieces = Pieces { bytes, cuts: Box::new(cuts), read: 0, buffers };
    let connection = HttpConnection::of_a_test(Box::new(pieces));
    let deadline = Deadline::of_request(Instant::now(), Duration::from_secs(60));
    let (head, body) = match Answered::to([b"", b""], connection, client, deadline) {
        Err(error) => (Err(error.to_string()), Err(String::new())),
        Ok(answered) => {
            let head = (answered.head().status, answered.head().header("Retry-After").map(str::to_owned));
            let mut body = Vec::new();
            let read = answered.take(READ_AT_MOST).read_to_end(&mut body).map_err(|error| error.to_string());
            (Ok(head), read.map(|_| body))
        }
    };
    FuzzOutcome { head, body, is_kept: client.kept().is_some() }
}

/// Checks the properties that hold for every response. Returns the outcome.
fn check(answer: &[u8], client: &PostClient) -> FuzzOutcome {
    let whole = read(answer, client, || usize::MAX);
    let mut cuts = StdRng::seed_from_u64(answer.len() as u64);
    let by_chance = read(answer, client, move || cuts.random_range(1..=64));
    assert_eq!(whole, by_chance, "in pieces: {}", answer.escape_ascii());
    if answer.len() < 300 {
        assert_eq!(whole, read(answer, client, || 1), "byte by byte: {}", answer.escape_ascii());
    }
    assert!(whole.body.as_ref().is_ok_and(|body| body.len() <= answer.len()) || whole.body.is_err());
    compare_with_httparse(answer);
    whole
}

/// Checks that a head which httparse accepts has the same end, status and headers here.
fn compare_with_httparse(answer: &[u8]) {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut strict = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = strict.parse(answer) else { return };
    let Some(status) = strict.code.filter(|status| *status >= 100) else { return };
    let (ours, head, _) = match ResponseHead::parse(answer, 0, false) {
        Ok(Some(ours)) => ours,
        // httparse does not check lengths.
        Err(error) if error.to_string().contains("Content-Length") => return,
        other => panic!("{other:?} for {}", answer.escape_ascii()),
    };
    assert_eq!((ours, head.status), (length, status), "{}", answer.escape_ascii());
    for header in strict.headers.iter() {
        let first = strict.headers.iter().find(|other| other.name.eq_ignore_ascii_case(header.name));
        let value = first.and_then(|first| str::from_utf8(first.value).ok()).map(str::trim_ascii);
        assert_eq!(head.header(header.name), value, "{} of {}", header.name, answer.escape_ascii());
    }
}

/// Returns a well-formed response and its outcome.
fn well_formed(rng: &mut StdRng) -> (Vec<u8>, FuzzOutcome) {
    let status = rng.random_range(200..600);
    let mut body: Vec<u8> = (0..rng.random_range(0..100)).map(|_| rng.random()).collect();
    let mut text = format!("HTTP/1.1 {status} x\r\n");
    for n in 0..rng.random_range(0..4) {
        let _ = write!(text, "X-{n}: {}\r\n", "v".repeat(rng.random_range(0..40)));
    }
    let wait: Option<u16> = rng.random_bool(0.5).then(|| rng.random());
    text += &wait.map_or_else(String::new, |wait| format!("Retry-After: {wait}\r\n"));
    let is_kept = rng.random_bool(0.5);
    text += if is_kept { "" } else { "Connection: close\r\n" };
    let mut answer;
    if matches!(status, 204 | 304) {
        body.clear();
        answer = format!("{text}Content-Length: 7\r\n\r\n").into_bytes();
    } else if rng.random_bool(0.5) {
        answer = [format!("{text}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
    } else {
        answer = format!("{text}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
        let mut rest = &body[..];
        while !rest.is_empty() {
            let (chunk, others) = rest.split_at(rng.random_range(1..=rest.len()));
            let extension = if rng.random_bool(0.2) { ";a=b" } else { "" };
            answer.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
            answer.extend_from_slice(chunk);
            answer.extend_from_slice(b"\r\n");
            rest = others;
        }
        answer.extend_from_slice(if rng.random_bool(0.2) { b"0\r\nX-Sum: 1\r\n\r\n" } else { b"0\r\n\r\n" });
    }
    let head = Ok((status, wait.map(|wait| wait.to_string())));
    (answer, FuzzOutcome { head, body: Ok(body), is_kept })
}

#[test]
fn no_response_causes_a_panic_and_its_outcome_does_not_depend_on_the_sizes_of_reads() {
    let client = client();
    let mut answers: Vec<Vec<u8>> = table::rows().into_iter().map(|row| row.says.concat()).collect();
    for answer in &answers {
        check(answer, &client);
    }
    // Mutations of a long response take long.
    answers.retain(|answer| answer.len() < 4_000);
    answers.extend((0..50).map(|seed| well_formed(&mut StdRng::seed_from_u64(seed)).0));
    fuzz_with("answer", answers, 1_000, |answer| drop(check(answer, &client)));
}

proptest! {
    #[test]
    fn a_well_formed_response_has_its_outcome(seed: u64) {
        let (answer, outcome) = well_formed(&mut StdRng::seed_from_u64(seed));
        prop_assert_eq!(check(&answer, &client()), outcome, "{}", answer.escape_ascii());
    }
}

#[test]
fn an_endless_response_is_read_only_up_to_a_limit() {
    let chunk = format!("1;{}\r\na\r\n", "x".repeat(1_000));
    for (begin, more) in [
        ("HTTP/1.1 200 OK\r\n", "X-More: and more\r\n"),
        ("", "HTTP/1.1 102 -\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nX-Long: ", "a"),
        ("HTTP/1.1 ", " "),
        ("", "\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-More: and more\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0", " "),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk.as_str()),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n"),
        ("HTTP/1.1 200 OK\r\n\r\n", "and more"),
    ] {
        let endless = format!("{begin}{}", more.repeat((1 << 20) / more.len()));
        let (asked, client) = (Arc::new(std::sync::atomic::AtomicUsize::new(0)), client());
        let counted = Arc::clone(&asked);
        read(endless.as_bytes(), &client, move || {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            1_000
        });
        let read = asked.load(std::sync::atomic::Ordering::SeqCst) * 1_000;
        assert!(read < 600_000, "{read} bytes read of {begin:?} followed by endless {more:?}");
    }
}
