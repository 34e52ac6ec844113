//! A TCP proxy in front of Redis that works like a load balancer: existing connections stay, and only new ones go to
//! the next server.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A text in the server's replies, and its replacement. Both have the same length, because the length is sent first.
type Rewrite = (&'static str, &'static str);

/// A running proxy. It ends with the process of the test.
pub(crate) struct Forwarder {
    address: SocketAddr,
    target: Arc<Mutex<u16>>,
}

impl Forwarder {
    /// Forwards to this port.
    pub(crate) fn to(port: u16) -> Self {
        Self::start(port, None)
    }

    /// Forwards to this port, and replaces a text in the replies.
    pub(crate) fn rewriting(port: u16, text: &'static str, by: &'static str) -> Self {
        assert_eq!(text.len(), by.len());
        Self::start(port, Some((text, by)))
    }

    fn start(port: u16, rewrite: Option<Rewrite>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let target = Arc::new(Mutex::new(port));
        let leads_to = Arc::clone(&target);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let port = *leads_to.lock().expect("no panic");
                // Drops the client if its server is away.
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
                let (from, to) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
                thread::spawn(move || pass_on(from, to, None));
                thread::spawn(move || pass_on(server, client, rewrite));
            }
        });
        Self { address, target }
    }

    /// Returns the port of the proxy.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Forwards new connections to another port.
    pub(crate) fn lead_to(&self, port: u16) {
        *self.target.lock().expect("no panic") = port;
    }
}

/// Forwards bytes until one side closes.
fn pass_on(mut from: TcpStream, mut to: TcpStream, rewrite: Option<Rewrite>) {
    let mut pass = || -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            if let Some((text, by)) = rewrite {
                let places: Vec<usize> =
                    (0..read).filter(|place| buffer[*place..read].starts_with(text.as_bytes())).collect();
                for place in places {
                    buffer[place..place + by.len()].copy_from_slice(by.as_bytes());
                }
            }
            to.write_all(&buffer[..read])?;
        }
    };
    let _ = pass();
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
