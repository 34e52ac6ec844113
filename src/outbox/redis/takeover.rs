//! Takeover: reads the cursors and in-flight batches of earlier owners of partitions.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use redis::{Commands, Connection, Pipeline, RedisResult, Value};

use super::entry;
use super::in_flight::{PersistedBatch, parse_lane};
use super::scripts::stream_id;
use crate::outbox::{InFlightBatch, Item, LaneId, Position, Queued, Resume};
use crate::redis::OwnShard;

/// Events per round trip.
const PORTION: usize = 500;

/// Progress and in-flight batches of partitions that were taken over. Other waiting events are not part of it.
#[derive(Debug, Default)]
pub(super) struct Takeover {
    /// Progress by partition.
    pub(super) resumes: HashMap<u16, Resume>,
    /// In-flight batches whose events still exist.
    pub(super) in_flight: Vec<InFlightBatch>,
}

impl Takeover {
    /// Reads the state of `partitions`, each with its new fencing token.
    pub(super) fn read(redis: &mut Connection, keys: &OwnShard, partitions: &[(u16, u64)]) -> RedisResult<Self> {
        let mut takeover = Self::default();
        let mut batches: Vec<(LaneId, PersistedBatch)> = Vec::new();
        for (partition, _) in partitions {
            let cursors: HashMap<Vec<u8>, Vec<u8>> = redis.hgetall(keys.key_of("cursor", *partition))?;
            let shard = keys.shard;
            // A lane without a readable cursor gets its events again.
            let cursor = |(lane, seq): (&Vec<u8>, &Vec<u8>)| {
                Some((parse_lane(lane, shard)?, str::from_utf8(seq).ok()?.parse().ok()?))
            };
            let cursors = cursors.iter().filter_map(cursor).collect();
            takeover.resumes.insert(*partition, Resume { cursors, ..Resume::default() });
            let stored: HashMap<Vec<u8>, Vec<u8>> = redis.hgetall(keys.key_of("inflight", *partition))?;
            batches.extend(
                stored
                    .iter()
                    .filter_map(|(lane, stored)| Some((parse_lane(lane, shard)?, PersistedBatch::read(stored)?)))
                    .filter(|(_, stored)| !stored.events.is_empty()),
            );
        }
        let tokens: HashMap<u16, u64> = partitions.iter().copied().collect();
        let positions: HashSet<(u16, u64)> =
            batches.iter().flat_map(|(_, stored)| stored.events.iter().copied()).collect();
        let positions: Vec<(u16, u64)> = positions.into_iter().filter(|(part, _)| tokens.contains_key(part)).collect();
        let entries = entries_at(redis, keys, &positions)?;
        for (lane, PersistedBatch { id, body, events: positions }) in batches {
            let now = Instant::now();
            let event = |(partition, seq): &(u16, u64)| {
                if takeover.resumes.get(partition)?.has_acked(&lane, *seq) {
                    return None;
                }
                let item = entries.get(&(*partition, *seq))?.clone();
                let position =
                    Position { shard: keys.shard, partition: *partition, token: *tokens.get(partition)?, seq: *seq };
                Some(Arc::new(Queued::new(item, position, now)))
            };
            // If an event was acknowledged already, or Redis has lost it, the others are sent in a new batch.
            let Some(events) = positions.iter().map(event).collect() else { continue };
            for (partition, seq) in positions {
                let resume = takeover.resumes.entry(partition).or_default();
                resume.in_flight.entry(seq).or_default().push(lane.clone());
            }
            takeover.in_flight.push(InFlightBatch { lane, id, body: body.into_bytes(), events });
        }
        Ok(takeover)
    }
}

/// Reads the readable entries at these positions.
fn entries_at(
    redis: &mut Connection,
    keys: &OwnShard,
    positions: &[(u16, u64)],
) -> RedisResult<HashMap<(u16, u64), Item>> {
    let mut entries = HashMap::new();
    for portion in positions.chunks(PORTION) {
        let mut pipeline = Pipeline::with_capacity(portion.len());
        for (partition, seq) in portion {
            pipeline.xrange(keys.key_of("out", *partition), stream_id(*seq), stream_id(*seq));
        }
        let replies: Vec<Value> = pipeline.query(redis)?;
        for (position, reply) in portion.iter().zip(replies) {
            entries.extend(entry::page(reply).items.pop().map(|(_, item)| (*position, item)));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, EndpointId};
    use crate::event::Shard;
    use crate::outbox::redis::in_flight::lane_field;
    use crate::support::redis::RedisServer;

    const MS: u64 = 1 << 20;

    #[test]
    fn a_batch_is_inherited_whole_or_not_at_all() {
        let server = RedisServer::start();
        let (mut redis, keys) = (server.connect(), OwnShard::of(&Config::default(), Shard::FIRST));
        let lane = |n: &str| LaneId { endpoint: EndpointId::new(n), app: "app".into(), shard: Shard::FIRST };
        for partition in 0..3 {
            for seq in 1..3 {
                let event = [("e", "o3:app1:a")];
                redis.xadd::<_, _, _, _, ()>(keys.key_of("out", partition), stream_id(seq * MS), &event).unwrap();
            }
        }
        let positions = [(0, MS), (1, MS), (0, 2 * MS)];
        for (name, events) in
            [("whole", &positions[..]), ("passed in part", &positions), ("lost in part", &[positions[0], (2, MS)])]
        {
            let stored = PersistedBatch { id: name.to_owned(), body: "{}".to_owned(), events: events.to_vec() };
            redis.hset::<_, _, _, ()>(keys.key_of("inflight", 0), lane_field(&lane(name)), stored.write()).unwrap();
        }
        redis.hset::<_, _, _, ()>(keys.key_of("cursor", 1), lane_field(&lane("passed in part")), MS).unwrap();

        let takeover = Takeover::read(&mut redis, &keys, &[(0, 7), (1, 8)]).unwrap();
        assert_eq!(takeover.in_flight.iter().map(|flight| &*flight.id).collect::<Vec<_>>(), ["whole"]);
        let has = |name: &str, (partition, seq): (u16, u64)| takeover.resumes[&partition].has(&lane(name), seq);
        assert_eq!(positions.map(|position| has("whole", position)), [true; 3]);
        assert_eq!(positions.map(|position| has("passed in part", position)), [false, true, false]);
        assert_eq!(positions.map(|position| has("lost in part", position)), [false; 3]);
    }
}
