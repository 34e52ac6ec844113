//! A receiver of webhooks on a real socket: it keeps what it got and answers by a script.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::wait::{PATIENCE, eventually};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The request method.
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    /// The headers, names in lower case, in their order.
    pub(crate) headers: Vec<(String, String)>,
    /// The names of the headers as they were written.
    pub(crate) names: Vec<String>,
    /// The body, byte for byte.
    pub(crate) body: Vec<u8>,
    /// When the request was complete.
    pub(crate) at: Instant,
    /// Which connection it came on, counted from 0.
    pub(crate) connection: usize,
}

impl Received {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The channels of the events in the body, in their order.
    pub(crate) fn channels(&self) -> Vec<String> {
        let body = self.json();
        let events = body["events"].as_array().expect("a list of events");
        events.iter().map(|event| event["channel"].as_str().expect("a channel").to_owned()).collect()
    }

    /// The events in the body as `name channel`, and `name channel/user` where there is a user; those of connections as
    /// `name socket`.
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

/// What the receiver does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Answers with this status and no body.
    Status(u16),
    /// Answers with this status and this header.
    StatusWith(u16, &'static str, String),
    /// Answers with this status and this body, and with these headers.
    Body(u16, String, Vec<(&'static str, String)>),
    /// Answers 200 and closes the connection without having said so: an idle timeout.
    ThenClose,
    /// Closes the connection instead of an answer.
    Close,
    /// Sends a part of the head of an answer and closes the connection.
    CutHead,
    /// Answers 413 to more events than these, and 200 otherwise.
    AtMost(usize),
    /// Answers 200 after this time.
    Late(Duration),
    /// Never answers.
    Hang,
    /// Answers 200, promises a body, sends a part of it and then nothing more.
    HangInBody,
    /// Answers with this status and a body of as many bytes.
    Huge(u16, usize),
    /// Answers 200 and then sends its body byte by byte, without end.
    Drip,
    /// Sends the head of an answer byte by byte, without end.
    DripHead,
}

/// The receiver. It stops when dropped.
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
    /// Listens on a free port of the loopback interface, answering 200 to everything.
    pub(crate) fn start() -> Self {
        Self::start_on("127.0.0.1:0").expect("a free port")
    }

    /// Listens on `address`, if this machine has it.
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

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of this receiver.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next requests for `path` get these answers, in order; those after them 200.
    pub(crate) fn script(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().scripts.entry(path.to_owned()).or_default().extend(answers);
    }

    /// Every request for `path` beyond its script gets this answer.
    pub(crate) fn always(&self, path: &str, answer: Answer) {
        self.state.lock().always.insert(path.to_owned(), answer);
    }

    /// What came for `path` so far.
    pub(crate) fn received(&self, path: &str) -> Vec<Received> {
        self.state.lock().received.iter().filter(|request| request.path == path).cloned().collect()
    }

    /// Waits until at least `count` requests for `path` came, and returns all.
    pub(crate) fn wait_for(&self, path: &str, count: usize) -> Vec<Received> {
        eventually(&format!("{count} requests for {path}"), || {
            Some(self.received(path)).filter(|received| received.len() >= count)
        })
    }

    /// Waits until events for at least `count` channels came for `path`, and returns the channels in their order.
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
        // Wakes the listener, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one connection until either side ends it.
    fn serve(&self, stream: &TcpStream, connection: usize) {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(request)) = read_request(&mut reader, connection) {
            let mut inner = self.lock();
            let scripted = inner.scripts.get_mut(&request.path).and_then(VecDeque::pop_front);
            let answer = scripted.or_else(|| inner.always.get(&request.path).cloned()).unwrap_or(Answer::Status(200));
            let answer = match answer {
                Answer::AtMost(most) => Answer::Status(if request.events().len() > most { 413 } else { 200 }),
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

    /// Waits for `time`, or until the receiver is stopped.
    fn wait(&self, time: Duration) {
        let inner = self.lock();
        let _stopped = self.stopped.wait_timeout_while(inner, time, |inner| !inner.stopped);
    }

    fn answer(&self, mut stream: &TcpStream, answer: &Answer) -> io::Result<()> {
        // In one piece: several small writes would wait for each other's acknowledgements.
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
            // The first was decided by its events.
            Answer::AtMost(_) | Answer::Close => closed(),
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
            Answer::Drip => {
                respond(200, "Content-Length: 1000000")?;
                drip(stream)
            }
            Answer::DripHead => {
                stream.write_all(b"HTTP/1.1 200 -\r\nX-Slow: ")?;
                drip(stream)
            }
        }
    }
}

/// Sends a byte now and then, until the peer has enough of it.
fn drip(mut stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.write_all(b".")?;
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Reads a request whose body has a length. `None` when the peer closed the connection before one began.
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
