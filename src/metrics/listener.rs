//! The thread that answers `GET /metrics` for this process.
//!
//! ```text
//!            the port is in use: log once
//!            ┌──────────────────────────────┐
//!            ▼         after 1 s            │
//! start ─▶ bind ────────────────────────────┘
//!            │ the port is free: log, if it was in use before
//!            ▼
//!          accept ─▶ read, respond, close: at most 2 s each way, one connection at a time
//!            ▲            │
//!            └────────────┘           stop: shut down both sockets, which wakes the thread
//! ```
//!
//! After a reload, the old process keeps the port while it drains. The new one gets it when the old one stops. If the
//! engine shares the host's descriptors, a forked child inherits the socket. The shutdown still frees the port, because
//! it affects the socket in both processes.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::request::{LONGEST, response, route};
use super::samples::of_process;
use crate::metrics::Sources;
use crate::process::Thread;
use crate::report::DeliveryStatus;

/// The wait before a port in use is tried again.
const BIND_RETRY: Duration = Duration::from_secs(1);

/// The wait after a connection could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The timeout for receiving a request, and then for sending the response.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(2);

/// The running listener.
#[derive(Debug)]
pub(crate) struct Listener {
    end: Arc<ListenerStop>,
    thread: Thread,
}

/// The stop signal of the thread. It also wakes the thread from a blocking call.
#[derive(Debug, Default)]
struct ListenerStop {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// The listening socket, in a type that can be shut down.
    listening: Option<TcpStream>,
    /// The current connection.
    connected: Option<TcpStream>,
}

impl Listener {
    /// Starts the thread, which serves metrics at `address` as soon as the port is free.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub(crate) fn start(address: SocketAddr, sources: Arc<Sources>) -> io::Result<Self> {
        let end = Arc::new(ListenerStop::default());
        let telemetry = Arc::clone(&sources.telemetry);
        let mut server =
            MetricsServer { address, sources, last: DeliveryStatus::default(), end: Arc::clone(&end), failed: false };
        let thread = Thread::spawn("wh-metrics", telemetry, move || server.run())?;
        Ok(Self { end, thread })
    }

    /// Signals the thread to end, and wakes it.
    pub(crate) fn stop(&self) {
        let mut state = self.end.state.lock();
        state.stopped = true;
        for socket in state.listening.iter().chain(&state.connected) {
            // Fails if the connection is already closed.
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.end.changed.notify_all();
    }

    /// Waits for the end of the thread until `deadline`. Returns `true` if it has ended.
    pub(crate) fn wait_until(&self, deadline: Instant) -> bool {
        self.thread.wait_until(deadline)
    }
}

impl ListenerStop {
    /// Waits for `time` or for the stop signal. Returns `true` if the thread must end.
    fn wait(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.stopped {
            self.changed.wait_for(&mut state, time);
        }
        state.stopped
    }

    /// Updates the sockets to shut down at the end. Returns `false` if the thread must end.
    fn update(&self, update: impl FnOnce(&mut State)) -> bool {
        let mut state = self.state.lock();
        update(&mut state);
        !state.stopped
    }
}

/// The state of the thread.
struct MetricsServer {
    address: SocketAddr,
    sources: Arc<Sources>,
    /// The last status from the dispatcher, for use while it is busy.
    last: DeliveryStatus,
    end: Arc<ListenerStop>,
    /// `true` if the last bind failed. The failure has been logged.
    failed: bool,
}

impl MetricsServer {
    fn run(&mut self) {
        loop {
            let wait = match self.listen() {
                Ok(()) => ACCEPT_RETRY,
                Err(error) => {
                    self.log_failure(&error);
                    BIND_RETRY
                }
            };
            if self.end.wait(wait) {
                return;
            }
        }
    }

    /// Binds the port and serves connections until the stop.
    fn listen(&mut self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address)?;
        let handle = TcpStream::from(OwnedFd::from(listener.try_clone()?));
        let runs = self.end.update(|state| state.listening = Some(handle));
        if std::mem::take(&mut self.failed) && runs {
            let Self { address, sources, .. } = self;
            sources.telemetry.log_info(format_args!("Serving metrics at http://{address}/metrics"));
        }
        while self.end.update(|_| {}) {
            match listener.accept() {
                Ok((client, _)) => self.serve(client),
                // The client has gone, the process is out of descriptors, or the socket was shut down.
                Err(_) => {
                    self.end.wait(ACCEPT_RETRY);
                }
            }
        }
        Ok(())
    }

    fn serve(&mut self, client: TcpStream) {
        if let Ok(handle) = client.try_clone()
            && self.end.update(|state| state.connected = Some(handle))
        {
            // An error concerns only this client.
            let _ = self.respond(client);
        }
        self.end.update(|state| state.connected = None);
    }

    fn respond(&mut self, mut client: TcpStream) -> io::Result<()> {
        let (mut request, mut length) = ([0; LONGEST], 0);
        let deadline = Instant::now() + CLIENT_TIMEOUT;
        let route = loop {
            client.set_read_timeout(Some(left(deadline)?))?;
            match client.read(&mut request[length..])? {
                0 => return Ok(()),
                read => length += read,
            }
            if let Some(route) = route(&request[..length]) {
                break route;
            }
        };
        let response = response(route, || self.metrics());
        let (mut rest, deadline) = (response.as_bytes(), Instant::now() + CLIENT_TIMEOUT);
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

    fn log_failure(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.failed, true) {
            let address = self.address;
            self.sources
                .telemetry
                .log_warning(format_args!("Cannot serve metrics at {address}: {error}. Retrying every second"));
        }
    }
}

/// Returns the time until `deadline`, or an error after it.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
