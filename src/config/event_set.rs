//! The events in `endpoints.*.events`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use strum::{EnumCount, VariantArray};

use super::custom_names::NamePattern;
use super::error::{hint, nearest, place};
use crate::event::EventName;

/// A set of event names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventSet(u32);

impl EventSet {
    /// Returns the default: the events of an endpoint without `events`.
    #[must_use]
    pub fn usual() -> Self {
        EventName::USUAL.into_iter().collect()
    }

    /// Returns `true` if `event` is in the set.
    pub(crate) const fn contains(self, event: EventName) -> bool {
        self.0 & (1 << event as u32) != 0
    }

    /// Returns `true` if the set is empty.
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
        f.debug_set().entries(EventName::VARIANTS.iter().filter(|event| self.contains(**event))).finish()
    }
}

/// Returns all names, in the order of the documentation.
fn known() -> [&'static str; EventName::COUNT] {
    std::array::from_fn(|n| EventName::VARIANTS[n].into())
}

/// An entry of `events`.
pub(super) enum Wanted {
    Listed(EventName),
    Custom(NamePattern),
    /// An unknown name that resembles no known one.
    Unknown(String),
}

impl Wanted {
    /// Returns the name, if it is one of Pusher's events.
    pub(super) const fn listed(&self) -> Option<EventName> {
        if let Self::Listed(name) = self { Some(*name) } else { None }
    }

    /// Returns a warning for an unknown name at `key`.
    pub(super) fn warning(&self, key: &str) -> Option<String> {
        let Self::Unknown(name) = self else { return None };
        let known = known().join(", ");
        Some(format!("{}: unknown event {name:?}, ignored; expected one of {known}", place(key)))
    }

    /// Returns the pattern, if it is one for custom events.
    pub(super) fn custom(&self) -> Option<NamePattern> {
        if let Self::Custom(pattern) = self { Some(pattern.clone()) } else { None }
    }
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if let Ok(listed) = name.parse() {
            return Ok(Self::Listed(listed));
        }
        if let Some(meant) = NamePattern::meant(&name) {
            let meant = <&str>::from(meant);
            return Err(D::Error::custom(format_args!("unknown event {name:?}, did you mean {meant:?}?")));
        }
        if name.contains('.') {
            return NamePattern::parse(&name).map(Self::Custom).map_err(D::Error::custom);
        }
        let known = known();
        match nearest(&name, &known) {
            Some(_) => Err(D::Error::custom(format_args!("unknown event {name:?}, {}", hint(&name, &known)))),
            None => Ok(Self::Unknown(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_set_has_the_events_that_were_put_into_it() {
        for event in EventName::VARIANTS {
            let one = EventSet::from_iter([*event, *event]);
            let contained: Vec<_> = EventName::VARIANTS.iter().filter(|other| one.contains(**other)).collect();
            assert_eq!(contained, [event]);
            assert!(!one.is_empty());
        }
        assert!(EventSet::from_iter([]).is_empty());
        let two = EventSet::from_iter([EventName::ChannelOccupied, EventName::ChannelVacated]);
        assert_eq!(format!("{two:?}"), "{ChannelOccupied, ChannelVacated}");
    }

    #[test]
    fn an_entry_is_a_known_event_a_custom_event_or_a_warning() {
        let wanted = |name: &str| from_value::<Wanted>(json!(name)).unwrap();
        let (listed, custom, unknown) = (wanted("channel_occupied"), wanted("order.*"), wanted("something"));
        assert_eq!(listed.listed(), Some(EventName::ChannelOccupied));
        assert!(listed.custom().is_none() && listed.warning("key").is_none());
        assert!(custom.custom().is_some() && custom.listed().is_none() && custom.warning("key").is_none());
        let warning = unknown.warning("endpoints.a.events").unwrap();
        assert!(warning.contains("endpoints.a.events") && warning.contains("something"), "{warning}");
        assert!(warning.contains("channel_occupied, channel_vacated"), "{warning}");
    }
}
