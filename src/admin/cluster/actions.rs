//! Actions on a cluster: pause, resume, test, adopt and watch.

use std::collections::BTreeMap;

use redis::Commands;
use redis::streams::StreamRangeReply;
use serde::Serialize;

use super::super::adoption::{Adoption, adopt};
use super::{ClientError, Cluster, Refusals, ShardClients};
use crate::config::Endpoint;
use crate::delivery::{Credentials, TestDelivery, test_delivery};
use crate::event::Shard;
use crate::redis::server_time_ms;
use crate::telemetry::Sight;

/// The time (ms) for which nodes publish attempts after the last call of [`Cluster::watch`].
const WATCH_MS: u64 = 10_000;

/// The maximum number of attempts that one call of [`Cluster::watch`] returns.
const SHOWN_AT_MOST: usize = 500;

/// An endpoint of this config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Configured {
    /// Id of the endpoint.
    pub id: String,
    /// Display name, if it has one.
    pub name: Option<String>,
    /// Label: name, if it has one, and URL without secrets.
    pub label: String,
    /// URL without secrets.
    pub url: String,
    /// Application whose events it receives; `*` for all.
    pub app_id: String,
    /// Texts by which [`Cluster::called`] finds it.
    #[serde(skip)]
    aliases: [Option<String>; 4],
}

/// The result of [`Cluster::watch`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    /// Position for the next call.
    pub last: String,
    /// Attempts, oldest first.
    pub deliveries: Vec<Sight>,
}

impl Configured {
    fn of(endpoint: &Endpoint) -> Self {
        let (id, url) = (endpoint.id.to_string(), endpoint.target.to_string());
        Self {
            name: endpoint.name.clone(),
            label: endpoint.label(),
            app_id: endpoint.apps.to_string(),
            aliases: [Some(id.clone()), endpoint.name.clone(), Some(url.clone()), Some(endpoint.target.configured())],
            id,
            url,
        }
    }
}

impl Cluster {
    /// Returns the enabled endpoints of the config that have a target.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Configured> {
        self.endpoints.iter().map(Configured::of).collect()
    }

    /// Returns the endpoints whose id, name or URL is `name`.
    #[must_use]
    pub fn called(&self, name: &str) -> Vec<Configured> {
        let mut endpoints = self.endpoints();
        endpoints.retain(|endpoint| endpoint.aliases.iter().flatten().any(|alias| alias == name));
        endpoints
    }

    /// Returns the warnings about the config.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Sends a test delivery to the endpoint with this id, signed with these credentials of an application. Does not
    /// use Redis. Returns `None` if the config has no such endpoint.
    #[must_use]
    pub fn test(&self, endpoint: &str, credentials: &Credentials) -> Option<TestDelivery> {
        let endpoint = self.endpoints.iter().find(|known| known.id.as_str() == endpoint)?;
        Some(test_delivery(endpoint, credentials))
    }

    /// Gives the data to the cluster of this config, after the application was renamed or its key replaced. Nodes with
    /// the former identity stop their webhooks immediately, and nodes with the new one reap them. Shards are adopted one after
    /// the other; after an error, the next call adopts the rest.
    ///
    /// # Errors
    /// If Redis cannot be reached or refuses the call.
    pub fn adopt(&mut self) -> Result<Adoption, ClientError> {
        if self.own().is_none() {
            return Ok(Adoption::Own);
        }
        let mut former = Adoption::Own;
        for shard in self.clients.shards() {
            match self.clients.call(shard, adopt)? {
                Adoption::Own => {}
                adopted @ Adoption::Adopted(_) => former = adopted,
                refused => return Ok(refused),
            }
        }
        Ok(former)
    }

    /// Pauses deliveries to an endpoint. All nodes apply it within 2 s. Attempts in progress continue, and new events
    /// wait. Returns `false` if the endpoint is already paused.
    ///
    /// # Errors
    /// If Redis cannot be reached or refuses the call.
    pub fn pause(&mut self, endpoint: &str) -> Result<bool, ClientError> {
        self.call(|redis, keys| {
            let now_ms = server_time_ms(redis)?;
            redis.hset_nx(keys.key("paused"), endpoint, now_ms)
        })
    }

    /// Resumes deliveries to an endpoint that is paused or has answered 410. Returns `false` if it is neither.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn resume(&mut self, endpoint: &str) -> Result<bool, ClientError> {
        self.call(|redis, keys| {
            let ended: (usize, usize) =
                redis::pipe().hdel(keys.key("paused"), endpoint).hdel(keys.key("disabled"), endpoint).query(redis)?;
            Ok(ended != (0, 0))
        })
    }

    /// Returns the commands that Redis refuses. Runs every command that servers need, without changing any data.
    ///
    /// # Errors
    /// As [`Self::pause`], and if Redis runs no scripts.
    pub fn refusals(&mut self) -> Result<Refusals, ClientError> {
        // Each server may have rights of its own.
        let ask = |shard: Shard| self.clients.call(shard, |redis, keys| Refusals::ask(redis, &keys.prefix));
        let shards: Vec<Shard> = self.clients.shards().collect();
        let (found, _) = ShardClients::separate(ShardClients::ask_all(&shards, ask))?;
        Ok(found.into_iter().fold(Refusals::default(), Refusals::and))
    }

    /// Returns the paused endpoints: id → start of the pause in Unix ms.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn paused(&mut self) -> Result<BTreeMap<String, u64>, ClientError> {
        self.call(|redis, keys| redis.hgetall(keys.key("paused")))
    }

    /// Returns the disabled endpoints, which have answered 410: id → time of the answer in Unix ms.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn disabled(&mut self) -> Result<BTreeMap<String, u64>, ClientError> {
        self.call(|redis, keys| redis.hgetall(keys.key("disabled")).map(super::since))
    }

    /// Returns the attempts of all nodes since `last`. Without `last`, returns only the position for the next call.
    /// Call it repeatedly: nodes start to publish attempts within 2 s of a call, and stop 10 s after the last one.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn watch(&mut self, last: Option<&str>) -> Result<Seen, ClientError> {
        self.call(|redis, keys| {
            redis.pset_ex::<_, _, ()>(keys.key("watch"), 1, WATCH_MS)?;
            let Some(last) = last else {
                let newest: StreamRangeReply = redis.xrevrange_count(keys.key("watched"), "+", "-", 1)?;
                let newest = newest.ids.first().map_or_else(|| "0-0".to_owned(), |entry| entry.id.clone());
                return Ok(Seen { last: newest, deliveries: Vec::new() });
            };
            let from = format!("({last}");
            let found: StreamRangeReply = redis.xrange_count(keys.key("watched"), from, "+", SHOWN_AT_MOST)?;
            let sights = found.ids.iter().filter_map(|entry| entry.get::<Vec<u8>>("s"));
            Ok(Seen {
                last: found.ids.last().map_or_else(|| last.to_owned(), |entry| entry.id.clone()),
                deliveries: sights.filter_map(|sight| serde_json::from_slice(&sight).ok()).collect(),
            })
        })
    }
}
