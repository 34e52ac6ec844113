//! Copies of signing secrets in the memory of a process: its writable memory, which a core dump contains.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its servers has failed")]

mod support;

use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use resonate_webhooks::config::Config;
use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};
use support::engine::{APP, eventually};
use support::gauges::stat;
use support::receiver::{Answer, Receiver};
use support::redis::RedisServer;
use support::wait::PATIENCE;

/// The folder of the process under test, with its two configurations and the socket at which it waits.
const FOLDER: &str = "SECRETS_FOLDER";

/// The owners of secrets. No program contains a whole secret as a literal.
const OWNERS: [&str; 4] = ["application", "endpoint", "retired", "standard"];

/// Events for each generation of secrets.
const EVENTS: usize = 30;

/// The most copies of a secret in use: in the endpoint of the engine, of its clients and of its lanes, and for the redaction of
/// answers. They do not depend on the number of deliveries.
const COPIES: usize = 6;

/// Returns a secret of 60 bytes.
fn secret(owner: &str, generation: usize) -> String {
    format!("{owner:.>30}{generation:.>30}").replace('.', &owner[..1])
}

/// Returns the text that the configuration has for a secret.
fn configured(owner: &str, generation: usize) -> String {
    let secret = secret(owner, generation);
    if owner == "standard" { STANDARD.encode(secret) } else { secret }
}

/// Returns the end of this text. The allocator overwrites the first bytes of a text when it is freed.
fn end_of(owner: &str, generation: usize) -> String {
    let text = configured(owner, generation);
    text[text.len() / 2 - 10..].to_owned()
}

fn endpoints(receiver: &Receiver, generation: usize) -> Value {
    let configured = |owner| configured(owner, generation);
    json!([
        { "id": "a", "url": receiver.url("/a"), "secret": configured("endpoint"), "previous_secrets": [configured("retired")] },
        { "id": "b", "url": receiver.url("/b"), "secret": format!("whsec_{}", configured("standard")) },
    ])
}

/// Returns the writable memory of a process, each region with its name. Some regions cannot be read, nor dumped.
fn memory_of(process: u32) -> Vec<(String, Vec<u8>)> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let address = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let regions = maps.lines().filter(|line| line.contains(" rw")).map(|line| {
        let (begin, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let mut bytes = vec![0; usize::try_from(address(end) - address(begin)).unwrap()];
        memory.read_exact_at(&mut bytes, address(begin)).ok().map(|()| (line.to_owned(), bytes))
    });
    regions.flatten().collect()
}

/// Returns each place of `text`, with what is around it.
fn places(memory: &[(String, Vec<u8>)], text: &str) -> Vec<String> {
    let in_region = |(name, bytes): &(String, Vec<u8>)| {
        let around = |at: usize| {
            let around = &bytes[at.saturating_sub(64)..bytes.len().min(at + 64)];
            format!("{name}: {}", around.escape_ascii())
        };
        memmem::find_iter(bytes, text).map(around).collect::<Vec<_>>()
    };
    memory.iter().flat_map(in_region).collect()
}

#[test]
fn a_secret_has_few_copies_in_memory_and_none_after_its_rotation() {
    let (redis, receiver) = (RedisServer::start(), Receiver::start());
    receiver.script("/a", [Answer::Status(500), Answer::Close]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for generation in [1, 2] {
        let config = json!({
            "connection": { "host": redis.socket() },
            "flush_interval": 0.01,
            "backoff": 0.1,
            "endpoints": endpoints(&receiver, generation),
        });
        std::fs::write(path(&generation.to_string()), config.to_string()).unwrap();
    }
    let listener = UnixListener::bind(path("barrier")).unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["a_process_with_secrets", "--exact", "--ignored"])
        .env(FOLDER, folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = listener.accept().unwrap().0;
    line.set_read_timeout(Some(3 * PATIENCE)).unwrap();
    for current in [1, 2] {
        line.read_exact(&mut [0]).unwrap();
        let memory = memory_of(process.id());
        for owner in OWNERS {
            let copies = places(&memory, &end_of(owner, current));
            assert!((1..=COPIES).contains(&copies.len()), "{} of {owner}: {copies:#?}", copies.len());
            if current == 2 {
                let copies = places(&memory, &end_of(owner, 1));
                assert!(copies.is_empty(), "the former one of {owner}: {copies:#?}");
            }
        }
        line.write_all(b"!").unwrap();
    }
    assert!(process.wait().unwrap().success());
}

fn folder() -> PathBuf {
    std::env::var_os(FOLDER).unwrap().into()
}

/// Reads the configuration of a generation, and leaves no copy of its text.
fn config(folder: &Path, generation: usize) -> Config {
    let mut text = std::fs::read(folder.join(generation.to_string())).unwrap();
    let config = Config::from_value(serde_json::from_slice(&text).unwrap()).unwrap();
    text.fill(0);
    black_box(text);
    config
}

/// Registers the application with the secret of a generation, and leaves no copy of it.
fn register(engine: &Engine, generation: usize) {
    let mut secret = secret("application", generation).into_bytes();
    engine.register_app(APP, "key", &secret);
    secret.fill(0);
    black_box(secret);
}

#[test]
#[ignore = "started by the test above"]
fn a_process_with_secrets() {
    let folder = folder();
    let mut barrier = UnixStream::connect(folder.join("barrier")).unwrap();
    let engine = Engine::new(config(&folder, 1));
    engine.boot().unwrap();
    for generation in [1, 2] {
        register(&engine, generation);
        if generation == 2 {
            engine.set_endpoints(config(&folder, generation)).unwrap();
        }
        for n in 0..EVENTS {
            engine.subscribed(APP, format!("room-{generation}-{n}").as_bytes(), b"1.1", None);
            eventually("its delivery", || stat(&engine, "events_delivered") >= 2 * ((generation - 1) * EVENTS + n + 1));
            let _ = engine.poll(1000);
        }
        barrier.write_all(b".").unwrap();
        barrier.read_exact(&mut [0]).unwrap();
    }
}
