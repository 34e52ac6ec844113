//! Tests of reaping, on a real Redis.

use super::*;

impl Cluster {
    /// Rebuilds up to `portions` portions of the hold sets of a suspended application, as `node`.
    fn resume(&mut self, node: &NodeId, progress: &mut Progress, portions: usize) {
        for _ in 0..portions {
            match self.keys.resume(&mut self.redis, node, &self.epoch, &AppId::from("app"), progress).unwrap().unwrap()
            {
                Resumed::More(next) => *progress = next,
                Resumed::Done => break,
                Resumed::Foreign => panic!("the key is gone"),
            }
        }
    }
}

#[test]
fn a_dead_node_is_reaped_users_first_and_other_nodes_keep_what_they_hold() {
    let mut cluster = Cluster::start();
    let (a, b) = (cluster.node(1), cluster.node(2));
    let shared = [channel("app", "presence-a"), user("app", "presence-a", "8")];
    let own = [channel("app", "presence-b"), user("app", "presence-b", "7"), user("app", "presence-a", "7")];
    cluster.edges(&a, &shared.clone().map(Claim::join));
    cluster.edges(&a, &own.map(Claim::join));
    cluster.edges(&b, &shared.map(Claim::join));
    cluster.lapse(&a);
    cluster.take_events();
    let reaped = cluster.reap(&a).unwrap();
    assert_eq!((reaped.edges, reaped.finished), (3, true));
    let mut events = cluster.take_events();
    assert_eq!(events.pop().as_deref(), Some("vacated presence-b"));
    events.sort();
    assert_eq!(events, ["removed presence-a/7", "removed presence-b/7"]);
    assert_eq!(cluster.edges(&b, &[Claim::leave(channel("app", "presence-a"))]), "1");
}

#[test]
fn a_node_that_has_renewed_is_not_reaped() {
    let mut cluster = Cluster::start();
    let a = cluster.node(1);
    cluster.edges(&a, &[Claim::join(channel("app", "news"))]);
    let reaped = cluster.reap(&a).unwrap();
    assert_eq!((reaped.edges, reaped.finished), (0, true));
}

#[test]
fn a_reaped_node_cannot_claim_but_still_gets_its_last_reply() {
    let mut cluster = Cluster::start();
    let a = cluster.node(1);
    let join = [Claim::join(channel("app", "news"))];
    let first = cluster.claim_as(&a, 1, &join);
    cluster.lapse(&a);
    cluster.reap(&a).unwrap();
    assert_eq!(cluster.claim_as(&a, 1, &join), first);
    assert_eq!(cluster.claim_as(&a, 2, &join), Err(Refusal::Reaped));
}

#[test]
fn a_session_that_is_opened_late_does_not_revive_a_node_that_was_reaped() {
    let mut cluster = Cluster::start();
    let a = cluster.node(1);
    let holds = [channel("app", "news"), channel("app", "more")];
    cluster.edges(&a, &holds.clone().map(Claim::join));
    cluster.lapse(&a);
    assert!(!cluster.reap_up_to(&a, 1).unwrap().finished);
    cluster.node(1);
    assert_eq!(cluster.claim(&a, &holds.clone().map(Claim::leave)), Err(Refusal::Reaped), "while it is being reaped");
    assert_eq!(cluster.reap(&a).unwrap().fate, Fate::Dead, "the reaping continues");
    cluster.node(1);
    assert_eq!(cluster.claim_as(&a, 2, &holds.map(Claim::leave)), Err(Refusal::Reaped), "after it was reaped");
}

#[test]
fn a_half_finished_reaping_is_continued_by_another_node() {
    let mut cluster = Cluster::start();
    let (a, b) = (cluster.node(1), cluster.node(2));
    let many: Vec<Claim> = (0..=REAP_PORTION).map(|n| Claim::join(channel("app", &n.to_string()))).collect();
    cluster.edges(&a, &many);
    cluster.lapse(&a);
    let first = cluster.reap(&a).unwrap();
    assert_eq!((first.edges, first.finished), (REAP_PORTION as u64, false));
    assert_eq!(cluster.claim(&a, &many[..1]), Err(Refusal::Reaped), "while it is being reaped");
    let renewal = cluster.renew(&b);
    assert_eq!(renewal.lapsed, [a.as_str()]);
    let second = cluster.reap(&a).unwrap();
    assert_eq!((second.edges, second.finished), (1, true));
}

#[test]
fn a_node_that_is_reaped_between_two_portions_of_a_resumption_leaves_nothing() {
    // A portion per node and kind of holds, then one for the departures.
    for portions in 0..=6 {
        let mut cluster = Cluster::start();
        let (a, b) = (cluster.node(1), cluster.node(2));
        let both = channel("app", "shared");
        cluster.edges(&a, &[channel("app", "news"), user("app", "news", "7"), both.clone()].map(Claim::join));
        cluster.edges(&b, &[Claim::join(both.clone())]);
        redis::pipe()
            .del("wh:channels:app")
            .rpush("wh:channels:app", "of another program")
            .exec(&mut cluster.redis)
            .unwrap();
        assert_eq!(cluster.claim_as(&b, 2, &[Claim::join(channel("app", "x"))]), Err(Refusal::Suspended));
        redis::cmd("DEL").arg("wh:channels:app").exec(&mut cluster.redis).unwrap();
        cluster.take_events();
        let mut progress = Progress::default();
        cluster.resume(&b, &mut progress, portions);
        cluster.lapse(&a);
        cluster.reap(&a).unwrap();
        cluster.resume(&b, &mut progress, 10);
        cluster.expire_due();
        let leave = cluster.claim_as(&b, 2, &[Claim::leave(both)]).unwrap();
        assert_eq!((leave.announced, leave.edges.as_slice()), (2, b"1".as_slice()), "after {portions} portions");
        assert_eq!(cluster.take_events(), ["removed news/7", "vacated news", "vacated shared"]);
    }
}
