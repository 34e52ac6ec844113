//! Connections to a Redis that has none of our keys, such as that of Laravel's queues.
//!
//! Unlike a link, a pool is used by several threads, does not back off and does not examine the server: only the scripts of
//! its callers run there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::RedisResult;

use super::failure::LinkError;
use super::settings::check_files;
use super::slots::{KnownServers, slot_of};
use super::{settings, survey};
use crate::config::{ConfigError, Connection};

/// Idle time after which a connection is checked before use: the server may have closed it.
const IDLE: Duration = Duration::from_secs(1);

/// The maximum number of idle connections. Others are closed after use.
const MAX_IDLE: usize = 8;

/// Connections to one server, or to the master of a slot.
pub(crate) struct Pool {
    pub(crate) connection: Connection,
    connect_timeout: Duration,
    slot: u16,
    known: Mutex<KnownServers>,
    idle: Mutex<Vec<(redis::Connection, Instant)>>,
    is_shut_down: AtomicBool,
}

impl Pool {
    /// Creates a pool that has not connected yet. On a Redis Cluster, it connects to the master of the slot of `key`.
    ///
    /// # Errors
    /// If a TLS file cannot be read or is not a PEM file.
    pub(crate) fn new(connection: Connection, key: &str, connect_timeout: Duration) -> Result<Self, ConfigError> {
        check_files(&connection.address)?;
        Ok(Self {
            slot: slot_of(key),
            connection,
            connect_timeout,
            known: Mutex::default(),
            idle: Mutex::default(),
            is_shut_down: AtomicBool::new(false),
        })
    }

    /// Runs `call` on a connection, after connecting if needed. Each step of it ends before `deadline`.
    ///
    /// # Errors
    /// If Redis is unreachable or refuses the call. It may have executed a call that ended with
    /// [`LinkError::Unreachable`].
    pub(crate) fn call<T>(
        &self,
        deadline: Instant,
        call: impl FnOnce(&mut redis::Connection) -> RedisResult<T>,
    ) -> Result<T, LinkError> {
        let mut redis = match self.kept(deadline) {
            Some(redis) => redis,
            None => self.connect(deadline)?,
        };
        let timeout = limit(&redis, deadline)?;
        let result = call(&mut redis).map_err(|error| LinkError::sort(&error, timeout));
        if result.as_ref().err().is_none_or(LinkError::spares_connection) {
            self.keep(redis);
        } else {
            // The others lead to the same server.
            self.idle.lock().clear();
        }
        result
    }

    /// Closes the idle connections, and opens no others.
    pub(crate) fn shutdown(&self) {
        self.is_shut_down.store(true, Ordering::Relaxed);
        self.idle.lock().clear();
    }

    /// Returns an idle connection that is still open.
    fn kept(&self, deadline: Instant) -> Option<redis::Connection> {
        let (mut redis, since) = self.idle.lock().pop()?;
        let is_open = since.elapsed() < IDLE || (limit(&redis, deadline).is_ok() && survey::ping(&mut redis).is_ok());
        is_open.then_some(redis)
    }

    fn keep(&self, redis: redis::Connection) {
        let mut idle = self.idle.lock();
        if idle.len() < MAX_IDLE && !self.is_shut_down.load(Ordering::Relaxed) {
            idle.push((redis, Instant::now()));
        }
    }

    fn connect(&self, deadline: Instant) -> Result<redis::Connection, LinkError> {
        if self.is_shut_down.load(Ordering::Relaxed) {
            return Err(LinkError::Unreachable("the server is stopping".to_owned()));
        }
        let timeout = remaining(deadline).min(self.connect_timeout);
        // A copy: other threads connect meanwhile.
        let mut known = self.known.lock().clone();
        let (redis, ()) = settings::connect(&self.connection, self.slot, &mut known, timeout, |_| Ok(()))?;
        *self.known.lock() = known;
        Ok(redis)
    }
}

/// Returns the time until `deadline`, at least the shortest timeout of a socket.
fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

/// Makes each read and each write of the connection end before `deadline`. Returns the timeout.
fn limit(redis: &redis::Connection, deadline: Instant) -> Result<Duration, LinkError> {
    let timeout = remaining(deadline);
    let set = redis.set_read_timeout(Some(timeout)).and_then(|()| redis.set_write_timeout(Some(timeout)));
    set.map_err(|error| LinkError::sort(&error, timeout))?;
    Ok(timeout)
}
