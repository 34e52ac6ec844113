//! Fuzzes the parser with mutations of the table and the corpus, and with well-formed responses of known outcome.
//!
//! - No response causes a panic, and none is read without limit.
//! - The outcome does not depend on how the bytes are split into reads.
//! - httparse, a strict parser, returns the same for every head that it accepts.
//!
//! `RESONATE_WEBHOOKS_FUZZ_SEED` repeats a run. `RESONATE_WEBHOOKS_FUZZ_SECONDS` sets its length in seconds, 3 by default.
//! Responses that once failed stay in `tests/answers/corpus`.

use std::fmt::{self, Write};
use std::path::Path;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use ureq::Agent;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

use super::*;
use crate::net::http1::{Connector, Idle};
use crate::net::resolver::GuardedResolver;
use crate::net::{AddressRules, DnsCache};

#[path = "../../../tests/answers/table.rs"]
#[allow(dead_code, unused_imports, reason = "only the responses are used here, not their outcomes")]
mod table;

/// The longest response head, as in the client.
const ROOM: usize = 32 * 1024;

/// The maximum number of bytes read from a body.
const READ_AT_MOST: u64 = 64 * 1024;

/// Pieces that mutations insert.
const WORDS: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\0",
    b"\xff",
    b"0\r\n\r\n",
    b"HTTP/1.1 ",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 100 -\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"\r\n ",
    b"5\r\nhello\r\n",
    b"ffffffffffffffff\r\n",
    b"X-Long: 0123456789012345678901234567890123456789\r\n",
];

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

/// Returns an empty pool.
fn connections() -> Connections {
    let resolver = GuardedResolver::new(DnsCache::new(Arc::default()), AddressRules::default(), None);
    let connector = Arc::new(Connector::new(ureq::tls::TlsConfig::default()));
    let config = Agent::config_builder().proxy(None).build();
    let uri = "http://127.0.0.1/".parse().unwrap();
    Connections::new(uri, config, resolver, Duration::from_secs(1), connector, Arc::new(Idle::new(|| {})))
}

/// Reads `answer` in pieces of the lengths that `cuts` returns.
fn read(answer: &[u8], connections: &Connections, cuts: impl FnMut() -> usize + Send + Sync + 'static) -> FuzzOutcome {
    let (bytes, buffers) = (answer.to_vec(), LazyBuffers::new(ROOM, 1024));
    let pieces = Pieces { bytes, cuts: Box::new(cuts), read: 0, buffers };
    let connection = HttpConnection::of_a_test(Box::new(pieces));
    let deadline = Deadline::of_request(Instant::now(), Duration::from_secs(60));
    let (head, body) = match Answered::to(b"", b"", connection, connections, deadline) {
        Err(error) => (Err(error.to_string()), Err(String::new())),
        Ok(answered) => {
            let head = (answered.head().status, answered.head().header("Retry-After").map(str::to_owned));
            let mut body = Vec::new();
            let read = answered.take(READ_AT_MOST).read_to_end(&mut body).map_err(|error| error.to_string());
            (Ok(head), read.map(|_| body))
        }
    };
    FuzzOutcome { head, body, is_kept: connections.kept().is_some() }
}

/// Checks the properties that hold for every response. Returns the outcome.
fn check(answer: &[u8], connections: &Connections, rng: &mut StdRng) -> FuzzOutcome {
    let whole = read(answer, connections, || usize::MAX);
    let mut cuts = StdRng::seed_from_u64(rng.random());
    let by_chance = read(answer, connections, move || cuts.random_range(1..=64));
    assert_eq!(whole, by_chance, "in pieces: {}", answer.escape_ascii());
    if answer.len() < 300 {
        assert_eq!(whole, read(answer, connections, || 1), "byte by byte: {}", answer.escape_ascii());
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

/// Mutates a response.
fn change(answer: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut StdRng) {
    let at = rng.random_range(0..=answer.len());
    let to = (at + rng.random_range(0..16)).min(answer.len());
    match rng.random_range(0..6) {
        0 if at < answer.len() => answer[at] = rng.random(),
        1 => drop(answer.drain(at..to)),
        2 => drop(answer.splice(at..to, WORDS[rng.random_range(0..WORDS.len())].iter().copied())),
        3 => {
            let piece = answer[at..to].to_vec();
            drop(answer.splice(at..at, piece.repeat(rng.random_range(1..40))));
        }
        4 => answer.truncate(at),
        _ => {
            let other = &others[rng.random_range(0..others.len())];
            let from = rng.random_range(0..=other.len());
            answer.truncate(at);
            answer.extend_from_slice(&other[from..other.len().min(from + 4_000)]);
        }
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

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn no_response_causes_a_panic_and_its_outcome_does_not_depend_on_the_sizes_of_reads() {
    let seed = setting("RESONATE_WEBHOOKS_FUZZ_SEED").unwrap_or_else(rand::random);
    let seconds = setting("RESONATE_WEBHOOKS_FUZZ_SECONDS").unwrap_or(3);
    println!("RESONATE_WEBHOOKS_FUZZ_SEED={seed} repeats this run");
    let (mut rng, connections) = (StdRng::seed_from_u64(seed), connections());
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers/corpus");
    let files = std::fs::read_dir(corpus).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let answers: Vec<Vec<u8>> = table::rows().into_iter().map(|row| row.says.concat()).chain(files).collect();
    for answer in &answers {
        check(answer, &connections, &mut rng);
    }
    let short: Vec<Vec<u8>> = answers.into_iter().filter(|answer| answer.len() < 4_000).collect();
    let (end, mut count) = (Instant::now() + Duration::from_secs(seconds), 0);
    while Instant::now() < end {
        let (answer, outcome) = well_formed(&mut rng);
        assert_eq!(check(&answer, &connections, &mut rng), outcome, "{}", answer.escape_ascii());
        let mut answer = if rng.random_bool(0.5) { answer } else { short[rng.random_range(0..short.len())].clone() };
        for _ in 0..rng.random_range(1..6) {
            change(&mut answer, &short, &mut rng);
        }
        check(&answer, &connections, &mut rng);
        count += 2;
    }
    println!("{count} answers");
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
        let (asked, connections) = (Arc::new(std::sync::atomic::AtomicUsize::new(0)), connections());
        let counted = Arc::clone(&asked);
        read(endless.as_bytes(), &connections, move || {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            1_000
        });
        let read = asked.load(std::sync::atomic::Ordering::SeqCst) * 1_000;
        assert!(read < 600_000, "{read} bytes read of {begin:?} followed by endless {more:?}");
    }
}
