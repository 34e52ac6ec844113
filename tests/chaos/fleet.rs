//! Node processes, as seen from outside: told by lines, heard by lines, ended by signals.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::order::Order;
use crate::schedule::Kind;
use crate::{Ms, now};

/// What a node says when what it held had been taken from it.
const TAKEN_FOR_DEAD: &str = "was declared dead";

/// How node processes are started.
pub(crate) struct Shipyard {
    /// The extension; without it there are no PHP nodes.
    pub(crate) extension: Option<PathBuf>,
    /// Where they may leave files.
    pub(crate) folder: PathBuf,
}

impl Shipyard {
    fn command(&self, kind: Kind) -> Command {
        let mut command = if let (Some(extension), Kind::Php) = (&self.extension, kind) {
            let mut php = Command::new("php");
            php.arg(format!("-dextension={}", extension.display()));
            php.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/php/node.php"));
            php
        } else {
            let mut engine = Command::new(std::env::current_exe().expect("this program"));
            engine.arg("node");
            engine
        };
        command.env("TMPDIR", &self.folder);
        command
    }
}

/// A running node process. It is killed when dropped.
pub(crate) struct Node {
    /// Its number among all node processes of the run.
    pub(crate) life: usize,
    child: Child,
    told: ChildStdin,
    orders: u64,
    heard: Arc<Mutex<Heard>>,
    listeners: Vec<JoinHandle<()>>,
}

/// What a node has said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// Up to which order everything had been judged, and when that was heard.
    pub(crate) judged: Vec<(u64, Ms)>,
    /// Claims that were not judged at its end.
    pub(crate) left: Option<u64>,
    /// When it said that it had been taken for dead.
    pub(crate) reaped: Vec<Ms>,
    /// Its log.
    pub(crate) log: Vec<(Ms, String)>,
}

impl Node {
    /// Starts process number `life`.
    pub(crate) fn start(life: usize, yard: &Shipyard, kind: Kind, config: &str) -> Self {
        let mut child = yard
            .command(kind)
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a node process");
        let told = child.stdin.take().expect("its input");
        let heard = Arc::new(Mutex::new(Heard::default()));
        let listen = |mut said: Box<dyn BufRead + Send>| {
            let heard = Arc::clone(&heard);
            std::thread::spawn(move || {
                let mut text = String::new();
                while said.read_line(&mut text).is_ok_and(|read| read > 0) {
                    heard.lock().take(text.trim_end());
                    text.clear();
                }
            })
        };
        let said = child.stdout.take().expect("its output");
        let complained = child.stderr.take().expect("its errors");
        let listeners = vec![listen(Box::new(BufReader::new(said))), listen(Box::new(BufReader::new(complained)))];
        Self { life, child, told, orders: 0, heard, listeners }
    }

    /// Gives an order. Returns its number.
    pub(crate) fn tell(&mut self, order: &Order) -> u64 {
        self.orders += 1;
        // A node that is gone without having been killed is found by `has_ended`.
        // In one piece: it may be stopped between two.
        let _ = self.told.write_all(format!("{}\n", order.line()).as_bytes());
        self.orders
    }

    /// The number of the process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Orders given.
    pub(crate) const fn orders(&self) -> u64 {
        self.orders
    }

    /// Whether every order has been judged.
    pub(crate) fn is_judged(&self) -> bool {
        self.heard.lock().judged.last().is_some_and(|(up_to, _)| *up_to >= self.orders)
    }

    /// What it has said to its log.
    pub(crate) fn log(&self) -> Vec<(Ms, String)> {
        self.heard.lock().log.clone()
    }

    /// Whether the process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the state of a node").is_some()
    }

    /// Sends a signal: `-STOP`, `-CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.expect("the kill command").success());
    }

    /// Kills it (SIGKILL) unless it has ended, and returns all that it has said.
    pub(crate) fn kill(mut self) -> Heard {
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

impl Heard {
    fn take(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "judged" => self.judged.extend(rest.parse().ok().map(|up_to| (up_to, now()))),
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
}
