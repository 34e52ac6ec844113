//! Tests of settling after Redis has lost data, on a real Redis.

use super::*;
use crate::cluster::Entered;

/// Two nodes that each hold a channel of their own and a common one.
struct Settled {
    cluster: Cluster,
    nodes: [NodeId; 2],
    own: [Hold; 2],
    common: Hold,
}

fn settled() -> Settled {
    let mut cluster = Cluster::start();
    let nodes = [1, 2].map(|pid| cluster.node(pid));
    let [first, second, common] = ["first", "second", "common"].map(|name| channel("app", name));
    let own = [first, second];
    for (node, hold) in nodes.iter().zip(&own) {
        cluster.edges(node, &[hold, &common].map(|hold| Claim::join(hold.clone())));
    }
    Settled { cluster, nodes, own, common }
}

impl Cluster {
    /// Opens a session on a connection to the Redis process `server`.
    fn enter_over(&mut self, node: &NodeId, server: &str, id: &str) -> Entered {
        self.keys.membership.enter(&mut self.redis, node, id, server, Past::Epoch, true).unwrap().unwrap()
    }

    fn restore_holds(&mut self, node: &NodeId, answered: u64, settling: &str, holds: &[&Hold]) {
        while !self.keys.forget(&mut self.redis, node, &self.epoch, answered, 1, settling).unwrap().unwrap() {}
        for hold in holds {
            let held = [((*hold).clone(), 0)];
            self.keys.reassert(&mut self.redis, node, &self.epoch, answered, settling, held.iter()).unwrap().unwrap();
        }
    }

    fn is_settling(&mut self, node: &NodeId, number: u64) -> bool {
        match self.claim_as(node, number, &[]) {
            Ok(_) => false,
            Err(Refusal::Settling(wait)) => !wait.is_zero(),
            Err(refusal) => panic!("{refusal:?}"),
        }
    }
}

#[test]
fn lost_data_is_restored_without_events_and_edges_wait_until_all_nodes_have_confirmed() {
    let Settled { mut cluster, nodes: [a, b], own, common } = settled();
    redis::cmd("FLUSHALL").exec(&mut cluster.redis).unwrap();
    assert_eq!(cluster.claim_as(&b, 2, &[]), Err(Refusal::Lost));
    let first = cluster.keys.membership.open(&mut cluster.redis, &a, "epoch-2", Past::Session).unwrap();
    assert_eq!(first.settling, "epoch-2");
    let second = cluster.keys.membership.open(&mut cluster.redis, &b, "epoch-3", Past::Session).unwrap();
    assert_eq!(second, first);
    cluster.epoch = first.epoch;
    for (node, own) in [&a, &b].into_iter().zip(&own) {
        cluster.restore_holds(node, 1, &first.settling, &[own, &common]);
        assert!(cluster.is_settling(&a, 2), "{node} has not confirmed yet");
        assert_eq!(cluster.confirm(node, 1, &first.settling, true), Ok(String::new()));
    }
    let leave = [Claim::leave(common.clone()), Claim::join(own[1].clone())];
    assert_eq!(cluster.claim_as(&a, 2, &leave).unwrap().edges, b"00", "the other node has the channel");
    let left: Vec<String> = redis::cmd("KEYS").arg("wh:unconfirmed").query(&mut cluster.redis).unwrap();
    assert_eq!(left, [""; 0]);
}

/// As after a failover to a replica that lags, or a crash of a Redis that syncs its file once per second.
#[test]
fn the_loss_of_the_last_seconds_is_detected_and_corrected_without_events() {
    let mut cluster = Cluster::start();
    let (a, b) = (cluster.node(1), cluster.node(2));
    let [stays, left, came] = ["stays", "left", "came"].map(|name| channel("app", name));
    cluster.edges(&a, &[&stays, &left].map(|hold| Claim::join(hold.clone())));
    let saved = cluster.save();
    cluster.edges(&a, &[Claim::leave(left.clone()), Claim::join(came.clone())]);
    cluster.restore(&saved);

    let known = Acknowledged { epoch: &cluster.epoch.clone(), answered: 2, restored_for: "" };
    assert_eq!(cluster.keys.renew(&mut cluster.redis, &a, &known).unwrap(), Err(Refusal::Behind));
    assert_eq!(cluster.claim(&a, &[Claim::leave(came.clone())]), Err(Refusal::Behind));
    assert_eq!(cluster.confirm(&a, 2, "", false), Err(Refusal::Behind));
    let settling = cluster.find_loss(&a);
    cluster.restore_holds(&a, 2, &settling, &[&stays, &came]);
    assert_eq!(cluster.confirm(&a, 2, &settling, true), Ok(String::new()));
    assert!(cluster.is_settling(&a, 3), "the other node may have lost something too");
    assert_eq!(cluster.confirm(&b, 0, "", false), Ok(settling.clone()));
    assert_eq!(cluster.confirm(&b, 0, &settling, false), Ok(String::new()));
    let verdict = cluster.claim_as(&a, 3, &[&stays, &came].map(|hold| Claim::leave(hold.clone()))).unwrap();
    assert_eq!(verdict.edges, b"11");
    assert_eq!(cluster.claim_as(&b, 1, &[Claim::join(left)]).unwrap().edges, b"1", "the channel was left");
}

#[test]
fn the_loss_of_restored_holds_is_detected() {
    let Settled { mut cluster, nodes: [a, b], own, common } = settled();
    let settling = cluster.find_loss(&a);
    let saved = cluster.save();
    cluster.restore_holds(&a, 1, &settling, &[&own[0], &common]);
    for (node, restored) in [(&a, true), (&b, false)] {
        assert_eq!(cluster.confirm(node, 1, &settling, restored), Ok(String::new()));
    }
    let known = Acknowledged { epoch: &cluster.epoch.clone(), answered: 1, restored_for: &settling };
    assert!(cluster.keys.renew(&mut cluster.redis, &a, &known).unwrap().is_ok());
    cluster.restore(&saved);
    assert_eq!(cluster.keys.renew(&mut cluster.redis, &a, &known).unwrap(), Err(Refusal::Behind));
}

#[test]
fn a_new_redis_process_makes_all_nodes_confirm_before_an_edge_is_decided() {
    let Settled { mut cluster, nodes: [a, b], .. } = settled();
    assert_eq!(cluster.enter_over(&a, "first", "settling-0").settling, "", "the process was not known");
    assert!(!cluster.is_settling(&a, 2));
    let newcomer = NodeId::new("host", 3, 0);
    assert_eq!(cluster.enter_over(&newcomer, "second", "settling-1").settling, "settling-1");
    assert!(cluster.is_settling(&a, 3));
    assert_eq!(cluster.enter_over(&b, "second", "settling-2").settling, "settling-1");
    for node in [&newcomer, &a, &b] {
        assert!(cluster.is_settling(&a, 3), "{node} has not confirmed yet");
        assert_eq!(cluster.confirm(node, 0, "settling-1", false), Ok(String::new()));
    }
    assert!(!cluster.is_settling(&a, 3));
    assert_eq!(cluster.enter_over(&a, "", "settling-3").settling, "", "an unknown process starts no settling");
}

#[test]
fn a_confirmation_of_an_earlier_settling_confirms_nothing() {
    let Settled { mut cluster, nodes: [a, _], .. } = settled();
    for (server, id) in [("first", "settling-0"), ("second", "settling-1"), ("third", "settling-2")] {
        cluster.enter_over(&a, server, id);
    }
    assert_eq!(cluster.confirm(&a, 1, "settling-1", false), Ok("settling-2".to_owned()));
    assert_eq!(cluster.confirm(&a, 1, "", false), Ok("settling-2".to_owned()));
}

#[test]
fn a_settling_ends_even_if_many_nodes_have_died() {
    let Settled { mut cluster, nodes: [a, b], .. } = settled();
    let dead: Vec<NodeId> = (10..60).map(|pid| cluster.node(pid)).chain([b]).collect();
    assert!(dead.len() > 3 * LAPSED_PER_RENEWAL);
    let settling = cluster.find_loss(&a);
    assert_eq!(cluster.confirm(&a, 1, &settling, false), Ok(String::new()));
    for node in &dead {
        cluster.lapse(node);
    }
    let mut renewals = 0;
    while cluster.is_settling(&a, 2) {
        renewals += 1;
        let lapsed = cluster.renew(&a).lapsed;
        assert!(renewals <= 4, "the same nodes are returned again: {lapsed:?}");
        for node in dead.iter().filter(|node| lapsed.contains(&node.to_string())) {
            let _ = cluster.reap(node);
        }
    }
    for _ in 0..4 {
        let lapsed = cluster.renew(&a).lapsed;
        for node in dead.iter().filter(|node| lapsed.contains(&node.to_string())) {
            assert!(cluster.reap(node).unwrap().finished);
        }
    }
    assert_eq!(cluster.renew(&a).lapsed, [""; 0]);
}

#[test]
fn a_settling_waits_for_a_lapsed_node_until_a_reaper_declares_it_dead() {
    let Settled { mut cluster, nodes: [a, b], common, .. } = settled();
    let settling = cluster.find_loss(&a);
    assert_eq!(cluster.confirm(&a, 1, &settling, false), Ok(String::new()));
    cluster.lapse(&a);
    cluster.lapse(&b);
    cluster.renew(&a);
    assert!(cluster.is_settling(&a, 2), "a lapsed lease does not end the settling");
    assert!(matches!(cluster.reap(&b), Err(Refusal::Settling(_))));
    assert_eq!(cluster.claim_as(&b, 2, &[]), Err(Refusal::Reaped));
    assert_eq!(cluster.claim_as(&a, 2, &[Claim::leave(common)]).unwrap().edges, b"0", "b is not reaped yet");
    assert_eq!(cluster.reap(&b).unwrap().edges, 2);
}

#[test]
fn only_a_node_that_a_settling_waits_for_may_restore_holds() {
    let Settled { mut cluster, nodes: [a, _], common, .. } = settled();
    let held = [(common.clone(), 0)];
    let (keys, epoch, redis) = (cluster.keys.clone(), cluster.epoch.clone(), &mut cluster.redis);
    // 5 batches were answered, more than Redis has.
    assert_eq!(keys.forget(redis, &a, &epoch, 5, 10, "settling-1").unwrap(), Err(Refusal::Behind));
    assert_eq!(keys.reassert(redis, &a, &epoch, 5, "settling-1", held.iter()).unwrap(), Err(Refusal::Behind));
    let departures = [(0, common)];
    let leaving = keys.restore_departures(redis, &a, &epoch, 5, "settling-1", departures.iter()).unwrap();
    assert_eq!(leaving, Err(Refusal::Behind));
}

#[test]
fn a_newcomer_waits_for_nodes_whose_epoch_was_lost() {
    let Settled { mut cluster, nodes: [a, b], .. } = settled();
    redis::cmd("DEL").arg("wh:epoch").exec(&mut cluster.redis).unwrap();
    let newcomer = NodeId::new("host", 3, 0);
    let entered = cluster.keys.membership.open(&mut cluster.redis, &newcomer, "epoch-2", Past::None).unwrap();
    assert_eq!(entered.settling, "epoch-2");
    let waiting: Vec<String> = redis::cmd("SMEMBERS").arg("wh:unconfirmed").query(&mut cluster.redis).unwrap();
    for node in [&a, &b, &newcomer] {
        assert!(waiting.contains(&node.to_string()), "{node}");
    }
}

#[test]
fn a_new_connection_does_not_hide_a_lapsed_lease() {
    let Settled { mut cluster, nodes: [a, _], .. } = settled();
    cluster.lapse(&a);
    cluster.enter_over(&a, "first", "settling-0");
    assert!(!cluster.renew(&a).unbroken);
    assert!(cluster.renew(&a).unbroken);
}
