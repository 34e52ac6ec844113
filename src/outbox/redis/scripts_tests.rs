//! The scripts on a real Redis.

use redis::Commands;

use super::*;
use crate::names::NodeId;
use crate::support::redis::RedisServer;

const LIMITS: DeadLetterLimits = DeadLetterLimits { letters: 10, age_ms: 60_000 };

/// The one lane of these tests.
const LANE: &[u8] = b"0:app";

/// A node that owns all partitions of a Redis of its own.
struct Owner {
    /// Stopped when dropped.
    _server: RedisServer,
    redis: Connection,
    keys: Keys,
    place: Place,
}

impl Owner {
    fn start() -> Self {
        let server = RedisServer::start();
        let mut redis = server.connect();
        let place = Place { node: NodeId::new("host", 1, 0), epoch: "epoch-1".into() };
        redis.hset::<_, _, _, ()>("wh:epoch", "id", &*place.epoch).unwrap();
        redis.zadd::<_, _, _, ()>("wh:nodes", place.node.as_str(), 1u64 << 50).unwrap();
        let keys = Keys::new("wh");
        assert_eq!(keys.assign(&mut redis, &place).unwrap().unwrap().owned.len(), usize::from(PARTITIONS));
        Self { _server: server, redis, keys, place }
    }

    fn keep(&mut self, batch: &str, last: u64) -> Result<(), Refusal> {
        self.keys.freeze(&mut self.redis, &self.place, LANE, format!("{batch} {{}}").as_bytes(), &[(3, last)]).unwrap()
    }

    fn pass(&mut self, batch: &str, last: u64, letter: Option<&str>) {
        let letter = letter.map(|letter| ("body", letter.as_bytes().to_vec())).into_iter().collect();
        let (lane, id, cursors) = (LANE.to_vec(), batch.to_owned(), vec![(3, last)]);
        let passage = Passage { lane, id, redelivered: None, letter, cursors };
        self.keys.pass(&mut self.redis, &self.place, &passage, LIMITS).unwrap().unwrap();
    }

    fn cursor(&mut self) -> u64 {
        self.redis.hget(self.keys.cursors(3), LANE).unwrap()
    }

    fn kept(&mut self) -> Vec<String> {
        self.redis.hvals(self.keys.flights(3)).unwrap()
    }
}

#[test]
fn a_stream_id_is_a_number_that_keeps_the_order() {
    let first = parse_stream_id("1700000000000-5").unwrap();
    let next = parse_stream_id("1700000000000-6").unwrap();
    let later = parse_stream_id("1700000000001-0").unwrap();
    assert!(first < next && next < later);
    assert_eq!(stream_id(first), "1700000000000-5");
    assert_eq!(time_ms(first), 1_700_000_000_000);
    assert_eq!(parse_stream_id("1-1048576"), None);
}

#[test]
fn a_passage_that_arrives_late_or_again_moves_no_cursor_back_and_leaves_one_dead_letter() {
    let mut owner = Owner::start();
    // Neighbours beyond what a Lua number tells apart, and one digit more.
    let [first, second, third] = [(1 << 53) + 1, (1 << 53) + 2, 1 << 60];
    owner.pass("m1", first, Some("letter"));
    owner.pass("m2", second, None);
    assert_eq!(owner.cursor(), second);
    owner.pass("m1", first, Some("letter"));
    assert_eq!(owner.cursor(), second);
    owner.pass("m3", third, None);
    owner.pass("m2", second, None);
    assert_eq!(owner.cursor(), third);
    assert_eq!(owner.redis.xlen::<_, usize>("wh:dead").unwrap(), 1);
}

#[test]
fn a_batch_is_not_kept_any_more_once_it_was_passed() {
    let mut owner = Owner::start();
    owner.keep("m1", 5).unwrap();
    owner.keep("m1", 5).unwrap();
    owner.pass("m1", 5, None);
    assert_eq!(owner.keep("m1", 5), Err(Refusal::Fenced), "the network held it back");
    assert_eq!(owner.kept(), Vec::<String>::new());
    owner.keep("m2", 6).unwrap();
    assert_eq!(owner.keep("m1", 5), Err(Refusal::Fenced));
    assert_eq!(owner.kept(), ["m2 {}"]);
}
