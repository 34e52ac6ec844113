//! The events in `endpoints.*.events`.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use strum::{EnumCount, VariantArray};

use super::custom_names::{CustomNames, NamePattern};
use super::error::{hint, nearest, place};
use super::form::List;
use crate::event::EventName;

/// A set of event names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Sorts the entries at `key`.
    pub(super) fn sort(
        List(entries): List<Option<Self>>,
        key: &str,
        warnings: &mut Vec<String>,
    ) -> (EventSet, CustomNames) {
        let (mut listed, mut custom) = (Vec::new(), Vec::new());
        for (entry, wanted) in entries {
            match wanted {
                None => {}
                Some(Self::Listed(name)) => listed.push(name),
                Some(Self::Custom(pattern)) => custom.push(pattern),
                Some(Self::Unknown(name)) => {
                    let (place, known) = (place(&format!("{key}.{entry}")), known().join(", "));
                    warnings.push(format!("{place}: unknown event {name:?}, ignored; expected one of {known}"));
                }
            }
        }
        (listed.into_iter().collect(), CustomNames(custom))
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
    }

    #[test]
    fn an_entry_is_a_known_event_a_custom_event_or_a_warning() {
        let mut warnings = Vec::new();
        let wanted = ["channel_occupied", "order.*", "something"].map(|name| from_value(json!(name)).unwrap());
        let entries = ["0", "1", "a"].map(str::to_owned).into_iter().zip(wanted.map(Some));
        let (listed, custom) = Wanted::sort(List(entries.collect()), "endpoints.a.events", &mut warnings);
        assert_eq!(listed, EventSet::from_iter([EventName::ChannelOccupied]));
        assert!(custom.contain("order.paid") && !custom.contain("channel_occupied"));
        let [warning] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(warning.contains("endpoints.a.events.a") && warning.contains("something"), "{warning}");
        assert!(warning.contains("channel_occupied, channel_vacated"), "{warning}");
    }
}
