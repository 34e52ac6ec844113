//! Node processes: started here, controlled by lines on their input, observed by lines on their output, ended by
//! signals.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::order::Order;
use crate::schedule::Kind;
use crate::{Ms, now};

/// Part of a node's log line after its holds were removed.
const TAKEN_FOR_DEAD: &str = "was declared dead";

/// Starts node processes.
pub(crate) struct Launcher {
    /// Path of the extension. Without it, no PHP nodes run.
    pub(crate) extension: Option<PathBuf>,
    /// Host of all nodes, instead of the ones in the schedule.
    pub(crate) host: Option<Kind>,
    /// This program in another version. Every second node without PHP runs it.
    pub(crate) other_version: Option<PathBuf>,
    /// Folder for their files.
    pub(crate) folder: PathBuf,
}

impl Launcher {
    /// Returns the kind of node that runs where the schedule wants `scheduled`.
    pub(crate) fn launched(&self, scheduled: Kind) -> Kind {
        if self.extension.is_some() { self.host.unwrap_or(scheduled) } else { Kind::Engine }
    }

    fn command(&self, life: usize, kind: Kind) -> Command {
        let script = match kind {
            Kind::Engine => None,
            Kind::Resonate => Some("resonate-node.php"),
            Kind::Reverb => Some("reverb-node.php"),
        };
        let mut command = if let (Some(extension), Some(script)) = (&self.extension, script) {
            let mut php = Command::new("php");
            php.arg(format!("-dextension={}", extension.display()));
            php.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/php").join(script));
            php
        } else {
            let other = self.other_version.as_ref().filter(|_| life % 2 == 1);
            let program = other.cloned().unwrap_or_else(|| std::env::current_exe().expect("this program"));
            let mut engine = Command::new(program);
            engine.arg("node");
            engine
        };
        command.env("TMPDIR", &self.folder);
        command
    }
}

/// A running node process. Dropping it kills the process.
pub(crate) struct Node {
    /// Number among all node processes of the run.
    pub(crate) life: usize,
    child: Child,
    input: ChildStdin,
    orders: u64,
    heard: Arc<Mutex<Output>>,
    listeners: Vec<JoinHandle<()>>,
}

/// Output of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    /// For each shard, numbers of orders up to which all claims were decided, with the time at which each line arrived.
    pub(crate) decided: Vec<Vec<(u64, Ms)>>,
    /// Claims without a decision when the node ended.
    pub(crate) left: Option<u64>,
    /// Times at which the node logged that it was reaped.
    pub(crate) reaped: Vec<Ms>,
    /// Lines of its log.
    pub(crate) log: Vec<(Ms, String)>,
}

impl Node {
    /// Starts process number `life`.
    pub(crate) fn start(life: usize, launcher: &Launcher, kind: Kind, shards: u8, config: &str) -> Self {
        let mut child = launcher
            .command(life, kind)
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a node process");
        let input = child.stdin.take().expect("its input");
        let decided = vec![Vec::new(); usize::from(shards)];
        let heard = Arc::new(Mutex::new(Output { decided, ..Output::default() }));
        let listen = |mut output: Box<dyn BufRead + Send>| {
            let heard = Arc::clone(&heard);
            std::thread::spawn(move || {
                let mut text = String::new();
                while output.read_line(&mut text).is_ok_and(|read| read > 0) {
                    heard.lock().take(text.trim_end());
                    text.clear();
                }
            })
        };
        let output = child.stdout.take().expect("its output");
        let errors = child.stderr.take().expect("its errors");
        let listeners = vec![listen(Box::new(BufReader::new(output))), listen(Box::new(BufReader::new(errors)))];
        Self { life, child, input, orders: 0, heard, listeners }
    }

    /// Sends an order. Returns its number.
    pub(crate) fn tell(&mut self, order: &Order) -> u64 {
        self.orders += 1;
        // Ignores errors: `has_ended` finds a node that ended unexpectedly. The line is written in one call, because
        // the node may be stopped between two.
        let _ = self.input.write_all(format!("{}\n", order.line()).as_bytes());
        self.orders
    }

    /// Returns the process id.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Returns the number of orders sent.
    pub(crate) const fn orders(&self) -> u64 {
        self.orders
    }

    /// Returns true if the claims of every order are decided.
    pub(crate) fn is_decided(&self) -> bool {
        let is_decided = |decided: &Vec<(u64, Ms)>| decided.last().is_some_and(|(up_to, _)| *up_to >= self.orders);
        self.heard.lock().decided.iter().all(is_decided)
    }

    /// Returns its log so far.
    pub(crate) fn log(&self) -> Vec<(Ms, String)> {
        self.heard.lock().log.clone()
    }

    /// Returns true if the process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the state of a node").is_some()
    }

    /// Sends a signal, such as `-STOP` or `-CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.expect("the kill command").success());
    }

    /// Kills the process (SIGKILL) unless it has ended, and returns its output.
    pub(crate) fn kill(mut self) -> Output {
        self.end();
        std::mem::take(&mut *self.heard.lock())
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for listener in self.listeners.drain(..) {
            let _ = listener.join();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

impl Output {
    fn take(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "decided" => self.decided(rest),
            "left" => {
                self.left = rest.parse().ok();
                self.log.push((now(), line.to_owned()));
            }
            _ => {
                if line.contains(TAKEN_FOR_DEAD) {
                    self.reaped.push(now());
                }
                self.log.push((now(), line.to_owned()));
            }
        }
    }

    /// Parses a number and the shards; all, if there are none.
    fn decided(&mut self, rest: &str) {
        let mut numbers = rest.split(' ').filter_map(|number| number.parse::<u64>().ok());
        let Some(up_to) = numbers.next() else { return };
        let shards: Vec<u64> = numbers.collect();
        for (decided, shard) in self.decided.iter_mut().zip(0..) {
            if shards.is_empty() || shards.contains(&shard) {
                decided.push((up_to, now()));
            }
        }
    }
}
