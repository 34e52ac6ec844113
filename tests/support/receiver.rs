//! A receiver of webhooks on a real socket. It records requests and answers by a script.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::wait::{PATIENCE, eventually};

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Request method.
    pub(crate) method: String,
    /// Path with query.
    pub(crate) path: String,
    /// Headers in order, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Names of the headers as they were sent.
    pub(crate) names: Vec<String>,
    /// Body, byte for byte.
    pub(crate) body: Vec<u8>,
    /// Time at which the request was complete.
    pub(crate) at: Instant,
    /// Number of its connection, starting at 0.
    pub(crate) connection: usize,
}

impl Received {
    /// Returns the value of a header. `name` is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns path, headers and body as text.
    fn echo(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
        [&self.path, "\n", &*headers.collect::<String>(), &*String::from_utf8_lossy(&self.body)].concat()
    }

    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("valid JSON")
    }

    /// Returns the channels of the events in the body, in order.
    pub(crate) fn channels(&self) -> Vec<String> {
        let body = self.json();
        let events = body["events"].as_array().expect("a list of events");
        events.iter().map(|event| event["channel"].as_str().expect("a channel").to_owned()).collect()
    }

    /// Returns the events in the body as `name channel`, as `name channel/user` if there is a user, or as `name socket`
    /// for connections.
    pub(crate) fn events(&self) -> Vec<String> {
        let text = |value: &serde_json::Value| value.as_str().expect("a string").to_owned();
        let body = self.json();
        let events = body["events"].as_array().expect("a list of events").iter();
        events
            .map(|event| {
                let user = event.get("user_id").map_or_else(String::new, |user| format!("/{}", text(user)));
                let count = event.get("subscription_count").map_or_else(String::new, |count| format!(" {count}"));
                let place = event.get("channel").unwrap_or_else(|| &event["socket_id"]);
                format!("{} {}{user}{count}", text(&event["name"]), text(place))
            })
            .collect()
    }
}

/// Response of the receiver to a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// This status without a body.
    Status(u16),
    /// This status with this header.
    StatusWith(u16, &'static str, String),
    /// This status with this body and these headers.
    Body(u16, String, Vec<(&'static str, String)>),
    /// 200, then closes the connection without announcing it, as after an idle timeout.
    ThenClose,
    /// Closes the connection without a response.
    Close,
    /// A part of the head, then closes the connection.
    CutHead,
    /// 413 to a request with more events than this, 200 otherwise.
    AtMost(usize),
    /// 200 after this time.
    Late(Duration),
    /// Never responds.
    Hang,
    /// 200 with a part of the announced body, then nothing more.
    HangInBody,
    /// This status with a body of this many bytes.
    Huge(u16, usize),
    /// This status, then the body byte by byte without end.
    Drip(u16),
    /// This status with the path, the headers and the body of the request as its body.
    Echo(u16),
    /// The head byte by byte without end.
    DripHead,
}

/// The receiver. Dropping it stops it.
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    inner: Mutex<Inner>,
    stopped: Condvar,
}

#[derive(Default)]
struct Inner {
    received: Vec<Received>,
    scripts: HashMap<String, VecDeque<Answer>>,
    always: HashMap<String, Answer>,
    connections: Vec<TcpStream>,
    stopped: bool,
}

impl Receiver {
    /// Listens on a free port of the loopback interface. Answers 200 to everything.
    pub(crate) fn start() -> Self {
        Self::start_on("127.0.0.1:0").expect("a free port")
    }

    /// Listens on `address`. Fails if this machine does not have it.
    pub(crate) fn start_on(address: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let accepting = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut inner = accepting.lock();
                if inner.stopped {
                    return;
                }
                let connection = inner.connections.len();
                inner.connections.push(stream.try_clone().expect("a second handle"));
                drop(inner);
                let state = Arc::clone(&accepting);
                std::thread::spawn(move || state.serve(&stream, connection));
            }
        });
        Ok(Self { address, state })
    }

    /// Returns the address it listens on.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers the next requests for `path` with these answers, in order. Later ones get 200.
    pub(crate) fn script(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().scripts.entry(path.to_owned()).or_default().extend(answers);
    }

    /// Answers every request for `path` after its script with this answer.
    pub(crate) fn always(&self, path: &str, answer: Answer) {
        self.state.lock().always.insert(path.to_owned(), answer);
    }

    /// Returns the requests for `path` so far.
    pub(crate) fn received(&self, path: &str) -> Vec<Received> {
        self.state.lock().received.iter().filter(|request| request.path == path).cloned().collect()
    }

    /// Waits for at least `count` requests for `path`, and returns all of them.
    pub(crate) fn wait_for(&self, path: &str, count: usize) -> Vec<Received> {
        eventually(&format!("{count} requests for {path}"), || {
            Some(self.received(path)).filter(|received| received.len() >= count)
        })
    }

    /// Waits until events of at least `count` channels have come for `path`, and returns the channels in order.
    pub(crate) fn wait_for_channels(&self, path: &str, count: usize) -> Vec<String> {
        eventually(&format!("{count} events for {path}"), || {
            let channels: Vec<String> = self.received(path).iter().flat_map(Received::channels).collect();
            (channels.len() >= count).then_some(channels)
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut inner = self.state.lock();
        inner.stopped = true;
        for connection in &inner.connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(inner);
        self.state.stopped.notify_all();
        // Unblocks the listener, which then sees the stop flag.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one connection until either side closes it.
    fn serve(&self, stream: &TcpStream, connection: usize) {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(request)) = read_request(&mut reader, connection) {
            let mut inner = self.lock();
            let scripted = inner.scripts.get_mut(&request.path).and_then(VecDeque::pop_front);
            let answer = scripted.or_else(|| inner.always.get(&request.path).cloned()).unwrap_or(Answer::Status(200));
            let answer = match answer {
                Answer::AtMost(most) => Answer::Status(if request.events().len() > most { 413 } else { 200 }),
                Answer::Echo(status) => Answer::Body(status, request.echo(), Vec::new()),
                answer => answer,
            };
            inner.received.push(request);
            drop(inner);
            if self.answer(stream, &answer).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
    }

    /// Waits for `time`, or until the receiver stops.
    fn wait(&self, time: Duration) {
        let inner = self.lock();
        let _stopped = self.stopped.wait_timeout_while(inner, time, |inner| !inner.stopped);
    }

    fn answer(&self, mut stream: &TcpStream, answer: &Answer) -> io::Result<()> {
        // One write per response: several small ones would wait for each other's TCP acknowledgements.
        let mut respond =
            |status: u16, header: &str| stream.write_all(format!("HTTP/1.1 {status} -\r\n{header}\r\n\r\n").as_bytes());
        let empty = "Content-Length: 0";
        let closed = || Err(io::Error::from(io::ErrorKind::ConnectionAborted));
        match answer {
            Answer::Status(status) => respond(*status, empty),
            Answer::StatusWith(status, name, value) => respond(*status, &format!("{empty}\r\n{name}: {value}")),
            Answer::Body(status, body, headers) => {
                let length = body.len();
                let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
                let headers = headers.collect::<Vec<_>>().concat();
                stream.write_all(
                    format!("HTTP/1.1 {status} -\r\n{headers}Content-Length: {length}\r\n\r\n{body}").as_bytes(),
                )
            }
            Answer::ThenClose => {
                respond(200, empty)?;
                closed()
            }
            // `AtMost` and `Echo` have been resolved before.
            Answer::AtMost(_) | Answer::Echo(_) | Answer::Close => closed(),
            Answer::CutHead => {
                stream.write_all(b"HTTP/1.1 200 -\r\nContent-Le")?;
                closed()
            }
            Answer::Late(time) => {
                self.wait(*time);
                respond(200, empty)
            }
            Answer::Hang => {
                self.wait(PATIENCE);
                closed()
            }
            Answer::HangInBody => {
                respond(200, "Content-Length: 1000\r\n\r\nhalf of it")?;
                self.wait(PATIENCE);
                closed()
            }
            Answer::Huge(status, bytes) => {
                respond(*status, &format!("Content-Length: {bytes}"))?;
                let piece = [b'.'; 16384];
                (0..bytes.div_ceil(piece.len())).try_for_each(|_| stream.write_all(&piece))
            }
            Answer::Drip(status) => {
                respond(*status, "Content-Length: 1000000")?;
                drip(stream)
            }
            Answer::DripHead => {
                stream.write_all(b"HTTP/1.1 200 -\r\nX-Slow: ")?;
                drip(stream)
            }
        }
    }
}

/// Sends a byte now and then until the peer closes the connection.
fn drip(mut stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.write_all(b".")?;
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Reads a request whose body has a length. Returns `None` if the peer closes the connection before a request.
pub(crate) fn read_request(reader: &mut impl BufRead, connection: usize) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut headers, mut names) = (Vec::new(), Vec::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
        names.push(name.to_owned());
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Some(Received { method, path, headers, names, body, at: Instant::now(), connection }))
}
