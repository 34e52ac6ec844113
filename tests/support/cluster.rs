//! A cluster under test: engines with one Redis and one receiver.

use std::collections::{BTreeMap, HashSet};

use resonate_webhooks::engine::Engine;
use serde_json::{Value, json};

use super::engine::{engine, eventually};
use super::receiver::{Received, Receiver};
use super::redis::RedisServer;

/// A cluster under test. Stop or drop its nodes before it.
pub(crate) struct Cluster {
    /// Redis of all nodes.
    pub(crate) redis: RedisServer,
    /// Receiver of all webhooks.
    pub(crate) receiver: Receiver,
}

impl Cluster {
    /// Starts a cluster without nodes.
    pub(crate) fn start() -> Self {
        Self { redis: RedisServer::start(), receiver: Receiver::start() }
    }

    /// Starts a cluster whose Redis writes everything to disk before it answers.
    pub(crate) fn start_durable() -> Self {
        let durable = ["--appendonly", "yes", "--appendfsync", "always"];
        Self { redis: RedisServer::start_with(&durable), receiver: Receiver::start() }
    }

    /// Starts a node.
    pub(crate) fn node(&self) -> Engine {
        self.node_with(&json!({}))
    }

    /// Starts a node with these settings in place of the defaults for tests.
    pub(crate) fn node_with(&self, settings: &Value) -> Engine {
        engine(&self.redis, &self.receiver, settings)
    }

    /// Returns the received events as `name channel` or `name channel/user`. A repeated webhook, as it may come when a
    /// node dies or stops, counts once.
    pub(crate) fn events(&self) -> Vec<String> {
        events(&self.receiver)
    }

    /// Returns the number of times that each event came.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for event in self.events() {
            *counts.entry(event).or_default() += 1;
        }
        counts
    }
}

/// Returns the events that the receiver got on `/hook`, as [`Cluster::events`] does.
pub(crate) fn events(receiver: &Receiver) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut requests = receiver.received("/hook");
    requests.retain(|request| seen.insert(request.header("webhook-id").map(str::to_owned)));
    requests.iter().flat_map(Received::events).collect()
}

/// Asserts that arrivals and departures alternate on each of these channels and for each of their users, and end with a
/// departure. `subjects` is the number of channels and users.
pub(crate) fn assert_alternating(receiver: &Receiver, subjects: usize) {
    let mut by_subject: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events(receiver) {
        let (name, subject) = event.split_once(' ').expect("a name and a subject");
        by_subject.entry(subject.to_owned()).or_default().push(name.to_owned());
    }
    assert_eq!(by_subject.len(), subjects, "{by_subject:?}");
    for (subject, names) in by_subject {
        let edges = if subject.contains('/') {
            ["member_added", "member_removed"]
        } else {
            ["channel_occupied", "channel_vacated"]
        };
        assert!(
            names.iter().zip(edges.into_iter().cycle()).all(|(name, expected)| name == expected),
            "{subject}: {names:?}"
        );
        assert!(names.len().is_multiple_of(2), "{subject}: {names:?}");
    }
}

/// Returns one of the engine's numbers.
pub(crate) fn stat(engine: &Engine, name: &str) -> u64 {
    engine.stats().into_iter().find(|(known, _)| *known == name).map_or(0, |(_, value)| value)
}

/// Waits until Redis has decided every claim of the engine.
pub(crate) fn all_decided(engine: &Engine) {
    eventually("all claims to be decided", || {
        stat(engine, "queued_intents") == 0 && stat(engine, "pending_claims") == 0
    });
}
