//! Connections to an endpoint: TLS, proxies, refused addresses.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use resonate_webhooks::config::{AddressRules, ClientCert, Endpoint, ProxyUrl, TlsFiles};
use resonate_webhooks::delivery::{AppRegistry, Delivery};
use resonate_webhooks::telemetry::Outcome;
use support::certificates::{Issued, PrivateCa};
use support::memory_outbox::MemoryOutbox;
use support::node::{Node, endpoint, numbered};
use support::proxy::TestProxy;
use support::receiver::Receiver;
use support::tls_receiver::TlsReceiver;

const STRICT: AddressRules = AddressRules { deny_private_networks: true, allow_link_local: false };

/// Delivers one event to `endpoint` with one attempt. Returns the status or the reason.
fn result(endpoint: Endpoint) -> Result<u16, String> {
    let node = Node::start(vec![Endpoint { max_attempts: 1, ..endpoint }]);
    node.accept("app", numbered(0..1));
    match node.outcome() {
        Outcome::Delivered { status, .. } => Ok(status),
        Outcome::Dropped { reason, attempts: 1, .. } => Err(reason),
        other => panic!("{other:?}"),
    }
}

/// Returns the reason why a delivery to `endpoint` cannot be started.
fn refusal(endpoint: Endpoint) -> String {
    let (outbox, apps) = (Arc::new(MemoryOutbox::new(1)), Arc::new(AppRegistry::default()));
    let started = Delivery::start(None, outbox, vec![endpoint], apps, Arc::default());
    started.unwrap_err().to_string()
}

fn proxied(url: &str, proxy: String) -> Endpoint {
    Endpoint { proxy: Some(ProxyUrl::try_from(proxy).expect("a proxy")), ..endpoint(0, url.to_owned()) }
}

fn trusting(ca: &PrivateCa, client: Option<&Issued>, url: String) -> Endpoint {
    let client = client.map(|issued| ClientCert { cert: issued.cert.clone(), key: issued.key.clone() });
    Endpoint { tls: TlsFiles { ca: Some(ca.file()), client }, ..endpoint(0, url) }
}

#[test]
fn an_endpoint_with_a_certificate_of_a_private_authority_is_trusted_by_its_ca_file() {
    let ca = PrivateCa::new();
    let receiver = TlsReceiver::start(&ca.issue("localhost"), None);
    assert_eq!(result(trusting(&ca, None, receiver.url())), Ok(200));
    assert_eq!(receiver.received()[0].channels(), ["c0"]);
}

#[test]
fn a_connection_over_tls_is_kept_alive() {
    let ca = PrivateCa::new();
    let receiver = TlsReceiver::start(&ca.issue("localhost"), None);
    let node = Node::start(vec![trusting(&ca, None, receiver.url())]);
    for n in 0..3 {
        node.accept("app", numbered(n..n + 1));
        assert!(matches!(node.outcome(), Outcome::Delivered { .. }));
    }
    let connections: Vec<usize> = receiver.received().iter().map(|post| post.connection).collect();
    assert_eq!(connections, [0, 0, 0]);
}

#[test]
fn bytes_after_a_response_over_tls_are_not_taken_for_the_next_one() {
    let ca = PrivateCa::new();
    let receiver = TlsReceiver::answering_too_much(&ca.issue("localhost"));
    let node = Node::start(vec![trusting(&ca, None, receiver.url())]);
    for n in 0..3 {
        node.accept("app", numbered(n..n + 1));
        let outcome = node.outcome();
        assert!(matches!(outcome, Outcome::Delivered { .. }), "{outcome:?}");
    }
    let connections: Vec<usize> = receiver.received().iter().map(|post| post.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
}

#[test]
fn a_response_over_tls_counts_although_the_body_was_not_read() {
    let ca = PrivateCa::new();
    let receiver = TlsReceiver::refusing(&ca.issue("localhost"));
    let node = Node::start(vec![Endpoint { max_attempts: 1, ..trusting(&ca, None, receiver.url()) }]);
    // More than the socket buffers hold.
    node.accept("app", ["c".repeat(2 << 20)]);
    let outcome = node.outcome();
    assert!(matches!(&outcome, Outcome::Dropped { reason, .. } if reason == "HTTP 401"), "{outcome:?}");
}

#[test]
fn an_endpoint_without_a_valid_certificate_gets_nothing() {
    let (ca, other) = (PrivateCa::new(), PrivateCa::new());
    for (identity, reason) in [
        (other.issue("localhost"), "invalid peer certificate: BadSignature"),
        (ca.issue_expired("localhost"), "invalid peer certificate: certificate expired"),
        (ca.issue("example.com"), "invalid peer certificate: certificate not valid for name \"localhost\""),
    ] {
        let receiver = TlsReceiver::start(&identity, None);
        let told = result(trusting(&ca, None, receiver.url())).unwrap_err();
        assert!(told.starts_with(reason), "{told}");
        assert_eq!(receiver.received().len(), 0);
    }
    let receiver = TlsReceiver::start(&ca.issue("localhost"), None);
    let told = result(endpoint(0, receiver.url())).unwrap_err();
    assert_eq!(told, "invalid peer certificate: UnknownIssuer", "the system does not trust a private authority");
}

#[test]
fn an_endpoint_that_requires_a_client_certificate_gets_the_configured_one() {
    let (ca, clients) = (PrivateCa::new(), PrivateCa::new());
    let receiver = TlsReceiver::start(&ca.issue("localhost"), Some(&clients));
    let known = clients.issue("sender");
    assert_eq!(result(trusting(&ca, Some(&known), receiver.url())), Ok(200));
    let untrusted = ca.issue("sender");
    for nobody in [None, Some(&untrusted)] {
        assert!(result(trusting(&ca, nobody, receiver.url())).is_err());
    }
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn an_unusable_tls_file_is_named_with_its_key_at_boot() {
    let ca = PrivateCa::new();
    let (one, other) = (ca.issue("one"), ca.issue("other"));
    let with =
        |tls| Endpoint { tls, key: "endpoints.billing".to_owned(), ..endpoint(0, "https://localhost/".to_owned()) };
    let client = |cert: &Issued, key: &Issued| {
        with(TlsFiles { ca: None, client: Some(ClientCert { cert: cert.cert.clone(), key: key.key.clone() }) })
    };
    let message = refusal(with(TlsFiles { ca: Some("/nowhere.pem".into()), client: None }));
    assert_eq!(
        message,
        "resonate-webhooks.endpoints.billing.ca_file: cannot read /nowhere.pem: No such file or directory (os error 2)"
    );
    let message = refusal(with(TlsFiles { ca: Some(one.key.clone()), client: None }));
    assert!(message.ends_with("one.key contains no PEM certificate"), "{message}");
    let message = refusal(client(&one, &other));
    assert!(message.starts_with("resonate-webhooks.endpoints.billing.client_key: "), "{message}");
    assert!(message.contains("other.key cannot be used with client_cert"), "{message}");
}

#[test]
fn an_endpoint_may_listen_on_ipv6() {
    let Ok(receiver) = Receiver::start_on("[::1]:0") else {
        eprintln!("skipped: this machine has no IPv6 loopback");
        return;
    };
    assert_eq!(result(endpoint(0, receiver.url("/"))), Ok(200));
}

#[test]
fn every_address_of_a_name_is_tried() {
    // No server listens on ::1, to which `localhost` may resolve first.
    let receiver = Receiver::start();
    let url = format!("http://localhost:{}/", receiver.address().port());
    assert_eq!(result(endpoint(0, url)), Ok(200));
}

#[test]
fn a_name_without_an_address_is_a_failed_attempt_with_a_readable_reason() {
    let reason = result(endpoint(0, "http://nobody.invalid/".to_owned())).unwrap_err();
    assert!(reason.starts_with("no address for nobody.invalid"), "{reason}");
}

#[test]
fn a_metadata_service_is_never_connected_to() {
    for (host, shown) in [
        ("169.254.169.254", "169.254.169.254"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("[fd00:ec2::254]", "fd00:ec2::254"),
        ("[::ffff:169.254.169.254]", "::ffff:169.254.169.254"),
    ] {
        let open = AddressRules { deny_private_networks: false, allow_link_local: true };
        let target = Endpoint { addresses: open, ..endpoint(0, format!("http://{host}/latest/meta-data")) };
        assert_eq!(result(target), Err(format!("refused to connect: {shown} is a cloud's metadata service")));
    }
}

#[test]
fn denied_private_networks_are_refused() {
    let receiver = Receiver::start();
    let port = receiver.address().port();
    let target = |host: &str| Endpoint { addresses: STRICT, ..endpoint(0, format!("http://{host}:{port}/")) };
    for host in ["127.0.0.1", "127.1", "2130706433", "[::ffff:127.0.0.1]", "localhost"] {
        let reason = result(target(host)).unwrap_err();
        assert!(reason.starts_with("refused to connect"), "{host}: {reason}");
        assert!(reason.ends_with("is not public, which deny_private_networks refuses"), "{host}: {reason}");
    }
    assert_eq!(receiver.received("/").len(), 0);
    assert_eq!(result(endpoint(0, receiver.url("/"))), Ok(200));
}

#[test]
fn a_proxy_gets_the_name_of_the_endpoint_and_its_own_password() {
    let ca = PrivateCa::new();
    let receiver = TlsReceiver::start(&ca.issue("receiver.invalid"), None);
    let proxy = TestProxy::http(receiver.address());
    let tls = TlsFiles { ca: Some(ca.file()), client: None };
    let through = Endpoint { tls, ..proxied("https://receiver.invalid/", proxy.url("http", "me:hunter2@")) };
    let node = Node::start(vec![Endpoint { max_attempts: 1, ..through }]);
    node.accept("app", numbered(0..1));
    assert!(matches!(node.outcome(), Outcome::Delivered { .. }));
    // printf %s me:hunter2 | base64
    assert_eq!(proxy.asked(), ["CONNECT receiver.invalid:443 HTTP/1.1 Basic bWU6aHVudGVyMg=="]);
    assert_eq!(receiver.received()[0].header("proxy-authorization"), None);
    let shown = format!("{:?}", node.delivery);
    assert!(!shown.contains("hunter2") && !shown.contains("bWU6aHVudGVyMg"), "{shown}");
}

#[test]
fn a_proxy_gets_requests_without_tls_with_the_whole_url_on_one_connection() {
    // A receiver serves as the proxy, because a proxy reads requests as a receiver does.
    let proxy = Receiver::start();
    let login = format!("http://me:hunter2@{}", proxy.address());
    let node = Node::start(vec![Endpoint { max_attempts: 1, ..proxied("http://receiver.invalid:8080/a?b=c", login) }]);
    for n in 0..2 {
        node.accept("app", numbered(n..n + 1));
        assert!(matches!(node.outcome(), Outcome::Delivered { .. }));
    }
    let posts = proxy.received("http://receiver.invalid:8080/a?b=c");
    assert_eq!(posts.iter().map(|post| post.connection).collect::<Vec<_>>(), [0, 0]);
    for post in &posts {
        assert_eq!((&*post.method, post.header("host")), ("POST", Some("receiver.invalid:8080")));
        // printf %s me:hunter2 | base64
        assert_eq!(post.header("proxy-authorization"), Some("Basic bWU6aHVudGVyMg=="));
    }
    let shown = format!("{:?}", node.delivery);
    assert!(!shown.contains("hunter2") && !shown.contains("bWU6aHVudGVyMg"), "{shown}");
}

#[test]
fn tls_through_a_proxy_ends_at_the_endpoint() {
    let ca = PrivateCa::new();
    let receiver = TlsReceiver::start(&ca.issue("receiver.invalid"), None);
    let proxy = TestProxy::http(receiver.address());
    let tls = TlsFiles { ca: Some(ca.file()), client: None };
    assert_eq!(result(Endpoint { tls, ..proxied("https://receiver.invalid/", proxy.url("http", "")) }), Ok(200));
    assert_eq!(proxy.asked(), ["CONNECT receiver.invalid:443 HTTP/1.1"]);
}

#[test]
fn a_proxy_that_drips_its_answer_gets_no_more_than_the_connect_timeout() {
    let proxy = TestProxy::dripping(Receiver::start().address());
    let connect_timeout = Duration::from_secs(1);
    let slow = Endpoint { connect_timeout, ..proxied("https://receiver.invalid/", proxy.url("http", "")) };
    let started = Instant::now();
    assert_eq!(result(slow), Err("no connection within 1s".to_owned()));
    // The whole answer takes 9 seconds.
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[test]
fn the_scheme_of_a_socks_proxy_selects_name_or_address() {
    let receiver = Receiver::start();
    let proxy = TestProxy::socks5(receiver.address());
    assert_eq!(result(proxied("http://receiver.invalid/", proxy.url("socks5h", ""))), Ok(200));
    assert_eq!(result(proxied("http://127.0.0.2/", proxy.url("socks5", ""))), Ok(200));
    assert_eq!(proxy.asked(), ["receiver.invalid", "127.0.0.2"]);
}

#[test]
fn a_proxy_may_be_in_a_private_network_but_leads_into_none() {
    let receiver = Receiver::start();
    let http = format!("http://{}", receiver.address());
    let socks = TestProxy::socks5(receiver.address());
    let strict = |url, proxy| Endpoint { addresses: STRICT, ..proxied(url, proxy) };
    assert_eq!(result(strict("http://receiver.invalid/", http.clone())), Ok(200));
    assert!(result(strict("http://10.0.0.1/", http)).is_err());
    assert!(result(strict("http://169.254.169.254/", socks.url("socks5h", ""))).is_err());
    assert!(result(strict("http://localhost/", socks.url("socks5", ""))).is_err());
    assert_eq!((receiver.received("http://10.0.0.1/").len(), socks.asked().len()), (0, 0));
}

#[test]
fn a_proxy_that_refuses_is_a_failed_attempt() {
    let nobody = Endpoint {
        connect_timeout: Duration::from_secs(1),
        ..proxied("http://receiver.invalid/", "http://127.0.0.1:1".to_owned())
    };
    assert_eq!(result(nobody), Err("Connection refused (os error 111)".to_owned()));
}

#[test]
fn the_proxy_of_the_environment_is_never_used() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "every_address_of_a_name_is_tried"]);
    for name in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "http_proxy", "https_proxy"] {
        child.env(name, "http://127.0.0.1:1");
    }
    let output = child.output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}
