//! Redis with a Sentinel.

use serde_json::{Value, json};

use super::engine::eventually;
use super::redis::RedisServer;

/// A master, its replica, and the Sentinel that monitors them.
pub(crate) struct Watched {
    pub(crate) master: RedisServer,
    pub(crate) replica: RedisServer,
    pub(crate) sentinel: RedisServer,
}

impl Watched {
    pub(crate) fn start() -> Self {
        // The replica is synchronised at once, not after the default wait of 5 s for other replicas.
        let master = RedisServer::start_with(&["--repl-diskless-sync-delay", "0"]);
        let replica = RedisServer::start_replica_of(&master);
        // Before the Sentinel's first check: its next one is 10 s later.
        eventually("the replica follows", || info(&replica, "replication").contains("master_link_status:up"));
        let sentinel = RedisServer::start_sentinel_of(&master);
        let watched = Self { master, replica, sentinel };
        eventually("the Sentinel knows both", || {
            info(&watched.sentinel, "sentinel").contains("status=ok,address=")
                && info(&watched.sentinel, "sentinel").contains("slaves=1")
        });
        watched
    }

    /// Waits until the replica has all data.
    pub(crate) fn replicate(&self) {
        let mut master = self.master.connect();
        // WAIT waits for the writes of this connection.
        redis::cmd("SET").arg("mark").arg(1).exec(&mut master).expect("a write");
        eventually("the replica has everything", || {
            redis::cmd("WAIT").arg(1).arg(1000).query::<u64>(&mut master).expect("an answer") == 1
        });
    }

    /// Returns the `connection` section of a configuration.
    pub(crate) fn connection(&self) -> Value {
        json!({ "sentinels": format!("127.0.0.1:{}", self.sentinel.port()), "timeout": 1 })
    }
}

pub(crate) fn info(server: &RedisServer, section: &str) -> String {
    // A Sentinel closes the connections of a server that it promotes, this one too.
    let answer = server.try_connect().and_then(|mut redis| redis::cmd("INFO").arg(section).query(&mut redis));
    answer.unwrap_or_default()
}
