//! Tests of departures in their grace, on a real Redis.

use std::time::Instant;

use super::*;

const GRACE: Duration = Duration::from_millis(150);

impl Cluster {
    /// Returns a cluster whose nodes give departures `grace`.
    fn granting(grace: Duration) -> Self {
        let mut cluster = Self::start();
        cluster.grant(grace);
        cluster
    }

    fn grant(&mut self, grace: Duration) {
        self.keys.grace = grace;
    }

    /// Returns the events of an empty batch.
    fn ask(&mut self, node: &NodeId) -> Vec<String> {
        self.take_events();
        self.claim(node, &[]).unwrap();
        self.take_events()
    }

    /// Sends empty batches until `count` departures were announced, and returns them.
    fn announced(&mut self, node: &NodeId, count: usize) -> Vec<String> {
        let mut announced = Vec::new();
        crate::support::wait::eventually("the departures are announced", || {
            announced.extend(self.ask(node));
            (announced.len() >= count).then(|| announced.clone())
        })
    }

    /// Ends the grace of all departures.
    pub(super) fn expire_due(&mut self) {
        let due: Vec<Vec<u8>> = redis::cmd("ZRANGE").arg("wh:due").arg(0).arg(-1).query(&mut self.redis).unwrap();
        for hold in due {
            redis::cmd("ZADD").arg("wh:due").arg("XX").arg(1).arg(hold).exec(&mut self.redis).unwrap();
        }
    }

    fn due(&mut self) -> usize {
        redis::cmd("ZCARD").arg("wh:due").query(&mut self.redis).unwrap()
    }
}

/// Returns the number of commands that Redis has run, in scripts and outside.
fn commands(cluster: &mut Cluster) -> u64 {
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut cluster.redis).unwrap();
    let calls = stats.lines().filter_map(|line| line.split_once(":calls=")?.1.split_once(','));
    calls.map(|(calls, _)| calls.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_departure_is_an_edge_when_its_grace_is_over_and_not_before() {
    let mut cluster = Cluster::granting(GRACE);
    let a = cluster.node(1);
    cluster.edges(&a, &[Claim::join(channel("app", "news"))]);
    let began = Instant::now();
    assert_eq!(cluster.edges(&a, &[Claim::leave(channel("app", "news"))]), "2");
    assert_eq!(cluster.announced(&a, 1), ["vacated news"]);
    assert!(began.elapsed() + Duration::from_millis(1) >= GRACE, "{:?}", began.elapsed());
    assert_eq!(cluster.ask(&a), [""; 0], "it is announced once");
    assert_eq!(cluster.edges(&a, &[Claim::join(channel("app", "news"))]), "1");
}

#[test]
fn a_rejoin_within_the_grace_is_silent_on_both_sides_also_on_another_node() {
    let mut cluster = Cluster::granting(LEASE);
    let (a, b) = (cluster.node(1), cluster.node(2));
    let holds = [channel("app", "presence-a"), user("app", "presence-a", "7")];
    cluster.edges(&a, &holds.clone().map(Claim::join));
    assert_eq!(cluster.edges(&a, &holds.clone().map(Claim::leave)), "22");
    assert_eq!(cluster.edges(&b, &holds.clone().map(Claim::join)), "33");
    assert_eq!(cluster.due(), 0);
    assert_eq!(cluster.edges(&b, &holds.clone().map(Claim::leave)), "22");
    assert_eq!(cluster.edges(&b, &holds.clone().map(Claim::join)), "33");
    cluster.expire_due();
    assert_eq!(cluster.ask(&a), [""; 0]);
    assert_eq!(cluster.edges(&a, &holds.map(Claim::join)), "00");
}

#[test]
fn each_user_has_a_separate_grace() {
    let mut cluster = Cluster::granting(LEASE);
    let a = cluster.node(1);
    let [seven, eight] = ["7", "8"].map(|id| user("app", "presence-a", id));
    cluster.edges(&a, &[channel("app", "presence-a"), seven.clone(), eight].map(Claim::join));
    assert_eq!(cluster.edges(&a, &[Claim::leave(seven.clone())]), "2");
    assert_eq!(cluster.edges(&a, &[Claim::join(seven.clone())]), "3");
    assert_eq!(cluster.edges(&a, &[Claim::leave(seven)]), "2");
    cluster.expire_due();
    assert_eq!(cluster.ask(&a), ["removed presence-a/7"]);
}

#[test]
fn claims_of_one_batch_see_each_others_departures() {
    let mut cluster = Cluster::granting(LEASE);
    let a = cluster.node(1);
    let (join, leave) = (Claim::join(channel("app", "news")), Claim::leave(channel("app", "news")));
    let claims = [&join, &leave, &join, &leave, &leave].map(Clone::clone);
    assert_eq!(cluster.edges(&a, &claims), "12320");
    assert_eq!(cluster.due(), 1);
    assert_eq!(cluster.edges(&a, &[join.clone(), leave, join]), "323");
    assert_eq!(cluster.due(), 0);
}

#[test]
fn members_are_removed_before_their_channel_is_vacated_even_in_small_portions() {
    let mut cluster = Cluster::granting(LEASE);
    let a = cluster.node(1);
    let members: Vec<Hold> = (0..DUE_PER_BATCH).map(|n| user("app", "presence-a", &n.to_string())).collect();
    let room = [channel("app", "presence-a")];
    let everything = || room.iter().chain(&members).cloned();
    cluster.edges(&a, &everything().map(Claim::join).collect::<Vec<_>>());
    // Two batches, since a departure may be split anywhere.
    cluster.edges(&a, &members.iter().cloned().map(Claim::leave).collect::<Vec<_>>());
    cluster.edges(&a, &[Claim::leave(room[0].clone())]);
    cluster.expire_due();
    let first = cluster.ask(&a);
    assert_eq!(first.len(), DUE_PER_BATCH);
    assert!(first.iter().all(|event| event.starts_with("removed")), "{first:?}");
    assert_eq!(cluster.ask(&a), ["vacated presence-a"]);
}

#[test]
fn a_channel_is_not_vacated_while_a_member_is_in_a_longer_grace_of_another_node() {
    let mut cluster = Cluster::start();
    let (long, short) = (cluster.node(1), cluster.node(2));
    let holds = [channel("app", "presence-a"), user("app", "presence-a", "7")];
    for grace in [Duration::ZERO, Duration::from_millis(1)] {
        cluster.grant(GRACE);
        cluster.edges(&long, &holds.clone().map(Claim::join));
        cluster.edges(&short, &[Claim::join(holds[0].clone())]);
        assert_eq!(cluster.edges(&long, &[Claim::leave(holds[1].clone()), Claim::leave(holds[0].clone())]), "20");
        cluster.grant(grace);
        assert_eq!(cluster.edges(&short, &[Claim::leave(holds[0].clone())]), "2");
        assert_eq!(cluster.announced(&short, 2), ["removed presence-a/7", "vacated presence-a"]);
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_vacate_a_channel_before_its_members_are_gone() {
    let mut cluster = Cluster::granting(LEASE);
    let a = cluster.node(1);
    let holds = [channel("app", "presence-a"), user("app", "presence-a", "7")];
    cluster.edges(&a, &holds.clone().map(Claim::join));
    cluster.edges(&a, &holds.map(Claim::leave));
    let due = |member: &str| redis::cmd("ZADD").arg("wh:due").arg(1).arg(member).clone();
    due("c3:app10:presence-a").exec(&mut cluster.redis).unwrap();
    assert_eq!(cluster.ask(&a), [""; 0]);
    due("U3:app10:presence-a7").exec(&mut cluster.redis).unwrap();
    assert_eq!(cluster.announced(&a, 2), ["removed presence-a/7", "vacated presence-a"]);
}

#[test]
fn nodes_without_a_grace_announce_departures_of_others_and_then_stop_looking() {
    let mut cluster = Cluster::granting(LEASE);
    let (a, b) = (cluster.node(1), cluster.node(2));
    for hold in ["one", "two"] {
        cluster.edges(&a, &[Claim::join(channel("app", hold))]);
        cluster.edges(&a, &[Claim::leave(channel("app", hold))]);
    }
    cluster.grant(Duration::ZERO);
    assert_eq!(cluster.edges(&b, &[Claim::join(channel("app", "one"))]), "3");
    let renewal = cluster.renew(&b);
    assert!(renewal.next_due.is_some_and(|wait| wait > LEASE / 2), "{renewal:?}");
    assert_eq!(cluster.edges(&b, &[Claim::leave(channel("app", "one"))]), "1");
    cluster.expire_due();
    assert_eq!(cluster.ask(&b), ["vacated two"]);
    assert_eq!(cluster.claim(&b, &[]).unwrap().next_due, None);
    assert_eq!(
        redis::cmd("HKEYS").arg("wh:epoch").query(&mut cluster.redis),
        Ok(vec!["id".to_owned(), "settling".into(), "schema".into()])
    );
}

#[test]
fn a_cluster_without_a_grace_never_accesses_the_keys_of_departures() {
    let mut cluster = Cluster::start();
    let a = cluster.node(1);
    // Any access would fail, since the key is of another type.
    redis::cmd("SET").arg("wh:due").arg("not ours").exec(&mut cluster.redis).unwrap();
    let holds = [channel("app", "presence-a"), user("app", "presence-a", "7")];
    assert_eq!(cluster.edges(&a, &holds.clone().map(Claim::join)), "11");
    assert_eq!(cluster.edges(&a, &[Claim::leave(holds[1].clone()), Claim::leave(holds[0].clone())]), "11");
    cluster.edges(&a, &holds.map(Claim::join));
    cluster.renew(&a);
    cluster.lapse(&a);
    assert_eq!(cluster.reap(&a).unwrap().edges, 2);
}

#[test]
fn a_batch_sent_again_announces_nothing_twice() {
    let mut cluster = Cluster::granting(LEASE);
    let (a, b) = (cluster.node(1), cluster.node(2));
    cluster.edges(&a, &[Claim::join(channel("app", "news"))]);
    let leave = [Claim::leave(channel("app", "news"))];
    let first = cluster.claim_as(&a, 2, &leave).unwrap();
    cluster.expire_due();
    cluster.take_events();
    cluster.claim_as(&b, 1, &[]).unwrap();
    assert_eq!(cluster.take_events(), ["vacated news"]);
    cluster.claim_as(&b, 1, &[]).unwrap();
    let again = cluster.claim_as(&a, 2, &leave).unwrap();
    assert_eq!((again.edges, again.time_ms), (first.edges, first.time_ms));
    assert_eq!(cluster.due(), 0, "a batch that was applied is not applied again");
    cluster.claim_as(&b, 2, &[]).unwrap();
    cluster.claim_as(&b, 2, &[]).unwrap();
    assert_eq!(cluster.take_events(), [""; 0]);
}

#[test]
fn announced_departures_are_appended_and_counted_in_the_answer() {
    let mut cluster = Cluster::granting(LEASE);
    let a = cluster.node(1);
    cluster.edges(&a, &[Claim::join(channel("app", "news"))]);
    cluster.edges(&a, &[Claim::leave(channel("app", "news"))]);
    assert_eq!(cluster.take_events(), ["occupied news"]);
    cluster.expire_due();
    assert_eq!(cluster.claim(&a, &[]).unwrap().announced, 1);
    assert_eq!(cluster.take_events(), ["vacated news"]);
}

#[test]
fn departures_of_a_dead_node_have_a_grace() {
    let mut cluster = Cluster::granting(LEASE);
    let (a, b) = (cluster.node(1), cluster.node(2));
    let [stays, goes] = ["stays", "goes"].map(|id| user("app", "presence-a", id));
    let holds = [channel("app", "presence-a"), stays.clone(), goes];
    cluster.edges(&a, &holds.map(Claim::join));
    cluster.lapse(&a);
    let reaped = cluster.reap(&a).unwrap();
    assert_eq!((reaped.edges, reaped.leaving.len(), reaped.finished), (0, 3, true));
    assert_eq!(cluster.edges(&b, &[Claim::join(channel("app", "presence-a")), Claim::join(stays)]), "33");
    cluster.expire_due();
    assert_eq!(cluster.ask(&b), ["removed presence-a/goes"]);
}

#[test]
fn hostile_names_in_their_grace_do_not_collide() {
    let mut cluster = Cluster::granting(LEASE);
    let a = cluster.node(1);
    let names = ["a:b", "a", "b", "*", "a|b", "|", "", "0", "7", "\n", "é\u{1F600}", "3:app", "U1:a", "%s", "a\0b"];
    let mut holds = Vec::new();
    for app in ["app", "a:b", "a"] {
        for name in names {
            holds.extend(names.iter().filter(|id| !id.is_empty()).map(|id| user(app, name, id)));
            holds.push(channel(app, name));
        }
    }
    for portion in holds.chunks(DUE_PER_BATCH) {
        cluster.edges(&a, &portion.iter().cloned().map(Claim::join).collect::<Vec<_>>());
    }
    for portion in holds.chunks(DUE_PER_BATCH) {
        cluster.edges(&a, &portion.iter().cloned().map(Claim::leave).collect::<Vec<_>>());
    }
    // A hold without a channel is a connection and has no grace.
    let in_grace = holds.iter().filter(|hold| hold.user.is_none() || hold.member().is_some()).count();
    assert_eq!((cluster.due(), in_grace + 3 * (names.len() - 1)), (in_grace, holds.len()));
    cluster.expire_due();
    let mut departed = 0;
    while departed < in_grace {
        departed += match cluster.ask(&a).len() {
            0 => panic!("{departed} of {in_grace} departures were announced"),
            some => some,
        };
    }
    assert_eq!(cluster.all_keys(), ["wh:epoch", "wh:nodes", &format!("wh:reply:{a}")]);
}

#[test]
fn lost_departures_are_restored_unless_the_hold_is_taken() {
    let mut cluster = Cluster::granting(GRACE);
    let (a, b) = (cluster.node(1), cluster.node(2));
    let [gone, there, back] = ["gone", "there", "back"].map(|name| channel("app", name));
    let far = u64::MAX >> 12;
    let departures: Vec<(u64, Hold)> = [&gone, &there, &back].map(|hold| (far, hold.clone())).into();
    let settling = cluster.find_loss(&a);
    cluster.reassert(&b, 0, &there).unwrap();
    for node in [&a, &b] {
        cluster
            .keys
            .restore_departures(&mut cluster.redis, node, "epoch-1", 0, &settling, departures.iter())
            .unwrap()
            .unwrap();
        assert_eq!(cluster.confirm(node, 0, &settling, true), Ok(String::new()));
    }
    cluster.reassert(&b, 0, &back).unwrap();
    assert_eq!(cluster.due(), 1);
    let (now, _): (u64, u64) = redis::cmd("TIME").query(&mut cluster.redis).unwrap();
    let due: u64 = redis::cmd("ZSCORE").arg("wh:due").arg("c3:app4:gone").query(&mut cluster.redis).unwrap();
    assert!(due <= (now + 1) * 1000 + millis(GRACE), "the time is limited by this Redis' clock: {due}");
    assert_eq!(cluster.announced(&a, 1), ["vacated gone"]);
    assert_eq!(cluster.edges(&a, &[there, back].map(Claim::join)), "00");
}

#[test]
fn a_comparison_restores_only_departures_whose_hold_set_waits_for_them() {
    let mut cluster = Cluster::granting(LEASE);
    let (a, b) = (cluster.node(1), cluster.node(2));
    let [over, lost, back] = ["over", "lost", "back"].map(|name| channel("app", name));
    let departures: Vec<(u64, Hold)> = [&over, &lost, &back].map(|hold| (1, hold.clone())).into();
    let compare = |cluster: &mut Cluster| {
        cluster.keys.restore_departures(&mut cluster.redis, &a, "epoch-1", 2, "", departures.iter()).unwrap()
    };
    let all = [over, lost, back.clone()];
    cluster.edges(&a, &all.clone().map(Claim::join));
    cluster.edges(&a, &all.map(Claim::leave));
    assert_eq!(compare(&mut cluster), Ok(0), "nothing is lost");
    cluster.edges(&b, &[Claim::join(back)]);
    redis::pipe().del("wh:due").hdel("wh:channels:app", "over").exec(&mut cluster.redis).unwrap();
    assert_eq!(compare(&mut cluster), Ok(1));
    assert_eq!(cluster.ask(&b), ["vacated lost"]);
    assert_eq!(cluster.due(), 0);
}

#[test]
fn a_late_restore_of_departures_is_refused() {
    let mut cluster = Cluster::granting(GRACE);
    let a = cluster.node(1);
    let departures = [(0, channel("app", "news"))];
    let settling = cluster.find_loss(&a);
    cluster
        .keys
        .restore_departures(&mut cluster.redis, &a, "epoch-1", 0, &settling, departures.iter())
        .unwrap()
        .unwrap();
    assert_eq!(cluster.confirm(&a, 0, &settling, true), Ok(String::new()));
    assert_eq!(cluster.announced(&a, 1), ["vacated news"]);
    let late =
        cluster.keys.restore_departures(&mut cluster.redis, &a, "epoch-1", 0, &settling, departures.iter()).unwrap();
    assert_eq!((late, cluster.due()), (Err(Refusal::Reaped), 0));
}

#[test]
fn the_cost_of_a_claim_does_not_depend_on_the_departures_in_their_grace() {
    let mut cluster = Cluster::granting(LEASE);
    let a = cluster.node(1);
    let holds = [channel("app", "presence-a"), user("app", "presence-a", "7")];
    let visit = |cluster: &mut Cluster| {
        let before = commands(cluster);
        cluster.edges(&a, &holds.clone().map(Claim::join));
        cluster.edges(&a, &[Claim::leave(holds[1].clone()), Claim::leave(holds[0].clone())]);
        cluster.ask(&a);
        commands(cluster) - before
    };
    let one = [channel("app", "another")];
    cluster.edges(&a, &one.clone().map(Claim::join));
    cluster.edges(&a, &one.map(Claim::leave));
    visit(&mut cluster);
    let with_few = visit(&mut cluster);
    let far: Vec<(f64, String)> = (0..20_000).map(|n| (4e15, format!("c3:app6:{n:06}"))).collect();
    redis::cmd("ZADD").arg("wh:due").arg(far).exec(&mut cluster.redis).unwrap();
    assert_eq!(visit(&mut cluster), with_few);
}

#[test]
fn a_channel_waits_at_most_the_longest_grace_for_later_departures() {
    let mut cluster = Cluster::granting(GRACE);
    let node = cluster.node(1);
    let (room, member) = (channel("app", "presence-a"), user("app", "presence-a", "7"));
    cluster.edges(&node, &[room.clone(), member.clone()].map(Claim::join));
    // An entry of another application, written before the clock was set back by an hour.
    let now = crate::cluster::system_ms();
    redis::cmd("ZADD").arg("wh:due").arg(now + 3_600_000).arg("c5:other1:a").exec(&mut cluster.redis).unwrap();
    redis::cmd("HSET").arg("wh:epoch").arg("grace").arg(1).exec(&mut cluster.redis).unwrap();
    cluster.edges(&node, &[member, room].map(Claim::leave));
    let limit = now + 310_000;
    let soon: Vec<String> =
        redis::cmd("ZRANGEBYSCORE").arg("wh:due").arg(0).arg(limit).query(&mut cluster.redis).unwrap();
    assert!(soon.contains(&"c3:app10:presence-a".to_owned()), "{soon:?}");
    // The next renewal corrects the entry.
    cluster.renew(&node);
    cluster.expire_due();
    assert_eq!(cluster.announced(&node, 2)[..2], ["removed presence-a/7", "vacated presence-a"]);
}
