//! Counts events by application and name. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use strum::{EnumCount, VariantArray};

use super::record::{APPS_AT_MOST, OTHER_APPS};
use crate::event::{AppId, EventKind, EventName};
use crate::telemetry::Counter;

/// The name under which custom events are counted.
const CUSTOM: &str = "custom";

/// The counters of all applications. They survive a change of the endpoints.
#[derive(Debug, Default)]
pub(crate) struct EventCounters {
    apps: HashMap<AppId, Arc<AppCounters>>,
}

/// The counters of an application.
#[derive(Debug)]
pub(crate) struct AppCounters {
    listed: [Counter; EventName::COUNT],
    custom: Counter,
    /// The number of applications that were added before.
    place: usize,
}

impl EventCounters {
    /// Returns the counters of `app`.
    pub(crate) fn of(&mut self, app: &AppId) -> Arc<AppCounters> {
        let place = self.apps.len();
        let make = || Arc::new(AppCounters { listed: Default::default(), custom: Counter::default(), place });
        Arc::clone(self.apps.entry(app.clone()).or_insert_with(make))
    }

    /// Returns all counts above zero, by application and name. The first [`APPS_AT_MOST`] applications have their ids,
    /// and later ones share [`OTHER_APPS`]. An application never changes from one name to the other.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let mut snapshot: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (app, counters) in &self.apps {
            let app = if counters.place < APPS_AT_MOST { app.as_text().into_owned() } else { OTHER_APPS.to_owned() };
            let counts = snapshot.entry(app).or_default();
            let listed = EventName::VARIANTS.iter().map(Into::into).zip(&counters.listed);
            for (name, counter) in listed.chain([(CUSTOM, &counters.custom)]) {
                if counter.get() > 0 {
                    *counts.entry(name.to_owned()).or_default() += counter.get();
                }
            }
        }
        snapshot
    }
}

impl AppCounters {
    /// Counts an event.
    pub(crate) fn count(&self, kind: &EventKind) {
        kind.listed_as().map_or(&self.custom, |name| &self.listed[name as usize]).add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_application_is_counted_and_the_first_hundred_by_their_ids() {
        let mut counters = EventCounters::default();
        for round in 0..3 {
            for n in 0..APPS_AT_MOST + 20 {
                let app = counters.of(&AppId::from(n.to_string().as_str()));
                app.count(if round == 0 { &EventKind::ChannelOccupied } else { &EventKind::ChannelVacated });
            }
        }
        let counts = counters.snapshot();
        assert_eq!(counts.len(), APPS_AT_MOST + 1);
        assert_eq!(
            counts["7"],
            BTreeMap::from([("channel_occupied".to_owned(), 1), ("channel_vacated".to_owned(), 2)])
        );
        assert_eq!(counts[OTHER_APPS]["channel_vacated"], 40);
    }
}
