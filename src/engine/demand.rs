//! What the endpoints ask for beyond channels and members, by application.

use std::collections::HashSet;

use crate::config::{AppScope, Endpoint, Payload};
use crate::event::{AppId, EventName};

/// What hooks and node state gather beside channels and members, and of which applications.
#[derive(Debug)]
pub(super) struct Demands {
    /// Who comes and goes.
    pub(super) connections: Demand,
    /// How many are subscribed.
    pub(super) counts: Demand,
    /// Which cache channels are empty.
    pub(super) caches: Demand,
    /// What is known of members beside their ids.
    pub(super) details: Demand,
}

impl Demands {
    /// What these endpoints ask for.
    pub(super) fn of(endpoints: &[Endpoint]) -> Self {
        let connections = [EventName::ConnectionEstablished, EventName::ConnectionTerminated];
        Self {
            connections: Demand::in_events(endpoints, connections),
            counts: Demand::in_events(endpoints, [EventName::SubscriptionCount]),
            caches: Demand::in_events(endpoints, [EventName::CacheMiss]),
            details: Demand::of(endpoints.iter().filter(|endpoint| endpoint.payload == Payload::Extended)),
        }
    }

    /// Whether all that `other` gathers is gathered.
    pub(super) fn superset_of(&self, other: &Self) -> bool {
        self.connections.superset_of(&other.connections)
            && self.counts.superset_of(&other.counts)
            && self.caches.superset_of(&other.caches)
            && self.details.superset_of(&other.details)
    }
}

/// The applications of which an endpoint wants to know something.
#[derive(Debug, Default)]
pub(super) struct Demand {
    every: bool,
    apps: HashSet<Box<[u8]>>,
}

impl Demand {
    /// The applications of the endpoints that receive any of `events`.
    fn in_events<const N: usize>(endpoints: &[Endpoint], events: [EventName; N]) -> Self {
        Self::of(endpoints.iter().filter(|endpoint| events.iter().any(|event| endpoint.events.contains(*event))))
    }

    /// The applications of these endpoints.
    fn of<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Self {
        let mut demand = Self::default();
        for endpoint in endpoints {
            match &endpoint.apps {
                AppScope::Every => demand.every = true,
                AppScope::Only(app) => _ = demand.apps.insert(Box::from(app.as_bytes())),
            }
        }
        demand
    }

    /// The applications one by one, unless it is every one.
    pub(super) fn single(&self) -> Option<HashSet<AppId>> {
        (!self.every).then(|| self.apps.iter().map(|app| AppId::new(app)).collect())
    }

    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        self.every || !self.apps.is_empty()
    }

    /// Whether all of `other`'s are among them.
    fn superset_of(&self, other: &Self) -> bool {
        self.every || (!other.every && other.apps.is_subset(&self.apps))
    }

    /// Whether `app` is one of them.
    pub(super) fn includes(&self, app: &[u8]) -> bool {
        self.every || self.apps.contains(app)
    }
}
