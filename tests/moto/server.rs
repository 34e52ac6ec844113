//! A moto server of the test's own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};

/// The running server. It ends when its standard input closes, and so with the test.
pub(crate) struct Moto {
    /// Its URL.
    pub(crate) url: String,
    /// Id of the account.
    pub(crate) account: String,
    /// Access keys of a user who may invoke functions and send messages.
    pub(crate) allowed: Value,
    /// Access keys of a user who may not.
    pub(crate) denied: Value,
    /// Temporary access keys of a role that may.
    pub(crate) role: Value,
    process: Child,
    /// Its input and output; `None` while it is ending.
    talk: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
}

impl Moto {
    /// Starts the server and creates functions, queues and users.
    pub(crate) fn start() -> Self {
        let folder = std::env::var_os("RESONATE_WEBHOOKS_MOTO").expect("scripts/with-moto");
        let mut process = Command::new("python3")
            .arg("-S")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/moto/serve.py"))
            .env("PYTHONPATH", folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let (mut line, mut output) = (String::new(), BufReader::new(process.stdout.take().expect("its output")));
        output.read_line(&mut line).expect("a line");
        let mut said: Value = serde_json::from_str(&line).expect("valid JSON");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            url: text(&said["url"]),
            account: text(&said["account"]),
            allowed: said["allowed"].take(),
            denied: said["denied"].take(),
            role: said["role"].take(),
            talk: Mutex::new(process.stdin.take().zip(Some(output))),
            process,
        }
    }

    /// Makes the next invocations in `eu-west-1` return `results`, in this order.
    pub(crate) fn functions_return(&self, results: &[Value]) {
        let results: Vec<_> = results.iter().map(Value::to_string).collect();
        let order = json!({ "results": results, "region": "eu-west-1", "account_id": self.account });
        self.configure("static/lambda-simple/response", &order);
    }

    /// Returns the URL of a queue.
    pub(crate) fn queue(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.url, self.account)
    }

    /// Takes the messages of a queue, each with its attributes.
    pub(crate) fn messages(&self, queue: &str) -> Vec<Value> {
        let mut talk = self.talk.lock().expect("no test has failed in here");
        let (input, output) = talk.as_mut().expect("a running server");
        writeln!(input, "{}", self.queue(queue)).expect("sent");
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).expect("valid JSON")
    }

    /// Makes every invocation check that the function exists.
    pub(crate) fn looks_for_functions(&self) {
        self.configure("config", &json!({ "lambda": { "use_docker": true } }));
    }

    fn configure(&self, path: &str, order: &Value) {
        let host = self.url.strip_prefix("http://").expect("a URL");
        let (body, mut stream) = (order.to_string(), TcpStream::connect(host).expect("moto"));
        let head = format!("POST /moto-api/{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n");
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).expect("sent");
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).expect("an answer");
        assert!(answer.contains(" 201 "), "{answer}");
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.talk.get_mut().map(Option::take));
        let _ = self.process.wait();
    }
}
