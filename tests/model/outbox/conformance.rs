//! Conformance of the pure protocol with the real scripts: equal calls, even senseless ones, get equal answers and
//! leave equal data behind. So what the exhaustive search shows of the pure protocol holds for the scripts.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use redis::{Commands, Connection};

use super::protocol::{Ack, Batch, BatchId, Caller, Freeze, Id, LANES, Lease, Part, Redis, Refusal};
use crate::cluster::{self, Membership};
use crate::config::{Config, EndpointId};
use crate::event::{NodeId, PARTITIONS, Shard};
use crate::outbox::redis::in_flight::{PersistedBatch, lane_field};
use crate::outbox::redis::scripts::{AckRequest, DeadLetterLimits, PersistRequest, parse_stream_id, stream_id};
use crate::outbox::redis::takeover::Takeover;
use crate::outbox::{LaneId, Position};
use crate::redis::OwnShard;
use crate::support::redis::RedisServer;

/// Number of node incarnations that make calls.
const CALLERS: Id = 3;

/// Number of partitions that have events.
const BUSY: u16 = 3;

const LIMITS: DeadLetterLimits =
    DeadLetterLimits { count: 1_000_000, per_endpoint: 1_000_000, bytes: 1 << 40, age_ms: 1 << 40 };

/// Partition, age of the token (0 is the newest of its partition), and sequence number.
type Pick = (u16, usize, u64);

#[derive(Clone, Debug)]
enum Call {
    Append { partition: u16 },
    Assign { id: Id, stale: bool, held: Vec<Pick> },
    Release { id: Id, place: Pick },
    Write { id: Id, stale: bool, acks: Vec<(usize, u8, bool, Vec<Pick>, bool)>, batches: Vec<(usize, u8, Vec<Pick>)> },
    Trim { id: Id, stale: bool, to_trim: Vec<Pick> },
    Remove { id: Id, stale: bool, place: Pick, more: u64 },
    TakeOver { partitions: Vec<u16> },
    Lease { id: Id, lease: Lease },
    Wipe,
}

fn call() -> impl Strategy<Value = Call> {
    let id = || prop_oneof![3 => Just(0), 1 => 1..CALLERS];
    let stale = || prop::bool::weighted(0.05);
    let pick = || (0..BUSY, prop_oneof![8 => Just(0_usize), 1 => 1..3_usize], 1..25_u64);
    let picks = |most: usize| prop::collection::vec(pick(), 1..=most);
    let ack = (0..LANES, 1..6_u8, any::<bool>(), picks(3), prop::bool::weighted(0.8));
    let batch = (0..LANES, 1..6_u8, picks(3));
    prop_oneof![
        8 => (0..BUSY).prop_map(|partition| Call::Append { partition }),
        6 => (id(), stale(), picks(4)).prop_map(|(id, stale, held)| Call::Assign { id, stale, held }),
        1 => (id(), pick()).prop_map(|(id, place)| Call::Release { id, place }),
        12 => (id(), stale(), prop::collection::vec(ack, 0..3), prop::collection::vec(batch, 0..3))
            .prop_map(|(id, stale, acks, batches)| Call::Write { id, stale, acks, batches }),
        4 => (id(), stale(), picks(2)).prop_map(|(id, stale, to_trim)| Call::Trim { id, stale, to_trim }),
        2 => (id(), stale(), pick(), 0..3_u64).prop_map(|(id, stale, place, more)| Call::Remove { id, stale, place, more }),
        4 => prop::collection::vec(0..BUSY, 1..4).prop_map(|partitions| Call::TakeOver { partitions }),
        4 => (id(), prop::sample::select(vec![Lease::None, Lease::Good, Lease::Good, Lease::Lapsed]))
            .prop_map(|(id, lease)| Call::Lease { id, lease }),
        1 => Just(Call::Wipe),
    ]
}

fn node(id: Id) -> NodeId {
    NodeId::new("node", 1, u32::try_from(id).unwrap())
}

fn lane(lane: usize) -> LaneId {
    LaneId { endpoint: EndpointId::new(&lane.to_string()), app: "app".into(), shard: Shard::FIRST }
}

fn name((id, number): BatchId) -> String {
    format!("msg_{id}_{number}")
}

/// The pure protocol and the scripts, side by side.
struct Pair {
    pure: Redis<{ PARTITIONS as usize }>,
    clock: u64,
    /// Fencing tokens of each partition in the pure protocol, oldest first.
    given: HashMap<u16, Vec<u64>>,
    real_tokens: HashMap<u64, u64>,
    last_event: u64,
    redis: Connection,
    keys: OwnShard,
}

impl Pair {
    fn new(mut redis: Connection) -> Self {
        redis::cmd("FLUSHALL").exec(&mut redis).unwrap();
        let (given, real_tokens) = (HashMap::new(), HashMap::from([(0, 0)]));
        let keys = OwnShard::of(&Config::default(), Shard::FIRST);
        let mut pair = Self { pure: Redis::new(0), clock: 0, given, real_tokens, last_event: 0, redis, keys };
        pair.begin_epoch();
        pair
    }

    /// Deletes all data in Redis, and waits until its clock is past all tokens.
    fn begin_epoch(&mut self) {
        self.pure = Redis::new(self.pure.epoch + 1);
        redis::cmd("FLUSHALL").exec(&mut self.redis).unwrap();
        self.redis.hset::<_, _, _, ()>("wh:epoch", "id", self.pure.epoch).unwrap();
        let last = self.real_tokens.values().copied().max().unwrap_or_default();
        loop {
            let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(&mut self.redis).unwrap();
            if seconds * 1000 + micros / 1000 > last {
                break;
            }
        }
    }

    fn caller(&self, id: Id, stale: bool) -> (Caller, Membership) {
        let epoch = self.pure.epoch - u8::from(stale);
        (Caller { id, epoch }, Membership { node: node(id), epoch: epoch.to_string().into() })
    }

    fn place(&self, (partition, back, seq): Pick) -> Position {
        let token = self.given.get(&partition).and_then(|given| given.iter().rev().nth(back)).copied();
        Position { shard: Shard::FIRST, partition, token: token.unwrap_or_default(), seq }
    }

    /// Returns the positions of a batch: at most one per partition.
    fn places(&self, picks: &[Pick]) -> Vec<Position> {
        let mut places: Vec<Position> = Vec::new();
        for pick in picks {
            if places.iter().all(|place| place.partition != pick.0) {
                places.push(self.place(*pick));
            }
        }
        places
    }

    fn real(&self, place: Position) -> Position {
        Position { token: self.real_tokens[&place.token], ..place }
    }

    fn reals(&self, places: &[Position]) -> Vec<Position> {
        places.iter().map(|place| self.real(*place)).collect()
    }

    fn assign(&mut self, id: Id, stale: bool, held: &[Pick]) -> Result<(), TestCaseError> {
        let (caller, place) = self.caller(id, stale);
        let held: BTreeMap<u16, u64> = self.places(held).iter().map(|place| (place.partition, place.token)).collect();
        let real_held = held.iter().map(|(partition, token)| (*partition, self.real_tokens[token])).collect();
        let expected = self.pure.assign(caller, &held, &mut self.clock, None);
        let answer = self.keys.assign(&mut self.redis, &place, &real_held).unwrap();
        match (answer, expected) {
            (Ok(answer), Ok((share, owned))) => {
                prop_assert_eq!(answer.share, share);
                prop_assert!(answer.owned.keys().eq(owned.keys()), "{:?} {:?}", answer.owned, owned);
                for ((partition, token), real) in owned.into_iter().zip(answer.owned.into_values()) {
                    prop_assert_eq!(*self.real_tokens.entry(token).or_insert(real), real);
                    let given = self.given.entry(partition).or_default();
                    given.retain(|known| *known != token);
                    given.push(token);
                }
            }
            (Err(answer), Err(expected)) => {
                prop_assert!(matches!(expected, Refusal::Lost | Refusal::Reaped));
                prop_assert!(matches!(answer, cluster::Refusal::Lost | cluster::Refusal::Reaped));
            }
            (answer, expected) => prop_assert!(false, "{answer:?} {expected:?}"),
        }
        Ok(())
    }

    fn write(&mut self, caller: &(Caller, Membership), acks: &[Ack], batches: &[Freeze]) -> Result<(), TestCaseError> {
        let dead_letters_before: usize = self.redis.xlen(self.keys.key("dead")).unwrap();
        let request = |ack: &Ack| AckRequest {
            lane: lane_field(&lane(ack.lane)),
            id: name(ack.id),
            redelivered: None,
            dead_letter: (ack.dead_letter != 0).then(|| ("body", b"{}".to_vec())).into_iter().collect(),
            positions: self.reals(&ack.places),
            moves: ack.moves,
        };
        let requests: Vec<AckRequest> = acks.iter().map(request).collect();
        let frozen = |freeze: &Freeze| {
            let body = "{}".to_owned();
            let batch = PersistedBatch { id: name(freeze.batch.id), body, events: freeze.batch.events.clone() };
            PersistRequest {
                lane: lane_field(&lane(freeze.lane)),
                batch: batch.write(),
                last: self.reals(&freeze.last),
            }
        };
        let frozen: Vec<PersistRequest> = batches.iter().map(frozen).collect();
        let requests: Vec<&AckRequest> = requests.iter().collect();
        let answer = self.keys.write(&mut self.redis, &caller.1, LIMITS, &requests, &frozen).unwrap();
        let mut dead_letters = Vec::new();
        match (answer, self.pure.write(caller.0, acks, batches, &mut dead_letters, None)) {
            (Ok(answer), Ok((refused_acks, refused_batches))) => {
                let reals = |all: Vec<Vec<Position>>| all.iter().map(|refused| self.reals(refused)).collect::<Vec<_>>();
                prop_assert_eq!(
                    (answer.refused_acks, answer.refused_batches),
                    (reals(refused_acks), reals(refused_batches))
                );
            }
            (answer, expected) => {
                prop_assert_eq!((answer.err(), expected.err()), (Some(cluster::Refusal::Lost), Some(Refusal::Lost)));
            }
        }
        let dead_letters_now: usize = self.redis.xlen(self.keys.key("dead")).unwrap();
        prop_assert_eq!(dead_letters_now - dead_letters_before, dead_letters.len(), "number of new dead letters");
        Ok(())
    }

    fn take_over(&mut self, partitions: &[u16]) -> Result<(), TestCaseError> {
        let fresh: BTreeMap<u16, u64> = partitions.iter().map(|partition| (*partition, 1000)).collect();
        let new: Vec<(u16, u64)> = fresh.iter().map(|(partition, token)| (*partition, *token)).collect();
        let takeover = Takeover::read(&mut self.redis, &self.keys, &new).unwrap();
        for number in 0..LANES {
            let expected = self.pure.take_over(number, &fresh, None);
            let in_flight = takeover.in_flight.iter().filter(|flight| flight.lane == lane(number));
            let batches = in_flight.map(|flight| {
                (flight.id.clone(), flight.events.iter().map(|event| event.position).collect::<Vec<_>>())
            });
            let expected_batches = expected.batches.into_iter().map(|(id, events)| (name(id), events));
            prop_assert_eq!(batches.collect::<Vec<_>>(), expected_batches.collect::<Vec<_>>());
            for (partition, cursor) in expected.cursors {
                let known = takeover.resumes[&partition].cursors.get(&lane(number)).copied();
                prop_assert_eq!(known.unwrap_or_default(), cursor);
            }
        }
        Ok(())
    }

    fn set_lease(&mut self, id: Id, lease: Lease) {
        self.pure.leases[id] = lease;
        let _: () = match lease {
            Lease::None => self.redis.zrem("wh:nodes", node(id).as_str()).unwrap(),
            Lease::Lapsed => self.redis.zadd("wh:nodes", node(id).as_str(), 1).unwrap(),
            Lease::Good => self.redis.zadd("wh:nodes", node(id).as_str(), 1_u64 << 50).unwrap(),
        };
    }

    /// Returns the data that Redis has of a partition, with tokens and batches as the pure protocol numbers them.
    fn left_behind(&mut self, partition: u16) -> Part {
        let owner: Option<String> = self.redis.hget(self.keys.key("owners"), partition).unwrap();
        let owner = owner.map(|owner| {
            let (token, owner) = owner.split_once(' ').unwrap();
            let id = (0..CALLERS).find(|id| node(*id).as_str() == owner).unwrap();
            let known = self.real_tokens.iter().find(|(_, real)| real.to_string() == token);
            (*known.unwrap().0, id)
        });
        let stream: redis::streams::StreamRangeReply =
            self.redis.xrange_all(self.keys.key_of("out", partition)).unwrap();
        let stream = stream.ids.iter().map(|entry| parse_stream_id(entry.id.as_bytes()).unwrap()).collect();
        let floor: Option<u64> = self.redis.hget(self.keys.key_of("cursor", partition), "").unwrap();
        let mut part = Part { owner, stream, floor: floor.unwrap_or_default(), ..Part::default() };
        for number in 0..LANES {
            let field = lane_field(&lane(number));
            let cursor: Option<u64> = self.redis.hget(self.keys.key_of("cursor", partition), &field).unwrap();
            part.cursors[number] = cursor.unwrap_or_default();
            let stored: Option<Vec<u8>> = self.redis.hget(self.keys.key_of("inflight", partition), &field).unwrap();
            part.in_flight[number] = stored.map(|stored| {
                let PersistedBatch { id, events, .. } = PersistedBatch::read(&stored).unwrap();
                let numbers: Vec<&str> = id.split('_').collect();
                Batch { id: (numbers[1].parse().unwrap(), numbers[2].parse().unwrap()), events }
            });
        }
        part
    }
}

fn run(calls: Vec<Call>, redis: Connection) -> Result<(), TestCaseError> {
    let mut pair = Pair::new(redis);
    for call in calls {
        match call.clone() {
            Call::Append { partition } => {
                pair.last_event += 1;
                let (stream, id) = (pair.keys.key_of("out", partition), stream_id(pair.last_event));
                pair.redis.xadd::<_, _, _, _, ()>(stream, id, &[("e", "o3:app1:a")]).unwrap();
                pair.pure.part(partition).stream.push(pair.last_event);
            }
            Call::Assign { id, stale, held } => pair.assign(id, stale, &held)?,
            Call::Release { id, place } => {
                let (place, caller) = (pair.place(place), pair.caller(id, false));
                let Position { partition, token, .. } = pair.real(place);
                pair.keys.release(&mut pair.redis, &caller.1, partition, token).unwrap();
                pair.pure.release(id, place, None);
            }
            Call::Write { id, stale, acks, batches } => {
                let acks = acks.iter().map(|(lane, number, dead_letter, picks, moves)| Ack {
                    lane: *lane,
                    id: (id, *number),
                    dead_letter: u16::from(*dead_letter),
                    places: pair.places(picks),
                    moves: *moves,
                });
                let batches = batches.iter().map(|(lane, number, picks)| {
                    let last = pair.places(picks);
                    let events = last.iter().map(|place| (place.partition, place.seq)).collect();
                    Freeze { lane: *lane, batch: Batch { id: (id, *number), events }, last }
                });
                let (acks, batches): (Vec<Ack>, Vec<Freeze>) = (acks.collect(), batches.collect());
                pair.write(&pair.caller(id, stale), &acks, &batches)?;
            }
            Call::Trim { id, stale, to_trim } => {
                let (to_trim, caller) = (pair.places(&to_trim), pair.caller(id, stale));
                let real = pair.reals(&to_trim);
                pair.keys.trim(&mut pair.redis, &caller.1, &real).unwrap();
                pair.pure.trim(caller.0, &to_trim, None);
            }
            Call::Remove { id, stale, place, more } => {
                let (place, caller) = (pair.place(place), pair.caller(id, stale));
                let seqs: Vec<u64> = (place.seq..=place.seq + more).collect();
                let Position { partition, token, .. } = pair.real(place);
                pair.keys.remove(&mut pair.redis, &caller.1, partition, token, &seqs).unwrap();
                pair.pure.remove(caller.0, (place.partition, place.token), &seqs, None);
            }
            Call::TakeOver { partitions } => pair.take_over(&partitions)?,
            Call::Lease { id, lease } => pair.set_lease(id, lease),
            Call::Wipe => pair.begin_epoch(),
        }
        for partition in 0..PARTITIONS {
            let expected = pair.pure.parts[usize::from(partition)].clone();
            prop_assert_eq!(pair.left_behind(partition), expected, "{} after {:?} (left: in Redis)", partition, call);
        }
    }
    Ok(())
}

#[test]
fn the_scripts_match_the_searched_outbox() {
    let server = RedisServer::start();
    let failures = FileFailurePersistence::Direct("proptest-regressions/model/conformance.txt");
    let config = ProptestConfig { failure_persistence: Some(Box::new(failures)), ..ProptestConfig::with_cases(60) };
    proptest!(config, |(calls in prop::collection::vec(call(), 1..60))| run(calls, server.connect())?);
}
