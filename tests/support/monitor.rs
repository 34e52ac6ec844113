//! Commands that Redis executes, from its MONITOR.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use super::redis::RedisServer;
use super::wait::PATIENCE;

/// A connection on which Redis reports every command, including those within scripts.
pub(crate) struct Monitor {
    lines: BufReader<UnixStream>,
    marks: redis::Connection,
    marked: usize,
}

/// A script call: its words, and the commands it executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScriptCall {
    pub(crate) words: Vec<String>,
    pub(crate) commands: Vec<Vec<String>>,
}

impl Monitor {
    /// Starts listening.
    pub(crate) fn start(redis: &RedisServer) -> Self {
        let mut stream = UnixStream::connect(redis.socket()).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(b"MONITOR\r\n").expect("an open connection");
        let mut monitor = Self { lines: BufReader::new(stream), marks: redis.connect(), marked: 0 };
        assert_eq!(monitor.line(), "+OK");
        monitor
    }

    /// Returns the commands since the last call of this function, one line each.
    pub(crate) fn commands(&mut self) -> Vec<String> {
        self.marked += 1;
        let mark = format!("mark {}", self.marked);
        redis::cmd("ECHO").arg(&mark).exec(&mut self.marks).expect("an echo");
        let lines = std::iter::from_fn(|| Some(self.line()));
        lines.take_while(|line| words(line).get(1) != Some(&mark)).collect()
    }

    /// Returns the script calls since the last call of this function.
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

/// Returns the quoted words of a line. The names in these tests contain no quotes.
fn words(line: &str) -> Vec<String> {
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
