//! The receiver: it outlives everything, writes down every request before it answers, and is not always well.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base16ct::lower;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sha2::Sha256;

use crate::support::serve::serve;
use crate::{Ms, now};

/// The endpoints: one that is always well, one that is not.
pub(crate) const PATHS: [&str; 2] = ["/steady", "/moody"];

/// The secret of every application.
pub(crate) const SECRET: &str = "secret";

/// Longer than a node waits for an answer.
const HANGS: Duration = Duration::from_millis(1500);

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// When it was complete.
    pub(crate) at: Ms,
    pub(crate) path: String,
    /// `webhook-id`.
    pub(crate) id: String,
    /// The application whose key it was sent with.
    pub(crate) app: String,
    /// Whether the signature is that of the body.
    pub(crate) is_signed: bool,
    /// It was answered with a 2xx: only then has the receiver taken it.
    pub(crate) is_accepted: bool,
    /// Of body, time and signature: what a repeat repeats.
    pub(crate) fingerprint: u64,
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

/// What a request gets.
enum Mood {
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

    /// Where requests for `path` go.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on every request is answered with 200.
    pub(crate) fn be_well(&self) {
        self.state.well.store(true, Ordering::Relaxed);
    }

    /// What arrived so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().clone()
    }
}

impl State {
    fn serve(&self, mut stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_request(&mut reader) {
            let (delay, mood) = self.mood(&request.path);
            let is_accepted = matches!(mood, Mood::Answers(200));
            self.requests.lock().push(Request { is_accepted, ..request });
            std::thread::sleep(delay);
            match mood {
                Mood::Answers(status) => {
                    let answer = format!("HTTP/1.1 {status} -\r\nContent-Length: 0\r\n\r\n");
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
                Mood::Hangs => return std::thread::sleep(HANGS),
                Mood::HangsUp => return,
            }
        }
    }

    fn mood(&self, path: &str) -> (Duration, Mood) {
        let mut rng = self.rng.lock();
        let delay = Duration::from_micros(rng.random_range(0..10_000));
        let moody = path == PATHS[1] && !self.well.load(Ordering::Relaxed);
        // A failure holds its lane up for some seconds: seldom enough that it catches up before the next one.
        let mood = match rng.random_range(0..3000) {
            0..6 if moody => Mood::Answers(500),
            6..8 if moody => Mood::Hangs,
            8..10 if moody => Mood::HangsUp,
            _ => Mood::Answers(200),
        };
        (delay, mood)
    }
}

/// Reads one request. `None` at the end of the connection, and when its peer died while sending.
fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split_whitespace().nth(1)?.to_owned();
    let (mut id, mut app, mut signature, mut length) = (String::new(), String::new(), String::new(), 0);
    let mut hasher = DefaultHasher::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => value.trim().clone_into(&mut id),
            "x-pusher-key" => value.trim().clone_into(&mut app),
            "webhook-timestamp" | "webhook-signature" => value.hash(&mut hasher),
            "x-pusher-signature" => value.trim().clone_into(&mut signature),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let is_signed = signature == sign(&body);
    let body = String::from_utf8(body).ok()?;
    body.hash(&mut hasher);
    Some(Request { at: now(), path, id, app, is_signed, is_accepted: false, fingerprint: hasher.finish(), body })
}

fn sign(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key of any length");
    mac.update(body);
    lower::encode_string(&mac.finalize().into_bytes())
}
