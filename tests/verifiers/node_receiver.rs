//! The Node receiver from docs/receiving.md, as a process.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};

use tempfile::TempDir;

use crate::conversation::App;
use crate::docs;
use crate::support::port::Port;
use crate::support::wait::{PATIENCE, eventually};
use crate::verifier::node;
use crate::webhook::Webhook;

/// A running receiver. Dropping it kills the process.
pub(crate) struct NodeReceiver {
    process: Child,
    port: Port,
    lines: Receiver<String>,
    _folder: TempDir,
}

impl NodeReceiver {
    /// Starts a receiver with the secret of `app`.
    pub(crate) fn start(app: App) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["by_hand.mjs", "receiver.mjs"] {
            std::fs::write(folder.path().join(name), docs::code(name)).expect("a written file");
        }
        let port = Port::free();
        let mut process = node()
            .arg(folder.path().join("receiver.mjs"))
            .env("REVERB_APP_KEY", app.key)
            .env("REVERB_APP_SECRET", app.secret)
            .env("PORT", port.number.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let (say, lines) = channel();
        let output = BufReader::new(process.stdout.take().expect("its stdout"));
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        eventually("the receiver to listen", || TcpStream::connect(port.address()).ok());
        Self { process, port, lines, _folder: folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.port.address())
    }

    /// Waits for the next event that it prints.
    pub(crate) fn next_line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("another event")
    }

    /// Sends it a webhook, and returns the status of the response.
    pub(crate) fn post(&self, webhook: &Webhook) -> u16 {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let ours = |name: &str| name == "content-type" || name.starts_with("webhook-") || name.starts_with("x-pusher-");
        let agent = ureq::Agent::new_with_config(config);
        let mut request = agent.post(self.url());
        for (name, value) in webhook.headers.iter().filter(|(name, _)| ours(name)) {
            request = request.header(name, value);
        }
        request.send(&webhook.body[..]).expect("an answer").status().as_u16()
    }
}

impl Drop for NodeReceiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
