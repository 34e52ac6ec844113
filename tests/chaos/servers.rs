//! Redis servers of a run, a master and its replica, and their failures.

use std::io;
use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};

use crate::clock::Clock;
use crate::support::redis::{RedisServer, documented_acl};
use crate::{Ms, now};

/// User name of the nodes.
pub(crate) const USER: &str = "webhooks";

/// Password of that user.
pub(crate) const PASSWORD: &str = "secret";

/// Timeout of the harness for a server.
const ANSWERS: Duration = Duration::from_secs(10);

/// Timeout of a failover. A slower one is aborted.
const FAILS_OVER: Duration = Duration::from_secs(2);

/// Interval between checks of a failover.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// An address on which nothing listens.
const NOWHERE: [&str; 2] = ["127.0.0.1", "1"];

/// A failure of Redis. It lasts until [`Servers::repair`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The master is killed. It starts again from its append-only file.
    Killed,
    /// The master is stopped (SIGSTOP).
    Stopped,
    /// The master is full and evicts nothing.
    Full,
    /// The nodes' user lacks a right.
    Forbids(Right),
    /// The master becomes a replica of a server that does not exist. It keeps its connections and its data.
    Demoted,
    /// The replica takes over with all data. The old master keeps its connections, and serves the data of that moment.
    FailedOver,
}

/// A right that is taken from the nodes' user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Right {
    /// ACL rule that removes it.
    pub(crate) rule: &'static str,
    /// Renewals need this right.
    leases: bool,
    /// Maximum time without it (ms). After three seconds, a node sends batches that it cannot persist, and its
    /// successor would send their events again.
    pub(crate) longest: Ms,
}

/// Rights that nodes need. A right that is listed more often is chosen more often.
pub(crate) const RIGHTS: [Right; 16] = [
    right("-xadd", false, 3000),
    right("-xadd", false, 3000),
    right("-xadd", false, 3000),
    right("-sadd", false, 3000),
    right("-srem", false, 3000),
    right("-srem", false, 3000),
    right("-evalsha", false, 6000),
    right("-xread", false, 3000),
    right("-zadd", true, 5000),
    right("-hset", false, 1500),
    right("-hdel", false, 1500),
    right("-hdel", false, 1500),
    right("-xtrim", false, 1500),
    right("-del", true, 1500),
    right("-@write", true, 1500),
    right("-@scripting", true, 1500),
];

const fn right(rule: &'static str, leases: bool, longest: Ms) -> Right {
    Right { rule, leases, longest }
}

impl Failure {
    /// Returns true if nodes may be unable to renew their leases during the failure.
    pub(crate) const fn silences(self) -> bool {
        match self {
            Self::Killed | Self::Stopped | Self::Demoted => true,
            // The new master accepts renewals at once.
            Self::Full | Self::FailedOver => false,
            Self::Forbids(right) => right.leases,
        }
    }
}

/// The running servers.
pub(crate) struct Servers {
    pub(crate) clock: Clock,
    both: [RedisServer; 2],
    /// Index of the master.
    master: usize,
    failure: Option<(Failure, Ms)>,
}

impl Servers {
    /// Starts a master and a replica that persist each write, with a user that has the documented rights.
    pub(crate) fn start() -> Self {
        let clock = Clock::new();
        let rights = rights();
        let mut options = vec!["--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"];
        options.extend(["--user", USER]);
        options.extend(rights.iter().map(String::as_str));
        let start = || RedisServer::start_in(&clock.environment(), &options);
        let both = [start(), start()];
        let servers = Self { clock, both, master: 0, failure: None };
        servers.follow();
        servers
    }

    /// Returns the port of the master.
    pub(crate) const fn port(&self) -> u16 {
        self.both[self.master].port()
    }

    /// Connects the harness to the master, with all rights.
    pub(crate) fn connect(&self) -> Connection {
        let connection = self.both[self.master].connect();
        connection.set_read_timeout(Some(ANSWERS)).expect("a connection with a timeout");
        connection
    }

    /// Returns the current failure and when it began.
    pub(crate) const fn failure(&self) -> Option<(Failure, Ms)> {
        self.failure
    }

    /// Starts a failure. Returns false if that was not possible.
    pub(crate) fn fail(&mut self, failure: Failure) -> bool {
        self.failure = Some((failure, now()));
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
            Failure::FailedOver => self.fail_over(),
        };
        if done.is_err() {
            self.failure = None;
        }
        done.is_ok()
    }

    /// Ends the failure, if there is one.
    pub(crate) fn repair(&mut self) {
        let done = match self.failure.take() {
            None => Ok(()),
            Some((Failure::Killed, _)) => {
                self.both[self.master].restart();
                Ok(())
            }
            Some((Failure::Stopped, _)) => {
                self.both[self.master].resume();
                Ok(())
            }
            Some((Failure::Full, _)) => self.command(&["CONFIG", "SET", "maxmemory", "0"]),
            Some((Failure::Forbids(_), _)) => {
                let rights = rights();
                let rights = rights.iter().map(String::as_str);
                self.command(&["ACL", "SETUSER", USER, "-@all"].into_iter().chain(rights).collect::<Vec<_>>())
            }
            Some((Failure::Demoted, _)) => self.command(&["REPLICAOF", "NO", "ONE"]),
            Some((Failure::FailedOver, _)) => {
                self.follow();
                Ok(())
            }
        };
        done.expect("the end of the failure");
    }

    fn command(&self, words: &[&str]) -> RedisResult<()> {
        redis::cmd(words[0]).arg(&words[1..]).exec(&mut self.connect())
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

/// Returns the documented rights as ACL rules.
fn rights() -> Vec<String> {
    documented_acl().split_off(3)
}

#[cfg(test)]
mod tests {
    use redis::Commands;

    use super::*;
    use crate::support::wait::eventually;

    /// Connects as a node.
    fn node(servers: &Servers) -> Connection {
        let url = format!("redis://{USER}:{PASSWORD}@127.0.0.1:{}/", servers.port());
        redis::Client::open(url).unwrap().get_connection().unwrap()
    }

    /// Writes, or returns the server's error.
    fn set(node: &mut Connection, value: u64) -> Result<(), String> {
        node.set("wh:x", value).map_err(|error: redis::RedisError| error.code().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_failure_refuses_writes_until_it_ends_and_loses_no_data() {
        let mut servers = Servers::start();
        let write = right("-@write", true, 0);
        for (failure, refusal) in
            [(Failure::Full, "OOM"), (Failure::Forbids(write), "NOPERM"), (Failure::Demoted, "READONLY")]
        {
            let mut node = node(&servers);
            set(&mut node, 1).unwrap();
            assert!(servers.fail(failure));
            assert_eq!(set(&mut node, 2), Err(refusal.to_owned()), "{failure:?}");
            assert_eq!(node.get("wh:x"), Ok(1), "{failure:?}");
            servers.repair();
            set(&mut node, 3).unwrap();
        }
    }

    #[test]
    fn a_failover_loses_nothing_and_the_old_master_keeps_its_data() {
        let mut servers = Servers::start();
        for value in [1, 3] {
            let mut old = node(&servers);
            set(&mut old, value).unwrap();
            let old_port = servers.port();
            eventually("a failover", || servers.fail(Failure::FailedOver).then_some(()));
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
