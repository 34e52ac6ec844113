//! How many events came, by application and name. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::record::{APPS_AT_MOST, OTHER_APPS};
use crate::event::{AppId, EventKind, EventName};
use crate::telemetry::Counter;

/// What the events of an application's own are called where they are counted, whatever it calls them.
const CUSTOM: &str = "custom";

/// The counts of all applications. They stay when the endpoints change.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    apps: HashMap<AppId, Arc<AppTally>>,
}

/// The counts of an application.
#[derive(Debug)]
pub(crate) struct AppTally {
    listed: [Counter; EventName::ALL.len()],
    custom: Counter,
    /// How many applications were met before this one.
    place: usize,
}

impl Tally {
    /// The counts of `app`, to be kept where its events pass.
    pub(crate) fn of(&mut self, app: &AppId) -> Arc<AppTally> {
        let place = self.apps.len();
        let make = || Arc::new(AppTally { listed: Default::default(), custom: Counter::default(), place });
        Arc::clone(self.apps.entry(app.clone()).or_insert_with(make))
    }

    /// All counts but those of nothing. Of the applications the first ones are told by their ids, so that none is ever told
    /// by another name; the others together.
    pub(crate) fn told(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let mut told: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (app, tally) in &self.apps {
            let app = if tally.place < APPS_AT_MOST { app.as_text().into_owned() } else { OTHER_APPS.to_owned() };
            let counts = told.entry(app).or_default();
            let listed = EventName::ALL.into_iter().map(EventName::as_str).zip(&tally.listed);
            for (name, counter) in listed.chain([(CUSTOM, &tally.custom)]) {
                if counter.get() > 0 {
                    *counts.entry(name.to_owned()).or_default() += counter.get();
                }
            }
        }
        told
    }
}

impl AppTally {
    /// An event of this kind came.
    pub(crate) fn count(&self, kind: &EventKind) {
        kind.listed_as().map_or(&self.custom, |name| &self.listed[name as usize]).add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_application_is_counted_and_the_first_hundred_by_their_ids() {
        let mut tally = Tally::default();
        for round in 0..3 {
            for n in 0..APPS_AT_MOST + 20 {
                let app = tally.of(&AppId::from(n.to_string().as_str()));
                app.count(if round == 0 { &EventKind::ChannelOccupied } else { &EventKind::ChannelVacated });
            }
        }
        let told = tally.told();
        assert_eq!(told.len(), APPS_AT_MOST + 1);
        assert_eq!(told["7"], BTreeMap::from([("channel_occupied".to_owned(), 1), ("channel_vacated".to_owned(), 2)]));
        assert_eq!(told[OTHER_APPS]["channel_vacated"], 40);
    }
}
