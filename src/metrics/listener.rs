//! The thread that answers `GET /metrics` for this process.
//!
//! ```text
//!              the port is taken: said once
//!            ┌──────────────────────────────┐
//!            ▼        after a second        │
//! start ─▶ bind ────────────────────────────┘
//!            │ the port is free: said if it was not
//!            ▼
//!          accept ─▶ read, answer, close: two seconds each way at most, one connection at a time
//!            ▲            │
//!            └────────────┘           stop: both sockets are shut down, which wakes whoever waits for them
//! ```
//!
//! After a reload the old process keeps the port while it drains; the new one has it as soon as the old one stops. Where our
//! threads share the host's descriptors, a forked child inherits the socket, but a shutdown ends it for both: the port is free
//! again, whoever still has it open.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::request::{LONGEST, answer, wish};
use super::samples::of_process;
use crate::metrics::Sources;
use crate::process::Thread;
use crate::report::DeliveryStatus;
use crate::telemetry::Level;

/// How soon a port that is taken is tried again.
const TAKEN_RETRY: Duration = Duration::from_secs(1);

/// How soon the next connection is waited for after one that could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How long a client may take to send its request, and then to take the answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The running listener.
#[derive(Debug)]
pub(crate) struct Listener {
    end: Arc<End>,
    thread: Thread,
}

/// Tells the thread to end, wherever it waits.
#[derive(Debug, Default)]
struct End {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// The socket that listens, as one that can be shut down.
    listening: Option<TcpStream>,
    /// The connection that is answered.
    talking: Option<TcpStream>,
}

impl Listener {
    /// Starts answering at `address`, as soon as that is free.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(crate) fn start(address: SocketAddr, sources: Arc<Sources>) -> io::Result<Self> {
        let end = Arc::new(End::default());
        let telemetry = Arc::clone(&sources.telemetry);
        let mut desk =
            Desk { address, sources, last: DeliveryStatus::default(), end: Arc::clone(&end), refused: false };
        let thread = Thread::spawn("wh-metrics", telemetry, move || desk.run())?;
        Ok(Self { end, thread })
    }

    /// Has it end at once, whatever it is at.
    pub(crate) fn stop(&self) {
        let mut state = self.end.state.lock();
        state.stopped = true;
        for socket in state.listening.iter().chain(&state.talking) {
            // One that is gone need not be shut down.
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.end.changed.notify_all();
    }

    /// Waits until it has ended, at most until `deadline`.
    pub(crate) fn wait_until(&self, deadline: Instant) -> bool {
        self.thread.wait_until(deadline)
    }
}

impl End {
    /// Waits for `time`, or until it is over. Returns whether it is.
    fn wait(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.stopped {
            self.changed.wait_for(&mut state, time);
        }
        state.stopped
    }

    /// Takes note of a socket that is to be shut down at the end. `false` when that has come.
    fn note(&self, note: impl FnOnce(&mut State)) -> bool {
        let mut state = self.state.lock();
        note(&mut state);
        !state.stopped
    }
}

/// What the thread keeps.
struct Desk {
    address: SocketAddr,
    sources: Arc<Sources>,
    /// What the dispatcher last said; it may be busy.
    last: DeliveryStatus,
    end: Arc<End>,
    /// Whether it was said that the address is not to be had.
    refused: bool,
}

impl Desk {
    fn run(&mut self) {
        loop {
            let wait = match self.listen() {
                Ok(()) => ACCEPT_RETRY,
                Err(error) => {
                    self.say_refused(&error);
                    TAKEN_RETRY
                }
            };
            if self.end.wait(wait) {
                return;
            }
        }
    }

    /// Answers until it is over.
    fn listen(&mut self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address)?;
        let handle = TcpStream::from(OwnedFd::from(listener.try_clone()?));
        let goes_on = self.end.note(|state| state.listening = Some(handle));
        if std::mem::take(&mut self.refused) && goes_on {
            let Self { address, sources, .. } = self;
            sources.telemetry.log(Level::Info, format_args!("Metrics are served at http://{address}/metrics now"));
        }
        while self.end.note(|_| {}) {
            match listener.accept() {
                Ok((client, _)) => self.serve(client),
                // Of that connection, or for want of descriptors; or it is over.
                Err(_) => {
                    self.end.wait(ACCEPT_RETRY);
                }
            }
        }
        Ok(())
    }

    fn serve(&mut self, client: TcpStream) {
        if let Ok(handle) = client.try_clone()
            && self.end.note(|state| state.talking = Some(handle))
        {
            // Who does not listen to the answer does without.
            let _ = self.talk(client);
        }
        self.end.note(|state| state.talking = None);
    }

    fn talk(&mut self, mut client: TcpStream) -> io::Result<()> {
        let (mut request, mut length) = ([0; LONGEST], 0);
        let deadline = Instant::now() + PATIENCE;
        let wish = loop {
            client.set_read_timeout(Some(left(deadline)?))?;
            match client.read(&mut request[length..])? {
                0 => return Ok(()),
                read => length += read,
            }
            if let Some(wish) = wish(&request[..length]) {
                break wish;
            }
        };
        let answer = answer(wish, || self.metrics());
        let (mut rest, deadline) = (answer.as_bytes(), Instant::now() + PATIENCE);
        while !rest.is_empty() {
            client.set_write_timeout(Some(left(deadline)?))?;
            rest = &rest[client.write(rest)?..];
        }
        client.shutdown(Shutdown::Write)
    }

    fn metrics(&mut self) -> String {
        let record = self.sources.record(&mut self.last);
        of_process(&record, self.sources.clock().unix_ms)
    }

    fn say_refused(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.refused, true) {
            let address = self.address;
            self.sources.telemetry.log(
                Level::Warning,
                format_args!("Metrics cannot be served at {address}, will be as soon as it is free: {error}"),
            );
        }
    }
}

/// The time until `deadline`.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
