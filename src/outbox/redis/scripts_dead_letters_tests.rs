//! Limits of the dead letters, on a real Redis.

use super::*;

const KIB: usize = 1024;

/// Drops a batch of an endpoint with a body of `bytes`. Returns how many dead letters were evicted.
fn drop_batch(owner: &mut Owner, limits: DeadLetterLimits, endpoint: &str, bytes: usize) -> usize {
    let mut ack = owner.ack("msg", 1, Some(&"x".repeat(bytes)));
    ack.dead_letter.push(("endpoint", endpoint.as_bytes().to_vec()));
    // No cursor moves, so that no ack looks like a repetition of another.
    ack.moves = false;
    owner.keys.write(&mut owner.redis, &owner.membership, limits, &[&ack], &[]).unwrap().unwrap().evicted
}

/// Returns the number of dead letters of an endpoint.
fn dead_letters_of(owner: &mut Owner, endpoint: &str) -> usize {
    let listed: usize = owner.redis.zcard(format!("wh:dead_of:{endpoint}")).unwrap();
    let found: redis::streams::StreamRangeReply = owner.redis.xrange_all("wh:dead").unwrap();
    let of_it =
        found.ids.iter().filter(|dead_letter| dead_letter.get::<String>("endpoint").as_deref() == Some(endpoint));
    assert_eq!(of_it.count(), listed);
    listed
}

fn bytes(owner: &mut Owner) -> usize {
    owner.redis.zscore::<_, _, Option<usize>>("wh:dead_sizes", "all").unwrap().unwrap_or_default()
}

#[test]
fn an_endpoint_that_keeps_failing_evicts_only_its_own_dead_letters() {
    let (mut owner, limits) = (Owner::start(), DeadLetterLimits { count: 100, per_endpoint: 5, ..LIMITS });
    for _ in 0..3 {
        assert_eq!(drop_batch(&mut owner, limits, "quiet", 10), 0);
    }
    let evicted: usize = (0..50).map(|_| drop_batch(&mut owner, limits, "noisy", 10)).sum();
    assert_eq!((evicted, dead_letters_of(&mut owner, "noisy"), dead_letters_of(&mut owner, "quiet")), (45, 5, 3));
}

#[test]
fn the_endpoint_with_the_largest_dead_letters_frees_the_bytes() {
    let (mut owner, limits) =
        (Owner::start(), DeadLetterLimits { count: 100, per_endpoint: 100, bytes: 100 * KIB, ..LIMITS });
    for _ in 0..3 {
        drop_batch(&mut owner, limits, "quiet", KIB);
    }
    for _ in 0..20 {
        drop_batch(&mut owner, limits, "noisy", 20 * KIB);
        assert!(bytes(&mut owner) <= limits.bytes, "{}", bytes(&mut owner));
    }
    assert_eq!((dead_letters_of(&mut owner, "noisy"), dead_letters_of(&mut owner, "quiet")), (4, 3));
    // One that exceeds the limit is kept alone.
    drop_batch(&mut owner, limits, "quiet", 200 * KIB);
    assert_eq!((dead_letters_of(&mut owner, "noisy"), dead_letters_of(&mut owner, "quiet")), (0, 1));
    drop_batch(&mut owner, limits, "noisy", KIB);
    assert_eq!((dead_letters_of(&mut owner, "noisy"), dead_letters_of(&mut owner, "quiet")), (1, 0));
}

#[test]
fn a_lowered_limit_is_enforced_a_portion_at_a_time() {
    let mut owner = Owner::start();
    let before = DeadLetterLimits { count: 1000, per_endpoint: 1000, ..LIMITS };
    for _ in 0..350 {
        drop_batch(&mut owner, before, "a", KIB);
    }
    for lowered in [
        DeadLetterLimits { count: 20, ..before },
        DeadLetterLimits { per_endpoint: 20, ..before },
        DeadLetterLimits { bytes: 20 * KIB, ..before },
    ] {
        let at_first = dead_letters_of(&mut owner, "a");
        assert_eq!(drop_batch(&mut owner, lowered, "a", 0), 100, "at once");
        assert_eq!(dead_letters_of(&mut owner, "a"), at_first - 99);
    }
}

#[test]
fn expired_dead_letters_are_removed_from_all_keys_and_not_counted_as_evicted() {
    let (mut owner, limits) = (Owner::start(), DeadLetterLimits { age_ms: 1, ..LIMITS });
    for _ in 0..3 {
        drop_batch(&mut owner, LIMITS, "a", KIB);
    }
    crate::support::wait::eventually("they are old", || {
        let evicted = drop_batch(&mut owner, limits, "b", KIB);
        assert_eq!(evicted, 0);
        (dead_letters_of(&mut owner, "a") == 0).then_some(())
    });
    let dead_letters: redis::streams::StreamRangeReply = owner.redis.xrange_all("wh:dead").unwrap();
    for dead_letter in dead_letters.ids {
        owner.keys.forget(&mut owner.redis, &[DeadLetterId::parse(&dead_letter.id).unwrap()], "").unwrap();
    }
    assert_eq!(owner.redis.keys::<_, Vec<String>>("wh:dead*").unwrap(), ["wh:dead"], "an empty stream");
}

#[test]
fn dead_letters_are_still_added_and_removed_after_a_key_was_deleted_by_hand() {
    for key in ["wh:dead", "wh:dead_bodies", "wh:dead_of:a", "wh:dead_sizes"] {
        let (mut owner, limits) =
            (Owner::start(), DeadLetterLimits { count: 8, per_endpoint: 5, bytes: 7 * KIB, ..LIMITS });
        for _ in 0..4 {
            drop_batch(&mut owner, limits, "a", KIB);
        }
        owner.redis.del::<_, ()>(key).unwrap();
        for n in 0..30 {
            drop_batch(&mut owner, limits, if n % 2 == 0 { "a" } else { "b" }, KIB);
        }
        assert!(owner.redis.xlen::<_, usize>("wh:dead").unwrap() <= 8, "{key}");
        assert!(bytes(&mut owner) <= limits.bytes, "{key}: {}", bytes(&mut owner));
        while owner.keys.forget(&mut owner.redis, &[], "+").unwrap() > 0 {}
        assert_eq!(owner.redis.xlen::<_, usize>("wh:dead").unwrap(), 0, "{key}");
    }
}
