//! What follows when Redis has lost all its data or its last seconds, on a real Redis.

use std::time::Instant;

use super::*;

#[test]
fn lost_data_is_noticed_put_back_in_silence_and_edges_wait_until_it_has_settled() {
    let mut cluster = Cluster::start();
    let (a, b) = (cluster.node(1), cluster.node(2));
    let hold = channel("app", "news");
    cluster.edges(&a, &[Claim::join(hold.clone())]);
    redis::cmd("FLUSHALL").exec(&mut cluster.redis).unwrap();
    assert_eq!(cluster.claim_as(&b, 1, &[Claim::join(hold.clone())]), Err(Refusal::Lost));

    let settle = Duration::from_millis(200);
    let started = Instant::now();
    let (epoch, wait) = cluster.keys.open(&mut cluster.redis, &b, "epoch-2", settle, false).unwrap();
    assert_eq!((epoch.as_str(), wait), ("epoch-2", settle));
    let (same, _) = cluster.keys.open(&mut cluster.redis, &a, "epoch-3", settle, false).unwrap();
    assert_eq!(same, "epoch-2");
    cluster.epoch = epoch;
    cluster.reassert(&a, 1, &hold).unwrap();
    let verdict = loop {
        match cluster.claim_as(&b, 1, &[Claim::join(hold.clone())]) {
            Ok(verdict) => break verdict,
            Err(Refusal::Settling(wait)) => std::thread::sleep(wait),
            Err(refusal) => panic!("{refusal:?}"),
        }
    };
    // The scripts count in whole milliseconds, and may have begun at the end of one.
    assert!(started.elapsed() + Duration::from_millis(1) >= settle);
    assert_eq!(verdict.edges, b"0", "the channel was occupied before the loss");
}

#[test]
fn edges_wait_for_a_node_that_puts_back_what_was_lost_however_long_it_takes_but_not_for_one_whose_lease_lapses() {
    let mut cluster = Cluster::start();
    let [a, b, c] = [1, 2, 3].map(|pid| cluster.node(pid));
    let hold = channel("app", "news");
    cluster.edges(&a, &[Claim::join(hold.clone())]);
    redis::cmd("FLUSHALL").exec(&mut cluster.redis).unwrap();
    for (node, restores) in [(&b, false), (&a, true), (&c, true)] {
        cluster.epoch = cluster.keys.open(&mut cluster.redis, node, "epoch-2", Duration::ZERO, restores).unwrap().0;
    }
    let decided = |cluster: &mut Cluster| cluster.claim_as(&b, 1, &[Claim::join(hold.clone())]);
    let Err(Refusal::Settling(wait)) = decided(&mut cluster) else { panic!("two nodes put their holds back") };
    assert!(wait > Duration::ZERO);
    cluster.reassert(&a, 1, &hold).unwrap();
    cluster.keys.restored(&mut cluster.redis, &a, &cluster.epoch).unwrap().unwrap();
    assert!(decided(&mut cluster).is_err(), "the other one still does");
    cluster.lapse(&c);
    assert_eq!(decided(&mut cluster).unwrap().edges, b"0", "the channel was occupied before the loss");
    let left: Vec<String> = redis::cmd("KEYS").arg("wh:restoring").query(&mut cluster.redis).unwrap();
    assert_eq!(left, [""; 0]);
}

/// As after a failover to a replica that had not got everything, or the crash of a Redis that writes once a second.
#[test]
fn a_redis_that_lost_its_last_seconds_is_found_out_and_corrected_in_silence() {
    let mut cluster = Cluster::start();
    let (a, b) = (cluster.node(1), cluster.node(2));
    let [stays, left, came] = ["stays", "left", "came"].map(|name| channel("app", name));
    cluster.edges(&a, &[&stays, &left].map(|hold| Claim::join(hold.clone())));
    let saved = cluster.save();
    cluster.edges(&a, &[Claim::leave(left.clone()), Claim::join(came.clone())]);
    cluster.restore(&saved);

    assert_eq!(cluster.keys.renew(&mut cluster.redis, &a, &cluster.epoch, 2).unwrap(), Err(Refusal::Behind));
    assert_eq!(cluster.claim(&a, &[Claim::leave(came.clone())]), Err(Refusal::Behind));
    let settle = Duration::from_millis(200);
    assert_eq!(cluster.keys.forget(&mut cluster.redis, &a, &cluster.epoch, 2, 1, settle).unwrap(), Ok(false));
    assert_eq!(cluster.keys.forget(&mut cluster.redis, &a, &cluster.epoch, 2, 1, settle).unwrap(), Ok(true));
    for hold in [&stays, &came] {
        cluster.reassert(&a, 2, hold).unwrap();
    }
    assert!(matches!(cluster.claim_as(&b, 1, &[]), Err(Refusal::Settling(_))), "the others have lost something, too");
    let verdict = crate::support::wait::eventually("edges are decided again", || {
        cluster.claim_as(&a, 3, &[&stays, &came].map(|hold| Claim::leave(hold.clone()))).ok()
    });
    assert_eq!(verdict.edges, b"11");
    assert_eq!(cluster.claim_as(&b, 1, &[Claim::join(left)]).unwrap().edges, b"1", "it was left");
}
