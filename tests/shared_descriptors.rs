//! The system refuses the engine's threads a descriptor table of their own.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::fs;

use resonate_webhooks::admin::Cluster;
use resonate_webhooks::config::Config;
use resonate_webhooks::telemetry::{Level, Outcome};
use serde_json::json;
use support::engine::{APP, engine, eventually};
use support::receiver::Receiver;
use support::redis::RedisServer;

/// More endpoints than idle connections are allowed.
const ENDPOINTS: usize = 60;

/// Idle connections that are allowed.
const IDLE: usize = 32;

#[test]
fn with_shared_descriptors_few_connections_are_kept_and_a_warning_is_logged() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    let endpoints: Vec<_> = (0..ENDPOINTS).map(|n| json!({ "url": receiver.url(&format!("/{n}")) })).collect();
    refuse_close_range();
    let engine = engine(&redis, &receiver, &json!({ "endpoints": endpoints }));

    let says_so = |outcome: &Outcome| matches!(outcome, Outcome::Log { level: Level::Warning, message } if message.contains("close_range") && message.contains("Linux 5.9"));
    eventually("a warning", || engine.poll(64).iter().any(says_so));

    engine.subscribed(APP, b"room", b"1.1", None);
    for n in 0..ENDPOINTS {
        receiver.wait_for(&format!("/{n}"), 1);
    }
    let port = receiver.url("").rsplit(':').next().unwrap().parse().unwrap();
    eventually("few connections", || connections_to(port) == IDLE);

    let config = Config::from_value(json!({ "connection": { "host": redis.socket() } })).unwrap();
    let mut cluster = Cluster::of(&config).unwrap();
    eventually("the record of the node", || {
        let status = serde_json::to_value(cluster.status().unwrap()).unwrap();
        status["nodes"][0]["shares_descriptors"] == json!(true)
    });
}

/// Makes the system refuse `close_range` to this thread and the threads it starts, as a container's seccomp profile
/// does.
fn refuse_close_range() {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let instruction = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let number = u32::try_from(libc::SYS_close_range).unwrap();
    let mut filter = [
        // The number of the system call is at offset 0.
        instruction(LOAD_WORD, 0, 0, 0),
        instruction(JUMP_IF_EQUAL, 0, 1, number),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    // SAFETY: The program outlives the call that copies it; the other call takes only numbers.
    let refused = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    };
    assert!(refused, "{}", std::io::Error::last_os_error());
}

/// Returns the number of connections to a port of the loopback interface that are open on both sides.
fn connections_to(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let open = table.lines().skip(1).filter(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[2].ends_with(&format!(":{port:04X}")) && fields[3] == ESTABLISHED
    });
    open.count()
}
