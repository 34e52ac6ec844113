//! Byte counts of events that are removed from the outbox, on a real Redis.

use super::*;

/// Appends events and counts the bytes of client and custom events as `append.lua` does. Returns their positions.
fn append(owner: &mut Owner, texts: &[&str]) -> Vec<u64> {
    let mut positions = Vec::new();
    for text in texts {
        let id: String = owner.redis.xadd(owner.keys.key_of("out", PARTITION), "*", &[("e", text)]).unwrap();
        positions.push(parse_stream_id(id.as_bytes()).unwrap());
    }
    let bytes: usize = texts.iter().filter(|text| text.starts_with(['c', 'x'])).map(|text| text.len()).sum();
    // The rest waits in other partitions.
    owner.redis.hset::<_, _, _, ()>("wh:out_bytes", PARTITION, bytes).unwrap();
    owner.redis.hset::<_, _, _, ()>("wh:out_bytes", "all", bytes + 1000).unwrap();
    positions
}

/// Returns the bytes of the partition, and of all.
fn counted(owner: &mut Owner) -> (Option<usize>, Option<usize>) {
    owner.redis.hmget("wh:out_bytes", &[PARTITION.to_string().as_str(), "all"]).unwrap()
}

#[test]
fn removed_events_are_uncounted_once() {
    let mut owner = Owner::start();
    let positions = append(&mut owner, &["o3:app1:a", "c3:app1:a12", "x3:app1:a", "c3:app1:a123456789", "v3:app1:a"]);
    let all = 11 + 9 + 18;
    assert_eq!(counted(&mut owner), (Some(all), Some(1000 + all)));
    for _ in 0..2 {
        owner.keys.remove(&mut owner.redis, &owner.membership, PARTITION, owner.token, &positions[2..3]).unwrap();
        assert_eq!(counted(&mut owner), (Some(all - 9), Some(1000 + all - 9)));
    }
    for _ in 0..2 {
        owner.trim(positions[1]);
        assert_eq!(counted(&mut owner), (Some(18), Some(1018)));
    }
    owner.trim(positions[4]);
    assert_eq!(counted(&mut owner), (None, Some(1000)));
}

#[test]
fn an_empty_partition_counts_nothing_whatever_was_counted() {
    let mut owner = Owner::start();
    let texts = vec!["c3:app1:a123456789"; 250];
    let positions = append(&mut owner, &texts);
    owner.trim(positions[239]);
    assert_eq!(counted(&mut owner), (Some(180), Some(1180)), "in portions");
    owner.redis.hset::<_, _, _, ()>("wh:out_bytes", PARTITION, 777).unwrap();
    owner.trim(positions[249]);
    assert_eq!(counted(&mut owner), (None, Some(403)));
}
