//! The optional data that endpoints require, by application.
//!
//! Hooks and node state always track channels and members. They gather anything else only if an endpoint requires it.

use std::collections::HashSet;

use crate::config::{AppScope, Endpoint, Payload};
use crate::event::{AppId, EventName};

/// The applications for which each kind of optional data is gathered.
#[derive(Debug)]
pub(super) struct Demands {
    /// Connections.
    pub(super) connections: Demand,
    /// Subscription counts.
    pub(super) counts: Demand,
    /// Empty cache channels.
    pub(super) caches: Demand,
    /// Connection and user data of members.
    pub(super) details: Demand,
}

impl Demands {
    /// Returns the data that these endpoints require.
    pub(super) fn of(endpoints: &[Endpoint]) -> Self {
        let connections = [EventName::ConnectionEstablished, EventName::ConnectionTerminated];
        Self {
            connections: Demand::in_events(endpoints, connections),
            counts: Demand::in_events(endpoints, [EventName::SubscriptionCount]),
            caches: Demand::in_events(endpoints, [EventName::CacheMiss]),
            details: Demand::of(endpoints.iter().filter(|endpoint| endpoint.payload == Payload::Extended)),
        }
    }

    /// Returns `true` if `self` includes everything in `other`.
    pub(super) fn superset_of(&self, other: &Self) -> bool {
        self.connections.superset_of(&other.connections)
            && self.counts.superset_of(&other.counts)
            && self.caches.superset_of(&other.caches)
            && self.details.superset_of(&other.details)
    }
}

/// The applications for which an endpoint requires some data.
#[derive(Debug, Default)]
pub(super) struct Demand {
    every: bool,
    apps: HashSet<Box<[u8]>>,
}

impl Demand {
    /// Returns the applications of the endpoints that receive any of `events`.
    fn in_events<const N: usize>(endpoints: &[Endpoint], events: [EventName; N]) -> Self {
        Self::of(endpoints.iter().filter(|endpoint| events.iter().any(|event| endpoint.events.contains(*event))))
    }

    /// Returns the applications of these endpoints.
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

    /// Returns the applications, or `None` for all of them.
    pub(super) fn single(&self) -> Option<HashSet<AppId>> {
        (!self.every).then(|| self.apps.iter().map(|app| AppId::new(app)).collect())
    }

    /// Returns `true` if there is at least one application.
    pub(super) fn any(&self) -> bool {
        self.every || !self.apps.is_empty()
    }

    /// Returns `true` if all applications of `other` are included.
    fn superset_of(&self, other: &Self) -> bool {
        self.every || (!other.every && other.apps.is_subset(&self.apps))
    }

    /// Returns `true` if `app` is included.
    pub(super) fn includes(&self, app: &[u8]) -> bool {
        self.every || self.apps.contains(app)
    }
}
