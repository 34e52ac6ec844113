//! Redis client for callers that may block: commands, requests, dashboard pages.

use std::cell::RefCell;

use redis::{Connection, RedisResult};

use super::{Link, LinkError, Settings};
use crate::config::Address;

/// A connection that is opened by the first call and reused until a call fails.
#[derive(Debug)]
pub(crate) struct Client {
    settings: Settings,
    link: RefCell<Option<Link>>,
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
        let mut link = self.link.take().unwrap_or_else(|| Link::silent(self.settings.clone()));
        let result = link.with(talk);
        // A failed link backs off, but an operator's next call should try at once.
        if result.is_ok() {
            self.link.replace(Some(link));
        }
        result.map_err(|error| ClientError { address: Box::new(self.settings.address().clone()), error })
    }
}
