//! A receiver of webhooks over TLS. It answers 200 to everything.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::certificates::{Issued, PrivateCa};
use super::receiver::{Received, read_request};

/// The receiver.
pub(crate) struct TlsReceiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl TlsReceiver {
    /// Listens on the loopback interface as `identity`. With `clients`, it requires a client certificate of that
    /// authority.
    pub(crate) fn start(identity: &Issued, clients: Option<&PrivateCa>) -> Self {
        Self::serving(identity, clients, serve)
    }

    /// Answers 401 to the head of a request, and closes the connection without reading the body.
    pub(crate) fn refusing(identity: &Issued) -> Self {
        Self::serving(identity, None, refuse)
    }

    /// Answers 200, and sends an unasked 410 right after its second answer on a connection.
    pub(crate) fn answering_too_much(identity: &Issued) -> Self {
        Self::serving(identity, None, serve_too_much)
    }

    fn serving(identity: &Issued, clients: Option<&PrivateCa>, serve: Serve) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = ServerConfig::builder();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_file(ca.file()).expect("a certificate")).expect("an authority");
                builder.with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().expect("roots"))
            }
        };
        let chain = vec![CertificateDer::from_pem_file(&identity.cert).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_file(&identity.key).expect("a key");
        let config = Arc::new(builder.with_single_cert(chain, key).expect("a certificate and its key"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        // The thread ends with the process of the test.
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let (config, kept) = (Arc::clone(&config), Arc::clone(&kept));
                std::thread::spawn(move || {
                    let tls = ServerConnection::new(config).expect("a connection");
                    serve(StreamOwned::new(tls, stream), connection, &kept)
                });
            }
        });
        Self { address, received }
    }

    /// Returns its URL, with the host name `localhost`.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/", self.address.port())
    }

    /// Returns the address it listens on.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }
}

type Stream = StreamOwned<ServerConnection, TcpStream>;

type Serve = fn(Stream, usize, &Mutex<Vec<Received>>) -> io::Result<()>;

fn serve(tls: Stream, connection: usize, received: &Mutex<Vec<Received>>) -> io::Result<()> {
    let mut reader = BufReader::new(tls);
    while let Some(request) = read_request(&mut reader, connection)? {
        received.lock().expect("no panic").push(request);
        reader.get_mut().write_all(b"HTTP/1.1 200 -\r\nContent-Length: 0\r\n\r\n")?;
    }
    Ok(())
}

fn serve_too_much(tls: Stream, connection: usize, received: &Mutex<Vec<Received>>) -> io::Result<()> {
    let answer = |head: &str, length: usize| {
        let pad = length - head.len() - "\r\nX-Pad: \r\nContent-Length: 0\r\n\r\n".len();
        format!("{head}\r\nX-Pad: {}\r\nContent-Length: 0\r\n\r\n", "a".repeat(pad))
    };
    let mut reader = BufReader::new(tls);
    let mut answered = 0;
    while let Some(request) = read_request(&mut reader, connection)? {
        received.lock().expect("no panic").push(request);
        // Two records in one write. The client decrypts 4096 bytes at a time, which end in the second one.
        let mut records = reader.get_mut().conn.writer();
        records.write_all(answer("HTTP/1.1 200 -", 3_900).as_bytes())?;
        answered += 1;
        if answered == 2 {
            records.write_all(answer("HTTP/1.1 410 Gone", 400).as_bytes())?;
        }
        reader.get_mut().flush()?;
    }
    Ok(())
}

fn refuse(mut tls: Stream, _connection: usize, _received: &Mutex<Vec<Received>>) -> io::Result<()> {
    // Without this the response would wait for the session tickets to be acknowledged, and the close would discard it.
    tls.sock.set_nodelay(true)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte)?;
        head.extend(byte);
    }
    tls.write_all(b"HTTP/1.1 401 -\r\nContent-Length: 0\r\n\r\n")
}
