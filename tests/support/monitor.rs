//! What Redis does, as its MONITOR tells.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use super::redis::RedisServer;
use super::wait::PATIENCE;

/// A connection on which Redis tells of every command, also of those within scripts.
pub(crate) struct Monitor {
    lines: BufReader<UnixStream>,
    marks: redis::Connection,
    marked: usize,
}

/// A call of a script: its words, and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScriptCall {
    pub(crate) words: Vec<String>,
    pub(crate) commands: Vec<Vec<String>>,
}

impl Monitor {
    /// Listens from now on.
    pub(crate) fn start(redis: &RedisServer) -> Self {
        let mut stream = UnixStream::connect(redis.socket()).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(b"MONITOR\r\n").expect("an open connection");
        let mut monitor = Self { lines: BufReader::new(stream), marks: redis.connect(), marked: 0 };
        assert_eq!(monitor.line(), "+OK");
        monitor
    }

    /// The commands since the last time, each as a line.
    pub(crate) fn commands(&mut self) -> Vec<String> {
        self.marked += 1;
        let mark = format!("mark {}", self.marked);
        redis::cmd("ECHO").arg(&mark).exec(&mut self.marks).expect("an echo");
        let lines = std::iter::from_fn(|| Some(self.line()));
        lines.take_while(|line| words(line).get(1) != Some(&mark)).collect()
    }

    /// The script calls since the last time.
    pub(crate) fn script_calls(&mut self) -> Vec<ScriptCall> {
        let mut calls: Vec<ScriptCall> = Vec::new();
        for line in self.commands() {
            let words = words(&line);
            // `+time [database client] "command" …`; within a script the client is `lua`.
            let within_script = line.split_once(']').is_some_and(|(start, _)| start.ends_with(" lua"));
            match calls.last_mut() {
                Some(call) if within_script => call.commands.push(words),
                _ => calls.push(ScriptCall { words, commands: Vec::new() }),
            }
        }
        calls
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line of MONITOR");
        line.trim_end().to_owned()
    }
}

/// The quoted words of a line. These tests use no name with a quote in it.
fn words(line: &str) -> Vec<String> {
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
