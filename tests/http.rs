//! HTTP as endpoints see it: headers, redirects, connections, timeouts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::time::{Duration, Instant};

use resonate_webhooks::config::{Endpoint, Header};
use resonate_webhooks::telemetry::Outcome;
use support::node::{Node, endpoint, numbered};
use support::receiver::{Answer, Received, Receiver, read_request};
use support::wait::{PATIENCE, eventually};

#[test]
fn a_post_carries_pushers_headers_and_those_of_standard_webhooks() {
    let receiver = Receiver::start();
    let node = Node::start(vec![endpoint(0, receiver.url("/hook?a=b"))]);
    node.accept("app", ["private-a/b".to_owned()]);
    let post = receiver.wait_for("/hook?a=b", 1).remove(0);
    assert_eq!(post.method, "POST");
    assert_eq!(
        post.body,
        br#"{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"private-a/b"}]}"#
    );
    assert_eq!(post.header("content-type"), Some("application/json"));
    assert_eq!(post.header("user-agent"), Some(concat!("resonate-webhooks/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(post.header("x-pusher-key"), Some("app-key"));
    // printf '%s' '{"time_ms":...}' | openssl dgst -sha256 -hmac app-secret
    assert_eq!(
        post.header("x-pusher-signature"),
        Some("e182ebfb95288d9930641106008e3aa1172180798d4096d27d1cbe228a79f49a")
    );
    assert!(post.header("webhook-id").is_some_and(|id| id.starts_with("msg_")));
    assert!(post.header("webhook-timestamp").is_some_and(|time| time.parse::<u64>().is_ok()));
    assert!(post.header("webhook-signature").is_some_and(|signature| signature.starts_with("v1,")));
    assert_eq!(post.header("authorization"), None);
    let delivered = Outcome::Delivered {
        url: receiver.url("/hook?a=b"),
        status: 200,
        app_id: "app".to_owned(),
        attempts: 1,
        webhook_id: post.header("webhook-id").unwrap().to_owned(),
        endpoint: "0".to_owned(),
        events: 1,
    };
    assert_eq!(node.outcome(), delivered);
}

#[test]
fn a_redirect_is_a_failure_and_is_not_followed() {
    let receiver = Receiver::start();
    for status in [301, 302, 307, 308] {
        let path = format!("/{status}");
        receiver.always(&path, Answer::StatusWith(status, "Location", receiver.url("/elsewhere")));
        let node = Node::start(vec![Endpoint { max_attempts: 1, ..endpoint(0, receiver.url(&path)) }]);
        node.accept("app", ["a".to_owned()]);
        let id = |request: &Received| request.header("webhook-id").unwrap().to_owned();
        let dropped = Outcome::Dropped {
            url: receiver.url(&path),
            app_id: "app".to_owned(),
            attempts: 1,
            reason: format!("HTTP {status}"),
            webhook_id: receiver.wait_for(&path, 1).first().map(id).unwrap(),
            endpoint: "0".to_owned(),
            events: 1,
            dead_letter: None,
        };
        assert_eq!(node.outcome(), dropped);
    }
    assert!(receiver.received("/elsewhere").is_empty());
}

#[test]
fn a_connection_is_kept_alive_after_an_error_status() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(200), Answer::Status(500)]);
    let node = Node::start(vec![Endpoint { max_attempts: 1, ..endpoint(0, receiver.url("/")) }]);
    for n in 0..3 {
        node.accept("app", numbered(n..n + 1));
        node.outcome();
    }
    let connections: Vec<usize> = receiver.received("/").iter().map(|post| post.connection).collect();
    assert_eq!(connections, [0, 0, 0]);
}

#[test]
fn a_connection_that_was_closed_while_idle_costs_no_attempt() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::ThenClose]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    for n in 0..2 {
        node.accept("app", numbered(n..n + 1));
        assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 1, .. }));
    }
    assert_eq!(receiver.received("/")[1].connection, 1);
}

#[test]
fn an_idle_connection_closed_by_the_peer_is_closed_within_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let node = Node::start(vec![endpoint(0, url)]);
    // The second round starts after a time without idle connections.
    for round in 0..2 {
        node.accept("app", numbered(round..round + 1));
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut BufReader::new(&stream), 0).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        assert!(matches!(node.outcome(), Outcome::Delivered { .. }));
        stream.shutdown(Shutdown::Write).unwrap();
        let closed = Instant::now();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "our side closes the connection");
        assert!(closed.elapsed() < Duration::from_secs(10), "{:?}", closed.elapsed());
    }
}

#[test]
fn a_kept_connection_that_closes_during_a_request_is_replaced_at_once() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(200), Answer::Close]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    for n in 0..2 {
        node.accept("app", numbered(n..n + 1));
        assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 1, .. }));
    }
    let posts = receiver.received("/");
    assert_eq!(posts.iter().map(|post| post.connection).collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!(posts[1].body, posts[2].body);
    assert_eq!(posts[1].header("webhook-id"), posts[2].header("webhook-id"));
}

#[test]
fn a_new_connection_that_closes_without_an_answer_is_a_failed_attempt() {
    let receiver = Receiver::start();
    receiver.always("/", Answer::Close);
    let node = Node::start(vec![Endpoint { max_attempts: 1, ..endpoint(0, receiver.url("/")) }]);
    node.accept("app", ["a".to_owned()]);
    assert!(matches!(node.outcome(), Outcome::Dropped { attempts: 1, .. }));
    assert_eq!(receiver.received("/").len(), 1);
}

/// Sends an event to an endpoint that responds with a status and then never finishes the response.
fn counts_by_its_status(unfinished: Answer) {
    let receiver = Receiver::start();
    receiver.script("/", [unfinished]);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", ["a".to_owned()]);
    let posts = receiver.wait_for("/", 1);
    assert!(matches!(node.outcome(), Outcome::Delivered { status: 200, attempts: 1, .. }));
    assert!(posts[0].at.elapsed() < Duration::from_secs(9), "well within the endpoint's timeout");
}

#[test]
fn a_response_that_drips_counts_by_its_status_and_does_not_delay_the_lane() {
    counts_by_its_status(Answer::Drip(200));
}

#[test]
fn a_timeout_is_a_failed_attempt_with_a_readable_reason() {
    let receiver = Receiver::start();
    receiver.always("/", Answer::Hang);
    let impatient = Endpoint { timeout: Duration::from_millis(300), max_attempts: 1, ..endpoint(0, receiver.url("/")) };
    let node = Node::start(vec![impatient]);
    node.accept("app", ["a".to_owned()]);
    let Outcome::Dropped { reason, .. } = node.outcome() else { panic!("it was delivered") };
    assert_eq!(reason, "no answer within 300ms");
}

#[test]
fn the_status_alone_decides_about_success() {
    let receiver = Receiver::start();
    for (status, delivered) in [(200, true), (204, true), (299, true), (301, false), (400, false), (500, false)] {
        let path = format!("/{status}");
        receiver.always(&path, Answer::Status(status));
        let node = Node::start(vec![Endpoint { max_attempts: 1, ..endpoint(0, receiver.url(&path)) }]);
        node.accept("app", ["a".to_owned()]);
        match node.outcome() {
            Outcome::Delivered { status: told, .. } => assert!(delivered && told == status, "{told}"),
            Outcome::Dropped { reason, .. } => assert!(!delivered && reason == format!("HTTP {status}"), "{reason}"),
            Outcome::Log { .. } | _ => unreachable!(),
        }
    }
}

#[test]
fn only_the_start_of_a_huge_response_is_read() {
    let receiver = Receiver::start();
    let bytes = 100_000_000;
    receiver.script("/", [Answer::Huge(200, bytes), Answer::Huge(503, bytes)]);
    let node = Node::start(vec![Endpoint { max_attempts: 1, ..endpoint(0, receiver.url("/")) }]);
    node.accept("app", numbered(0..1));
    assert!(matches!(node.outcome(), Outcome::Delivered { status: 200, .. }));
    node.accept("app", numbered(1..2));
    eventually("the second response to be processed", || {
        (node.telemetry.counters.batches_dropped.get() == 1).then_some(())
    });
    node.accept("app", numbered(2..3));
    let connections: Vec<usize> = receiver.wait_for("/", 3).iter().map(|post| post.connection).collect();
    assert_eq!(connections, [0, 1, 2], "a connection with an unread rest of a response is not used again");
}

#[test]
fn a_response_that_hangs_in_its_body_counts_by_its_status() {
    counts_by_its_status(Answer::HangInBody);
}

#[test]
fn a_late_response_counts_within_the_timeout_and_not_after_it() {
    let receiver = Receiver::start();
    receiver.always("/", Answer::Late(Duration::from_millis(600)));
    for (timeout, delivered) in [(Duration::from_secs(5), true), (Duration::from_millis(100), false)] {
        let node = Node::start(vec![Endpoint { timeout, max_attempts: 1, ..endpoint(0, receiver.url("/")) }]);
        node.accept("app", ["a".to_owned()]);
        assert_eq!(matches!(node.outcome(), Outcome::Delivered { .. }), delivered);
    }
}

#[test]
fn a_response_cut_off_in_its_head_is_a_failed_attempt() {
    let receiver = Receiver::start();
    receiver.always("/", Answer::CutHead);
    let node = Node::start(vec![Endpoint { max_attempts: 1, ..endpoint(0, receiver.url("/")) }]);
    node.accept("app", ["a".to_owned()]);
    assert!(matches!(node.outcome(), Outcome::Dropped { attempts: 1, .. }));
}

#[test]
fn a_stop_aborts_a_hanging_request() {
    let receiver = Receiver::start();
    receiver.always("/", Answer::Hang);
    let node = Node::start(vec![endpoint(0, receiver.url("/"))]);
    node.accept("app", ["a".to_owned()]);
    receiver.wait_for("/", 1);
    let started = Instant::now();
    assert!(node.delivery.stop(Instant::now() + Duration::from_secs(5)), "all threads must end in time");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn the_headers_of_an_endpoint_are_on_each_of_its_posts() {
    let receiver = Receiver::start();
    let token = Header::new("X-Token", "hunter2").unwrap();
    let agent = Header::new("User-Agent", "tests").unwrap();
    let node = Node::start(vec![Endpoint { headers: vec![token, agent], ..endpoint(0, receiver.url("/")) }]);
    receiver.script("/", [Answer::Status(500)]);
    node.accept("app", numbered(0..1));
    for post in receiver.wait_for("/", 2) {
        assert_eq!((post.header("x-token"), post.header("user-agent")), (Some("hunter2"), Some("tests")));
        assert!(post.names.iter().any(|name| name == "X-Token"), "the name is sent as it is written: {:?}", post.names);
        assert!(post.header("x-pusher-signature").is_some());
    }
}

#[test]
fn userinfo_of_a_url_is_sent_as_basic_authorization_and_never_reported() {
    let receiver = Receiver::start();
    receiver.script("/", [Answer::Status(200), Answer::Status(401)]);
    let secretive = Endpoint { max_attempts: 1, ..endpoint(0, receiver.url("/").replace("//", "//user:hunter2@")) };
    let node = Node::start(vec![secretive]);
    for n in 0..2 {
        node.accept("app", numbered(n..n + 1));
        eventually("the end of the batch", || (node.delivery.queued() == 0).then_some(()));
    }
    let posts = receiver.received("/");
    assert_eq!(posts[0].header("authorization"), Some("Basic dXNlcjpodW50ZXIy"));
    let reported = format!("{:?}", node.outcomes());
    assert!(reported.contains("HTTP 401"), "{reported}");
    for hidden in ["hunter2", "dXNlcjpodW50ZXIy", "app-secret"] {
        assert!(!reported.contains(hidden), "{reported}");
        assert!(!format!("{:?}", node.delivery).contains(hidden));
    }
}
