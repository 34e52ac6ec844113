//! Engines on one Redis that report to one receiver.

use std::collections::{BTreeMap, HashSet};

use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};

use super::engine::{engine, eventually};
use super::receiver::{Received, Receiver};
use super::redis::RedisServer;

/// A cluster under test. Its nodes have to be stopped or dropped before it.
pub(crate) struct Cluster {
    /// The Redis of all nodes.
    pub(crate) redis: RedisServer,
    /// The receiver of all webhooks.
    pub(crate) receiver: Receiver,
}

impl Cluster {
    /// A cluster without nodes.
    pub(crate) fn start() -> Self {
        Self { redis: RedisServer::start(), receiver: Receiver::start() }
    }

    /// A cluster whose Redis has written down everything that it has answered.
    pub(crate) fn start_durable() -> Self {
        let durable = ["--appendonly", "yes", "--appendfsync", "always"];
        Self { redis: RedisServer::start_with(&durable), receiver: Receiver::start() }
    }

    /// Starts a node.
    pub(crate) fn node(&self) -> Engine {
        self.node_with(&json!({}))
    }

    /// Starts a node with these settings in place of those that suit most tests.
    pub(crate) fn node_with(&self, settings: &Value) -> Engine {
        engine(&self.redis, &self.receiver, settings)
    }

    /// What the receiver got, event by event, as `name channel` or `name channel/user`. A webhook that came again, as it
    /// may when a node dies or stops, counts once.
    pub(crate) fn events(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        let mut requests = self.receiver.received("/hook");
        requests.retain(|request| seen.insert(request.header("webhook-id").map(str::to_owned)));
        requests.iter().flat_map(Received::events).collect()
    }

    /// How often each event came.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for event in self.events() {
            *counts.entry(event).or_default() += 1;
        }
        counts
    }
}

/// One of the engine's numbers.
pub(crate) fn stat(engine: &Engine, name: &str) -> u64 {
    engine.stats().into_iter().find(|(known, _)| *known == name).map_or(0, |(_, value)| value)
}

/// Waits until Redis has judged everything the engine was told.
pub(crate) fn settled(engine: &Engine) {
    eventually("every claim is judged", || stat(engine, "queued_intents") == 0 && stat(engine, "pending_claims") == 0);
}
