//! Verifiers. Each is a process that checks one webhook after another.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::docs;
use crate::support::clock::ShiftedClock;
use crate::webhook::Webhook;

/// Secrets of the receiver, by the key of the application.
pub(crate) type Secrets = BTreeMap<&'static str, &'static str>;

const BY_HAND: [&str; 3] = ["by_hand.php", "by_hand.py", "by_hand.mjs"];
const STANDARD_WEBHOOKS: [&str; 2] = ["standard_webhooks.py", "standard_webhooks.mjs"];
const PUSHER: [&str; 2] = ["pusher_library.py", "pusher_library.mjs"];

/// A function of docs/receiving.md in a process of its own. The process ends when this is dropped.
pub(crate) struct Verifier {
    name: &'static str,
    process: Child,
    /// `None` while the process is ending.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Verifier {
    /// Starts all verifiers.
    pub(crate) fn all() -> Vec<Self> {
        [Self::of_standard_webhooks(), Self::of_pusher()].into_iter().flatten().collect()
    }

    /// Starts the verifiers that check `webhook-signature`.
    pub(crate) fn of_standard_webhooks() -> Vec<Self> {
        [Self::by_hand(), Self::standard_webhooks_libraries()].into_iter().flatten().collect()
    }

    /// Starts the verifiers that check `X-Pusher-Signature`.
    pub(crate) fn of_pusher() -> Vec<Self> {
        PUSHER.map(Self::start).into()
    }

    /// Starts the verifiers without a library.
    pub(crate) fn by_hand() -> Vec<Self> {
        BY_HAND.map(Self::start).into()
    }

    /// Starts the verifiers with a library of Standard Webhooks.
    pub(crate) fn standard_webhooks_libraries() -> Vec<Self> {
        STANDARD_WEBHOOKS.map(Self::start).into()
    }

    /// Starts the verifiers that check `webhook-signature`, with this clock.
    pub(crate) fn of_standard_webhooks_at(clock: &ShiftedClock) -> Vec<Self> {
        let names = BY_HAND.into_iter().chain(STANDARD_WEBHOOKS);
        names.map(|name| Self::start_in(name, &clock.environment())).collect()
    }

    /// Starts the verifiers that check `X-Pusher-Signature`, with this clock.
    pub(crate) fn of_pusher_at(clock: &ShiftedClock) -> [Self; 2] {
        PUSHER.map(|name| Self::start_in(name, &clock.environment()))
    }

    /// Starts the function that is marked with `name`.
    pub(crate) fn start(name: &'static str) -> Self {
        Self::start_in(name, &[])
    }

    fn start_in(name: &'static str, environment: &[(&'static str, PathBuf)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join(name);
        let (_, language) = name.rsplit_once('.').expect("a name with an ending");
        let start = if language == "php" { "<?php\n\n" } else { "" };
        fs::write(&file, start.to_owned() + &docs::code(name)).expect("a written function");
        // Node looks for libraries in the folder of the program.
        symlink(installed("node_modules"), folder.path().join("node_modules")).expect("a link");
        let mut command = match language {
            "php" => Command::new("php"),
            "py" => Command::new("python3"),
            _ => node(),
        };
        let mut process = command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/verifiers/ask/ask.{language}")))
            .arg(file)
            .env("PYTHONPATH", installed("python"))
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let answers = BufReader::new(process.stdout.take().expect("its stdout"));
        Self { name, questions: process.stdin.take(), answers, process, _folder: folder }
    }

    /// Returns its name in docs/receiving.md.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the events of `webhook`, or `None` if the verifier refuses it.
    pub(crate) fn events(&mut self, webhook: &Webhook, secrets: &Secrets) -> Option<Vec<Value>> {
        let body = STANDARD.encode(&webhook.body);
        let question = json!({ "headers": webhook.headers, "body": body, "secrets": secrets });
        let mut questions = self.questions.as_ref().expect("a running process");
        questions.write_all(format!("{question}\n").as_bytes()).expect("a question");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("an answer");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{} printed {answer:?}: {error}", self.name))
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.process.wait();
    }
}

/// Returns the `node` command with the installed libraries.
pub(crate) fn node() -> Command {
    Command::new(installed("node/bin/node"))
}

/// Returns a path in the folder of the verifiers.
fn installed(path: &str) -> PathBuf {
    let folder = std::env::var_os("RESONATE_WEBHOOKS_VERIFIERS");
    Path::new(&folder.expect("these tests need scripts/with-verifiers; run make test-verifiers")).join(path)
}
