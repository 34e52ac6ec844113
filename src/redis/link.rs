//! A connection that reconnects after failures.

mod refusal;

use std::fmt;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{RedisError, RedisResult};

use self::refusal::{Need, RedisRefusal};
use super::backoff::ReconnectBackoff;
use super::failure::LinkError;
use super::foreign;
use super::settings::Settings;
use super::slots::KnownServers;
use super::survey;
use crate::telemetry::{Level, Telemetry};

/// Idle time after which a connection is checked before use. Redis closes idle connections if its `timeout` is set,
/// which counts in seconds.
const IDLE: Duration = Duration::from_secs(1);

/// At most one connection to Redis, owned by one thread.
///
/// ```text
///            with(): connect              call succeeds
/// [no connection] ───────────▶ [connected] ───────────▶ [connected]
///        ▲                          │ call fails
///        └──── ready_at() ◀─────────┘
/// ```
///
/// The log has one line when an outage begins, one when its kind changes, and one when it ends. These are no outage:
/// - A rejected call: others may succeed. It is logged once, until a different call is rejected.
/// - A call that Redis refuses for lack of memory, disk, replicas or rights: see `RedisRefusal`.
/// - A connection that Redis closed because it was idle: it is reopened before the call.
#[derive(derive_more::Debug)]
#[debug("Link to {}", settings.connection.address)]
pub struct Link {
    pub(crate) settings: Settings,
    /// Receives the log lines. `None` for a silent link.
    telemetry: Option<Arc<Telemetry>>,
    /// Counts requests and failures.
    counted: Option<Arc<Telemetry>>,
    connection: Option<Open>,
    known: KnownServers,
    /// Connections opened so far.
    connections: u64,
    backoff: ReconnectBackoff,
    outage: Option<Outage>,
    refusal: Option<RedisRefusal>,
    rejected: Option<LinkError>,
}

/// An established connection.
struct Open {
    redis: redis::Connection,
    /// The `run_id` of the server process, if known.
    server: Option<String>,
    used: Instant,
    /// The last time that the server was seen to be a master.
    role_checked: Instant,
}

/// A period without a successful call.
struct Outage {
    since: Instant,
    nature: Discriminant<LinkError>,
}

impl Link {
    /// Creates a link that has not connected yet.
    #[must_use]
    pub fn new(settings: Settings, telemetry: Arc<Telemetry>) -> Self {
        Self::build(settings, Some(telemetry))
    }

    /// Creates a link that has not connected yet and logs nothing.
    pub(crate) fn silent(settings: Settings) -> Self {
        Self::build(settings, None)
    }

    /// Counts requests and failures of the link in `telemetry`.
    #[must_use]
    pub(crate) fn counted(self, telemetry: Arc<Telemetry>) -> Self {
        Self { counted: Some(telemetry), ..self }
    }

    fn build(settings: Settings, telemetry: Option<Arc<Telemetry>>) -> Self {
        let counted = telemetry.clone();
        Self {
            settings,
            telemetry,
            counted,
            connection: None,
            known: KnownServers::default(),
            connections: 0,
            backoff: ReconnectBackoff::default(),
            outage: None,
            refusal: None,
            rejected: None,
        }
    }

    /// Returns until when [`with`](Self::with) would fail without trying. `None` if it would try now.
    #[must_use]
    pub fn ready_at(&self) -> Option<Instant> {
        self.ready_for(Need::Memory, Instant::now())
    }

    /// Returns the number of the current connection, counted from 1, or `None` if there is none.
    pub(crate) fn connection_number(&self) -> Option<u64> {
        self.connection.as_ref().map(|_| self.connections)
    }

    /// Connects if needed. Returns the `run_id` of the server process, empty if the server does not report it. Until a
    /// call fails, all calls go to this process.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub(crate) fn server(&mut self) -> Result<String, LinkError> {
        self.read(|_| Ok(()))?;
        Ok(self.connection.as_ref().and_then(|open| open.server.clone()).unwrap_or_default())
    }

    /// Runs `call` on the connection, after connecting if needed. Each step of it takes `connection.timeout` at most.
    ///
    /// # Errors
    /// See [`LinkError`]. After every error but [`NoScript`](LinkError::NoScript) the next call has to wait for
    /// [`ready_at`](Self::ready_at).
    pub fn with<T>(&mut self, call: impl FnOnce(&mut redis::Connection) -> RedisResult<T>) -> Result<T, LinkError> {
        self.with_need(Need::Memory, call)
    }

    /// Like [`with`](Self::with), for a `call` that only reads. Refused writes do not delay it.
    pub(crate) fn read<T>(
        &mut self,
        call: impl FnOnce(&mut redis::Connection) -> RedisResult<T>,
    ) -> Result<T, LinkError> {
        self.with_need(Need::Nothing, call)
    }

    /// Like [`with`](Self::with), for a `call` that Redis executes while it is full, as `refusals.lua` describes. Other
    /// refused writes do not delay it.
    pub(crate) fn write_while_full<T>(
        &mut self,
        call: impl FnOnce(&mut redis::Connection) -> RedisResult<T>,
    ) -> Result<T, LinkError> {
        self.with_need(Need::Writes, call)
    }

    /// Returns since when Redis has refused calls, or `None` if it does not.
    pub(crate) fn refused_since(&self) -> Option<Instant> {
        self.refusal.as_ref().map(|refusal| refusal.since)
    }

    fn ready_for(&self, need: Need, now: Instant) -> Option<Instant> {
        let refused = self.refusal.as_ref().filter(|refusal| need >= refusal.need && refusal.ready_at > now);
        self.backoff.wait_until(now).max(refused.map(|refusal| refusal.ready_at))
    }

    fn with_need<T>(
        &mut self,
        need: Need,
        call: impl FnOnce(&mut redis::Connection) -> RedisResult<T>,
    ) -> Result<T, LinkError> {
        // Taken out, so that a panic in the call drops a connection with half a conversation on it.
        let mut open = self.take(need)?;
        match call(&mut open.redis) {
            Ok(value) => {
                self.keep(open);
                self.succeeded();
                self.granted(need);
                Ok(value)
            }
            Err(error) => Err(self.sort(need, open, &error)),
        }
    }

    /// Takes the connection, checked or new.
    fn take(&mut self, need: Need) -> Result<Open, LinkError> {
        if let Some(ready_at) = self.ready_for(need, Instant::now()) {
            return Err(LinkError::NotYet(ready_at));
        }
        let open = match self.connection.take() {
            Some(open) => self.check(open),
            None => self.connect(),
        };
        if let Err(error) = &open {
            self.note(need, error);
        } else if let Some(telemetry) = &self.counted {
            telemetry.counters.redis_requests.add(1);
        }
        open
    }

    fn keep(&mut self, open: Open) {
        self.connection = Some(Open { used: Instant::now(), ..open });
    }

    /// Sorts the error of a call, and keeps the connection if it can be used again.
    fn sort(&mut self, need: Need, mut open: Open, error: &RedisError) -> LinkError {
        let mut error = LinkError::sort(error, self.settings.connection.timeout);
        if let LinkError::WrongType { keys, .. } = &mut error {
            // No key is named if the user may not read the types.
            *keys = foreign::find(&mut open.redis, &self.settings.key_prefix).unwrap_or_default();
        }
        if error.spares_connection() {
            self.keep(open);
        }
        self.note(need, &error);
        error
    }

    fn note(&mut self, need: Need, error: &LinkError) {
        match error {
            LinkError::NoScript => {}
            LinkError::TakesNoWrites { .. } | LinkError::Forbidden(_) => {
                // Redis replied, so an outage is over.
                self.succeeded();
                self.refused(need, error);
            }
            error => self.failed(error),
        }
    }

    fn connect(&mut self) -> Result<Open, LinkError> {
        let (redis, server) = self.settings.connect(&mut self.known)?;
        self.connections += 1;
        let now = Instant::now();
        Ok(Open { redis, server, used: now, role_checked: now })
    }

    /// Checks the connection before use: at intervals that it still leads to a master, and after idle time that it is
    /// still open. Replaces an idle connection that Redis closed.
    fn check(&mut self, mut open: Open) -> Result<Open, LinkError> {
        let (now, timeout) = (Instant::now(), self.settings.connection.timeout);
        let idle = now.duration_since(open.used) >= IDLE;
        let checked = if now.duration_since(open.role_checked) >= self.settings.role_every {
            open.role_checked = now;
            survey::check_role(&mut open.redis, &self.settings.key_prefix, timeout)
        } else if idle {
            survey::ping(&mut open.redis).map(Ok)
        } else {
            return Ok(open);
        };
        match checked {
            Ok(serves) => serves.map(|()| open).map_err(|unfit| LinkError::Unfit(self.settings.explain(unfit))),
            // A server that hung would hang again. If another process replies, data may be lost. A thread of the engine has to
            // learn that; for a command, each call stands alone.
            Err(error) if idle && !error.is_timeout() => match self.connect()? {
                again if again.server == open.server || self.counted.is_none() => Ok(again),
                _ => Err(LinkError::sort(&error, timeout)),
            },
            Err(error) => Err(LinkError::sort(&error, timeout)),
        }
    }

    fn succeeded(&mut self) {
        self.backoff.succeeded();
        if let Some(Outage { since, .. }) = self.outage.take() {
            let (address, seconds) = (self.settings.name(), since.elapsed().as_secs_f64());
            self.log(Level::Info, format_args!("Redis at {address} is back after {seconds:.1} s"));
        }
    }

    fn failed(&mut self, error: &LinkError) {
        let now = Instant::now();
        self.count_error(error);
        match error {
            LinkError::Refused { .. } => self.backoff.refused(now, rand::random()),
            LinkError::Unfit(unfit) if !unfit.is_temporary() => self.backoff.refused(now, rand::random()),
            _ => self.backoff.failed(now, rand::random()),
        }
        if let LinkError::Rejected(_) | LinkError::WrongType { .. } = error {
            if self.rejected.as_ref() != Some(error) {
                self.log(Level::Error, format_args!("Redis at {} {error}", self.settings.name()));
                self.rejected = Some(error.clone());
            }
            return;
        }
        // Without a connection it is unknown whether Redis still refuses.
        if let Some(refusal) = self.refusal.take() {
            self.ends(refusal.cause);
        }
        let nature = discriminant(error);
        if self.outage.as_ref().is_none_or(|outage| outage.nature != nature) {
            self.announce(error);
        }
        self.outage = Some(Outage { since: self.outage.take().map_or(now, |outage| outage.since), nature });
    }

    /// Logs a warning for what recovers without an operator, an error for the rest.
    fn announce(&self, error: &LinkError) {
        let address = self.settings.name();
        let (level, message) = match error {
            LinkError::Unfit(unfit) if unfit.is_temporary() => {
                (Level::Warning, format!("Redis at {address} {error}; retrying, events wait"))
            }
            LinkError::Refused { .. } | LinkError::Unfit(_) => {
                (Level::Error, format!("Redis at {address} {error}; events wait"))
            }
            LinkError::Unreachable(_) => {
                (Level::Warning, format!("Redis at {address} is {error}: retrying; events wait"))
            }
            _ => (Level::Warning, format!("Redis at {address} {error}: retrying; events wait")),
        };
        self.log(level, message);
    }

    fn count_error(&self, error: &LinkError) {
        if let Some(telemetry) = &self.counted {
            telemetry.redis_failed(error.fault());
        }
    }

    #[track_caller]
    fn log(&self, level: Level, message: impl fmt::Display) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.log(level, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::event::Shard;
    use crate::support::redis::RedisServer;

    #[test]
    fn an_outage_ends_a_refusal() {
        let mut server = RedisServer::start_with(&["--maxmemory", "1"]);
        let config = serde_json::json!({ "connection": { "port": server.port() } });
        let settings = Settings::of(&Config::from_value(config).unwrap(), Shard::FIRST).unwrap();
        let mut link = Link::silent(settings);
        let set = |redis: &mut redis::Connection| redis::cmd("SET").arg("key").arg("value").exec(redis);
        assert!(matches!(link.write_while_full(set), Err(LinkError::TakesNoWrites { .. })));
        assert!(link.refused_since().is_some());
        server.kill();
        assert!(matches!(link.read(set), Err(LinkError::Unreachable(_))));
        assert!(link.refused_since().is_none());
    }
}
