//! A receiver with minimal cost. It answers 200 to every POST and counts events. It is a process of its own, so that its CPU
//! time does not count for the measured process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The beginning of each event. It occurs nowhere else, because quotes inside a string are escaped.
const EVENT: &[u8] = br#"{"name":""#;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A receiver in another process. Killed on drop.
pub(crate) struct Receiver {
    process: Child,
    address: SocketAddr,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process = Command::new(program)
            .arg("receiver")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        Self { process, address: line.trim().parse().expect("an address") }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Returns the number of received events.
    pub(crate) fn events(&self) -> u64 {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.rsplit("\r\n").next().and_then(|number| number.parse().ok()).expect("a number")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a receiver until stdin ends, which happens when the parent process ends.
pub(crate) fn run() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("an address"));
    let events = Arc::new(AtomicU64::new(0));
    serve(
        &listener,
        {
            let events = Arc::clone(&events);
            move |body| _ = events.fetch_add(count(body), Ordering::Relaxed)
        },
        move || events.load(Ordering::Relaxed),
    );
}

/// Answers every POST on `listener` after passing its body to `on_body`. Answers a GET with the number that `total` returns.
pub(crate) fn serve(
    listener: &TcpListener,
    on_body: impl Fn(&[u8]) + Send + Sync + 'static,
    total: impl Fn() -> u64 + Send + Sync + 'static,
) {
    let (on_body, total) = (Arc::new(on_body), Arc::new(total));
    for stream in listener.incoming().map_while(Result::ok) {
        let (on_body, total) = (Arc::clone(&on_body), Arc::clone(&total));
        // An error means that the client has closed the connection, so it needs no answer.
        std::thread::spawn(move || _ = answer(&stream, &*on_body, &*total));
    }
}

fn answer(mut stream: &TcpStream, on_body: &dyn Fn(&[u8]), total: &dyn Fn() -> u64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut line, mut body) = (BufReader::with_capacity(64 * 1024, stream), Vec::new(), Vec::new());
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let get = line.starts_with(b"GET");
        let mut length = 0;
        loop {
            line.clear();
            reader.read_until(b'\n', &mut line)?;
            if line.len() <= 2 {
                break;
            }
            if line.get(..15).is_some_and(|name| name.eq_ignore_ascii_case(b"content-length:")) {
                length = line[15..]
                    .iter()
                    .filter(|byte| byte.is_ascii_digit())
                    .fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        if get {
            let total = total().to_string();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{total}", total.len())?;
            return Ok(());
        }
        on_body(&body);
        stream.write_all(OK)?;
    }
}

fn count(body: &[u8]) -> u64 {
    body.split(|byte| *byte == b'{').filter(|part| part.starts_with(&EVENT[1..])).count() as u64
}
