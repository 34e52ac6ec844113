//! A master and its replica, with the data of one shard.

use std::io;
use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};
use serde_json::{Value, json};

use super::{Cause, Failing, Failure, PASSWORD, Servers, USER, restore, rights, run};
use crate::clock::Clock;
use crate::now;
use crate::support::redis::RedisServer;

/// Timeout of the harness for a server.
const ANSWERS: Duration = Duration::from_secs(10);

/// Timeout of a failover. A slower one is aborted.
const FAILS_OVER: Duration = Duration::from_secs(2);

/// Interval between checks of a failover.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// An address on which nothing listens.
const NOWHERE: [&str; 2] = ["127.0.0.1", "1"];

/// The running servers.
pub(crate) struct Pair {
    clock: Clock,
    both: [RedisServer; 2],
    /// Index of the master.
    master: usize,
    failing: Option<Failing>,
}

impl Pair {
    /// Starts a master and a replica that persist each write, with a user that has the documented rights.
    pub(crate) fn start() -> Self {
        let clock = Clock::new();
        let rights = rights();
        let mut options = vec!["--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"];
        options.extend(["--user", USER]);
        options.extend(rights.iter().map(String::as_str));
        let start = || RedisServer::start_in(&clock.environment(), &options);
        let both = [start(), start()];
        let servers = Self { clock, both, master: 0, failing: None };
        servers.follow();
        servers
    }

    const fn port(&self) -> u16 {
        self.both[self.master].port()
    }

    fn command(&self, words: &[&str]) -> RedisResult<()> {
        run(&mut self.connect(0), words)
    }

    /// Makes the other server a replica of the master.
    fn follow(&self) {
        let mut other = self.both[1 - self.master].connect();
        redis::cmd("REPLICAOF").arg("127.0.0.1").arg(self.port()).exec(&mut other).expect("a REPLICAOF that succeeds");
    }

    /// Promotes the replica once it has all data. The old master keeps the data of that moment.
    ///
    /// # Errors
    /// If the replica lags too far behind.
    fn fail_over(&mut self) -> RedisResult<()> {
        self.command(&["FAILOVER", "TIMEOUT", &FAILS_OVER.as_millis().to_string()])?;
        let deadline = Instant::now() + FAILS_OVER;
        let mut new = self.both[1 - self.master].connect();
        while !redis::cmd("INFO").arg("replication").query::<String>(&mut new)?.contains("role:master") {
            if Instant::now() > deadline {
                self.command(&["FAILOVER", "ABORT"])?;
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        // The old master refuses `REPLICAOF` until its failover is complete.
        while self.command(&[&["REPLICAOF"], &NOWHERE[..]].concat()).is_err() {
            assert!(Instant::now() < deadline + FAILS_OVER, "the failover does not end");
            std::thread::sleep(LOOK_EVERY);
        }
        self.master = 1 - self.master;
        Ok(())
    }
}

impl Servers for Pair {
    fn clock(&mut self) -> &mut Clock {
        &mut self.clock
    }

    fn shards(&self) -> u8 {
        1
    }

    fn prefix(&self, _: u8) -> String {
        "wh".to_owned()
    }

    fn connect(&self, _: u8) -> Connection {
        let connection = self.both[self.master].connect();
        connection.set_read_timeout(Some(ANSWERS)).expect("a connection with a timeout");
        connection
    }

    fn ports(&self) -> Vec<u16> {
        vec![self.port()]
    }

    fn port_of(&self, _: u8) -> u16 {
        self.port()
    }

    fn connection(&self, ports: &[u16]) -> Value {
        json!({ "host": "127.0.0.1", "port": ports[0], "username": USER, "password": PASSWORD, "timeout": 1 })
    }

    fn failing(&self) -> Option<&Failing> {
        self.failing.as_ref()
    }

    fn fail(&mut self, failure: Failure, _: u8) -> bool {
        let since = now();
        let done = match failure {
            Failure::Killed => {
                self.both[self.master].kill();
                Ok(())
            }
            Failure::Stopped => {
                self.both[self.master].hang();
                Ok(())
            }
            Failure::Full => self.command(&["CONFIG", "SET", "maxmemory", "1"]),
            Failure::Forbids(right) => self.command(&["ACL", "SETUSER", USER, right.rule]),
            Failure::Demoted => self.command(&[&["REPLICAOF"], &NOWHERE[..]].concat()),
            Failure::FailedOver(Cause::Command) => self.fail_over(),
            Failure::FailedOver(Cause::Kill | Cause::Stop) | Failure::SlotMoves => {
                unreachable!("failures of a Redis Cluster")
            }
        };
        self.failing = done.is_ok().then(|| Failing { failure, since, shards: vec![0] });
        done.is_ok()
    }

    fn repair(&mut self) {
        let Some(Failing { failure, .. }) = self.failing.take() else { return };
        let done = match failure {
            Failure::Killed => {
                self.both[self.master].restart();
                Ok(())
            }
            Failure::Stopped => {
                self.both[self.master].resume();
                Ok(())
            }
            Failure::Full => self.command(&["CONFIG", "SET", "maxmemory", "0"]),
            Failure::Forbids(_) => restore(&mut self.connect(0), &rights()),
            Failure::Demoted => self.command(&["REPLICAOF", "NO", "ONE"]),
            Failure::FailedOver(_) | Failure::SlotMoves => {
                self.follow();
                Ok(())
            }
        };
        done.expect("the end of the failure");
    }

    fn observe(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn forced_failovers(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use redis::Commands;

    use super::super::RIGHTS;
    use super::*;
    use crate::support::wait::eventually;

    /// Connects as a node.
    fn node(servers: &Pair) -> Connection {
        let url = format!("redis://{USER}:{PASSWORD}@127.0.0.1:{}/", servers.port());
        redis::Client::open(url).unwrap().get_connection().unwrap()
    }

    /// Writes, or returns the server's error.
    fn set(node: &mut Connection, value: u64) -> Result<(), String> {
        node.set("wh:x", value).map_err(|error: redis::RedisError| error.code().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_failure_refuses_writes_until_it_ends_and_loses_no_data() {
        let mut servers = Pair::start();
        let write = RIGHTS.into_iter().find(|right| right.rule == "-@write").unwrap();
        for (failure, refusal) in
            [(Failure::Full, "OOM"), (Failure::Forbids(write), "NOPERM"), (Failure::Demoted, "READONLY")]
        {
            let mut node = node(&servers);
            set(&mut node, 1).unwrap();
            assert!(servers.fail(failure, 0));
            assert_eq!(set(&mut node, 2), Err(refusal.to_owned()), "{failure:?}");
            assert_eq!(node.get("wh:x"), Ok(1), "{failure:?}");
            servers.repair();
            set(&mut node, 3).unwrap();
        }
    }

    #[test]
    fn a_failover_loses_nothing_and_the_old_master_keeps_its_data() {
        let mut servers = Pair::start();
        for value in [1, 3] {
            let mut old = node(&servers);
            set(&mut old, value).unwrap();
            let old_port = servers.port();
            eventually("a failover", || servers.fail(Failure::FailedOver(Cause::Command), 0).then_some(()));
            assert_ne!(servers.port(), old_port);
            let mut new = node(&servers);
            assert_eq!(new.get("wh:x"), Ok(value));
            set(&mut new, value + 1).unwrap();
            assert_eq!(old.get("wh:x"), Ok(value));
            assert_eq!(set(&mut old, 9), Err("READONLY".to_owned()));
            servers.repair();
            eventually("a replica", || (old.get("wh:x") == Ok(value + 1)).then_some(()));
        }
    }
}
