//! A real redis-server per test, on a free TCP port and a socket file.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use redis::Commands;
use tempfile::TempDir;

use super::certificates::PrivateCa;
use super::port::Port;

/// Timeout for the start of a server.
const START: Duration = Duration::from_secs(10);

/// A running server. Dropping it kills the process. It keeps nothing on disk unless its options say otherwise.
pub(crate) struct RedisServer {
    folder: TempDir,
    port: Port,
    tls_port: Option<Port>,
    bus: Option<Port>,
    options: Vec<String>,
    environment: Vec<(&'static str, PathBuf)>,
    process: Child,
}

impl RedisServer {
    /// Starts a server with default settings.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more command line options, such as `["--requirepass", "x"]`.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        Self::start_in(&[], options)
    }

    /// The same, with additional environment variables.
    pub(crate) fn start_in(environment: &[(&'static str, PathBuf)], options: &[&str]) -> Self {
        Self::start_at((Port::free(), None), environment, options)
    }

    /// Starts a node of a Redis Cluster, which has no slots yet. It takes a silence of 2 s for a failure, because a busy
    /// machine can delay a healthy server by a second.
    pub(crate) fn start_in_cluster(environment: &[(&'static str, PathBuf)], options: &[&str]) -> Self {
        let (port, bus) = Port::with_bus();
        // A replica is synchronised at once, not after the default wait of 5 s for other replicas.
        let own = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0"];
        Self::start_at((port, Some(bus)), environment, &[&own, options].concat())
    }

    fn start_at((port, bus): (Port, Option<Port>), environment: &[(&'static str, PathBuf)], options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let environment = environment.to_vec();
        let process = spawn(folder.path(), port.number, &environment, &options);
        let mut server = Self { folder, port, tls_port: None, bus, options, environment, process };
        server.wait_until_ready();
        server
    }

    /// Starts a replica of another server.
    pub(crate) fn start_replica_of(master: &Self) -> Self {
        Self::start_with(&["--replicaof", "127.0.0.1", &master.port().to_string()])
    }

    /// Starts a Sentinel for the server, under the name `mymaster`. It takes a silence of 3 s for a failure, because a
    /// busy machine can delay a healthy server by a second.
    pub(crate) fn start_sentinel_of(master: &Self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("sentinel.conf");
        let settings = format!(
            "sentinel monitor mymaster 127.0.0.1 {} 1\nsentinel down-after-milliseconds mymaster 3000\n\
             sentinel failover-timeout mymaster 3000\n",
            master.port()
        );
        std::fs::write(&file, settings).expect("a written config file");
        let port = Port::free();
        let process = spawn_at(folder.path(), port.number, &[], &[&file.display().to_string(), "--sentinel"], &[]);
        let mut sentinel =
            Self { folder, port, tls_port: None, bus: None, options: Vec::new(), environment: Vec::new(), process };
        sentinel.wait_until_ready();
        sentinel
    }

    /// Starts a server that also listens with TLS, with a certificate of `ca` for `localhost`.
    pub(crate) fn start_with_tls(ca: &PrivateCa, options: &[&str]) -> Self {
        let issued = ca.issue("localhost");
        let tls_port = Port::free();
        let (port, text) = (tls_port.number.to_string(), |path: &Path| path.display().to_string());
        let (cert, key, ca) = (text(&issued.cert), text(&issued.key), text(&ca.file()));
        let tls = ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
        let mut server = Self::start_with(&[&tls, options].concat());
        server.tls_port = Some(tls_port);
        server
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port.number
    }

    pub(crate) fn tls_port(&self) -> u16 {
        self.tls_port.as_ref().expect("a server started with TLS").number
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// Opens a connection for the test itself, without credentials.
    pub(crate) fn connect(&self) -> redis::Connection {
        self.try_connect().expect("a connection to the test's redis-server")
    }

    /// Returns the number of events in the outbox that some endpoint has not acknowledged.
    pub(crate) fn outbox_events(&self) -> usize {
        let mut connection = self.connect();
        let streams: Vec<String> = redis::cmd("KEYS").arg("*wh:*out:*").query(&mut connection).unwrap();
        streams.iter().map(|stream| connection.xlen::<_, usize>(stream).unwrap()).sum()
    }

    /// Appends `events` to the outbox as a node would: `subscription_count` events with the numbers 1, 2 and so on in
    /// turn for each of a few channels. They are `apart` from each other, and the last one is from now.
    pub(crate) fn append_numbers(&self, events: u64, channels: u64, apart: Duration) {
        let mut connection = self.connect();
        let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut connection).unwrap();
        let apart = u64::try_from(apart.as_millis()).unwrap();
        for first in (0..events).step_by(1000) {
            let mut portion = redis::pipe();
            for n in first..events.min(first + 1000) {
                let (channel, id) = (n % channels, format!("{}-0", seconds * 1000 - (events - n) * apart));
                let event = format!("n3:app1:{channel}{}", n / channels + 1);
                portion.xadd(format!("wh:out:{channel}"), id, &[("e", event)]).ignore();
            }
            portion.query::<()>(&mut connection).unwrap();
        }
    }

    /// Returns a statistic of a command, such as `calls` or `rejected_calls`. 0 before the first call.
    pub(crate) fn counted(&self, command: &str, what: &str) -> u64 {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut self.connect()).unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
        let mut fields = line.into_iter().flat_map(|line| line.split(',')).filter_map(|field| field.split_once('='));
        fields.find(|(name, _)| *name == what).map_or(0, |(_, count)| count.parse().unwrap())
    }

    pub(crate) fn try_connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(format!("unix://{}", self.socket().display()))?.get_connection()
    }

    /// Kills the server, as a crash would (SIGKILL).
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("a killed redis-server");
        self.process.wait().expect("an ended redis-server");
    }

    /// Starts the server again at the same address, after [`kill`](Self::kill).
    pub(crate) fn restart(&mut self) {
        self.process = spawn(self.folder.path(), self.port.number, &self.environment, &self.options);
        self.wait_until_ready();
    }

    /// Makes the server hang (SIGSTOP): it keeps its connections but answers nothing.
    pub(crate) fn hang(&self) {
        self.signal("-STOP");
    }

    /// Continues the server after [`hang`](Self::hang) (SIGCONT).
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(status.expect("the kill command").success());
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + START;
        loop {
            if let Some(status) = self.process.try_wait().expect("the state of redis-server") {
                panic!("redis-server ended unexpectedly ({status}); options: {:?}", self.options);
            }
            match self.try_connect().and_then(|mut connection| redis::cmd("PING").exec(&mut connection)) {
                Ok(()) => return,
                // A server that requires a login is ready too.
                Err(error) if error.code() == Some("NOAUTH") => return,
                Err(error) => assert!(Instant::now() < deadline, "redis-server does not start: {error}"),
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Works for a hanging server too: SIGKILL ends any process.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the command of docs/configuration.md that gives a user exactly the rights that nodes need.
pub(crate) fn documented_acl() -> Vec<String> {
    let page = include_str!("../../docs/configuration.md");
    let begins = page.find("ACL SETUSER").expect("the command");
    let command = page[begins..].split("\n```").next().expect("its end");
    command.split_whitespace().filter(|word| *word != "\\").map(str::to_owned).collect()
}

fn spawn(folder: &Path, port: u16, environment: &[(&'static str, PathBuf)], options: &[String]) -> Child {
    let options: Vec<&str> =
        ["--save", "", "--appendonly", "no"].into_iter().chain(options.iter().map(String::as_str)).collect();
    spawn_at(folder, port, environment, &[], &options)
}

/// Starts the program with these first and last arguments.
fn spawn_at(
    folder: &Path,
    port: u16,
    environment: &[(&'static str, PathBuf)],
    first: &[&str],
    options: &[&str],
) -> Child {
    Command::new("redis-server")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .args(first)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--unixsocket", &socket(folder).display().to_string()])
        .args(["--dir", &folder.display().to_string()])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("these tests need a redis-server on the PATH: {error}"))
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}
