//! Deliveries to receivers that respond in unusual ways. The table has the responses and their outcomes. curl reads the
//! same bytes for comparison.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

#[path = "answers/table.rs"]
mod table;

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use resonate_webhooks::config::{Batching, Endpoint};
use resonate_webhooks::telemetry;
use socket2::SockRef;
use support::node::{BATCHING, Node, endpoint};
use support::proxy::TestProxy;
use support::wait::PATIENCE;
use table::{Curl, Outcome, Reads, Row, Then};

/// Longer than any response takes, unless it is slow on purpose.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Size of a body that the receiver does not read: more than the socket buffers hold.
const MUCH: usize = 2 << 20;

/// Rows tried in parallel. Most of their time is spent waiting.
const AT_ONCE: usize = 8;

/// An observed outcome, and the connection of the next request.
#[derive(Debug, PartialEq)]
struct Seen {
    outcome: String,
    next: Option<usize>,
}

#[test]
fn every_response_has_its_outcome_and_curl_agrees_unless_the_row_says_why_not() {
    let rows = table::rows();
    let (queue, wrong) = (Mutex::new(rows.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = { queue.lock().unwrap().next() } {
                    let found = differences(row);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn an_early_response_has_its_outcome_through_a_socks_proxy() {
    for row in table::early() {
        let seen = ours(&row, true);
        assert!(seen.is(row.outcome, row.next), "{}: {seen:?}", row.name);
    }
}

/// Tries a row. Returns the differences.
fn differences(row: &Row) -> Vec<String> {
    let (ours, curls) = (ours(row, false), curls(row));
    let mut wrong = Vec::new();
    if !ours.is(row.outcome, row.next) {
        wrong.push(format!("{}: {ours:?} instead of {:?}, next connection {}", row.name, row.outcome, row.next));
    }
    match row.curl {
        Curl::Same if !curls.is(row.outcome, row.next) => {
            wrong.push(format!("{}: curl sees {curls:?}, but the row has no such entry", row.name));
        }
        Curl::Other { exit, status, next, why } => {
            let expected = Seen { outcome: format!("HTTP {status}, exit {exit}"), next: Some(next) };
            if curls != expected || curls.is(row.outcome, row.next) || why.is_empty() {
                wrong.push(format!("{}: curl sees {curls:?} instead of {expected:?}, or agrees with us", row.name));
            }
        }
        Curl::Sometimes { exit, why } => {
            let other = Seen { outcome: format!("HTTP 0, exit {exit}"), next: Some(1) };
            if !(curls.is(row.outcome, row.next) || curls == other) || why.is_empty() {
                wrong.push(format!("{}: curl sees {curls:?}, which is neither our outcome nor {other:?}", row.name));
            }
        }
        Curl::Same => {}
    }
    wrong
}

impl Seen {
    /// Returns true if this matches. `self.outcome` is in our format or in curl's.
    fn is(&self, outcome: Outcome, next: usize) -> bool {
        let same = match outcome {
            Outcome::Status(status) => {
                [format!("HTTP {status}"), format!("HTTP {status}, exit 0")].contains(&self.outcome)
            }
            Outcome::Failed(_) if self.outcome.contains(", exit ") => !self.outcome.ends_with(", exit 0"),
            Outcome::Failed(reason) => {
                !self.outcome.starts_with("HTTP ") && self.outcome.to_lowercase().contains(&reason.to_lowercase())
            }
        };
        // There is no next request after 410.
        same && self.next.is_none_or(|seen| seen == next)
    }
}

/// Delivers two webhooks, directly or through a SOCKS proxy. The first one gets the row's response.
fn ours(row: &Row, is_proxied: bool) -> Seen {
    let (address, requests) = receiver(row);
    let proxy = is_proxied.then(|| TestProxy::socks5(address).url("socks5", "").try_into().unwrap());
    let url = format!("http://{address}/");
    let batching = Batching { flush_interval: Duration::from_millis(1), max_events: 1, ..BATCHING };
    let node = Node::start(vec![Endpoint { batching, max_attempts: 1, timeout: TIMEOUT, proxy, ..endpoint(0, url) }]);
    // The proxy has socket buffers too.
    let much = if is_proxied { 4 * MUCH } else { MUCH };
    let channel = if row.reads == Reads::All { 1 } else { much };
    let send = |length: usize| {
        node.accept("app", ["c".repeat(length)]);
        match node.outcome() {
            telemetry::Outcome::Delivered { status, .. } => format!("HTTP {status}"),
            telemetry::Outcome::Dropped { reason, .. } | telemetry::Outcome::EndpointDisabled { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    };
    let outcome = send(channel);
    if outcome == "HTTP 410" {
        return Seen { outcome, next: None };
    }
    assert_eq!(requests.recv_timeout(PATIENCE).unwrap(), 0);
    assert_eq!(send(1), "HTTP 200", "{}: the next webhook", row.name);
    Seen { outcome, next: Some(requests.recv_timeout(PATIENCE).unwrap()) }
}

/// Sends two requests with curl. The first one gets the row's response.
fn curls(row: &Row) -> Seen {
    let (address, _requests) = receiver(row);
    let url = format!("http://{address}/");
    let body = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(body.path(), "b".repeat(if row.reads == Reads::All { 10 } else { MUCH })).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--disable", "--silent", "--noproxy", "*", "--max-time", &TIMEOUT.as_secs().to_string()]);
    curl.args(["--header", "Expect:", "--header", "Content-Type: application/json"]);
    curl.args(["--write-out", "%{http_code} %{exitcode} %{num_connects}\n"]);
    curl.arg("--data-binary").arg(format!("@{}", body.path().display()));
    curl.args(["--output", "/dev/null", &url, "--output", "/dev/null", &url]);
    let output = curl.output().expect("curl is on the PATH");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<usize> = told.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [status, exit, _, .., connects] = numbers[..] else { panic!("{}: curl printed {told:?}", row.name) };
    Seen { outcome: format!("HTTP {status}, exit {exit}"), next: Some(connects) }
}

/// Starts a receiver that gives the row's response to the first request and 200 to all others. Returns its address, and
/// the connection of each request.
fn receiver(row: &Row) -> (SocketAddr, Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, requests) = mpsc::channel();
    let (says, pause, reads, then) = (row.says.clone(), row.pause, row.reads, row.then);
    // The thread ends with the process of the test.
    std::thread::spawn(move || {
        let mut first = Some((says, reads));
        for (connection, mut stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let (tell, answer) = (tell.clone(), first.take());
            std::thread::spawn(move || -> std::io::Result<()> {
                stream.set_nodelay(true)?;
                if let Some((says, reads)) = answer {
                    read(&mut stream, reads)?;
                    let _ = tell.send(connection);
                    for (n, piece) in says.iter().enumerate() {
                        std::thread::sleep(Duration::from_millis(if n > 0 { pause } else { 0 }));
                        stream.write_all(piece)?;
                    }
                    match then {
                        Then::Keep if reads == Reads::HeadOfMany => std::thread::sleep(PATIENCE),
                        Then::Keep => {}
                        Then::Close => return Ok(()),
                        Then::Reset => return SockRef::from(&stream).set_linger(Some(Duration::ZERO)),
                    }
                }
                loop {
                    read(&mut stream, Reads::All)?;
                    let _ = tell.send(connection);
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
                }
            });
        }
    });
    (address, requests)
}

/// Reads a request, or only its head.
fn read(stream: &mut TcpStream, reads: Reads) -> std::io::Result<()> {
    let (mut request, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&buffer[..read]);
        let Some(head) = request.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
        let length: usize =
            text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        if reads == Reads::HeadOfMany || request.len() >= head + 4 + length {
            return Ok(());
        }
    }
}
