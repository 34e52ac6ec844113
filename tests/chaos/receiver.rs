//! The receiver. It runs during the whole run, records every request before it answers, and fails on purpose at times.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base16ct::lower;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sha2::Sha256;

use crate::support::serve::serve;
use crate::{Ms, now};

/// Paths of the endpoints: one that always succeeds, one that fails at times.
pub(crate) const PATHS: [&str; 2] = ["/steady", "/flaky"];

/// Path of the endpoint that wants `subscription_count`. The checker does not read its requests.
pub(crate) const COUNTS_PATH: &str = "/counts";

/// Secret of all applications.
pub(crate) const SECRET: &str = "secret";

/// Maximum time between the signing of an attempt and its arrival (ms). Nodes and connections are stopped for a while.
const ON_ITS_WAY: Ms = 60_000;

/// Longer than a node waits for a response.
const HANGS: Duration = Duration::from_millis(1500);

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Time at which it was complete.
    pub(crate) at: Ms,
    pub(crate) path: String,
    /// `webhook-id`.
    pub(crate) id: String,
    /// Application whose key it has.
    pub(crate) app: String,
    /// Both signatures are valid, and were made for this attempt.
    pub(crate) is_signed: bool,
    /// The response was a 2xx. The receiver has accepted only such requests.
    pub(crate) is_accepted: bool,
    pub(crate) body: String,
}

/// The running receiver.
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    requests: Mutex<Vec<Request>>,
    rng: Mutex<StdRng>,
    well: AtomicBool,
}

/// Reaction to a request.
enum Behavior {
    Answers(u16),
    Hangs,
    HangsUp,
}

impl Receiver {
    /// Listens on a free port of the loopback interface.
    pub(crate) fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let rng = Mutex::new(StdRng::seed_from_u64(seed));
        let state = Arc::new(State { requests: Mutex::default(), rng, well: AtomicBool::new(false) });
        let accepting = Arc::clone(&state);
        serve(listener, move |stream| accepting.serve(stream));
        Self { address, state }
    }

    /// Returns the URL of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Makes every later request succeed with 200.
    pub(crate) fn succeed_always(&self) {
        self.state.well.store(true, Ordering::Relaxed);
    }

    /// Returns the requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().clone()
    }
}

impl State {
    fn serve(&self, mut stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_request(&mut reader) {
            let (delay, behavior) = self.behavior(&request.path);
            let is_accepted = matches!(behavior, Behavior::Answers(200));
            self.requests.lock().push(Request { is_accepted, ..request });
            std::thread::sleep(delay);
            match behavior {
                Behavior::Answers(status) => {
                    let answer = format!("HTTP/1.1 {status} -\r\nContent-Length: 0\r\n\r\n");
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
                Behavior::Hangs => return std::thread::sleep(HANGS),
                Behavior::HangsUp => return,
            }
        }
    }

    fn behavior(&self, path: &str) -> (Duration, Behavior) {
        let mut rng = self.rng.lock();
        let delay = Duration::from_micros(rng.random_range(0..10_000));
        let flaky = path == PATHS[1] && !self.well.load(Ordering::Relaxed);
        // A failure delays its lane by some seconds. It is rare enough that the lane catches up before the next one.
        let behavior = match rng.random_range(0..3000) {
            0..6 if flaky => Behavior::Answers(500),
            6..8 if flaky => Behavior::Hangs,
            8..10 if flaky => Behavior::HangsUp,
            _ => Behavior::Answers(200),
        };
        (delay, behavior)
    }
}

/// Reads one request. Returns `None` at the end of the connection, or when the sender dies meanwhile.
fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split_whitespace().nth(1)?.to_owned();
    let (mut id, mut app, mut timestamp, mut length) = (String::new(), String::new(), String::new(), 0);
    let (mut pusher, mut standard) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => value.trim().clone_into(&mut id),
            "x-pusher-key" => value.trim().clone_into(&mut app),
            "webhook-timestamp" => value.trim().clone_into(&mut timestamp),
            "webhook-signature" => value.trim().clone_into(&mut standard),
            "x-pusher-signature" => value.trim().clone_into(&mut pusher),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let at = now();
    let is_signed = pusher == lower::encode_string(&hmac(&[&body]))
        && standard == format!("v1,{}", STANDARD.encode(hmac(&[format!("{id}.{timestamp}.").as_bytes(), &body])))
        && timestamp.parse::<Ms>().is_ok_and(|seconds| at.abs_diff(seconds * 1000) < ON_ITS_WAY);
    let body = String::from_utf8(body).ok()?;
    Some(Request { at, path, id, app, is_signed, is_accepted: false, body })
}

fn hmac(parts: &[&[u8]]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key of any length");
    parts.iter().fold(mac, Mac::chain_update).finalize().into_bytes().into()
}
