//! Code examples of the docs, run as a reader would.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::webhook::Webhook;

/// Returns the first code block of docs/receiving.md whose fence is marked with `name`.
pub(crate) fn code(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/receiving.md");
    let markdown = fs::read_to_string(path).expect("the page");
    let fenced = markdown.split("\n```").skip(1).step_by(2);
    let mut blocks = fenced.map(|block| block.split_once('\n').expect("an end of the line"));
    let is_marked = |info: &str| info.split_once(' ').is_some_and(|(_, mark)| mark == name);
    let (_, text) =
        blocks.find(|(info, _)| is_marked(info)).unwrap_or_else(|| panic!("no {name} in docs/receiving.md"));
    format!("{text}\n")
}

/// Returns the output of a command of docs/receiving.md for `webhook`.
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
