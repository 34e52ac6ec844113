//! Redis client for callers that may block: commands, requests, dashboard pages.

use std::cell::RefCell;

use redis::{Connection, RedisResult};

use super::{Link, LinkError, Settings};
use crate::config::Address;

/// A connection that is opened by the first call and reused until a call fails.
#[derive(Debug)]
pub(crate) struct Client {
    settings: Settings,
    /// The connection and the process that opened it; a forked child must not use it.
    link: RefCell<Option<(u32, Link)>>,
}

/// Redis was unreachable or refused a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Redis at {address}: {error}")]
pub struct ClientError {
    address: Box<Address>,
    error: LinkError,
}

impl ClientError {
    /// Returns `true` if Redis answered and the operator has to change its setup, or the connection settings. The message
    /// says how.
    #[must_use]
    pub fn needs_setup(&self) -> bool {
        self.error.needs_setup()
    }
}

impl Client {
    /// Creates a client for the Redis of `settings`.
    pub(crate) const fn new(settings: Settings) -> Self {
        Self { settings, link: RefCell::new(None) }
    }

    /// Makes a call. Blocks until Redis replies.
    ///
    /// # Errors
    /// When Redis is unreachable or refuses the call.
    pub(crate) fn call<T>(&self, talk: impl FnOnce(&mut Connection) -> RedisResult<T>) -> Result<T, ClientError> {
        self.over(|link| link.with(talk))
    }

    /// Makes a call that only reads. `talk` also gets the `run_id` of the server process, empty if it is unknown.
    ///
    /// # Errors
    /// When Redis is unreachable or refuses the call.
    pub(crate) fn read<T>(&self, talk: impl FnOnce(&mut Connection, &str) -> RedisResult<T>) -> Result<T, ClientError> {
        self.over(|link| {
            let server = link.server()?;
            link.read(|redis| talk(redis, &server))
        })
    }

    fn over<T>(&self, call: impl FnOnce(&mut Link) -> Result<T, LinkError>) -> Result<T, ClientError> {
        let process = std::process::id();
        let own = self.link.take().filter(|(opener, _)| *opener == process);
        let mut link = own.map_or_else(|| Link::silent(self.settings.clone()), |(_, link)| link);
        let result = call(&mut link);
        // A failed link backs off, but an operator's next call should try at once.
        if result.is_ok() {
            self.link.replace(Some((process, link)));
        }
        result.map_err(|error| ClientError { address: Box::new(self.settings.address().clone()), error })
    }
}
