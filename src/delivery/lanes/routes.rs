//! Which lanes take an event: they are made when their application is first seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Entry, Lanes, Plan};
use crate::config::Endpoint;
use crate::delivery::lane::Lane;
use crate::event::EventName;
use crate::names::AppId;
use crate::outbox::{Item, LaneId, Queued};
use crate::status::{APPS_AT_MOST, OTHER_APPS};
use crate::telemetry::Counter;

/// What the events of an application's own are called where they are counted.
const CUSTOM: &str = "custom";

/// Where the events of one name and application go.
#[derive(Debug, Default)]
pub(crate) struct Route {
    pub(super) lanes: Vec<usize>,
    /// Whether some of them want only a part of these events.
    filtered: bool,
    /// The same lanes, as the outbox knows them.
    pub(crate) ids: Vec<LaneId>,
}

/// Where the events of an application go.
#[derive(Debug)]
pub(crate) struct Routes {
    listed: [Arc<Route>; EventName::ALL.len()],
    /// For those of its own, of which each endpoint has named some.
    custom: Arc<Route>,
    /// How many there were.
    listed_events: [Counter; EventName::ALL.len()],
    custom_events: Counter,
    /// How many applications were met before this one.
    place: usize,
}

impl Lanes {
    /// The lanes that want `queued` and have not had it.
    pub(super) fn route(&mut self, queued: &Queued) -> Arc<Route> {
        let route = match &queued.item {
            Item::Event(event) => {
                let (routes, name) = (self.open_routes(&event.app), event.kind.listed_as());
                name.map_or(&routes.custom_events, |name| &routes.listed_events[name as usize]).add(1);
                Arc::clone(name.map_or(&routes.custom, |name| &routes.listed[name as usize]))
            }
            Item::Redelivery(redelivery) => self.route_to(&redelivery.lane),
        };
        if queued.resume.is_none() && !route.filtered {
            return route;
        }
        let wanted = |lane: &&usize| {
            let Entry { id, endpoint, .. } = &self.entries[**lane];
            let had = queued.resume.as_ref().is_some_and(|resume| resume.has(id, queued.position.seq));
            !had && queued.event().is_none_or(|event| self.endpoints[*endpoint].admits(event))
        };
        self.along(route.lanes.iter().filter(wanted).copied().collect())
    }

    fn along(&self, lanes: Vec<usize>) -> Arc<Route> {
        let ids = lanes.iter().map(|lane| self.entries[*lane].id.clone()).collect();
        Arc::new(Route { lanes, ids, filtered: false })
    }

    fn route_to(&mut self, lane: &LaneId) -> Arc<Route> {
        let lanes = self.find(lane).into_iter().collect();
        self.along(lanes)
    }

    /// The lane of that name, made with the others of its application when that is first seen.
    pub(super) fn find(&mut self, lane: &LaneId) -> Option<usize> {
        self.open_routes(&lane.app);
        self.places.get(lane).copied().filter(|lane| !self.is_removed(self.entries[*lane].endpoint))
    }

    /// The routes of an application's events, which are made with its lanes when it is first seen.
    fn open_routes(&mut self, app: &AppId) -> &Routes {
        if !self.routes.contains_key(app) {
            let routes = self.make_routes(app);
            self.routes.insert(app.clone(), routes);
        }
        &self.routes[app]
    }

    /// How many events came, by application and name. Of the applications the first ones are told by their ids, so that
    /// none is ever told by another name; the others together, as [`OTHER_APPS`]. What an application calls events of its
    /// own is told neither: they are [`CUSTOM`].
    pub(super) fn events(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let mut told: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (app, routes) in &self.routes {
            let app = if routes.place < APPS_AT_MOST { app.as_text().into_owned() } else { OTHER_APPS.to_owned() };
            let counts = told.entry(app).or_default();
            let listed = EventName::ALL.into_iter().map(EventName::as_str).zip(&routes.listed_events);
            for (name, counter) in listed.chain([(CUSTOM, &routes.custom_events)]) {
                if counter.get() > 0 {
                    *counts.entry(name.to_owned()).or_default() += counter.get();
                }
            }
        }
        told
    }

    fn make_routes(&mut self, app: &AppId) -> Routes {
        let place = self.routes.len();
        let lanes = self.open_lanes(app);
        let listed = EventName::ALL.map(|name| {
            let route = self.route_of(&lanes, |endpoint| endpoint.wants(app, name));
            let filtered = route.lanes.iter().any(|lane| !self.endpoint_of(*lane).filter.is_open());
            Arc::new(Route { filtered, ..route })
        });
        let custom = self.route_of(&lanes, |endpoint| !endpoint.custom.is_empty());
        Routes {
            listed,
            custom: Arc::new(Route { filtered: true, ..custom }),
            listed_events: Default::default(),
            custom_events: Counter::default(),
            place,
        }
    }

    fn route_of(&self, lanes: &[usize], wants: impl Fn(&Endpoint) -> bool) -> Route {
        let mut route = Route::default();
        for &lane in lanes {
            if wants(self.endpoint_of(lane)) {
                route.lanes.push(lane);
                route.ids.push(self.entries[lane].id.clone());
            }
        }
        route
    }

    fn endpoint_of(&self, lane: usize) -> &Endpoint {
        &self.endpoints[self.entries[lane].endpoint]
    }

    /// The lanes of `app` to all endpoints that want any of its events. Makes those that are not there yet.
    fn open_lanes(&mut self, app: &AppId) -> Vec<usize> {
        let mut lanes = Vec::new();
        for (place, endpoint) in self.endpoints.iter().enumerate() {
            if self.is_removed(place) || !endpoint.wants_any(app) {
                continue;
            }
            let id = LaneId { endpoint: endpoint.id.clone(), app: app.clone() };
            let lane = *self.places.entry(id.clone()).or_insert(self.entries.len());
            if lane == self.entries.len() {
                let limits = self.limits.of(endpoint);
                let (lane, failing, plan) = (Lane::new(limits), false, Plan::Nothing);
                self.entries.push(Entry { id, endpoint: place, lane, failing, plan });
            }
            lanes.push(lane);
        }
        lanes
    }
}
