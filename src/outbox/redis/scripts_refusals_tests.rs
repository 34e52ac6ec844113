//! Calls that Redis refuses, for lack of rights or of memory, on a real Redis.

use super::*;

fn used_memory(redis: &mut Connection) -> u64 {
    let info: String = redis::cmd("INFO").arg("memory").query(redis).unwrap();
    info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().parse().unwrap()
}

fn set_maxmemory(redis: &mut Connection, bytes: u64) {
    redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).exec(redis).unwrap();
}

#[test]
fn while_redis_is_full_batches_may_be_sent_but_few_of_their_bytes_are_persisted() {
    let mut owner = Owner::start();
    let large = "x".repeat(100_000);
    let batch = |owner: &Owner, n: u64| {
        let batch = format!("msg_{n} {large}").into_bytes();
        PersistRequest { lane: format!("{n}:app").into_bytes(), batch, last: vec![owner.at(1)] }
    };
    set_maxmemory(&mut owner.redis, 1);
    let before = used_memory(&mut owner.redis);
    for n in 0..100 {
        let persisted = batch(&owner, n);
        let written = owner.write(&[], &[persisted]);
        assert_eq!(written.refused_batches, [vec![]]);
        assert!(written.full);
    }
    let grown = used_memory(&mut owner.redis).saturating_sub(before);
    assert!(grown < 500_000, "{grown} bytes");
    assert_eq!(owner.persisted().len(), 1);
    set_maxmemory(&mut owner.redis, 0);
    let persisted = batch(&owner, 100);
    assert!(!owner.write(&[], &[persisted]).full);
    assert_eq!(owner.persisted().len(), 2);
}

#[test]
fn while_redis_is_full_the_oldest_dead_letters_are_evicted_for_new_ones() {
    let mut owner = Owner::start();
    let dead_letter = "x".repeat(50_000);
    for n in 1..=5 {
        owner.acknowledge(&format!("msg_{n}"), n, Some(&dead_letter));
    }
    set_maxmemory(&mut owner.redis, 1);
    let before = used_memory(&mut owner.redis);
    for n in 6..=30 {
        owner.acknowledge(&format!("msg_{n}"), n, Some(&dead_letter));
    }
    let grown = used_memory(&mut owner.redis).saturating_sub(before);
    assert!(grown < 250_000, "{grown} bytes for 1 250 000 that were written");
    assert_eq!(owner.redis.xlen::<_, usize>("wh:dead"), Ok(5));
    assert_eq!(owner.cursor(), 30);
}

#[test]
fn while_redis_is_full_partitions_are_assigned_and_events_removed() {
    let mut owner = Owner::start();
    let ids: Vec<String> = (0..3).map(|_| owner.redis.xadd("wh:out:3", "*", &[("e", "x")]).unwrap()).collect();
    let seqs: Vec<u64> = ids.iter().map(|id| parse_stream_id(id.as_bytes()).unwrap()).collect();
    let successor = Membership { node: NodeId::new("host", 2, 0), epoch: owner.membership.epoch.clone() };
    owner.redis.zrem::<_, _, ()>("wh:nodes", owner.membership.node.as_str()).unwrap();
    owner.lease(&successor, LATE);
    set_maxmemory(&mut owner.redis, 1);
    owner.membership = successor.clone();
    owner.token = owner.assign(&successor);
    owner.keys.remove(&mut owner.redis, &successor, PARTITION, owner.token, &seqs[1..2]).unwrap();
    owner.trim(seqs[0]);
    assert_eq!(owner.redis.xlen::<_, usize>("wh:out:3"), Ok(1));
    owner.keys.release(&mut owner.redis, &successor, PARTITION, owner.token).unwrap();
}

#[test]
fn an_ack_without_a_right_changes_nothing_and_is_written_once_when_the_right_is_back() {
    for command in ["xadd", "hset", "hdel", "xdel", "zadd", "zrem", "zscore", "xrange", "xlen", "hlen"] {
        let mut owner = Owner::start();
        redis::cmd("ACL").arg(&["SETUSER", "admin", "on", "nopass", "~*", "+@all"]).exec(&mut owner.redis).unwrap();
        assert!(owner.persist("msg_1", 5));
        redis::cmd("ACL")
            .arg(&["SETUSER", "limited", "on", "nopass", "~*", "+@all", &format!("-{command}")])
            .exec(&mut owner.redis)
            .unwrap();
        redis::cmd("AUTH").arg(&["limited", ""]).exec(&mut owner.redis).unwrap();
        let ack = owner.ack("msg_1", 5, Some("letter"));
        for _ in 0..2 {
            let refused = owner.keys.write(&mut owner.redis, &owner.membership, LIMITS, &[&ack], &[]);
            assert!(refused.is_err(), "{command}");
        }
        redis::cmd("AUTH").arg(&["admin", ""]).exec(&mut owner.redis).unwrap();
        assert_eq!(owner.redis.xlen::<_, usize>("wh:dead"), Ok(0), "{command}");
        assert_eq!(owner.persisted().len(), 1, "{command}");
        owner.acknowledge("msg_1", 5, Some("letter"));
        assert_eq!(owner.redis.xlen::<_, usize>("wh:dead"), Ok(1), "{command}");
    }
}
