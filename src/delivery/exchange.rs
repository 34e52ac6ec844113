//! A request and its answer, on one connection. What is HTTP in it is ureq-proto's; this moves the bytes.

use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use ureq::http::{Request, Response};
use ureq::{Error, Timeout};
use ureq_proto::BodyMode;
use ureq_proto::client::state::{Prepare, RecvBody, RecvResponse, SendBody};
use ureq_proto::client::{Await100Result, Call, RecvBodyResult, RecvResponseResult, SendRequestResult};

use super::connections::{Connection, Connections};
use super::deadline::Deadline;

/// What was answered: the head, and the body as it is read.
///
/// The connection is kept once the body was read to its end, and closed if it never is.
pub(super) struct Answered<'a> {
    head: Response<()>,
    rest: Option<Rest>,
    connections: &'a Connections,
    deadline: Deadline,
}

/// What is left of an answer, and where it comes from.
struct Rest {
    call: Call<RecvBody>,
    connection: Connection,
}

impl<'a> Answered<'a> {
    /// Sends `request` with `body` on `connection`, which is one of `connections`, and waits for the head of the answer.
    pub(super) fn to(
        request: Request<()>,
        body: &[u8],
        mut connection: Connection,
        connections: &'a Connections,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let call = send(Call::new(request)?, body, &mut connection, deadline)?;
        let (head, next) = receive(call, &mut connection, deadline)?;
        let (rest, may_stay) = match next {
            RecvResponseResult::RecvBody(call) => (Some(Rest { call, connection }), None),
            RecvResponseResult::Redirect(call) => (None, (!call.must_close_connection()).then_some(connection)),
            RecvResponseResult::Cleanup(call) => (None, (!call.must_close_connection()).then_some(connection)),
        };
        if let Some(connection) = may_stay {
            connections.keep(connection);
        }
        Ok(Self { head, rest, connections, deadline })
    }

    /// The head.
    pub(super) const fn head(&self) -> &Response<()> {
        &self.head
    }

    /// The body may take no longer than this from now.
    pub(super) fn hurry(&mut self, time: Duration) {
        self.deadline = self.deadline.or_within(time, Timeout::RecvBody);
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        while let Some(Rest { call, connection }) = &mut self.rest {
            let ends_with_connection = matches!(call.body_mode(), BodyMode::CloseDelimited);
            if call.can_proceed() && !ends_with_connection {
                self.end();
                break;
            }
            if !connection.buffers().can_use_input() && !connection.await_input(self.deadline.next_timeout()?)? {
                // Nothing more will come. Some servers leave the very last line of an answer in chunks out.
                let complete = ends_with_connection || call.is_ended_chunked();
                self.rest = None;
                return if complete { Ok(0) } else { Err(disconnected()) };
            }
            let (used, read) = call.read(connection.buffers().input(), buffer)?;
            connection.buffers().input_consume(used);
            if read > 0 {
                return Ok(read);
            }
        }
        Ok(0)
    }

    /// The body has been read to its end.
    fn end(&mut self) {
        let Some(Rest { call, connection }) = self.rest.take() else { return };
        let must_close = match call.proceed() {
            Some(RecvBodyResult::Cleanup(call)) => call.must_close_connection(),
            Some(RecvBodyResult::Redirect(call)) => call.must_close_connection(),
            None => true,
        };
        if !must_close {
            self.connections.keep(connection);
        }
    }
}

impl Read for Answered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() { Ok(0) } else { self.read_some(buffer).map_err(Error::into_io) }
    }
}

/// Sends head and body.
fn send(
    call: Call<Prepare>,
    body: &[u8],
    connection: &mut Connection,
    deadline: Deadline,
) -> Result<Call<RecvResponse>, Error> {
    let mut call = call.proceed();
    while !call.can_proceed() {
        let amount = call.write(connection.buffers().output())?;
        connection.transmit_output(amount, deadline.next_timeout()?)?;
    }
    match call.proceed()? {
        Some(SendRequestResult::SendBody(call)) => send_body(call, body, connection, deadline),
        Some(SendRequestResult::RecvResponse(call)) => Ok(call),
        // Nobody asks to be told to go on, and if so, nobody has to wait for it.
        Some(SendRequestResult::Await100(call)) => match call.proceed()? {
            Await100Result::SendBody(call) => send_body(call, body, connection, deadline),
            Await100Result::RecvResponse(call) => Ok(call),
        },
        None => Err(disconnected()),
    }
}

fn send_body(
    mut call: Call<SendBody>,
    mut body: &[u8],
    connection: &mut Connection,
    deadline: Deadline,
) -> Result<Call<RecvResponse>, Error> {
    while !call.can_proceed() {
        let (taken, amount) = call.write(body, connection.buffers().output())?;
        body = &body[taken..];
        connection.transmit_output(amount, deadline.next_timeout()?)?;
    }
    call.proceed().ok_or_else(disconnected)
}

/// Waits for the head of the answer. Interim ones are passed over.
fn receive(
    mut call: Call<RecvResponse>,
    connection: &mut Connection,
    deadline: Deadline,
) -> Result<(Response<()>, RecvResponseResult), Error> {
    loop {
        let timeout = deadline.next_timeout()?;
        let came = connection.buffers().can_use_input() || connection.await_input(timeout)?;
        let (used, head) = call.try_response(connection.buffers().input(), false)?;
        connection.buffers().input_consume(used);
        if let Some(head) = head {
            let next = call.proceed().ok_or_else(disconnected)?;
            return Ok((head, next));
        }
        if !came {
            return Err(disconnected());
        }
    }
}

/// The peer has closed the connection.
fn disconnected() -> Error {
    Error::Io(io::Error::new(ErrorKind::UnexpectedEof, "Peer disconnected"))
}
