//! Redis client for callers that may block: commands, requests, dashboard pages.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use redis::{Connection, RedisResult};

use super::{Link, LinkError, Mismatch, OwnShard, Settings, Stamp};
use crate::config::{Config, ConfigError};
use crate::event::Shard;
use crate::process;

/// A connection to a shard that is opened by the first call and reused until a call fails.
#[derive(Debug)]
struct Client {
    own: OwnShard,
    settings: Settings,
    /// The connection and the process that opened it; a forked child must not use it.
    link: Mutex<Option<(u32, Link)>>,
}

/// Redis was unreachable or refused a call, or its data is not for this config.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Redis at {address}: {fault}")]
pub struct ClientError {
    pub(crate) address: String,
    pub(crate) fault: Fault,
}

/// The cause of a [`ClientError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Link(LinkError),
    #[error("{mismatch}. {}", .mismatch.remedy())]
    Mismatch { mismatch: Mismatch },
}

impl ClientError {
    /// Returns `true` if Redis answered and the operator has to change its setup, or the connection settings. The message
    /// says how.
    #[must_use]
    pub fn needs_setup(&self) -> bool {
        match &self.fault {
            Fault::Link(error) => error.needs_setup(),
            Fault::Mismatch { .. } => true,
        }
    }
}

impl Client {
    fn over<T>(&self, call: impl FnOnce(&mut Link) -> Result<T, LinkError>) -> Result<T, ClientError> {
        let process = std::process::id();
        let own = self.link.lock().take().filter(|(opener, _)| *opener == process);
        let mut link = own.map_or_else(|| Link::silent(self.settings.clone()), |(_, link)| link);
        let result = call(&mut link);
        // A failed link backs off, but an operator's next call should try at once.
        if result.is_ok() {
            *self.link.lock() = Some((process, link));
        }
        result.map_err(|error| ClientError { address: self.settings.name(), fault: Fault::Link(error) })
    }

    fn excluded(&self, mismatch: Mismatch) -> ClientError {
        ClientError { address: self.settings.name(), fault: Fault::Mismatch { mismatch } }
    }
}

/// A client for each shard of a cluster.
#[derive(Debug)]
pub(crate) struct ShardClients {
    clients: Vec<Client>,
    /// The prefix under which the same server would have the data of one shard.
    untagged_prefix: Option<String>,
    /// The data has the number of shards of the config.
    fits: AtomicBool,
}

impl ShardClients {
    /// Creates the clients for the cluster of `config`.
    ///
    /// # Errors
    /// If a TLS file of the connection cannot be used.
    pub(crate) fn of(config: &Config) -> Result<Self, ConfigError> {
        let settings = Settings::of(config, Shard::FIRST)?;
        let client = |shard| Client {
            own: OwnShard::of(config, shard),
            settings: settings.for_shard(config, shard),
            link: Mutex::new(None),
        };
        Ok(Self {
            clients: config.shards().map(client).collect(),
            untagged_prefix: config.connection.untagged_prefix(&config.key_prefix),
            fits: AtomicBool::new(false),
        })
    }

    /// Returns the shards.
    pub(crate) fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        Shard::all(u8::try_from(self.clients.len()).unwrap_or(u8::MAX))
    }

    /// Returns the cluster of the config, for the data of a shard.
    pub(crate) fn own(&self, shard: Shard) -> &OwnShard {
        &self.clients[shard.index()].own
    }

    /// Makes a call to a shard. Blocks until Redis replies.
    ///
    /// # Errors
    /// If Redis is unreachable or refuses the call.
    pub(crate) fn call<T>(
        &self,
        shard: Shard,
        talk: impl FnOnce(&mut Connection, &OwnShard) -> RedisResult<T>,
    ) -> Result<T, ClientError> {
        let client = &self.clients[shard.index()];
        client.over(|link| link.with(|redis| talk(redis, &client.own)))
    }

    /// Makes a call to a shard that only reads. `talk` also gets the `run_id` of the server process, empty if it is unknown.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(crate) fn read<T>(
        &self,
        shard: Shard,
        talk: impl FnOnce(&mut Connection, &OwnShard, &str) -> RedisResult<T>,
    ) -> Result<T, ClientError> {
        let client = &self.clients[shard.index()];
        client.over(|link| {
            let server = link.server()?;
            link.read(|redis| talk(redis, &client.own, &server))
        })
    }

    /// Makes a call to each of these shards, to all at the same time. Returns the results in the order of the shards.
    pub(crate) fn ask_all<T: Send>(
        shards: &[Shard],
        call: impl Fn(Shard) -> Result<T, ClientError> + Sync,
    ) -> Vec<Result<T, ClientError>> {
        process::run_at_once("wh-ask", shards.iter().map(|shard| || call(*shard)).collect())
    }

    /// Separates replies from failures.
    ///
    /// # Errors
    /// The first mismatch; the first failure, if there is no reply.
    pub(crate) fn separate<T>(results: Vec<Result<T, ClientError>>) -> Result<(Vec<T>, Vec<ClientError>), ClientError> {
        let (mut replies, mut failures) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(reply) => replies.push(reply),
                Err(failure) if matches!(failure.fault, Fault::Mismatch { .. }) => return Err(failure),
                Err(failure) => failures.push(failure),
            }
        }
        match failures.first() {
            Some(failure) if replies.is_empty() => Err(failure.clone()),
            _ => Ok((replies, failures)),
        }
    }

    /// Checks, until it is known, that the data has the number of shards of the config. `shard` decides if it has data,
    /// otherwise the first one that answers and has data.
    ///
    /// # Errors
    /// If it has another number, and if `shard` does not answer.
    pub(crate) fn check(&self, shard: Shard) -> Result<(), ClientError> {
        self.check_one(shard)?;
        self.check_others(&[shard])
    }

    /// The same after [`Self::check_one`] of `checked`, of which a shard has answered.
    ///
    /// # Errors
    /// If the data has another number.
    pub(crate) fn check_others(&self, checked: &[Shard]) -> Result<(), ClientError> {
        if self.fits.load(Ordering::Relaxed) {
            return Ok(());
        }
        let others: Vec<Shard> = self.shards().filter(|shard| !checked.contains(shard)).collect();
        let mut results = Self::ask_all(&others, |shard| self.check_one(shard));
        // A shard has answered, so it is no failure that no other does.
        results.push(Ok(()));
        Self::separate(results).map(|_| ())
    }

    /// Checks, until it is known, that the data of one shard has the number of shards of the config. In the first shard, also
    /// checks that there is no data of another number of shards on the same server.
    ///
    /// # Errors
    /// If it has another number, and if the shard does not answer.
    pub(crate) fn check_one(&self, shard: Shard) -> Result<(), ClientError> {
        if self.fits.load(Ordering::Relaxed) {
            return Ok(());
        }
        let stamp = self.call(shard, |redis, own| Stamp::of(redis, &own.prefix))?;
        let mismatch = match &self.untagged_prefix {
            _ if stamp.shards().is_some() => self.own(shard).compare_shards(&stamp),
            Some(untagged) if shard == Shard::FIRST => {
                self.call(shard, |redis, own| own.compare_number(redis, untagged))?
            }
            _ => return Ok(()),
        };
        if let Some(mismatch) = mismatch {
            return Err(self.clients[shard.index()].excluded(mismatch));
        }
        if stamp.shards().is_some() {
            self.fits.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
