//! A batch that is retried for ten minutes while the secret rotates.
//! The sender and the verifiers are processes with a clock of their own. It is set ahead after each attempt, so that
//! the waits of the schedule, which really take seconds, are minutes to them.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::conversation::APPS;
use crate::support::clock::ShiftedClock;
use crate::support::engine::{APP, engine_at};
use crate::support::receiver::{Answer, Receiver};
use crate::support::redis::RedisServer;
use crate::support::wait::PATIENCE;
use crate::verifier::{Secrets, Verifier};
use crate::webhook::Webhook;

const REDIS: &str = "RESONATE_WEBHOOKS_TEST_REDIS";
const ENDPOINT: &str = "RESONATE_WEBHOOKS_TEST_ENDPOINT";
const ORDERS: &str = "RESONATE_WEBHOOKS_TEST_ORDERS";

/// Attempts of the batch. The last one succeeds.
const ATTEMPTS: usize = 4;

/// Step of the clock after each attempt but the last (s).
const STEP: u64 = 200;

/// Attempts before the rotation.
const BEFORE: usize = 2;

/// Secret after the rotation.
const ROTATED: &str = "gehëim/+=, rotated";

/// Age at which Pusher's Python library refuses a body (s). It goes by `time_ms`, which is frozen.
const PUSHER_PYTHON_TOLERANCE: u64 = 300;

#[test]
fn every_attempt_of_ten_minutes_of_retries_verifies_across_a_rotation() {
    let (redis, receiver, clock) = (RedisServer::start(), Receiver::start(), ShiftedClock::new());
    receiver.script("/hook", vec![Answer::Status(503); ATTEMPTS - 1]);
    let mut verifiers = Verifier::of_standard_webhooks_at(&clock);
    let [mut pusher_python, mut pusher_node] = Verifier::of_pusher_at(&clock);
    let mut sender = Sender::start(&redis, &receiver, &clock);
    let (old, new) = (Secrets::from([(APPS[0].key, APPS[0].secret)]), Secrets::from([(APPS[0].key, ROTATED)]));

    let mut attempts: Vec<Webhook> = Vec::new();
    for n in 0..ATTEMPTS {
        let attempt = Webhook::from(&receiver.wait_for("/hook", n + 1)[n]);
        let events = Some(attempt.events());
        let is_rotated = n >= BEFORE;
        for verifier in &mut verifiers {
            let name = verifier.name();
            assert_eq!(verifier.events(&attempt, &old), events, "{name}, attempt {n}, with the old secret");
            let by_new = events.clone().filter(|_| is_rotated);
            assert_eq!(verifier.events(&attempt, &new), by_new, "{name}, attempt {n}, with the new secret");
        }
        let current = if is_rotated { &new } else { &old };
        assert_eq!(pusher_node.events(&attempt, current), events, "attempt {n}");
        let in_time = events.filter(|_| n as u64 * STEP < PUSHER_PYTHON_TOLERANCE);
        assert_eq!(pusher_python.events(&attempt, current), in_time, "attempt {n}");
        attempts.push(attempt);

        if n + 1 == BEFORE {
            sender.rotate();
        }
        if n + 1 < ATTEMPTS {
            clock.set(1000 * i64::try_from((n as u64 + 1) * STEP).unwrap());
        }
    }

    let [first, .., last] = &attempts[..] else { panic!("there are fewer than two") };
    for attempt in &attempts {
        assert_eq!((&attempt.body, attempt.header("webhook-id")), (&first.body, first.header("webhook-id")));
    }
    let sent_at = |attempt: &Webhook| attempt.header("webhook-timestamp").unwrap().parse::<u64>().unwrap();
    assert!(sent_at(last) - sent_at(first) >= 600, "the attempts span ten minutes");
    for verifier in &mut verifiers {
        assert_eq!(verifier.events(first, &old), None, "{} ignores the clock", verifier.name());
    }
}

/// A process that sends. Dropping it kills the process.
struct Sender {
    process: Child,
    orders: UnixStream,
    _folder: tempfile::TempDir,
}

impl Sender {
    /// Starts this test program again, to run only the test below.
    fn start(redis: &RedisServer, receiver: &Receiver, clock: &ShiftedClock) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = folder.path().join("orders");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let process = Command::new(std::env::current_exe().expect("this program"))
            .args(["rotation::a_process_that_sends", "--exact", "--ignored"])
            .envs(clock.environment())
            .env(REDIS, redis.socket())
            .env(ENDPOINT, receiver.url("/hook"))
            .env(ORDERS, socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("a process");
        let (orders, _) = listener.accept().expect("a process that takes orders");
        orders.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { process, orders, _folder: folder }
    }

    /// Rotates the secret of the process.
    fn rotate(&mut self) {
        self.orders.write_all(b".").expect("an order");
        self.orders.read_exact(&mut [0]).expect("an answer");
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "started by the test above with its own clock"]
fn a_process_that_sends() {
    let given = |name| std::env::var(name).unwrap();
    let mut orders = UnixStream::connect(given(ORDERS)).unwrap();
    let settings = json!({ "previous_secrets": { "app": [APPS[0].secret] } });
    let engine = engine_at(Path::new(&given(REDIS)), &given(ENDPOINT), &settings);
    engine.register_app(APP, APPS[0].key, APPS[0].secret);
    engine.subscribed(APP, b"room", b"1.1", None);
    orders.read_exact(&mut [0]).unwrap();
    engine.register_app(APP, APPS[0].key, ROTATED);
    orders.write_all(b".").unwrap();
    // The parent kills this process.
    let _ = orders.read_exact(&mut [0]);
}
