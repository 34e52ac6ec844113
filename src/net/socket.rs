//! TCP to a server, as ureq wants it, for fewer system calls than ureq's own sockets need.
//!
//! - What is sent waits until something is to be read, or the buffer is full: head and body are one write, and one packet
//!   that wakes the receiver once.
//! - A time limit is told to the system only when the one that it knows is too long, or far too short. Whoever is woken too
//!   early looks at the clock and goes on waiting.
//! - Whether a kept connection is open is asked in one call.
//! - A peer may answer before it stops reading. After a failed write the socket sends nothing more; it reports the failure
//!   when nothing is left to read.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Weak};
use std::time::Duration;

use socket2::SockRef;
use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, LazyBuffers, NextTimeout, ShutdownHandle, Transport};

use super::deadline::Deadline;

/// A time limit that is shorter is told to the system as it is.
const SHORT: Duration = Duration::from_millis(10);

/// The shortest that the system is told of; none at all would mean to wait for ever.
const SHORTEST: Duration = Duration::from_millis(1);

/// How many times longer than what the system knows a limit may be, before it is told again.
const EARLY: u32 = 16;

/// Connects to the first of `addresses` that lets it. Each has half of the time that is left, and the last one all of it.
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
            Err(error) if error.kind() == ErrorKind::TimedOut => failure = Error::Timeout(deadline.reason()),
            Err(error) if is_of_this_address(&error) => failure = Error::Io(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(failure)
}

/// Whether another address of the same name may do better.
fn is_of_this_address(error: &io::Error) -> bool {
    use ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable | AddrNotAvailable)
}

/// The longest that the system waits in one call, as it was told.
#[derive(Debug, Default)]
struct Limit(Option<Duration>);

impl Limit {
    /// What to tell the system, if `left` is left and what it knows does not do.
    fn renew(&mut self, left: Duration) -> Option<Duration> {
        if self.0.is_some_and(|known| known <= left && known * EARLY >= left) {
            return None;
        }
        // A little less than is left, so that it does for the next request as well, which has as much time.
        let limit = if left > SHORT { left / 8 * 7 } else { left.max(SHORTEST) };
        self.0 = Some(limit);
        self.0
    }
}

/// A connection.
pub(super) struct Socket {
    /// Shared with whoever shuts it down.
    stream: Arc<TcpStream>,
    buffers: Gathering,
    /// How much waits at most before it is sent.
    full: usize,
    reading: Limit,
    writing: Limit,
    /// Why nothing more is sent.
    unsendable: Option<io::Error>,
}

impl Socket {
    /// Connects to one of the addresses. Returns to which.
    pub(super) fn connect(details: &ConnectionDetails<'_>) -> Result<(Self, IpAddr), Error> {
        let (stream, address) = connect(&details.addrs, Deadline::of(details.timeout))?;
        let stream = Arc::new(stream);
        let handle: Weak<TcpStream> = Arc::downgrade(&stream);
        (details.register_shutdown)(handle as Weak<dyn ShutdownHandle>)?;
        let (input, output) = (details.config.input_buffer_size(), details.config.output_buffer_size());
        let socket = Self {
            stream,
            buffers: Gathering { buffers: LazyBuffers::new(input, output), unsent: 0 },
            full: output / 2,
            reading: Limit::default(),
            writing: Limit::default(),
            unsendable: None,
        };
        Ok((socket, address.ip()))
    }

    fn send_all(&mut self, timeout: NextTimeout) -> Result<(), Error> {
        let deadline = Deadline::of(timeout.for_write());
        let Gathering { buffers, unsent } = &mut self.buffers;
        let mut rest = &buffers.output()[..std::mem::take(unsent)];
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

/// Nothing has happened yet: the system has waited for as long as it was told, or a signal has come.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.buffers.unsent += amount;
        if self.buffers.unsent > self.full { self.send_all(timeout) } else { Ok(()) }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if self.buffers.unsent > 0 {
            self.send_all(timeout)?;
        }
        let read = self.read(timeout)?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        if self.unsendable.is_some() {
            return false;
        }
        let unasked = SockRef::from(&*self.stream).recv_with_flags(&mut [MaybeUninit::uninit()], libc::MSG_DONTWAIT);
        unasked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("peer", &self.stream.peer_addr().ok()).finish_non_exhaustive()
    }
}

/// Buffers whose output is put behind what has not been sent yet.
struct Gathering {
    buffers: LazyBuffers,
    unsent: usize,
}

impl Buffers for Gathering {
    fn output(&mut self) -> &mut [u8] {
        &mut self.buffers.output()[self.unsent..]
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        let (scratch, output) = self.buffers.tmp_and_output();
        (scratch, &mut output[self.unsent..])
    }

    fn input(&self) -> &[u8] {
        self.buffers.input()
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.buffers.input_append_buf()
    }

    fn input_appended(&mut self, amount: usize) {
        self.buffers.input_appended(amount);
    }

    fn input_consume(&mut self, amount: usize) {
        self.buffers.input_consume(amount);
    }

    fn can_use_input(&self) -> bool {
        self.buffers.can_use_input()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn requests_with_the_same_time_tell_the_system_once() {
        let mut limit = Limit::default();
        let told = limit.renew(10 * SECOND).unwrap();
        assert!(told <= 10 * SECOND && told > 8 * SECOND, "{told:?}");
        for late in 1..100 {
            assert_eq!(limit.renew(Duration::from_millis(10_000 - late)), None);
        }
    }

    #[test]
    fn the_system_never_waits_for_longer_than_is_left() {
        let mut limit = Limit::default();
        limit.renew(10 * SECOND);
        assert!(limit.renew(2 * SECOND).is_some_and(|told| told <= 2 * SECOND));
        assert_eq!(limit.renew(SHORT), Some(SHORT));
        assert_eq!(limit.renew(Duration::from_nanos(1)), Some(SHORTEST));
    }

    #[test]
    fn a_limit_that_would_wake_too_often_is_told_anew() {
        let mut limit = Limit::default();
        limit.renew(SECOND);
        assert_eq!(limit.renew(10 * SECOND), None, "an answer's body had less time");
        assert!(limit.renew(60 * SECOND).is_some_and(|told| told > 50 * SECOND));
    }
}
