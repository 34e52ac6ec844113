//! Which lanes take an event: they are made when their application is first seen.

use std::sync::Arc;

use super::{Entry, Lanes, Plan};
use crate::delivery::lane::Lane;
use crate::event::EventName;
use crate::names::AppId;
use crate::outbox::{Item, LaneId, Queued};

/// Where the events of one name and application go.
#[derive(Debug, Default)]
pub(crate) struct Route {
    pub(super) lanes: Vec<usize>,
    /// Whether some of them want only a part of these events.
    filtered: bool,
    /// The same lanes, as the outbox knows them.
    pub(crate) ids: Vec<LaneId>,
}

impl Lanes {
    /// The lanes that want `queued` and have not had it.
    pub(super) fn route(&mut self, queued: &Queued) -> Arc<Route> {
        let route = match &queued.item {
            Item::Event(event) => Arc::clone(&self.open_routes(&event.app)[event.kind.name() as usize]),
            Item::Redelivery(redelivery) => self.route_to(&redelivery.lane),
        };
        if queued.resume.is_none() && !route.filtered {
            return route;
        }
        let wanted = |lane: &&usize| {
            let Entry { id, endpoint, .. } = &self.entries[**lane];
            let had = queued.resume.as_ref().is_some_and(|resume| resume.has(id, queued.position.seq));
            !had && queued.event().is_none_or(|event| self.endpoints[*endpoint].filter.admits(event))
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
        self.entries.iter().position(|entry| entry.id == *lane)
    }

    /// The routes of an application's events, which are made with its lanes when it is first seen.
    fn open_routes(&mut self, app: &AppId) -> &[Arc<Route>; EventName::ALL.len()] {
        if !self.routes.contains_key(app) {
            let routes = self.make_routes(app);
            self.routes.insert(app.clone(), routes);
        }
        &self.routes[app]
    }

    fn make_routes(&mut self, app: &AppId) -> [Arc<Route>; EventName::ALL.len()] {
        let lanes = self.open_lanes(app);
        EventName::ALL.map(|name| {
            let mut route = Route::default();
            for &lane in &lanes {
                let entry = &self.entries[lane];
                if self.endpoints[entry.endpoint].wants(app, name) {
                    route.filtered |= !self.endpoints[entry.endpoint].filter.is_open();
                    route.lanes.push(lane);
                    route.ids.push(entry.id.clone());
                }
            }
            Arc::new(route)
        })
    }

    /// Makes a lane of `app` to every endpoint that wants any of its events.
    fn open_lanes(&mut self, app: &AppId) -> Vec<usize> {
        let first = self.entries.len();
        for (place, endpoint) in self.endpoints.iter().enumerate() {
            if EventName::ALL.into_iter().any(|name| endpoint.wants(app, name)) {
                self.entries.push(Entry {
                    id: LaneId { endpoint: endpoint.id.clone(), app: app.clone() },
                    endpoint: place,
                    lane: Lane::new(self.limits.of(endpoint)),
                    failing: false,
                    plan: Plan::Nothing,
                });
            }
        }
        (first..self.entries.len()).collect()
    }
}
