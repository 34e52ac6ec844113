//! The status of lanes and endpoints.

use std::time::Instant;

use super::{LaneEntry, Lanes};
use crate::delivery::answer::first_bytes;
use crate::delivery::attempt::EndedAttempt;
use crate::delivery::health::Health;
use crate::delivery::lane::LaneSnapshot;
use crate::outbox::count_events;
use crate::report::{AT_MOST, DeliveryStatus, EndpointState, EndpointStatus, FAILURES, LaneStatus, WallClock, hash_of};
use crate::telemetry::Sight;

/// The maximum length of an answer in a record, in bytes. A record has many of them and is written often.
const ANSWER_AT_MOST: usize = 512;

impl Lanes {
    /// Returns the status of all deliveries, truncated to a maximum number of endpoints and lanes.
    pub(crate) fn status(&self, clock: WallClock) -> DeliveryStatus {
        let (mut depths, mut oldest) = (vec![0; self.endpoints.len()], vec![None; self.endpoints.len()]);
        let mut filled = Vec::new();
        for entry in &self.entries {
            let snapshot = entry.lane.snapshot();
            if snapshot.depth > 0 {
                depths[entry.endpoint] += snapshot.depth;
                oldest[entry.endpoint] = oldest[entry.endpoint].into_iter().chain(snapshot.oldest_ms).min();
                filled.push((entry, snapshot));
            }
        }
        let is_there = |place: &usize| depths[*place] > 0 || !self.is_removed(*place);
        let mut places: Vec<usize> = (0..self.endpoints.len()).filter(is_there).collect();
        let endpoints_truncated = places.len().saturating_sub(AT_MOST);
        // Sorted by state and then by place, so that the same endpoints stay in the status.
        places.sort_by_key(|place| (std::cmp::Reverse(self.state(*place).0), *place));
        places.truncate(AT_MOST);
        places.sort_unstable();
        let lanes_truncated = filled.len().saturating_sub(AT_MOST);
        if lanes_truncated > 0 {
            filled.select_nth_unstable_by_key(AT_MOST, |(_, snapshot)| std::cmp::Reverse(snapshot.depth));
            filled.truncate(AT_MOST);
        }
        filled.sort_by_key(|(_, snapshot)| std::cmp::Reverse(snapshot.depth));
        DeliveryStatus {
            endpoints: places
                .into_iter()
                .map(|place| EndpointStatus {
                    depth: depths[place],
                    oldest_ms: oldest[place],
                    ..self.endpoint_status(place, clock)
                })
                .collect(),
            endpoints_truncated,
            lanes: filled.into_iter().map(|(entry, snapshot)| lane_status(entry, &snapshot, clock)).collect(),
            lanes_truncated,
            endpoints_hash: self.endpoints_hash(),
            disabled: self.unreported(),
            events: self.counters.snapshot(),
        }
    }

    /// Returns a hash of the configured endpoints: their ids, and the applications whose events they receive.
    fn endpoints_hash(&self) -> String {
        let configured =
            (0..self.endpoints.len()).filter(|place| !self.is_removed(*place)).map(|place| &self.endpoints[place]);
        let ids: Vec<String> = configured.map(|endpoint| format!("{} {}", endpoint.id, endpoint.apps)).collect();
        hash_of(ids.iter().map(String::as_bytes))
    }

    /// Describes a lane's attempt for watchers. Returns `None` if nothing was sent.
    pub(crate) fn sight(&self, lane: usize, ended: &EndedAttempt) -> Option<Sight> {
        let (status, error) = ended.result.status_and_error()?;
        let LaneEntry { id, endpoint, lane, .. } = &self.entries[lane];
        let batch = lane.batch()?;
        Some(Sight {
            endpoint: id.endpoint.to_string(),
            label: self.endpoints[*endpoint].label(),
            app_id: id.app.as_text().into_owned(),
            id: batch.id.clone(),
            events: count_events(&batch.events),
            attempt: lane.attempts(),
            status,
            error,
            answer: ended.answer.as_ref().map(|answer| answer.text.clone()),
            took_ms: (ended.took.as_secs_f64() * 10_000.0).round() / 10.0,
            ..Sight::default()
        })
    }

    /// Returns the state of an endpoint and the time at which it began.
    fn state(&self, place: usize) -> (EndpointState, Option<Instant>) {
        let health = &self.health[place];
        if health.disabled_since.is_some() {
            (EndpointState::Disabled, health.disabled_since)
        } else if let Some(began) = self.ready[place].paused {
            (EndpointState::Paused, Some(began))
        } else if health.failing_since.is_some() {
            (EndpointState::Failing, health.failing_since)
        } else {
            (EndpointState::Ok, None)
        }
    }

    /// Returns the status of an endpoint without its waiting events.
    fn endpoint_status(&self, place: usize, clock: WallClock) -> EndpointStatus {
        let (endpoint, health) = (&self.endpoints[place], &self.health[place]);
        let (state, since) = self.state(place);
        let ms = |instant: Option<Instant>| instant.map(|instant| clock.ms(instant));
        let Health { attempts, deliveries, events_delivered, drops, events_dropped, .. } = *health;
        let last = health.last.as_ref();
        EndpointStatus {
            id: endpoint.id.to_string(),
            label: endpoint.label(),
            url: endpoint.target.to_string(),
            app_id: endpoint.apps.to_string(),
            state,
            since_ms: ms(since),
            last_status: last.and_then(|last| last.status),
            last_error: last.and_then(|last| last.error.clone()),
            last_answer: last
                .and_then(|last| last.answer.as_ref())
                .map(|answer| first_bytes(&answer.text, ANSWER_AT_MOST).to_owned()),
            last_attempt_ms: ms(last.map(|last| last.at)),
            last_success_ms: ms(health.last_success),
            last_failure_ms: ms(health.last_failure),
            consecutive_failures: health.consecutive_failures,
            attempts,
            deliveries,
            events_delivered,
            drops,
            events_dropped,
            failures: FAILURES
                .iter()
                .zip(health.failures)
                .map(|(cause, count)| (<&str>::from(cause).to_owned(), count))
                .collect(),
            latency: health.latency.clone(),
            depth: 0,
            oldest_ms: None,
        }
    }
}

/// Returns the status of a lane.
fn lane_status(entry: &LaneEntry, snapshot: &LaneSnapshot, clock: WallClock) -> LaneStatus {
    LaneStatus {
        endpoint: entry.id.endpoint.to_string(),
        app_id: entry.id.app.as_text().into_owned(),
        shard: entry.id.shard,
        depth: snapshot.depth,
        oldest_ms: snapshot.oldest_ms,
        attempt: snapshot.attempts,
        next_try_ms: snapshot.next_try.map(|at| clock.ms(at)),
    }
}
