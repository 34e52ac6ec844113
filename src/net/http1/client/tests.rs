//! Tests of a server whose address changes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::*;
use crate::net::tls::install_provider;

/// A server that answers 200 on a loopback address and counts connections and requests.
struct TestServer {
    address: IpAddr,
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl TestServer {
    fn at(address: &str, port: u16) -> Self {
        let listener = TcpListener::bind((address, port)).unwrap();
        let (connections, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let bound = listener.local_addr().unwrap();
        let server = Self {
            address: bound.ip(),
            port: bound.port(),
            connections: Arc::clone(&connections),
            requests: Arc::clone(&requests),
        };
        // The thread ends with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::SeqCst);
                let requests = Arc::clone(&requests);
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    while lines.by_ref().map_while(Result::ok).any(|line| line.is_empty()) {
                        requests.fetch_add(1, Ordering::SeqCst);
                        (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
                    }
                });
            }
        });
        server
    }

    fn seen(&self) -> (usize, usize) {
        (self.connections.load(Ordering::SeqCst), self.requests.load(Ordering::SeqCst))
    }
}

/// Returns a client of `hooks.test`, its DNS cache, and the address to which `hooks.test` resolves.
fn client_of(server: &TestServer) -> (PostClient, Arc<DnsCache>, Arc<Mutex<IpAddr>>) {
    let address = Arc::new(Mutex::new(server.address));
    let resolved = Arc::clone(&address);
    let names = DnsCache::with_lookup(move |_| Ok(vec![*resolved.lock()]), Arc::default());
    install_provider();
    let settings = ClientSettings {
        uri: format!("http://hooks.test:{}/", server.port).parse().unwrap(),
        proxy: None,
        connector: Arc::new(Connector::new(ureq::tls::TlsConfig::default())),
        rules: AddressRules::default(),
        timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(10),
    };
    (PostClient::new(settings, Arc::clone(&names), Arc::new(Idle::new(|| {}))), names, address)
}

fn post(client: &PostClient) -> Result<u16, String> {
    let mut answered = client.post(|| Ok(client.head()), b"", None)?;
    let status = answered.head().status;
    answered.read_to_end(&mut Vec::new()).unwrap();
    Ok(status)
}

/// Posts until `is_so` returns `true` for a result.
fn post_until(client: &PostClient, mut is_so: impl FnMut(Result<u16, String>) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so(post(client)) {
        assert!(Instant::now() < deadline, "timed out");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_change_of_address_is_followed_even_under_constant_traffic() {
    let before = TestServer::at("127.0.0.1", 0);
    let after = TestServer::at("127.0.0.2", before.port);
    let (client, names, address) = client_of(&before);
    for _ in 0..3 {
        assert_eq!(post(&client), Ok(200));
    }
    assert_eq!(before.seen(), (1, 3), "one connection while the address is the same");

    *address.lock() = after.address;
    assert_eq!(post(&client), Ok(200));
    assert_eq!(after.seen(), (0, 0), "the DNS result is still fresh");
    names.age_for_a_test();
    post_until(&client, |status| {
        assert_eq!(status, Ok(200));
        after.seen().1 > 0
    });
    let old = before.seen();
    for _ in 0..3 {
        assert_eq!(post(&client), Ok(200));
    }
    assert_eq!((before.seen(), after.seen().0), (old, 1));
}

#[test]
fn a_host_that_moves_to_a_refused_address_gets_no_more_requests() {
    let server = TestServer::at("127.0.0.1", 0);
    let (client, names, address) = client_of(&server);
    assert_eq!(post(&client), Ok(200));
    *address.lock() = IpAddr::from([169, 254, 169, 254]);
    names.age_for_a_test();
    post_until(&client, |answer| answer.is_err_and(|why| why.ends_with("is a cloud's metadata service")));
    let before = server.seen();
    assert!(post(&client).is_err());
    assert_eq!(server.seen(), before);
}

#[test]
fn an_idle_connection_is_used_while_lookups_fail() {
    let server = TestServer::at("127.0.0.1", 0);
    let (client, names, _) = client_of(&server);
    assert_eq!(post(&client), Ok(200));
    names.forget_for_a_test();
    for _ in 0..3 {
        assert_eq!(post(&client), Ok(200));
    }
    assert_eq!(server.seen(), (1, 4));
}
