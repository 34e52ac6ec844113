//! Reads the history: what happened in each minute of the last 24 hours.

use std::collections::{BTreeMap, HashMap};

use redis::{Connection, RedisResult};
use serde::Serialize;

use super::{ClientError, Cluster};
use crate::event::Shard;
use crate::redis::server_time_ms;
use crate::report::{Attempts, FAILURES, Load, MINUTE_MS, MINUTES, Series, history_numbers, hour_of};

/// The time (ms) after the end of a minute in which nodes may still add to it.
const WRITTEN_WITHIN_MS: u64 = 10_000;

/// The number of keys that one command reads.
const PORTION: usize = 100;

/// The history of a period, in points of equal length, oldest first. All times are by Redis' clock, in Unix ms.
#[derive(Clone, Debug, Serialize)]
pub struct History {
    /// The current time.
    pub time_ms: u64,
    /// The length of a point.
    pub step_ms: u64,
    /// Attempts to all endpoints.
    pub attempts: Vec<AttemptsPoint>,
    /// Attempts to each endpoint that was asked for, by id.
    pub endpoints: BTreeMap<String, Vec<AttemptsPoint>>,
    /// The load of the nodes.
    pub load: Vec<LoadPoint>,
}

/// The attempts in a period.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptsPoint {
    /// Its start.
    pub from_ms: u64,
    /// `false` if nodes may still add to it.
    pub complete: bool,
    /// Batches delivered.
    pub delivered: u64,
    /// Failed attempts.
    pub failed: u64,
    /// Batches that became dead letters.
    pub given_up: u64,
    /// Failed attempts by [cause](crate::telemetry::Cause).
    pub failures: BTreeMap<&'static str, u64>,
    /// Median of the latency in ms, estimated from buckets. `None` without an attempt.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
}

/// The load of the nodes in a period.
#[derive(Clone, Debug, Serialize)]
pub struct LoadPoint {
    /// Its start.
    pub from_ms: u64,
    /// `false` if nodes may still add to it.
    pub complete: bool,
    /// Hook calls.
    pub intents: u64,
    /// Events accepted by the outbox.
    pub events: u64,
    /// Events delivered. An event counts once for each endpoint.
    pub events_delivered: u64,
    /// The most hook calls in the queue of a node.
    pub queued_intents: u64,
    /// The most events that waited on a node.
    pub queued_events: u64,
    /// The greatest age of an event that waited for an endpoint that is not paused, in ms.
    pub lag_ms: u64,
}

/// The points of a period.
struct Period {
    now_ms: u64,
    /// The first point, counted in steps from 1970.
    first: u64,
    /// The number of points.
    points: u64,
    /// The minutes of a point.
    step: u64,
}

/// The values of a series, by hour.
struct Rows<'a> {
    hours: HashMap<u64, &'a [u8]>,
    series: Series,
}

impl Cluster {
    /// Returns the history of the last `minutes`, at most 24 hours, in points of `step` minutes: of all endpoints, of
    /// those with these ids, and of the nodes.
    ///
    /// # Errors
    /// If Redis cannot be reached or refuses the call.
    pub fn history(&mut self, endpoints: &[String], minutes: u64, step: u64) -> Result<History, ClientError> {
        let (period, values) = self.call(|redis, keys| {
            let period = Period::new(server_time_ms(redis)?, minutes, step);
            let series = endpoints.iter().map(|id| Series::Endpoint(id.clone())).chain([Series::All, Series::Load]);
            let keys: Vec<String> = series
                .flat_map(|series| period.hours().map(move |hour| (series.clone(), hour)))
                .map(|(series, hour)| keys.key(&series.key(hour)))
                .collect();
            Ok((period, values(redis, &keys)?))
        })?;
        let keys = self.clients.own(Shard::FIRST);
        let rows = |series: Series| {
            let row = |hour| Some((hour, values.get(&keys.key(&series.key(hour)))?.as_slice()));
            Rows { hours: period.hours().filter_map(row).collect(), series }
        };
        Ok(History {
            time_ms: period.now_ms,
            step_ms: period.step * MINUTE_MS,
            attempts: period.attempts(&rows(Series::All)),
            endpoints: endpoints
                .iter()
                .map(|id| (id.clone(), period.attempts(&rows(Series::Endpoint(id.clone())))))
                .collect(),
            load: period.load(&rows(Series::Load)),
        })
    }
}

/// Reads these keys. Those that do not exist are missing.
fn values(redis: &mut Connection, keys: &[String]) -> RedisResult<HashMap<String, Vec<u8>>> {
    let mut values = HashMap::new();
    for portion in keys.chunks(PORTION) {
        // MGET takes a key of a foreign type for a missing one.
        let read: Vec<Option<Vec<u8>>> = redis::cmd("MGET").arg(portion).query(redis)?;
        values.extend(portion.iter().cloned().zip(read).filter_map(|(key, value)| Some((key, value?))));
    }
    Ok(values)
}

impl Period {
    fn new(now_ms: u64, minutes: u64, step: u64) -> Self {
        let minutes = minutes.clamp(1, MINUTES);
        let step = step.clamp(1, minutes);
        let points = minutes.div_ceil(step);
        Self { now_ms, first: (now_ms / MINUTE_MS / step).saturating_sub(points - 1), points, step }
    }

    /// Returns the hours whose keys have the minutes of the period.
    fn hours(&self) -> std::ops::RangeInclusive<u64> {
        hour_of(self.first * self.step).0..=hour_of(self.now_ms / MINUTE_MS).0
    }

    /// Returns the start of each point in ms, whether it is complete, and its minutes.
    fn each(&self) -> impl Iterator<Item = (u64, bool, std::ops::Range<u64>)> {
        (self.first..self.first + self.points).map(|point| {
            let minutes = point * self.step..(point + 1) * self.step;
            let complete = minutes.end * MINUTE_MS + WRITTEN_WITHIN_MS <= self.now_ms;
            (minutes.start * MINUTE_MS, complete, minutes)
        })
    }

    fn attempts(&self, rows: &Rows<'_>) -> Vec<AttemptsPoint> {
        let point = |(from_ms, complete, minutes)| {
            let sum = Attempts::of(&rows.sum(minutes));
            AttemptsPoint {
                from_ms,
                complete,
                delivered: sum.delivered,
                failed: sum.failed.iter().sum(),
                given_up: sum.given_up,
                failures: FAILURES.iter().map(<&str>::from).zip(sum.failed).collect(),
                p50_ms: sum.latency.quantile_ms(0.5),
                p95_ms: sum.latency.quantile_ms(0.95),
            }
        };
        self.each().map(point).collect()
    }

    fn load(&self, rows: &Rows<'_>) -> Vec<LoadPoint> {
        let point = |(from_ms, complete, minutes)| {
            let load = Load::try_from(rows.sum(minutes)).unwrap_or_default();
            let [intents, events, events_delivered, queued_intents, queued_events, lag_tenths] = load;
            let lag_ms = lag_tenths * 100;
            LoadPoint { from_ms, complete, intents, events, events_delivered, queued_intents, queued_events, lag_ms }
        };
        self.each().map(point).collect()
    }
}

impl Rows<'_> {
    /// Adds the numbers of these minutes.
    fn sum(&self, minutes: std::ops::Range<u64>) -> Vec<u64> {
        let mut sum = vec![0; self.series.width()];
        for minute in minutes {
            let (hour, row) = hour_of(minute);
            if let Some(value) = self.hours.get(&hour) {
                self.series.add(&mut sum, &history_numbers(value, row, self.series.width()));
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_with_the_current_point_and_never_reaches_beyond_24_hours() {
        for now_minute in 3000..3100 {
            for (minutes, step, points) in [(60, 1, 60), (1440, 15, 96), (1440, 1, 1440), (90, 60, 2)] {
                let period = Period::new(now_minute * MINUTE_MS + 5, minutes, step);
                let all: Vec<_> = period.each().collect();
                assert_eq!(all.len(), points);
                assert!(all.last().unwrap().2.contains(&now_minute));
                assert!(all[0].2.start + MINUTES > now_minute || minutes < step * points as u64);
            }
        }
    }

    #[test]
    fn a_minute_is_complete_when_no_node_adds_to_it_any_more() {
        let complete = |now_ms| Period::new(now_ms, 3, 1).each().map(|(_, complete, _)| complete).collect::<Vec<_>>();
        assert_eq!(complete(600_000 + WRITTEN_WITHIN_MS - 1), [true, false, false]);
        assert_eq!(complete(600_000 + WRITTEN_WITHIN_MS), [true, true, false]);
    }
}
