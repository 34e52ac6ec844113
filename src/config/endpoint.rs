//! An endpoint: who receives which events of which application.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::endpoint_url::EndpointUrl;
use super::error::{ROOT, hint};
use super::value::{List, unless_empty};
use super::{Attempts, Defaults, Timeout};
use crate::event::EventName;
use crate::names::AppId;

/// A receiver of webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its position in the config's list, counting from 0, endpoints without a URL included.
    pub index: usize,
    /// Where it listens.
    pub url: EndpointUrl,
    /// Whose events it receives.
    pub apps: AppScope,
    /// Which events it receives.
    pub events: EventSet,
    /// Longest time for a whole request.
    pub timeout: Duration,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Attempts before a batch is given up.
    pub max_attempts: u32,
}

impl Endpoint {
    /// Whether this endpoint receives `event` of `app`.
    #[must_use]
    pub fn wants(&self, app: &AppId, event: EventName) -> bool {
        self.apps.contains(app) && self.events.contains(event)
    }
}

/// Which applications an endpoint serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppScope {
    /// `*`
    Every,
    /// One application.
    Only(AppId),
}

impl AppScope {
    /// Whether `app` is one of them.
    #[must_use]
    pub fn contains(&self, app: &AppId) -> bool {
        match self {
            Self::Every => true,
            Self::Only(only) => only == app,
        }
    }
}

/// A set of event names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventSet(u32);

impl EventSet {
    /// All events.
    #[must_use]
    pub fn all() -> Self {
        EventName::ALL.into_iter().collect()
    }

    /// Whether `event` is in the set.
    #[must_use]
    pub const fn contains(self, event: EventName) -> bool {
        self.0 & (1 << event as u32) != 0
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<EventName> for EventSet {
    fn from_iter<I: IntoIterator<Item = EventName>>(events: I) -> Self {
        Self(events.into_iter().fold(0, |set, event| set | 1 << event as u32))
    }
}

impl fmt::Debug for EventSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(EventName::ALL.into_iter().filter(|event| self.contains(*event))).finish()
    }
}

/// An entry of `endpoints` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with a url")]
pub(super) struct Entry {
    #[serde(default, deserialize_with = "unless_empty")]
    url: Option<EndpointUrl>,
    app_id: Option<AppScope>,
    events: Option<List<EventName>>,
    timeout: Option<Timeout>,
    connect_timeout: Option<Timeout>,
    max_attempts: Option<Attempts>,
}

impl Entry {
    /// The endpoint of this entry, or `None` and a warning when it has no URL: its environment variable may be unset on
    /// purpose.
    pub(super) fn resolve(
        self,
        index: usize,
        key: &str,
        defaults: &Defaults,
        warnings: &mut Vec<String>,
    ) -> Option<Endpoint> {
        let key = format!("{ROOT}.endpoints.{key}");
        let Some(url) = self.url else {
            warnings.push(format!("{key}.url is empty: this endpoint is skipped"));
            return None;
        };
        let events =
            self.events.map_or_else(EventSet::all, |List(names)| names.into_iter().map(|(_, name)| name).collect());
        if events.is_empty() {
            warnings.push(format!("{key}.events is empty: this endpoint receives nothing"));
        }
        Some(Endpoint {
            index,
            url,
            apps: self.app_id.unwrap_or(AppScope::Every),
            events,
            timeout: self.timeout.map_or(defaults.timeout, Timeout::duration),
            connect_timeout: self.connect_timeout.map_or(defaults.connect_timeout, Timeout::duration),
            max_attempts: self.max_attempts.map_or(defaults.max_attempts, Attempts::get),
        })
    }
}

/// `'*'`, an id, or an id that PHP took for a number.
impl<'de> Deserialize<'de> for AppScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdOrStar;

        impl Visitor<'_> for IdOrStar {
            type Value = AppScope;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of an application or \"*\"")
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<AppScope, E> {
                Ok(AppScope::Only(AppId::from(id.to_string().as_str())))
            }

            fn visit_str<E: Error>(self, id: &str) -> Result<AppScope, E> {
                match id {
                    "*" => Ok(AppScope::Every),
                    "" => Err(E::custom("is empty, expected the id of an application or \"*\"")),
                    id => Ok(AppScope::Only(AppId::from(id))),
                }
            }
        }

        deserializer.deserialize_any(IdOrStar)
    }
}

impl<'de> Deserialize<'de> for EventName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str);
            D::Error::custom(format_args!("unknown event {name:?}, {}", hint(&name, &known)))
        })
    }
}
