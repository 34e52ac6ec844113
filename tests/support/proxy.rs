//! Proxies that forward every connection to one target.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A proxy that records the requests of its clients.
pub(crate) struct TestProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

/// Protocol of a proxy. Reads the client's request and returns it as text.
type Handshake = fn(&TcpStream) -> io::Result<String>;

impl TestProxy {
    /// Starts an HTTP CONNECT proxy. It connects to `target`, whatever the client requests.
    pub(crate) fn http(target: SocketAddr) -> Self {
        Self::start(target, connect)
    }

    /// Starts an HTTP CONNECT proxy that sends a byte of its answer every half second.
    pub(crate) fn dripping(target: SocketAddr) -> Self {
        Self::start(target, drip)
    }

    /// Starts a SOCKS 5 proxy. It connects to `target`, whatever the client requests.
    pub(crate) fn socks5(target: SocketAddr) -> Self {
        Self::start(target, socks5)
    }

    fn start(target: SocketAddr, handshake: Handshake) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        // The thread ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || {
                    kept.lock().expect("no panic").push(handshake(&stream)?);
                    tunnel(&stream, &TcpStream::connect(target)?)
                });
            }
        });
        Self { address, asked }
    }

    /// Returns its URL with `scheme` and `userinfo` (`user:password@` or empty).
    pub(crate) fn url(&self, scheme: &str, userinfo: &str) -> String {
        format!("{scheme}://{userinfo}{}", self.address)
    }

    /// Returns the requests so far, one line per connection.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 -\r\n\r\n";

fn connect(mut stream: &TcpStream) -> io::Result<String> {
    let asked = read_connect(stream)?;
    stream.write_all(ESTABLISHED)?;
    Ok(asked)
}

fn drip(mut stream: &TcpStream) -> io::Result<String> {
    let asked = read_connect(stream)?;
    for byte in ESTABLISHED.chunks(1) {
        stream.write_all(byte)?;
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(asked)
}

/// Reads `CONNECT host:port` and the headers. The returned line ends with the credentials, if there are any.
fn read_connect(stream: &TcpStream) -> io::Result<String> {
    let mut reader = BufReader::new(stream);
    let mut asked = String::new();
    reader.read_line(&mut asked)?;
    let mut asked = asked.trim_end().to_owned();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            None => break,
            Some(("Proxy-Authorization", value)) => asked = format!("{asked} {value}"),
            Some(_) => {}
        }
    }
    Ok(asked)
}

/// RFC 1928 without authentication. Supports names and IPv4 addresses.
fn socks5(mut stream: &TcpStream) -> io::Result<String> {
    let mut answer = stream;
    let mut read = |count: usize| -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let methods = read(2)?[1];
    read(methods.into())?;
    answer.write_all(&[5, 0])?;
    let kind = read(4)?[3];
    let host = if kind == 1 {
        read(4)?.iter().map(u8::to_string).collect::<Vec<_>>().join(".")
    } else {
        let length = read(1)?[0];
        String::from_utf8_lossy(&read(length.into())?).into_owned()
    };
    read(2)?;
    answer.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(host)
}

fn tunnel(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    std::thread::scope(|scope| {
        scope.spawn(|| io::copy(&mut &*client, &mut &*server));
        io::copy(&mut &*server, &mut &*client)
    })
    .map(drop)
}
