//! Tests of the script.

use super::*;

fn acts(seed: u64, time: Ms) -> Vec<(Ms, Act)> {
    acts_with(seed, 1, time)
}

fn acts_with(seed: u64, shards: u8, time: Ms) -> Vec<(Ms, Act)> {
    let mut script = Script::new(seed, shards);
    std::iter::repeat_with(|| script.next()).take_while(|(at, _)| *at < time).collect()
}

#[test]
fn a_script_depends_on_its_seed_alone() {
    assert_eq!(acts(1, 30_000), acts(1, 30_000));
    assert_ne!(acts(1, 3000), acts(2, 3000));
    assert_eq!(acts(1, 60_000)[..500], acts(1, 30_000)[..500], "a longer run starts like a shorter one");
}

#[test]
fn a_script_has_every_kind_of_fault() {
    let acts = acts(1, 1_800_000);
    assert!(acts.is_sorted_by_key(|(at, _)| *at));
    let count = |wanted: fn(&Act) -> bool| acts.iter().filter(|(_, act)| wanted(act)).count();
    let started =
        |wanted: Kind| acts.iter().filter(|(_, act)| matches!(act, Act::Start { kind, .. } if *kind == wanted)).count();
    assert!(started(Kind::Resonate) > 20 && started(Kind::Reverb) > 20 && started(Kind::Engine) > 100);
    assert!(count(|act| matches!(act, Act::Kill { .. })) > 200);
    assert!(count(|act| matches!(act, Act::End { .. })) > 20);
    assert!(count(|act| matches!(act, Act::NetworkFault { network_fault: NetworkFault::HoldsBack(_), .. })) > 20);
    assert!(
        count(|act| matches!(act, Act::NetworkFault { network_fault: NetworkFault::CutsReply(Call::Claim), .. })) > 20
    );
    let failover = Failure::FailedOver(Cause::Command);
    for failure in [Failure::Killed, Failure::Stopped, Failure::Full, Failure::Demoted, failover] {
        assert!(acts.iter().any(|(_, act)| *act == Act::Fail { failure, shard: 0 }), "{failure:?}");
    }
    for failure in RIGHTS.map(Failure::Forbids) {
        assert!(acts.iter().any(|(_, act)| *act == Act::Fail { failure, shard: 0 }), "{failure:?}");
    }
    assert!(count(|act| matches!(act, Act::Fail { .. })) - count(|act| *act == Act::Repair) <= 1);
    assert!(count(|act| matches!(act, Act::SetClock { ahead: 1.. })) > 5);
    assert!(count(|act| matches!(act, Act::SetClock { ahead: ..0 })) > 5);
    assert!(count(|act| matches!(act, Act::LoseKeys { .. })) > 10);
    assert!(count(|act| matches!(act, Act::Stop { .. })) >= count(|act| matches!(act, Act::Resume { .. })));
}

#[test]
fn a_script_of_a_cluster_has_its_faults_in_every_shard() {
    let acts = acts_with(1, 4, 1_800_000);
    let of_one = |act: &Act| matches!(act, Act::NetworkFault { shard: Some(_), .. });
    assert!(acts.iter().filter(|(_, act)| of_one(act)).count() > 100);
    let failovers = [Cause::Command, Cause::Kill, Cause::Stop].map(Failure::FailedOver);
    for failure in failovers.into_iter().chain([Failure::SlotMoves, Failure::Killed, Failure::Stopped, Failure::Full]) {
        assert!(
            acts.iter().any(|(_, act)| matches!(act, Act::Fail { failure: f, .. } if *f == failure)),
            "{failure:?}"
        );
    }
    for shard in 0..4 {
        let moves = Act::Fail { failure: Failure::SlotMoves, shard };
        assert!(acts.iter().any(|(_, act)| *act == moves), "{shard}");
    }
}

#[test]
fn a_stopped_node_gets_no_orders() {
    let mut still = [false; NODES];
    for (_, act) in acts(3, 300_000) {
        match act {
            Act::Stop { place } => still[place] = true,
            Act::Resume { place } | Act::Start { place, .. } => still[place] = false,
            Act::Send { place, .. } => assert!(!still[place]),
            _ => {}
        }
    }
}
