//! Endpoints that never answer.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use redis::io::tcp::socket2::{Domain, Socket, Type};

use super::receiver::{Answer, Receiver};

/// Timeout for a connection to a listener whose queue has room.
const CONNECT: Duration = Duration::from_millis(200);

/// Endpoints that never answer, of three kinds. They end when this is dropped.
pub(crate) struct BlackHoles {
    silent: Vec<TcpListener>,
    full: Full,
    dripping: Receiver,
}

/// A listener that accepts no connection and whose queue is full. A new connection gets no reply, not even a refusal.
struct Full {
    address: SocketAddr,
    _listener: Socket,
    _queue: Vec<TcpStream>,
}

impl BlackHoles {
    /// Starts the endpoints.
    pub(crate) fn start_all() -> Self {
        let silent = (0..20).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        Self { silent, full: Full::listen(), dripping: Receiver::start() }
    }

    /// Returns the URLs: twenty endpoints that accept connections and never respond, fifteen that accept no connection,
    /// and fifteen that send a response byte by byte without end.
    pub(crate) fn urls(&self) -> Vec<String> {
        let address = |listener: &TcpListener| listener.local_addr().expect("an address");
        let silent = self.silent.iter().map(|listener| format!("http://{}/", address(listener)));
        let full = (0..15).map(|n| format!("http://{}/{n}", self.full.address));
        let dripping = (0..15).map(|n| {
            let path = format!("/{n}");
            self.dripping.always(&path, Answer::DripHead);
            self.dripping.url(&path)
        });
        silent.chain(full).chain(dripping).collect()
    }
}

impl Full {
    fn listen() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        listener.bind(&any.into()).expect("a free port");
        listener.listen(0).expect("a listener");
        let address = listener.local_addr().expect("an address").as_socket().expect("an IP address");
        let queue = std::iter::from_fn(|| TcpStream::connect_timeout(&address, CONNECT).ok()).collect();
        Self { address, _listener: listener, _queue: queue }
    }
}
