//! A POST and its response, byte for byte: how it is sent, which responses are accepted, and when a connection is kept.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};

use resonate_webhooks::config::Endpoint;
use resonate_webhooks::telemetry::Outcome;
use support::node::{Node, endpoint, numbered};
use support::wait::PATIENCE;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Pieces of a response. Each is written by a separate call.
type Pieces = &'static [&'static str];

type Answers = Arc<Mutex<VecDeque<Pieces>>>;

/// A request that got its response.
struct Answered {
    /// Number of its connection, starting at 0.
    connection: usize,
    /// Bytes that the first read got.
    first: usize,
    /// Length in bytes.
    length: usize,
}

/// An endpoint with scripted responses, and the requests that got them.
struct Scripted {
    node: Node,
    answered: mpsc::Receiver<Answered>,
    posts: usize,
}

impl Scripted {
    fn answering(answers: impl IntoIterator<Item = Pieces>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (tell, answered) = mpsc::channel();
        let answers: Answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let (answers, tell) = (Arc::clone(&answers), tell.clone());
                std::thread::spawn(move || answer(stream, connection, &answers, &tell));
            }
        });
        let node = Node::start(vec![Endpoint { max_attempts: 1, ..endpoint(0, url) }]);
        Self { node, answered, posts: 0 }
    }

    /// Delivers another event. Returns the outcome.
    fn send(&mut self) -> Outcome {
        self.node.accept("app", numbered(self.posts..self.posts + 1));
        self.posts += 1;
        self.node.outcome()
    }

    /// Delivers another event. Returns the status and the request.
    fn post(&mut self) -> (u16, Answered) {
        match self.send() {
            Outcome::Delivered { status, .. } => (status, self.answered.recv_timeout(PATIENCE).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    /// Delivers another event, which is dropped. Returns the reason.
    fn failure(&mut self) -> String {
        match self.send() {
            Outcome::Dropped { reason, .. } => {
                self.answered.recv_timeout(PATIENCE).unwrap();
                reason
            }
            other => panic!("{other:?}"),
        }
    }

    /// Delivers `count` events. Returns the status and the connection of each POST.
    fn posts(&mut self, count: usize) -> Vec<(u16, usize)> {
        let mut post = || {
            let (status, answered) = self.post();
            (status, answered.connection)
        };
        (0..count).map(|_| post()).collect()
    }
}

/// Responds to the requests of a connection until it is closed.
fn answer(mut stream: TcpStream, connection: usize, answers: &Answers, tell: &Sender<Answered>) {
    stream.set_nodelay(true).unwrap();
    let (mut request, mut first) = (Vec::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = stream.read(&mut buffer).unwrap_or_default();
        if read == 0 {
            return;
        }
        first = if request.is_empty() { read } else { first };
        request.extend_from_slice(&buffer[..read]);
        if length(&request) != Some(request.len()) {
            continue;
        }
        let Some(pieces) = answers.lock().unwrap().pop_front() else { return };
        for piece in pieces {
            stream.write_all(piece.as_bytes()).unwrap();
        }
        // The test may have ended.
        let _ = tell.send(Answered { connection, first, length: request.len() });
        request.clear();
    }
}

/// Returns the length of the request once its head is complete.
fn length(request: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let (head, _) = text.split_once("\r\n\r\n")?;
    let body = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some(head.len() + 4 + body.parse::<usize>().ok()?)
}

#[test]
fn the_head_and_body_of_a_post_are_sent_in_one_write() {
    let mut endpoint = Scripted::answering([&[OK][..]; 3]);
    for _ in 0..3 {
        let (_, Answered { first, length, .. }) = endpoint.post();
        assert_eq!(first, length);
    }
}

#[test]
fn an_interim_response_is_not_the_response() {
    const INTERIM: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
    let mut endpoint = Scripted::answering([
        &["HTTP/1.1 100 Continue\r\n\r\n", INTERIM, "HTTP/1.1 204 No Content\r\n\r\n"][..],
        &["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"],
        &[OK],
    ]);
    assert_eq!(endpoint.posts(3), [(204, 0), (201, 0), (200, 0)]);
}

#[test]
fn a_response_in_chunks_or_pieces_keeps_its_connection() {
    let mut endpoint = Scripted::answering([
        &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "3\r\nyou\r\n", "0\r\n\r\n"][..],
        &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
        &["HTTP/1.1 2", "02 Accepted\r\nContent-Le", "ngth: 5\r\n", "\r\nhel", "lo"],
        &[OK],
    ]);
    assert_eq!(endpoint.posts(4), [(200, 0), (200, 0), (202, 0), (200, 0)]);
}

#[test]
fn a_connection_announced_as_closing_is_not_used_again() {
    let mut endpoint = Scripted::answering([
        &["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"][..],
        &["HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
        &["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"],
        &[OK],
    ]);
    assert_eq!(endpoint.posts(4), [(200, 0), (200, 1), (200, 2), (200, 3)]);
}

#[test]
fn bytes_after_a_response_are_not_taken_for_the_next_one() {
    const UNASKED: &str = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";
    const BOTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";
    let mut endpoint = Scripted::answering([&[BOTH][..], &[OK, UNASKED], &[OK]]);
    assert_eq!(endpoint.posts(3), [(200, 0), (200, 1), (200, 2)]);
}

#[test]
fn an_invalid_response_is_a_failed_attempt_with_its_reason_on_a_connection_of_its_own() {
    let mut endpoint = Scripted::answering([
        &["SSH-2.0-OpenSSH_9.2\r\n"][..],
        &["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"],
        &[OK],
    ]);
    assert_eq!(endpoint.failure(), "invalid HTTP response: it does not start with HTTP");
    assert_eq!(endpoint.failure(), "invalid HTTP response: conflicting Content-Length");
    assert_eq!(endpoint.posts(1), [(200, 2)]);
}

#[test]
fn a_head_over_the_limit_counts_by_its_status_and_ends_its_connection() {
    let head = |length: usize| -> Pieces {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Long: {}\r\n\r\n", "a".repeat(length));
        vec![&*head.leak()].leak()
    };
    let mut endpoint = Scripted::answering([head(30_000), head(40_000), &[OK]]);
    assert_eq!(endpoint.posts(3), [(200, 0), (200, 0), (200, 1)]);
}

#[test]
fn a_response_with_invalid_chunks_counts_but_ends_its_connection() {
    let mut endpoint = Scripted::answering([
        &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"][..],
        &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n"],
        &[OK],
    ]);
    assert_eq!(endpoint.posts(3), [(200, 0), (200, 1), (200, 2)]);
}
