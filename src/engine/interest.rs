//! Which applications' hooks have something to tell that only some endpoints ask for.

use std::collections::HashSet;

use crate::config::{AppScope, Endpoint};
use crate::event::EventName;
use crate::names::AppId;

/// The applications of which an endpoint wants to know something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interest {
    every: bool,
    apps: HashSet<Box<[u8]>>,
}

impl Interest {
    /// The applications of the endpoints that receive any of `events`.
    pub(super) fn in_events<const N: usize>(endpoints: &[Endpoint], events: [EventName; N]) -> Self {
        Self::of(endpoints.iter().filter(|endpoint| events.iter().any(|event| endpoint.events.contains(*event))))
    }

    /// The applications of these endpoints.
    pub(super) fn of<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Self {
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
    pub(super) fn single(self) -> Option<HashSet<AppId>> {
        (!self.every).then(|| self.apps.iter().map(|app| AppId::new(app)).collect())
    }

    /// Whether there are any.
    pub(super) fn is_somebody(&self) -> bool {
        self.every || !self.apps.is_empty()
    }

    /// Whether all of `other`'s are among them.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.every || (!other.every && other.apps.is_subset(&self.apps))
    }

    /// Whether `app` is one of them.
    pub(super) fn is_in(&self, app: &[u8]) -> bool {
        self.every || self.apps.contains(app)
    }
}
