//! Which lanes take an event: they are made when their application is first seen.

use std::sync::Arc;

use super::{Entry, Lanes};
use crate::config::Endpoint;
use crate::event::{AppId, EventName};
use crate::outbox::{Item, LaneId, Queued, Redelivery};
use crate::report::AppTally;

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
    /// Where they are counted.
    tally: Arc<AppTally>,
}

impl Lanes {
    /// The lanes that want `queued` and have not had it.
    pub(super) fn route(&mut self, queued: &Queued) -> Arc<Route> {
        let route = match &queued.item {
            Item::Event(event) => {
                let routes = self.open_routes(&event.app);
                routes.tally.count(&event.kind);
                Arc::clone(event.kind.listed_as().map_or(&routes.custom, |name| &routes.listed[name as usize]))
            }
            Item::Redelivery(redelivery) => return self.route_to(redelivery),
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

    /// Where a dead letter goes that is sent again. What is known of an earlier owner says nothing of it: it is one until it
    /// has been delivered.
    fn route_to(&mut self, redelivery: &Redelivery) -> Arc<Route> {
        let lanes = self.redelivering_lane(redelivery).into_iter().collect();
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

    fn make_routes(&mut self, app: &AppId) -> Routes {
        let lanes = self.open_lanes(app);
        let listed = EventName::ALL.map(|name| {
            let route = self.route_of(&lanes, |endpoint| endpoint.wants(app, name));
            let filtered = route.lanes.iter().any(|lane| !self.endpoint_of(*lane).filter.is_open());
            Arc::new(Route { filtered, ..route })
        });
        let custom = self.route_of(&lanes, |endpoint| !endpoint.custom.is_empty());
        Routes { listed, custom: Arc::new(Route { filtered: true, ..custom }), tally: self.tally.of(app) }
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
            let lane = self.places.get(&id).copied().unwrap_or_else(|| {
                let lane =
                    self.free.put_lane(&mut self.entries, Entry::new(id.clone(), place, self.limits.of(endpoint)));
                self.places.insert(id, lane);
                lane
            });
            lanes.push(lane);
        }
        lanes
    }
}
