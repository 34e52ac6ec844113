//! Two processes join and leave the same channels at the same time, with one edge per direction.

#![allow(clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use resonate_webhooks::engine::Engine;
use serde_json::json;
use support::cluster::stat;
use support::engine::{APP, engine_at, eventually};
use support::receiver::{Received, Receiver};
use support::redis::RedisServer;
use support::wait::PATIENCE;

const ROUNDS: usize = 10_000;

/// Interval between checks. Each one takes a lock of the engine.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Environment variables of the second process.
const REDIS: &str = "RACE_REDIS";
const ENDPOINT: &str = "RACE_ENDPOINT";
const BARRIER: &str = "RACE_BARRIER";

#[test]
fn two_processes_that_join_and_leave_at_once_make_one_edge_per_direction() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let folder = tempfile::tempdir().unwrap();
    let barrier = folder.path().join("barrier.sock");
    let listener = UnixListener::bind(&barrier).unwrap();
    let mut processes: Vec<Child> = (0..2).map(|_| start_process(&redis, &receiver, &barrier)).collect();
    let mut lines: Vec<UnixStream> = processes.iter().map(|_| listener.accept().unwrap().0).collect();

    // Both processes meet at the barrier twice per round, then before and after the delivery of the last events.
    for _ in 0..2 * ROUNDS + 2 {
        for line in &mut lines {
            line.set_read_timeout(Some(PATIENCE)).unwrap();
            line.read_exact(&mut [0]).expect("a running process");
        }
        for line in &mut lines {
            line.write_all(b"!").unwrap();
        }
    }
    for start_process in &mut processes {
        assert!(start_process.wait().unwrap().success());
    }

    let mut counts: HashMap<String, usize> = HashMap::new();
    for event in receiver.received("/hook").iter().flat_map(Received::events) {
        *counts.entry(event).or_default() += 1;
    }
    assert_eq!(counts.len(), 2 * ROUNDS, "an edge is missing");
    assert!(counts.values().all(|count| *count == 1), "an edge was sent twice");
}

/// Starts this test program again, to run only the test below.
fn start_process(redis: &RedisServer, receiver: &Receiver, barrier: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["a_process_that_races", "--exact", "--ignored"])
        .env(REDIS, redis.socket())
        .env(ENDPOINT, receiver.url("/hook"))
        .env(BARRIER, barrier)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("a process")
}

#[test]
#[ignore = "started twice by the test above"]
fn a_process_that_races() {
    let given = |name| std::env::var(name).unwrap();
    let node = engine_at(Path::new(&given(REDIS)), &given(ENDPOINT), &json!({ "ttl": 30 }));
    let mut line = UnixStream::connect(given(BARRIER)).unwrap();
    let mut together = || {
        line.write_all(b".").unwrap();
        line.read_exact(&mut [0]).unwrap();
    };
    for round in 0..ROUNDS {
        let channel = format!("room-{round}");
        together();
        node.subscribed(APP, channel.as_bytes(), b"1.1", None);
        wait_for_claims(&node, 2 * round as u64 + 1);
        together();
        // The end of the next round waits for its decision.
        node.unsubscribed(APP, channel.as_bytes(), b"1.1");
    }
    wait_for_claims(&node, 2 * ROUNDS as u64);
    together();
    eventually("the delivery of all events", || node.flush(Duration::from_millis(200)).is_nothing());
    together();
}

/// Waits until Redis has decided this many claims of the node.
fn wait_for_claims(node: &Engine, claims: u64) {
    let deadline = Instant::now() + PATIENCE;
    while stat(node, "claims") < claims {
        assert!(Instant::now() < deadline, "Redis decided no claim in time");
        std::thread::sleep(LOOK_EVERY);
    }
}
