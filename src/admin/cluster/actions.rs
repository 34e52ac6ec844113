//! What can be done to a cluster, and looked at while it happens.

use std::collections::BTreeMap;

use redis::Commands;
use redis::streams::StreamRangeReply;
use serde::Serialize;

use super::super::adoption::{Adoption, adopt};
use super::{ClientError, Cluster, Refusals};
use crate::config::{AppScope, Endpoint};
use crate::delivery::{Credentials, TestDelivery, test_delivery};
use crate::telemetry::Sight;

/// How long nodes go on showing deliveries after the last look.
const WATCH_MS: u64 = 10_000;

/// Deliveries that one look shows at most.
const SHOWN_AT_MOST: usize = 500;

/// An endpoint as it is configured here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Configured {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// Its name, if it has one, and its URL without secrets.
    pub label: String,
    /// That URL.
    pub url: String,
    /// Whose events it gets; `*` for those of every application.
    pub app_id: String,
    /// What it may be called by.
    #[serde(skip)]
    aliases: [Option<String>; 4],
}

/// What those see who watch.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    /// Where to go on.
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
            app_id: match &endpoint.apps {
                AppScope::Every => "*".to_owned(),
                AppScope::Only(app) => app.as_text().into_owned(),
            },
            aliases: [Some(id.clone()), endpoint.name.clone(), Some(url.clone()), Some(endpoint.target.configured())],
            id,
            url,
        }
    }
}

impl Cluster {
    /// The endpoints of the config that are enabled and have a URL.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Configured> {
        self.endpoints.iter().map(Configured::of).collect()
    }

    /// Those of them that are called `name`: by id, name or URL.
    #[must_use]
    pub fn called(&self, name: &str) -> Vec<Configured> {
        let mut endpoints = self.endpoints();
        endpoints.retain(|endpoint| endpoint.aliases.iter().flatten().any(|alias| alias == name));
        endpoints
    }

    /// What is allowed in the config but probably not meant.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Sends a test to the endpoint with this id, in the name of the application with these credentials. Needs no Redis.
    /// `None` when there is no such endpoint in the config.
    #[must_use]
    pub fn test(&self, endpoint: &str, credentials: &Credentials) -> Option<TestDelivery> {
        let endpoint = self.endpoints.iter().find(|known| known.id.as_str() == endpoint)?;
        Some(test_delivery(endpoint, credentials))
    }

    /// Makes the data that of the cluster of this config, after the application was renamed or its key replaced. Nodes of the
    /// former identity stop their webhooks at once; nodes of the new one reap them.
    ///
    /// # Errors
    /// When Redis cannot be asked.
    pub fn adopt(&mut self) -> Result<Adoption, ClientError> {
        let Some(identity) = self.identity.clone() else { return Ok(Adoption::Own) };
        self.call(|redis, cluster| adopt(&cluster.keys, redis, &cluster.outbox.owners(), &identity))
    }

    /// Has nothing more sent to an endpoint, on any node, from within two seconds on. What is under way goes on, and what
    /// comes waits. `false` when that is so already.
    ///
    /// # Errors
    /// When Redis cannot be asked; so with all that follow.
    pub fn pause(&mut self, endpoint: &str) -> Result<bool, ClientError> {
        self.call(|redis, cluster| {
            let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(redis)?;
            redis.hset_nx(cluster.keys.paused(), endpoint, seconds * 1000 + micros / 1000)
        })
    }

    /// Sends to an endpoint again that was paused or has answered 410. `false` when it is neither.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn resume(&mut self, endpoint: &str) -> Result<bool, ClientError> {
        self.call(|redis, cluster| {
            let ended: (usize, usize) = redis::pipe()
                .hdel(cluster.keys.paused(), endpoint)
                .hdel(cluster.keys.disabled(), endpoint)
                .query(redis)?;
            Ok(ended != (0, 0))
        })
    }

    /// What Redis refuses to this user, or to everybody. Every command is run that servers call, without a trace.
    ///
    /// # Errors
    /// As [`Self::pause`]; also when Redis runs no scripts.
    pub fn refusals(&mut self) -> Result<Refusals, ClientError> {
        self.call(|redis, cluster| Refusals::ask(redis, cluster.keys.prefix()))
    }

    /// The ids of the endpoints that are paused, and since when in Unix ms.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn paused(&mut self) -> Result<BTreeMap<String, u64>, ClientError> {
        self.call(|redis, cluster| redis.hgetall(cluster.keys.paused()))
    }

    /// The ids of the endpoints that have answered 410 and were not resumed, and since when in Unix ms.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn disabled(&mut self) -> Result<BTreeMap<String, u64>, ClientError> {
        self.call(|redis, cluster| redis.hgetall(cluster.keys.disabled()).map(super::since))
    }

    /// The attempts that nodes have made since `last`, or from now on without one; to be called again and again. Nodes show
    /// them while somebody looks, from within two seconds on.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn watch(&mut self, last: Option<&str>) -> Result<Seen, ClientError> {
        self.call(|redis, cluster| {
            redis.pset_ex::<_, _, ()>(cluster.keys.watch(), 1, WATCH_MS)?;
            let Some(last) = last else {
                let newest: StreamRangeReply = redis.xrevrange_count(cluster.keys.sights(), "+", "-", 1)?;
                let newest = newest.ids.first().map_or_else(|| "0-0".to_owned(), |entry| entry.id.clone());
                return Ok(Seen { last: newest, deliveries: Vec::new() });
            };
            let from = format!("({last}");
            let found: StreamRangeReply = redis.xrange_count(cluster.keys.sights(), from, "+", SHOWN_AT_MOST)?;
            let sights = found.ids.iter().filter_map(|entry| entry.get::<Vec<u8>>("s"));
            Ok(Seen {
                last: found.ids.last().map_or_else(|| last.to_owned(), |entry| entry.id.clone()),
                deliveries: sights.filter_map(|sight| serde_json::from_slice(&sight).ok()).collect(),
            })
        })
    }
}
