//! TCP connections for ureq, with fewer system calls than its own sockets.
//!
//! - The socket timeout is set only if the current one is too long, or far too short. After an early timeout the thread checks
//!   the clock and continues to wait.
//! - One call checks whether an idle connection is still open.
//! - A peer may answer a request and then stop reading it. After a failed write the socket sends nothing more, and reports the
//!   failure only when there is nothing left to read.

use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Weak};
use std::time::Duration;

use socket2::SockRef;
use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, LazyBuffers, NextTimeout, ShutdownHandle, Transport};

use super::deadline::Deadline;

/// Shorter timeouts are set exactly.
const SHORT: Duration = Duration::from_millis(10);

/// The shortest socket timeout. Zero would disable it.
const SHORTEST: Duration = Duration::from_millis(1);

/// The socket timeout is set again if the time left is more than this many times the current one.
const EARLY: u32 = 16;

/// Room in the output buffer for what TLS adds to a full buffer, so that a record is one write.
const TLS_FRAME: usize = 256;

/// Connects to the first of `addresses` that accepts. Each gets half of the time left, and the last one all of it.
fn connect(addresses: &[SocketAddr], deadline: Deadline) -> Result<(TcpStream, SocketAddr), Error> {
    let mut failure = Error::Io(ErrorKind::ConnectionRefused.into());
    for (n, address) in addresses.iter().enumerate() {
        let left = deadline.left()?;
        let share = if n + 1 == addresses.len() { left } else { left / 2 };
        match TcpStream::connect_timeout(address, share.max(SHORTEST)) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok((stream, *address));
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => failure = Error::Timeout(deadline.reason),
            Err(error) if is_of_this_address(&error) => failure = Error::Io(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(failure)
}

/// Returns `true` if another address of the same name may succeed.
fn is_of_this_address(error: &io::Error) -> bool {
    use ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable | AddrNotAvailable)
}

/// The current socket timeout.
#[derive(Debug, Default)]
struct Limit(Option<Duration>);

impl Limit {
    /// Returns the timeout to set for the time `left`, or `None` if the current one fits.
    fn renew(&mut self, left: Duration) -> Option<Duration> {
        if self.0.is_some_and(|known| known <= left && known * EARLY >= left) {
            return None;
        }
        // A little less than the time left, so that it also fits the next request with the same timeout.
        let limit = if left > SHORT { left / 8 * 7 } else { left.max(SHORTEST) };
        self.0 = Some(limit);
        self.0
    }
}

/// A connection.
#[derive(derive_more::Debug)]
#[debug("Socket to {:?}", stream.peer_addr().ok())]
pub(super) struct Socket {
    /// Shared with the shutdown handle.
    stream: Arc<TcpStream>,
    buffers: LazyBuffers,
    reading: Limit,
    writing: Limit,
    /// The error of a failed write. Nothing more is sent after it.
    unsendable: Option<io::Error>,
}

impl Socket {
    /// Connects to one of the addresses. Returns that address.
    pub(super) fn connect(details: &ConnectionDetails<'_>) -> Result<(Self, IpAddr), Error> {
        let (stream, address) = connect(&details.addrs, Deadline::of(details.timeout))?;
        let stream = Arc::new(stream);
        let handle: Weak<TcpStream> = Arc::downgrade(&stream);
        (details.register_shutdown)(handle as Weak<dyn ShutdownHandle>)?;
        let (input, output) = (details.config.input_buffer_size(), details.config.output_buffer_size());
        let socket = Self {
            stream,
            buffers: LazyBuffers::new(input, output + TLS_FRAME),
            reading: Limit::default(),
            writing: Limit::default(),
            unsendable: None,
        };
        Ok((socket, address.ip()))
    }

    fn read(&mut self, timeout: NextTimeout) -> Result<usize, Error> {
        let deadline = Deadline::of(timeout.for_read());
        loop {
            if let Some(limit) = self.reading.renew(deadline.left()?) {
                self.stream.set_read_timeout(Some(limit))?;
            }
            match (&*self.stream).read(self.buffers.input_append_buf()) {
                Err(error) if is_early(&error) => {}
                Ok(read) if read > 0 => return Ok(read),
                end => return Ok(self.unsendable.take().map_or(end, Err)?),
            }
        }
    }
}

/// Returns `true` if a call ended because of the socket timeout or a signal.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let deadline = Deadline::of(timeout.for_write());
        let mut rest = &self.buffers.output()[..amount];
        while !rest.is_empty() && self.unsendable.is_none() {
            let left = deadline.left().inspect_err(|_| self.unsendable = Some(ErrorKind::TimedOut.into()))?;
            if let Some(limit) = self.writing.renew(left) {
                self.stream.set_write_timeout(Some(limit))?;
            }
            match (&*self.stream).write(rest) {
                Ok(0) => self.unsendable = Some(ErrorKind::WriteZero.into()),
                Ok(sent) => rest = &rest[sent..],
                Err(error) if is_early(&error) => {}
                Err(error) => self.unsendable = Some(error),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let read = self.read(timeout)?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        // TLS decrypts input in pieces, and may have left a record that no request caused.
        if self.unsendable.is_some() || !self.buffers.input().is_empty() {
            return false;
        }
        let unasked = SockRef::from(&*self.stream).recv_with_flags(&mut [MaybeUninit::uninit()], libc::MSG_DONTWAIT);
        unasked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn requests_with_the_same_timeout_set_the_socket_timeout_once() {
        let mut limit = Limit::default();
        let set = limit.renew(10 * SECOND).unwrap();
        assert!(set <= 10 * SECOND && set > 8 * SECOND, "{set:?}");
        for late in 1..100 {
            assert_eq!(limit.renew(Duration::from_millis(10_000 - late)), None);
        }
    }

    #[test]
    fn the_socket_timeout_never_exceeds_the_time_left() {
        let mut limit = Limit::default();
        limit.renew(10 * SECOND);
        assert!(limit.renew(2 * SECOND).is_some_and(|set| set <= 2 * SECOND));
        assert_eq!(limit.renew(SHORT), Some(SHORT));
        assert_eq!(limit.renew(Duration::from_nanos(1)), Some(SHORTEST));
    }

    #[test]
    fn a_socket_timeout_that_would_wake_too_often_is_set_again() {
        let mut limit = Limit::default();
        limit.renew(SECOND);
        assert_eq!(limit.renew(10 * SECOND), None, "a short timeout for a response body may stay");
        assert!(limit.renew(60 * SECOND).is_some_and(|set| set > 50 * SECOND));
    }
}
