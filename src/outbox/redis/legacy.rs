//! What earlier owners of partitions left behind: how far their lanes had come, and the batches that were under way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use redis::{Commands, Connection, Pipeline, RedisResult, Value};

use super::entry;
use super::flight::{Kept, parse_lane};
use super::scripts::{Keys, stream_id};
use crate::outbox::{Flight, Item, LaneId, Position, Queued, Resume};

/// Events asked for in one round trip.
const PORTION: usize = 500;

/// What is left of some partitions. Small: the events that wait are not in it, but for those of the batches.
#[derive(Debug, Default)]
pub(super) struct Legacy {
    /// By partition.
    pub(super) resumes: HashMap<u16, Resume>,
    /// The batches, whole ones only.
    pub(super) flights: Vec<Flight>,
}

impl Legacy {
    /// Reads what is left of `partitions`, each with its new tenure.
    pub(super) fn read(redis: &mut Connection, keys: &Keys, partitions: &[(u16, u64)]) -> RedisResult<Self> {
        let mut legacy = Self::default();
        let mut batches: Vec<(LaneId, Kept)> = Vec::new();
        for (partition, _) in partitions {
            let cursors: HashMap<Vec<u8>, u64> = redis.hgetall(keys.cursors(*partition))?;
            let cursors = cursors.into_iter().filter_map(|(lane, seq)| Some((parse_lane(&lane)?, seq))).collect();
            legacy.resumes.insert(*partition, Resume { cursors, ..Resume::default() });
            let kept: HashMap<Vec<u8>, Vec<u8>> = redis.hgetall(keys.flights(*partition))?;
            batches.extend(kept.iter().filter_map(|(lane, kept)| Some((parse_lane(lane)?, Kept::read(kept)?))));
        }
        let tenures: HashMap<u16, u64> = partitions.iter().copied().collect();
        let places: HashSet<(u16, u64)> = batches.iter().flat_map(|(_, kept)| kept.events.iter().copied()).collect();
        let places: Vec<(u16, u64)> = places.into_iter().filter(|(part, _)| tenures.contains_key(part)).collect();
        let entries = entries_at(redis, keys, &places)?;
        for (lane, Kept { id, body, events: places }) in batches {
            let now = Instant::now();
            let event = |(partition, seq): &(u16, u64)| {
                if legacy.resumes.get(partition)?.has_passed(&lane, *seq) {
                    return None;
                }
                let item = entries.get(&(*partition, *seq))?.clone();
                let position = Position { partition: *partition, tenure: *tenures.get(partition)?, seq: *seq };
                Some(Arc::new(Queued::new(item, position, now)))
            };
            // A batch that was passed already, in whole or in those partitions that its node still had, or whose events Redis
            // has lost: those that are left are sent in another.
            let Some(events) = places.iter().map(event).collect() else { continue };
            for (partition, seq) in places {
                let resume = legacy.resumes.entry(partition).or_default();
                resume.in_flight.entry(seq).or_default().push(lane.clone());
            }
            legacy.flights.push(Flight { lane, id, body: body.into_bytes(), events });
        }
        Ok(legacy)
    }
}

/// What stands at these places, where there is something that can be read.
fn entries_at(redis: &mut Connection, keys: &Keys, places: &[(u16, u64)]) -> RedisResult<HashMap<(u16, u64), Item>> {
    let mut entries = HashMap::new();
    for portion in places.chunks(PORTION) {
        let mut pipeline = Pipeline::with_capacity(portion.len());
        for (partition, seq) in portion {
            pipeline.xrange(keys.stream(*partition), stream_id(*seq), stream_id(*seq));
        }
        let replies: Vec<Value> = pipeline.query(redis)?;
        for (place, reply) in portion.iter().zip(replies) {
            entries.extend(entry::page(reply).items.pop().map(|(_, item)| (*place, item)));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EndpointId;
    use crate::outbox::redis::flight::lane_field;
    use crate::support::redis::RedisServer;

    const MS: u64 = 1 << 20;

    #[test]
    fn a_batch_is_inherited_whole_or_its_events_are_sent_in_another() {
        let server = RedisServer::start();
        let (mut redis, keys) = (server.connect(), Keys::new("wh"));
        let lane = |n: &str| LaneId { endpoint: EndpointId::new(n), app: "app".into() };
        for partition in 0..3 {
            for seq in 1..3 {
                let event = [("e", "o3:app1:a")];
                redis.xadd::<_, _, _, _, ()>(keys.stream(partition), stream_id(seq * MS), &event).unwrap();
            }
        }
        let places = [(0, MS), (1, MS), (0, 2 * MS)];
        for (name, events) in
            [("whole", &places[..]), ("passed in part", &places), ("lost in part", &[places[0], (2, MS)])]
        {
            let kept = Kept { id: name.to_owned(), body: "{}".to_owned(), events: events.to_vec() };
            redis.hset::<_, _, _, ()>(keys.flights(0), lane_field(&lane(name)), kept.write()).unwrap();
        }
        redis.hset::<_, _, _, ()>(keys.cursors(1), lane_field(&lane("passed in part")), MS).unwrap();

        let legacy = Legacy::read(&mut redis, &keys, &[(0, 7), (1, 8)]).unwrap();
        assert_eq!(legacy.flights.iter().map(|flight| &*flight.id).collect::<Vec<_>>(), ["whole"]);
        let has = |name: &str, (partition, seq): (u16, u64)| legacy.resumes[&partition].has(&lane(name), seq);
        assert_eq!(places.map(|place| has("whole", place)), [true; 3]);
        assert_eq!(places.map(|place| has("passed in part", place)), [false, true, false]);
        assert_eq!(places.map(|place| has("lost in part", place)), [false; 3]);
    }
}
