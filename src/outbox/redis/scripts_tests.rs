//! Outbox scripts on a real Redis.

#[path = "scripts_bytes_tests.rs"]
mod bytes;
#[path = "scripts_dead_letters_tests.rs"]
mod dead_letters;
#[path = "scripts_refusals_tests.rs"]
mod refusals;

use redis::Commands;
use redis::streams::StreamRangeReply;

use super::*;
use crate::config::Config;
use crate::event::{NodeId, Shard};
use crate::support::redis::RedisServer;

const LIMITS: DeadLetterLimits = DeadLetterLimits { count: 10, per_endpoint: 10, bytes: 1 << 40, age_ms: 60_000 };

/// The one lane of these tests.
const LANE: &[u8] = b"0:app";

/// An expiry in the far future.
const LATE: u64 = 1 << 50;

/// The partition of these tests.
pub(in crate::outbox::redis) const PARTITION: u16 = 3;

/// A node that owns all partitions of its own Redis.
pub(in crate::outbox::redis) struct Owner {
    /// Stopped when dropped.
    pub(in crate::outbox::redis) server: RedisServer,
    pub(in crate::outbox::redis) redis: Connection,
    pub(in crate::outbox::redis) keys: OwnShard,
    pub(in crate::outbox::redis) membership: Membership,
    /// The token of the partition under test.
    token: u64,
}

impl Owner {
    pub(in crate::outbox::redis) fn start() -> Self {
        let server = RedisServer::start();
        let mut redis = server.connect();
        let membership = Membership { node: NodeId::new("host", 1, 0), epoch: "epoch-1".into() };
        redis.hset::<_, _, _, ()>("wh:epoch", "id", &*membership.epoch).unwrap();
        redis.zadd::<_, _, _, ()>("wh:nodes", membership.node.as_str(), LATE).unwrap();
        let mut owner =
            Self { server, redis, keys: OwnShard::of(&Config::default(), Shard::FIRST), membership, token: 0 };
        owner.token = owner.assign(&owner.membership.clone());
        owner
    }

    /// Assigns all partitions to a node. Returns the token of the partition under test.
    fn assign(&mut self, membership: &Membership) -> u64 {
        self.assign_again(membership, &BTreeMap::new())
    }

    /// The same for a node that believes it owns some.
    fn assign_again(&mut self, membership: &Membership, held: &BTreeMap<u16, u64>) -> u64 {
        let owned = self.keys.assign(&mut self.redis, membership, held).unwrap().unwrap().owned;
        assert_eq!(owned.len(), usize::from(PARTITIONS));
        owned[&PARTITION]
    }

    /// Sets the expiry of a node's lease.
    fn lease(&mut self, membership: &Membership, expiry: u64) {
        self.redis.zadd::<_, _, _, ()>("wh:nodes", membership.node.as_str(), expiry).unwrap();
    }

    pub(in crate::outbox::redis) const fn at(&self, seq: u64) -> Position {
        Position { shard: Shard::FIRST, partition: PARTITION, token: self.token, seq }
    }

    /// Returns `true` if the batch may be sent.
    fn persist(&mut self, batch: &str, last: u64) -> bool {
        let batches = self.batch(batch, last);
        self.write(&[], &[batches]).refused_batches[0].is_empty()
    }

    fn acknowledge(&mut self, batch: &str, last: u64, dead_letter: Option<&str>) {
        assert!(self.try_acknowledge(batch, last, dead_letter));
    }

    /// Returns `true` if the ack is written.
    fn try_acknowledge(&mut self, batch: &str, last: u64, dead_letter: Option<&str>) -> bool {
        let ack = self.ack(batch, last, dead_letter);
        self.write(&[&ack], &[]).refused_acks[0].is_empty()
    }

    /// Gives a partition to another node with a lease, and returns a position under the old token.
    fn lose(&mut self, partition: u16, seq: u64) -> Position {
        let token: String = self.redis.hget(self.keys.key("owners"), partition).unwrap();
        let token = token.split_once(' ').unwrap().0.parse().unwrap();
        let other = Membership { node: NodeId::new("host", 2, 0), ..self.membership.clone() };
        self.lease(&other, LATE);
        let owner = format!("{} {}", LATE, other.node.as_str());
        self.redis.hset::<_, _, _, ()>(self.keys.key("owners"), partition, owner).unwrap();
        Position { shard: Shard::FIRST, partition, token, seq }
    }

    fn batch(&self, batch: &str, last: u64) -> PersistRequest {
        let batch = format!("{batch} {{}}").into_bytes();
        PersistRequest { lane: LANE.to_vec(), batch, last: vec![self.at(last)] }
    }

    fn ack(&self, batch: &str, last: u64, dead_letter: Option<&str>) -> AckRequest {
        let dead_letter =
            dead_letter.map(|dead_letter| ("body", dead_letter.as_bytes().to_vec())).into_iter().collect();
        let (lane, id, positions) = (LANE.to_vec(), batch.to_owned(), vec![self.at(last)]);
        AckRequest { lane, id, redelivered: None, dead_letter, positions, moves: true }
    }

    fn write(&mut self, acks: &[&AckRequest], batches: &[PersistRequest]) -> CommitReply {
        self.keys.write(&mut self.redis, &self.membership, LIMITS, acks, batches).unwrap().unwrap()
    }

    fn trim(&mut self, acked: u64) {
        let acked = [self.at(acked)];
        self.keys.trim(&mut self.redis, &self.membership, &acked).unwrap();
    }

    fn cursor(&mut self) -> u64 {
        self.redis.hget(self.keys.key_of("cursor", PARTITION), LANE).unwrap()
    }

    fn persisted(&mut self) -> Vec<String> {
        self.redis.hvals(self.keys.key_of("inflight", PARTITION)).unwrap()
    }
}

#[test]
fn the_number_of_a_stream_id_keeps_the_order() {
    let first = parse_stream_id(b"1700000000000-5").unwrap();
    let next = parse_stream_id(b"1700000000000-6").unwrap();
    let later = parse_stream_id(b"1700000000001-0").unwrap();
    assert!(first < next && next < later);
    assert_eq!(stream_id(first), "1700000000000-5");
    assert_eq!(time_ms(first), 1_700_000_000_000);
    assert_eq!(parse_stream_id(b"1-1048576"), None);
}

#[test]
fn a_late_or_repeated_ack_moves_no_cursor_back_and_leaves_one_dead_letter() {
    let mut owner = Owner::start();
    // Neighbours that a Lua number cannot distinguish, and one with another digit.
    let [first, second, third] = [(1 << 53) + 1, (1 << 53) + 2, 1 << 60];
    owner.acknowledge("m1", first, Some("letter"));
    owner.acknowledge("m2", second, None);
    assert_eq!(owner.cursor(), second);
    owner.acknowledge("m1", first, Some("letter"));
    assert_eq!(owner.cursor(), second);
    owner.acknowledge("m3", third, None);
    owner.acknowledge("m2", second, None);
    assert_eq!(owner.cursor(), third);
    assert_eq!(owner.redis.xlen::<_, usize>("wh:dead").unwrap(), 1);
}

#[test]
fn a_late_call_after_the_stream_was_empty_replaces_no_batch_and_moves_no_cursor() {
    let mut owner = Owner::start();
    assert!(owner.persist("m1", 5));
    owner.acknowledge("m1", 5, None);
    owner.trim(5);
    assert!(owner.persist("m2", 6));
    assert!(!owner.persist("m1", 5));
    assert_eq!(owner.persisted(), ["m2 {}"]);
    owner.acknowledge("m1", 5, Some("letter"));
    assert!(!owner.redis.hexists::<_, _, bool>(owner.keys.key_of("cursor", PARTITION), LANE).unwrap());
    assert_eq!(owner.redis.xlen::<_, usize>("wh:dead").unwrap(), 0);
    // A late trim does not undo that.
    owner.trim(4);
    assert!(!owner.persist("m1", 5));
}

#[test]
fn calls_under_an_expired_token_change_nothing() {
    let mut owner = Owner::start();
    let (mine, other) =
        (owner.membership.clone(), Membership { node: NodeId::new("host", 2, 0), ..owner.membership.clone() });
    let held = BTreeMap::from([(PARTITION, owner.token)]);
    assert_eq!(owner.assign_again(&mine, &held), owner.token, "no other node has owned it");
    let seq = (owner.token << 20) + 5;
    owner.redis.xadd::<_, _, _, _, ()>(owner.keys.key_of("out", PARTITION), stream_id(seq), &[("e", "event")]).unwrap();
    let mut tokens = vec![owner.token];
    for [lapsed, successor] in [[&mine, &other], [&other, &mine]] {
        owner.lease(lapsed, 1);
        owner.lease(successor, LATE);
        tokens.push(owner.assign(successor));
    }
    assert!(tokens.is_sorted_by(|earlier, later| earlier < later), "{tokens:?}");

    assert!(!owner.persist("m1", seq));
    assert!(!owner.try_acknowledge("m1", seq, Some("letter")));
    owner.trim(seq);
    owner.keys.remove(&mut owner.redis, &mine, PARTITION, owner.token, &[seq]).unwrap();
    owner.keys.release(&mut owner.redis, &mine, PARTITION, owner.token).unwrap();
    assert_eq!(owner.redis.xlen::<_, usize>(owner.keys.key_of("out", PARTITION)).unwrap(), 1);
    assert_eq!(owner.redis.xlen::<_, usize>("wh:dead").unwrap(), 0);

    let held = BTreeMap::from([(PARTITION, tokens[2])]);
    owner.token = owner.assign_again(&mine, &held);
    assert_eq!(owner.token, tokens[2], "it was not released");
    assert!(owner.persist("m1", seq));
    owner.acknowledge("m1", seq, None);
    owner.trim(seq);
    assert_eq!(owner.redis.xlen::<_, usize>(owner.keys.key_of("out", PARTITION)).unwrap(), 0);
}

#[test]
fn an_ownership_that_redis_lost_continues_unless_another_node_has_owned_the_partition_since() {
    let mut owner = Owner::start();
    let (mine, other) =
        (owner.membership.clone(), Membership { node: NodeId::new("host", 2, 0), ..owner.membership.clone() });
    let held = BTreeMap::from([(PARTITION, owner.token)]);
    owner.redis.del::<_, ()>("wh:owners").unwrap();
    assert_eq!(owner.assign_again(&mine, &held), owner.token);
    assert!(owner.persist("m1", 5));

    owner.redis.del::<_, ()>("wh:owners").unwrap();
    owner.lease(&mine, 1);
    owner.lease(&other, LATE);
    let theirs = owner.assign(&other);
    owner.keys.release(&mut owner.redis, &other, PARTITION, theirs).unwrap();
    owner.lease(&other, 1);
    owner.lease(&mine, LATE);
    assert!(owner.assign_again(&mine, &held) > theirs);
    assert!(!owner.persist("m2", 6));
}

#[test]
fn a_partition_that_redis_assigns_under_an_unknown_token_gets_a_new_token() {
    let mut owner = Owner::start();
    let (mine, first) = (owner.membership.clone(), owner.token);
    // The node noticed that it had lost the partition, and a failover undid the loss.
    let second = owner.assign(&mine);
    assert!(second > first);
    owner.token = first;
    assert!(!owner.persist("m1", 5), "the old token has expired");

    // The node lost the partition and got it back, and a failover undid both.
    let before = format!("{first} {}", mine.node.as_str());
    owner
        .redis
        .hset_multiple::<_, _, _, ()>("wh:owners", &[("3", &*before), ("last_token", &first.to_string())])
        .unwrap();
    assert_eq!(owner.assign_again(&mine, &BTreeMap::from([(PARTITION, second)])), second);
}

#[test]
fn an_acknowledged_batch_is_not_persisted_again() {
    let mut owner = Owner::start();
    assert!(owner.persist("m1", 5));
    assert!(owner.persist("m1", 5));
    owner.acknowledge("m1", 5, None);
    assert!(!owner.persist("m1", 5), "the call arrived late");
    assert_eq!(owner.persisted(), Vec::<String>::new());
    assert!(owner.persist("m2", 6));
    assert!(!owner.persist("m1", 5));
    assert_eq!(owner.persisted(), ["m2 {}"]);
}

#[test]
fn requests_of_one_call_are_independent_and_executed_in_order() {
    let mut owner = Owner::start();
    assert!(owner.persist("m1", 5));
    let mut lost = owner.ack("m9", 9, None);
    lost.positions[0].token -= 1;
    let mut other = owner.batch("other", 7);
    other.lane = b"0:other".to_vec();
    let mut fenced = owner.batch("fenced", 8);
    fenced.last[0].token -= 1;
    let refused = [lost.positions[0], owner.at(6), fenced.last[0]].map(|position| vec![position]);
    let acks = [lost, owner.ack("m1", 5, Some("letter")), owner.ack("m2", 6, None)];
    let batches = [owner.batch("m2", 6), fenced, owner.batch("m3", 7), other];

    let written = owner.write(&acks.each_ref(), &batches);
    assert_eq!(written.evicted, 0);
    let [lost, acked, fenced] = refused;
    assert_eq!(written.refused_acks, [lost, vec![], vec![]]);
    assert_eq!(written.refused_batches, [acked, fenced, vec![], vec![]]);
    assert_eq!(owner.cursor(), 6);
    assert_eq!(owner.redis.xlen::<_, usize>("wh:dead").unwrap(), 1);
    let mut persisted = owner.persisted();
    persisted.sort_unstable();
    assert_eq!(persisted, ["m3 {}", "other {}"]);
}

#[test]
fn nothing_is_written_for_an_old_epoch() {
    let mut owner = Owner::start();
    owner.membership.epoch = "epoch-0".into();
    let (ack, batches) = (owner.ack("m1", 5, Some("letter")), [owner.batch("m2", 6)]);
    let written = owner.keys.write(&mut owner.redis, &owner.membership, LIMITS, &[&ack], &batches).unwrap();
    assert_eq!(written, Err(Refusal::Lost));
    assert_eq!(owner.redis.keys::<_, Vec<String>>("wh:[cdf]*").unwrap(), Vec::<String>::new());
}

#[test]
fn a_batch_with_a_lost_partition_is_not_persisted_and_the_partition_is_reported() {
    let mut owner = Owner::start();
    let lost = [owner.lose(5, 1), owner.lose(7, 1)];
    let mut batches = owner.batch("m1", 4);
    batches.last = vec![lost[0], owner.at(4), lost[1]];
    assert_eq!(owner.write(&[], &[batches]).refused_batches, [lost]);
    assert_eq!(owner.redis.keys::<_, Vec<String>>("wh:inflight:*").unwrap(), Vec::<String>::new());
}

#[test]
fn a_batch_that_lost_a_partition_in_flight_is_acknowledged_in_the_others() {
    let mut owner = Owner::start();
    assert!(owner.persist("m1", 4));
    let lost = owner.lose(5, 9);
    let cursor = |owner: &mut Owner, partition| -> Option<u64> {
        owner.redis.hget(owner.keys.key_of("cursor", partition), LANE).unwrap()
    };
    // The order of the partitions makes no difference.
    for (seq, positions) in [(4, [lost, owner.at(4)]), (6, [owner.at(6), lost])] {
        let mut ack = owner.ack("m1", seq, Some("letter"));
        ack.positions = positions.to_vec();
        for _ in 0..2 {
            assert_eq!(owner.write(&[&ack], &[]).refused_acks, [[lost]]);
        }
        assert_eq!((cursor(&mut owner, PARTITION), cursor(&mut owner, 5)), (Some(seq), None));
    }
    assert_eq!(owner.persisted(), Vec::<String>::new());
    assert_eq!(owner.redis.xlen::<_, usize>("wh:dead").unwrap(), 2, "one each");
}

#[test]
fn events_dropped_while_a_batch_is_in_flight_get_a_dead_letter_and_move_no_cursor() {
    let mut owner = Owner::start();
    let lost = owner.lose(5, 9);
    for (position, dead_letters) in [(lost, 0), (owner.at(4), 1)] {
        let mut ack = owner.ack("m1", 4, Some("letter"));
        (ack.positions, ack.moves) = (vec![position], false);
        owner.write(&[&ack], &[]);
        assert_eq!(owner.redis.xlen::<_, usize>("wh:dead").unwrap(), dead_letters);
    }
    assert_eq!(owner.redis.keys::<_, Vec<String>>("wh:cursor:*").unwrap(), Vec::<String>::new());
}

#[test]
fn a_failed_redelivery_leaves_one_dead_letter_however_often_it_is_written() {
    let mut owner = Owner::start();
    let dead_letter: String = owner.redis.xadd("wh:dead", "*", &[("body", "letter")]).unwrap();
    let mut ack = owner.ack("m1", 4, Some("letter"));
    ack.moves = false;
    ack.redelivered = DeadLetterId::parse(&dead_letter);
    for _ in 0..2 {
        assert!(owner.write(&[&ack], &[]).refused_acks[0].is_empty());
        let left: StreamRangeReply = owner.redis.xrange_all("wh:dead").unwrap();
        assert_eq!(left.ids.len(), 1);
        assert_ne!(left.ids[0].id, dead_letter);
    }
    owner.redis.del::<_, ()>("wh:dead").unwrap();
    ack.redelivered = DeadLetterId::parse("1-1");
    owner.write(&[&ack], &[]);
    assert_eq!(owner.redis.xlen::<_, usize>("wh:dead").unwrap(), 0, "it was deleted");
    assert_eq!(owner.redis.hlen::<_, usize>(owner.keys.key_of("cursor", PARTITION)).unwrap(), 0);
}

#[test]
fn the_dead_letter_of_lost_events_is_still_written() {
    let mut owner = Owner::start();
    let mut ack = owner.ack("m1", 4, Some("letter"));
    ack.positions.clear();
    assert_eq!(owner.write(&[&ack], &[]).refused_acks, [vec![]]);
    assert_eq!(owner.redis.xlen::<_, usize>("wh:dead").unwrap(), 1);
}
