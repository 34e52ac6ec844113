//! Which applications' hooks have something to tell that only some endpoints ask for.

use std::collections::HashSet;

use crate::config::{AppScope, Endpoint, Payload};
use crate::event::{AppId, EventName};

/// What hooks and books gather beside channels and members, and of which applications.
#[derive(Debug)]
pub(super) struct Interests {
    /// Who comes and goes.
    pub(super) connections: Interest,
    /// How many are subscribed.
    pub(super) counts: Interest,
    /// Which cache channels are empty.
    pub(super) caches: Interest,
    /// What is known of members beside their ids.
    pub(super) details: Interest,
}

impl Interests {
    /// What these endpoints ask for.
    pub(super) fn of(endpoints: &[Endpoint]) -> Self {
        let connections = [EventName::ConnectionEstablished, EventName::ConnectionTerminated];
        Self {
            connections: Interest::in_events(endpoints, connections),
            counts: Interest::in_events(endpoints, [EventName::SubscriptionCount]),
            caches: Interest::in_events(endpoints, [EventName::CacheMiss]),
            details: Interest::of(endpoints.iter().filter(|endpoint| endpoint.payload == Payload::Extended)),
        }
    }

    /// Whether all that `other` gathers is gathered.
    pub(super) fn cover(&self, other: &Self) -> bool {
        self.connections.covers(&other.connections)
            && self.counts.covers(&other.counts)
            && self.caches.covers(&other.caches)
            && self.details.covers(&other.details)
    }
}

/// The applications of which an endpoint wants to know something.
#[derive(Debug, Default)]
pub(super) struct Interest {
    every: bool,
    apps: HashSet<Box<[u8]>>,
}

impl Interest {
    /// The applications of the endpoints that receive any of `events`.
    fn in_events<const N: usize>(endpoints: &[Endpoint], events: [EventName; N]) -> Self {
        Self::of(endpoints.iter().filter(|endpoint| events.iter().any(|event| endpoint.events.contains(*event))))
    }

    /// The applications of these endpoints.
    fn of<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Self {
        let mut interest = Self::default();
        for endpoint in endpoints {
            match &endpoint.apps {
                AppScope::Every => interest.every = true,
                AppScope::Only(app) => _ = interest.apps.insert(Box::from(app.as_bytes())),
            }
        }
        interest
    }

    /// The applications one by one, unless it is every one.
    pub(super) fn single(&self) -> Option<HashSet<AppId>> {
        (!self.every).then(|| self.apps.iter().map(|app| AppId::new(app)).collect())
    }

    /// Whether there are any.
    pub(super) fn is_somebody(&self) -> bool {
        self.every || !self.apps.is_empty()
    }

    /// Whether all of `other`'s are among them.
    fn covers(&self, other: &Self) -> bool {
        self.every || (!other.every && other.apps.is_subset(&self.apps))
    }

    /// Whether `app` is one of them.
    pub(super) fn is_in(&self, app: &[u8]) -> bool {
        self.every || self.apps.contains(app)
    }
}
