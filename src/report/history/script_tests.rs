//! Tests of `history.lua` with a real Redis.

use redis::{Commands, Connection};

use super::*;
use crate::config::Config;
use crate::event::Shard;
use crate::redis::OwnShard;
use crate::support::redis::RedisServer;

const ALL: u64 = (1 << BITS) - 1;

/// Returns the current minute by Redis' clock.
fn minute(redis: &mut Connection) -> u64 {
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query(redis).unwrap();
    seconds / 60
}

fn billing() -> Series {
    Series::Endpoint("billing".to_owned())
}

fn write(number: u64, rows: &[(u64, Series, Vec<u64>)]) -> HistoryWrite {
    let rows = rows.iter().map(|(minute, series, numbers)| ((*minute, series.clone()), numbers.clone())).collect();
    HistoryWrite { number, rows }
}

fn count(redis: &mut Connection, node: &str, write: &HistoryWrite) -> String {
    OwnShard::of(&Config::default(), Shard::FIRST).add_to_history(redis, node, write).unwrap()
}

fn read(redis: &mut Connection, series: &Series, minute: u64) -> Vec<u64> {
    let (hour, row) = hour_of(minute);
    let value: Vec<u8> = redis.get(OwnShard::of(&Config::default(), Shard::FIRST).key(&series.key(hour))).unwrap();
    numbers(&value, row, series.width())
}

#[test]
fn the_numbers_of_all_nodes_are_summed_and_a_repeated_call_counts_once() {
    let server = RedisServer::start();
    let mut redis = server.connect();
    let now = minute(&mut redis);
    let attempts: Vec<u64> = (0..20).collect();
    let load = vec![1, 2, 3, 40, 50, 60];
    let first = write(1, &[(now, billing(), attempts), (now, Series::Load, load)]);
    for (node, expected) in [("a", 1), ("a", 1), ("b", 2), ("b", 2)] {
        assert_eq!(count(&mut redis, node, &first), "");
        assert_eq!(read(&mut redis, &billing(), now), (0..20).map(|n| n * expected).collect::<Vec<_>>());
        assert_eq!(read(&mut redis, &Series::Load, now), [expected, 2 * expected, 3 * expected, 40, 50, 60]);
    }
    count(&mut redis, "a", &write(2, &[(now, Series::Load, vec![0, 0, 0, 39, 51, 0])]));
    assert_eq!(read(&mut redis, &Series::Load, now)[3..], [40, 51, 60]);
    assert_eq!(read(&mut redis, &billing(), now - now % 60 + (now + 1) % 60), [0; 20], "the minutes beside it");
}

#[test]
fn a_full_day_of_an_endpoint_takes_less_than_100_kilobytes_and_expires() {
    let server = RedisServer::start();
    let mut redis = server.connect();
    let now = minute(&mut redis);
    // Longer than any id that is made of a hash.
    let endpoint = Series::Endpoint("an-endpoint-with-a-long-name".to_owned());
    // Two days, of which only the minutes of the last one fit. Each number is as large as it gets, and beyond.
    for (number, portion) in (now - 2 * MINUTES..=now).collect::<Vec<_>>().chunks(50).enumerate() {
        let rows: Vec<_> = portion.iter().map(|at| (*at, endpoint.clone(), vec![ALL; 20])).collect();
        for node in ["a", "b"] {
            assert_eq!(count(&mut redis, node, &write(number as u64 + 1, &rows)), "");
        }
    }
    let keys: Vec<String> = redis.keys("wh:history:*").unwrap();
    assert!((24..=25).contains(&keys.len()), "{keys:?}");
    let mut bytes = 0;
    for key in &keys {
        bytes += redis::cmd("MEMORY").arg("USAGE").arg(key).query::<u64>(&mut redis).unwrap();
        let left: i64 = redis.pttl(key).unwrap();
        assert!(left > 0 && left <= 25 * 3_600_000, "{left}");
    }
    println!("{bytes} bytes");
    assert!(bytes <= 100_000, "{bytes} bytes");
    for at in [now, now - 1, now - MINUTES + 1] {
        assert_eq!(read(&mut redis, &endpoint, at), [ALL; 20], "numbers stop at their greatest value");
    }
}

#[test]
fn a_user_without_the_right_changes_nothing_and_learns_why() {
    let server = RedisServer::start();
    let mut redis = server.connect();
    let now = minute(&mut redis);
    redis::cmd("ACL").arg("SETUSER").arg("default").arg("-bitfield").exec(&mut redis).unwrap();
    let first = write(1, &[(now, billing(), vec![1; 20])]);
    let refused = count(&mut redis, "a", &first);
    // Redis names the command since 7.2.
    assert!(refused.contains("bitfield") || refused.contains("can't run this command"), "{refused}");
    assert_eq!(redis.keys::<_, Vec<String>>("*").unwrap(), [""; 0]);
    redis::cmd("ACL").arg("SETUSER").arg("default").arg("+bitfield").exec(&mut redis).unwrap();
    assert_eq!(count(&mut redis, "a", &first), "");
    assert_eq!(read(&mut redis, &billing(), now), [1; 20]);
}

#[test]
fn a_key_of_a_foreign_type_is_left_alone_and_the_others_are_written() {
    let server = RedisServer::start();
    let mut redis = server.connect();
    let now = minute(&mut redis);
    let foreign = OwnShard::of(&Config::default(), Shard::FIRST).key(&billing().key(hour_of(now).0));
    redis.hset::<_, _, _, ()>(&foreign, "a", "b").unwrap();
    assert_eq!(
        count(&mut redis, "a", &write(1, &[(now, billing(), vec![1; 20]), (now, Series::All, vec![1; 20])])),
        ""
    );
    assert_eq!(read(&mut redis, &Series::All, now), [1; 20]);
    assert_eq!(redis.hlen::<_, usize>(&foreign).unwrap(), 1);
}
