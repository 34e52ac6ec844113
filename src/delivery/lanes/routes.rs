//! Routes events to lanes. Lanes are added with the first event of their application.

use std::sync::Arc;

use foldhash::HashMap;
use strum::{EnumCount, VariantArray};

use super::{LaneEntry, Lanes};
use crate::config::Endpoint;
use crate::event::{AppId, EventName, Shard};
use crate::outbox::{Item, LaneId, Queued, Redelivery};
use crate::report::AppCounters;

/// The lanes that want events of one name and application.
#[derive(Debug)]
pub(crate) struct Route {
    pub(super) lanes: Vec<usize>,
    /// `true` if some of the lanes have a filter.
    filtered: bool,
    /// The ids of the lanes.
    pub(crate) ids: Vec<LaneId>,
}

/// The routes of an application.
#[derive(Debug)]
pub(crate) struct Routes {
    listed: [Arc<Route>; EventName::COUNT],
    /// The route of custom events. Each endpoint lists the names that it wants.
    custom: Arc<Route>,
    counters: Arc<AppCounters>,
}

impl Lanes {
    /// Returns the lanes that want `queued` and have not acknowledged it yet.
    pub(super) fn route(&mut self, queued: &Queued) -> Arc<Route> {
        let route = match &queued.item {
            Item::Event(event) => {
                let routes = self.open_routes(&event.app, queued.position.shard);
                routes.counters.count(&event.kind);
                Arc::clone(event.kind.listed_as().map_or(&routes.custom, |name| &routes.listed[name as usize]))
            }
            Item::Redelivery(redelivery) => return self.route_to(redelivery),
        };
        if queued.resume.is_none() && !route.filtered {
            return route;
        }
        let wanted = |lane: &&usize| {
            let LaneEntry { id, endpoint, .. } = &self.entries[**lane];
            let had = queued.resume.as_ref().is_some_and(|resume| resume.has(id, queued.position.seq));
            !had && queued.event().is_none_or(|event| self.endpoints[*endpoint].admits(event))
        };
        Arc::new(self.route_along(route.lanes.iter().filter(wanted).copied().collect()))
    }

    fn route_along(&self, lanes: Vec<usize>) -> Route {
        let ids = lanes.iter().map(|lane| self.entries[*lane].id.clone()).collect();
        Route { lanes, ids, filtered: false }
    }

    /// Routes the retry of a dead letter. The cursors of an earlier owner do not apply, because it stays a dead letter until it
    /// is delivered.
    fn route_to(&mut self, redelivery: &Redelivery) -> Arc<Route> {
        let lanes = self.redelivering_lane(redelivery).into_iter().collect();
        Arc::new(self.route_along(lanes))
    }

    /// Returns the lane with this id, if its endpoint is configured. Adds the lanes of its application if needed.
    pub(super) fn find(&mut self, lane: &LaneId) -> Option<usize> {
        self.open_routes(&lane.app, lane.shard);
        self.places.get(&(lane.clone(), false)).copied().filter(|lane| !self.is_removed(self.entries[*lane].endpoint))
    }

    /// Returns the routes of an application in a shard. Adds them and the application's lanes if needed.
    fn open_routes(&mut self, app: &AppId, shard: Shard) -> &Routes {
        let place = shard.index();
        if self.routes.len() <= place {
            self.routes.resize_with(place + 1, HashMap::default);
        }
        if !self.routes[place].contains_key(app) {
            let routes = self.make_routes(app, shard);
            self.routes[place].insert(app.clone(), routes);
        }
        &self.routes[place][app]
    }

    fn make_routes(&mut self, app: &AppId, shard: Shard) -> Routes {
        let lanes = self.open_lanes(app, shard);
        let listed = std::array::from_fn(|n| {
            let route = self.route_of(&lanes, |endpoint| endpoint.wants(app, EventName::VARIANTS[n]));
            let filtered = route.lanes.iter().any(|lane| !self.endpoint_of(*lane).filter.is_open());
            Arc::new(Route { filtered, ..route })
        });
        let custom = self.route_of(&lanes, |endpoint| !endpoint.custom.is_empty());
        Routes { listed, custom: Arc::new(Route { filtered: true, ..custom }), counters: self.counters.of(app) }
    }

    fn route_of(&self, lanes: &[usize], wants: impl Fn(&Endpoint) -> bool) -> Route {
        self.route_along(lanes.iter().copied().filter(|lane| wants(self.endpoint_of(*lane))).collect())
    }

    fn endpoint_of(&self, lane: usize) -> &Endpoint {
        &self.endpoints[self.entries[lane].endpoint]
    }

    /// Returns the lanes of `app` in a shard, for all endpoints that want any of its events. Adds missing lanes.
    fn open_lanes(&mut self, app: &AppId, shard: Shard) -> Vec<usize> {
        let mut lanes = Vec::new();
        for place in 0..self.endpoints.len() {
            let endpoint = &self.endpoints[place];
            if self.is_removed(place) || !endpoint.wants_any(app) {
                continue;
            }
            let id = LaneId { endpoint: endpoint.id.clone(), app: app.clone(), shard };
            lanes.push(self.get_or_add_lane(id, place, false));
        }
        lanes
    }
}
