//! Descriptors of the engine's threads are separate from those of the host.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::fs::File;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use resonate_webhooks::config::Config;
use serde_json::{Value, json};
use support::engine::{APP, engine, eventually};
use support::port::Port;
use support::receiver::{Answer, Receiver};
use support::redis::RedisServer;

/// Endpoints with one connection each.
const ENDPOINTS: usize = 30;

/// Descriptors of the host: more than the engine's threads have with so many endpoints.
const FILES: usize = 200;

/// Files of the host, with the inode of each.
struct Host(Vec<(File, u64)>);

impl Host {
    fn new() -> Self {
        let file = || {
            let file = tempfile::tempfile().unwrap();
            let inode = file.metadata().unwrap().ino();
            (file, inode)
        };
        Self(std::iter::repeat_with(file).take(FILES).collect())
    }

    fn assert_whole(&self, when: &str) {
        for (file, inode) in &self.0 {
            let now = file.metadata().ok().map(|metadata| metadata.ino());
            assert_eq!(now, Some(*inode), "descriptor {} {when}", file.as_raw_fd());
        }
    }
}

#[test]
fn an_engine_never_closes_a_descriptor_of_its_host() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let host = Host::new();
    let endpoints = |path: &str| -> Value {
        (0..ENDPOINTS).map(|n| (format!("e{n}"), json!({ "url": receiver.url(&format!("/{path}/{n}")) }))).collect()
    };
    let port = Port::free();
    let metrics = port.address();
    let settings = json!({ "endpoints": endpoints("a"), "metrics_listen": metrics.to_string() });
    let engine = engine(&redis, &receiver, &settings);
    host.assert_whole("after the boot");

    engine.subscribed(APP, b"room", b"1.1", None);
    for n in 0..ENDPOINTS {
        receiver.wait_for(&format!("/a/{n}"), 1);
    }
    eventually("metrics", || TcpStream::connect(metrics).is_ok());
    let _ = engine.stats();
    host.assert_whole("after deliveries");

    // This replaces every HTTP client and closes its connections.
    engine.set_endpoints(Config::from_value(json!({ "endpoints": endpoints("b") })).unwrap()).unwrap();
    engine.subscribed(APP, b"hall", b"1.1", None);
    for n in 0..ENDPOINTS {
        receiver.wait_for(&format!("/b/{n}"), 1);
    }
    host.assert_whole("after a change of endpoints");

    receiver.always("/b/0", Answer::Hang);
    engine.subscribed(APP, b"yard", b"1.1", None);
    receiver.wait_for("/b/0", 2);
    let _ = engine.flush(Duration::from_millis(50));
    host.assert_whole("after a flush");
    assert!(engine.stop(Instant::now() + Duration::from_secs(5)), "all threads have ended");
    drop(engine);
    host.assert_whole("after the stop");
}
