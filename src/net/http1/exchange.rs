//! One request and its response on one connection.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

use ureq::{Error, Timeout};

use super::answer::{Body, ResponseHead, is_interim, not_http};
use super::client::{HttpConnection, PostClient, is_disconnect};
use crate::net::deadline::Deadline;

/// The time to read a response that has already arrived.
const LAST_LOOK: Duration = Duration::from_millis(1);

/// The maximum number of interim responses, more than any server sends.
const INTERIM_AT_MOST: usize = 64;

/// The maximum number of bytes of chunk sizes, extensions and trailers: `FRAMES_AT_MOST`, plus `FRAME_OF_A_BYTE` for each byte
/// of the body.
const FRAMES_AT_MOST: u64 = 32 * 1024;
const FRAME_OF_A_BYTE: u64 = 8;

/// A response: the head, and a reader of the body.
///
/// The connection returns to the pool after the body was read to its end. Otherwise it is closed.
pub(crate) struct Answered<'a> {
    head: ResponseHead,
    rest: Option<Rest>,
    client: &'a PostClient,
    deadline: Deadline,
}

/// The unread part of a response, with its connection.
struct Rest {
    body: Body,
    /// The bytes of the body and the bytes of its framing read so far.
    bytes: (u64, u64),
    connection: HttpConnection,
}

impl<'a> Answered<'a> {
    /// Sends a head and a body on `connection`, which belongs to `client`. Waits for the head of the response.
    pub(super) fn to(
        request: [&[u8]; 2],
        mut connection: HttpConnection,
        client: &'a PostClient,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let sent = send(request, &mut connection, deadline);
        let answer = match sent.and_then(|()| receive(&mut connection, deadline)) {
            // A peer that has stopped reading the request may already have answered.
            Err(error) if matches!(error, Error::Timeout(_)) || is_disconnect(&error) => {
                let look = Deadline::of_request(Instant::now(), LAST_LOOK);
                receive(&mut connection, look).map_err(|_| error)
            }
            answer => answer,
        };
        let (head, body) = answer?;
        let mut answered = Self { head, rest: Some(Rest { body, bytes: (0, 0), connection }), client, deadline };
        answered.end_if_over();
        Ok(answered)
    }

    /// Returns the head.
    pub(crate) const fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// Limits the time for the body to `time` from now.
    pub(crate) fn shorten_deadline(&mut self, time: Duration) {
        self.deadline = self.deadline.or_within(time, Timeout::RecvBody);
    }

    /// Returns `true` if the body was read to its end.
    pub(crate) const fn is_over(&self) -> bool {
        self.rest.is_none()
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        while let Some(Rest { body, bytes, connection }) = &mut self.rest {
            let (used, read) = body.take(connection.buffers().input(), buffer)?;
            connection.buffers().input_consume(used);
            *bytes = (bytes.0 + read as u64, bytes.1 + (used - read) as u64);
            if bytes.1 > FRAMES_AT_MOST + FRAME_OF_A_BYTE * bytes.0 {
                return Err(not_http("too much chunk framing"));
            }
            let waits = used == 0 && !body.is_over();
            if waits && !more(connection, self.deadline)? {
                let is_whole = body.may_end_here();
                self.rest = None;
                return if is_whole { Ok(0) } else { Err(disconnected()) };
            }
            self.end_if_over();
            if read > 0 {
                return Ok(read);
            }
        }
        Ok(0)
    }

    /// Returns the connection to the pool if the response is complete and the connection can be reused.
    fn end_if_over(&mut self) {
        if let Some(Rest { connection, .. }) = self.rest.take_if(|rest| rest.body.is_over())
            && self.head.persists
        {
            self.client.keep(connection);
        }
    }
}

impl Read for Answered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() { Ok(0) } else { self.read_some(buffer).map_err(Error::into_io) }
    }
}

/// Sends a head and a body. What fits into the buffer is one write and one packet, so that the receiver wakes only once.
fn send([head, body]: [&[u8]; 2], connection: &mut HttpConnection, deadline: Deadline) -> Result<(), Error> {
    let mut request = head.chain(body);
    loop {
        let mut filled = 0;
        while let read @ 1.. = request.read(&mut connection.buffers().output()[filled..])? {
            filled += read;
        }
        if filled == 0 {
            return Ok(());
        }
        connection.transmit_output(filled, deadline.next_timeout()?)?;
    }
}

/// Waits for the head of the final response. Skips interim responses.
fn receive(connection: &mut HttpConnection, deadline: Deadline) -> Result<(ResponseHead, Body), Error> {
    let (mut seen, mut interim) = (0, 0);
    loop {
        let buffers = connection.buffers();
        let is_full = buffers.input_append_buf().is_empty();
        let input = buffers.input();
        if let Some((length, head, body)) = ResponseHead::parse(input, seen, is_full)? {
            buffers.input_consume(length);
            if !is_interim(head.status) {
                return Ok((head, body));
            }
            (seen, interim) = (0, interim + 1);
            if interim > INTERIM_AT_MOST {
                return Err(not_http("too many interim responses"));
            }
        } else {
            seen = input.len();
            if !more(connection, deadline)? {
                return Err(disconnected());
            }
        }
    }
}

/// Waits for more input. Returns `false` if the peer has closed the connection.
fn more(connection: &mut HttpConnection, deadline: Deadline) -> Result<bool, Error> {
    if connection.buffers().input_append_buf().is_empty() {
        return Err(not_http("a line of the chunked body is too long"));
    }
    connection.await_input(deadline.next_timeout()?)
}

/// Returns the error for a connection that the peer has closed.
fn disconnected() -> Error {
    Error::Io(io::Error::new(ErrorKind::UnexpectedEof, "Peer disconnected"))
}

#[cfg(test)]
#[path = "fuzz.rs"]
mod fuzz;
