//! The code in the docs, as a reader would copy it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::webhook::Webhook;

/// The first block of code in docs/receiving.md whose fence is marked with `name`.
pub(crate) fn code(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/receiving.md");
    let markdown = fs::read_to_string(path).expect("a readable page");
    let fenced = markdown.split("\n```").skip(1).step_by(2);
    let mut blocks = fenced.map(|block| block.split_once('\n').expect("an end of the line"));
    let is_marked = |info: &str| info.split_once(' ').is_some_and(|(_, mark)| mark == name);
    let (_, text) =
        blocks.find(|(info, _)| is_marked(info)).unwrap_or_else(|| panic!("no {name} in docs/receiving.md"));
    format!("{text}\n")
}

/// What a command of docs/receiving.md prints about `webhook`.
pub(crate) fn run_command(name: &str, webhook: &Webhook, secret: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("body"), &webhook.body).expect("a written body");
    let ran = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &code(name)])
        .current_dir(folder.path())
        .env("secret", secret)
        .env("webhook_id", webhook.header("webhook-id").unwrap())
        .env("webhook_timestamp", webhook.header("webhook-timestamp").unwrap())
        .stderr(Stdio::inherit())
        .output()
        .expect("bash");
    assert!(ran.status.success(), "{name}: {}", ran.status);
    String::from_utf8(ran.stdout).expect("text").trim_end().to_owned()
}
