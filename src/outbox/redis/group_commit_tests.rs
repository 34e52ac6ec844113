use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::*;
use crate::outbox::redis::scripts::commit::BYTES_AT_ONCE;
use crate::support::wait::eventually;

fn request(lane: usize, bytes: usize) -> PersistRequest {
    PersistRequest { lane: lane.to_string().into_bytes(), batch: vec![b'x'; bytes], last: Vec::new() }
}

/// The result of a batch: one in three belongs to another node.
fn result_of(request: &PersistRequest) -> Result<(), PersistError> {
    let lane: usize = std::str::from_utf8(&request.lane).unwrap().parse().unwrap();
    if lane.is_multiple_of(3) { Err(PersistError::Fenced(vec![lane as u64])) } else { Ok(()) }
}

fn waiting(commit: &GroupCommit) -> usize {
    commit.0.lock().waiting.len()
}

/// Persists a batch as the outbox does, with `write` in place of Redis.
fn persist(
    commit: &GroupCommit,
    persisted: PersistRequest,
    write: impl FnOnce(&[PersistRequest]),
) -> Result<(), PersistError> {
    match commit.join(persisted, usize::MAX) {
        CommitRole::Refused => Err(PersistError::Unavailable),
        CommitRole::Follower(result) => result,
        CommitRole::Leader(leader) => {
            let group = leader.take_group();
            write(&group.requests);
            let results: Vec<_> = group.requests.iter().map(result_of).collect();
            group.complete(results)
        }
    }
}

#[test]
fn followers_that_arrive_during_a_call_are_persisted_in_one_call() {
    let (commit, writes) = (GroupCommit::default(), AtomicUsize::new(0));
    let count = |_: &[PersistRequest]| {
        writes.fetch_add(1, Ordering::SeqCst);
    };
    thread::scope(|scope| {
        let CommitRole::Leader(first) = commit.join(request(1, 1), usize::MAX) else { panic!("nobody else is there") };
        let own = first.take_group();
        for lane in 2..50 {
            let (commit, count) = (&commit, &count);
            scope.spawn(move || {
                assert_eq!(persist(commit, request(lane, 1), count), result_of(&request(lane, 1)), "{lane}");
            });
        }
        eventually("all wait", || (waiting(&commit) == 48).then_some(()));
        assert_eq!(own.complete([Ok(())]), Ok(()));
    });
    assert_eq!(writes.into_inner(), 1);
    assert!(!commit.0.lock().led);
}

#[test]
fn each_thread_gets_its_own_result() {
    let commit = GroupCommit::default();
    thread::scope(|scope| {
        for lane in 0..8 {
            let commit = &commit;
            scope.spawn(move || {
                for round in 0..500 {
                    let pause = |_: &[PersistRequest]| thread::sleep(Duration::from_micros((round % 5) * 20));
                    assert_eq!(persist(commit, request(lane, 1), pause), result_of(&request(lane, 1)));
                }
            });
        }
    });
    assert_eq!(waiting(&commit), 0);
    assert!(!commit.0.lock().led);
}

#[test]
fn a_group_has_a_limit_and_a_larger_batch_is_persisted_alone() {
    for (sizes, portions) in [
        (vec![1; 150], vec![64, 64, 22]),
        (vec![BYTES_AT_ONCE / 2, BYTES_AT_ONCE / 2, 1], vec![2, 1]),
        (vec![1, BYTES_AT_ONCE * 2, 1], vec![1, 1, 1]),
    ] {
        let commit = GroupCommit::default();
        let CommitRole::Leader(leader) = commit.join(request(0, sizes[0]), usize::MAX) else {
            panic!("nobody else is there")
        };
        let mut signals = Vec::new();
        for (lane, size) in sizes.iter().enumerate().skip(1) {
            let (signal, signalled) = bounded(1);
            signals.push(signalled);
            commit.0.lock().waiting.push_back(WaitingRequest { request: request(lane, *size), signal });
        }
        for expected in portions {
            assert_eq!(leader.take_group().requests.len(), expected);
        }
        assert_eq!(waiting(&commit), 0);
    }
}

#[test]
fn a_leader_that_panics_leaves_no_follower_waiting() {
    let commit = GroupCommit::default();
    thread::scope(|scope| {
        let CommitRole::Leader(first) = commit.join(request(1, 1), usize::MAX) else { panic!("nobody else is there") };
        let own = first.take_group();
        for lane in 2..10 {
            let commit = &commit;
            scope.spawn(move || {
                let persisting = || persist(commit, request(lane, 1), |_| panic!("while it writes"));
                match catch_unwind(AssertUnwindSafe(persisting)) {
                    Ok(result) => assert_eq!(result, Err(PersistError::Unavailable)),
                    Err(panic) => assert_eq!(panic.downcast_ref(), Some(&"while it writes")),
                }
            });
        }
        eventually("all wait", || (waiting(&commit) == 8).then_some(()));
        assert_eq!(own.complete([Ok(())]), Ok(()));
    });

    // Nor does a leader that panics before it takes its group.
    let before = catch_unwind(AssertUnwindSafe(|| {
        let _turn = commit.join(request(1, 1), usize::MAX);
        panic!("before it writes");
    }));
    before.unwrap_err();
    assert_eq!(persist(&commit, request(2, 1), |_| {}), Ok(()));
    assert_eq!(waiting(&commit), 0);
}
