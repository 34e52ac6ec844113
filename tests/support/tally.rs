//! A receiver for a flood. It stores no requests, only the numbers of each channel.
//! It counts client events. Their channel ends in a number; their data is a list of one number, which grows by one with
//! each event of the channel.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::receiver::read_request;
use super::serve::serve;

/// The receiver. It ends with the process of the test.
pub(crate) struct Tally {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    status: AtomicU16,
    numbers: Mutex<BTreeMap<u32, Vec<u32>>>,
    count: AtomicUsize,
    on_event: Box<dyn Fn(u32, u32, Instant) + Send + Sync>,
}

impl Tally {
    /// Listens on a free port of the loopback interface. Answers 200 to everything.
    pub(crate) fn start() -> Self {
        Self::watched(|_, _, _| {})
    }

    /// The same. Calls `on_event` for each accepted event with its channel, its number, and the time at which its
    /// request was complete.
    pub(crate) fn watched(on_event: impl Fn(u32, u32, Instant) + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").expect("a free port"), on_event)
    }

    /// The same on `address`, which must be free.
    pub(crate) fn start_on(address: SocketAddr) -> Self {
        Self::listen(TcpListener::bind(address).expect("the port is free again"), |_, _, _| {})
    }

    fn listen(listener: TcpListener, on_event: impl Fn(u32, u32, Instant) + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            status: AtomicU16::new(200),
            numbers: Mutex::default(),
            count: AtomicUsize::new(0),
            on_event: Box::new(on_event),
        });
        let accepting = Arc::clone(&state);
        serve(listener, move |stream| accepting.serve(stream));
        Self { address, state }
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Sets the status of all later responses. Events count only with a 200.
    pub(crate) fn answer(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    /// Returns the number of events, including repeats.
    pub(crate) fn count(&self) -> usize {
        self.state.count.load(Ordering::SeqCst)
    }

    /// Returns the received numbers by channel, in order of arrival.
    pub(crate) fn numbers(&self) -> BTreeMap<u32, Vec<u32>> {
        self.state.numbers.lock().clone()
    }
}

impl State {
    fn serve(&self, mut stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(request)) = read_request(&mut reader, 0) {
            let status = self.status.load(Ordering::SeqCst);
            if status == 200 {
                let events = numbered_events(&request.body);
                let mut numbers = self.numbers.lock();
                for (channel, number) in &events {
                    numbers.entry(*channel).or_default().push(*number);
                }
                drop(numbers);
                self.count.fetch_add(events.len(), Ordering::SeqCst);
                for (channel, number) in events {
                    (self.on_event)(channel, number, request.at);
                }
            }
            let answer = format!("HTTP/1.1 {status} -\r\nContent-Length: 0\r\n\r\n");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// Returns channel and number of each event in a body.
pub(crate) fn numbered_events(body: &[u8]) -> Vec<(u32, u32)> {
    let body = std::str::from_utf8(body).expect("text");
    body.split("\"channel\":\"").skip(1).map(|event| (number(event, "-"), number(event, "\"data\":\"["))).collect()
}

/// Returns the number after the first `mark`.
fn number(text: &str, mark: &str) -> u32 {
    let (_, behind) = text.split_once(mark).expect("a numbered event");
    let end = behind.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(behind.len());
    behind[..end].parse().expect("a number")
}
