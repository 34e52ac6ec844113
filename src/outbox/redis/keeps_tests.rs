use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::*;
use crate::outbox::redis::scripts::BYTES_AT_ONCE;
use crate::support::wait::eventually;

fn frozen(lane: usize, bytes: usize) -> Frozen {
    Frozen { lane: lane.to_string().into_bytes(), batch: vec![b'x'; bytes], last: Vec::new() }
}

/// What is said of a batch: one in three is another node's by now.
fn verdict(frozen: &Frozen) -> Result<(), NotKept> {
    let lane: usize = std::str::from_utf8(&frozen.lane).unwrap().parse().unwrap();
    if lane.is_multiple_of(3) { Err(NotKept::Fenced(vec![lane as u64])) } else { Ok(()) }
}

fn waiting(keeps: &Keeps) -> usize {
    keeps.0.lock().waiting.len()
}

/// Keeps a batch as the outbox does, with `write` in place of Redis.
fn keep(keeps: &Keeps, frozen: Frozen, write: impl FnOnce(&[Frozen])) -> Result<(), NotKept> {
    match keeps.join(frozen) {
        Turn::Answered(answer) => answer,
        Turn::Lead(lead) => {
            let portion = lead.take();
            write(&portion.frozen);
            let answers: Vec<_> = portion.frozen.iter().map(verdict).collect();
            portion.answer(answers)
        }
    }
}

#[test]
fn whoever_comes_while_one_is_written_is_written_at_once_with_the_others() {
    let (keeps, writes) = (Keeps::default(), AtomicUsize::new(0));
    let count = |_: &[Frozen]| {
        writes.fetch_add(1, Ordering::SeqCst);
    };
    thread::scope(|scope| {
        let Turn::Lead(first) = keeps.join(frozen(1, 1)) else { panic!("nobody else is there") };
        let own = first.take();
        for lane in 2..50 {
            let (keeps, count) = (&keeps, &count);
            scope.spawn(move || assert_eq!(keep(keeps, frozen(lane, 1), count), verdict(&frozen(lane, 1)), "{lane}"));
        }
        eventually("all wait", || (waiting(&keeps) == 48).then_some(()));
        assert_eq!(own.answer([Ok(())]), Ok(()));
    });
    assert_eq!(writes.into_inner(), 1);
    assert!(!keeps.0.lock().led);
}

#[test]
fn everybody_gets_an_answer_of_their_own_however_they_meet() {
    let keeps = Keeps::default();
    thread::scope(|scope| {
        for lane in 0..8 {
            let keeps = &keeps;
            scope.spawn(move || {
                for round in 0..500 {
                    let pause = |_: &[Frozen]| thread::sleep(Duration::from_micros((round % 5) * 20));
                    assert_eq!(keep(keeps, frozen(lane, 1), pause), verdict(&frozen(lane, 1)));
                }
            });
        }
    });
    assert_eq!(waiting(&keeps), 0);
    assert!(!keeps.0.lock().led);
}

#[test]
fn a_portion_has_a_limit_and_a_batch_beyond_it_goes_alone() {
    for (sizes, portions) in [
        (vec![1; 150], vec![64, 64, 22]),
        (vec![BYTES_AT_ONCE / 2, BYTES_AT_ONCE / 2, 1], vec![2, 1]),
        (vec![1, BYTES_AT_ONCE * 2, 1], vec![1, 1, 1]),
    ] {
        let keeps = Keeps::default();
        let Turn::Lead(lead) = keeps.join(frozen(0, sizes[0])) else { panic!("nobody else is there") };
        let mut words = Vec::new();
        for (lane, size) in sizes.iter().enumerate().skip(1) {
            let (word, told) = bounded(1);
            words.push(told);
            keeps.0.lock().waiting.push_back(Waiting { frozen: frozen(lane, *size), word });
        }
        for expected in portions {
            assert_eq!(lead.take().frozen.len(), expected);
        }
        assert_eq!(waiting(&keeps), 0);
    }
}

#[test]
fn one_that_panics_while_it_writes_keeps_nobody_waiting() {
    let keeps = Keeps::default();
    thread::scope(|scope| {
        let Turn::Lead(first) = keeps.join(frozen(1, 1)) else { panic!("nobody else is there") };
        let own = first.take();
        for lane in 2..10 {
            let keeps = &keeps;
            scope.spawn(move || {
                let kept = || keep(keeps, frozen(lane, 1), |_| panic!("while it writes"));
                match catch_unwind(AssertUnwindSafe(kept)) {
                    Ok(answer) => assert_eq!(answer, Err(NotKept::Unavailable)),
                    Err(panic) => assert_eq!(panic.downcast_ref(), Some(&"while it writes")),
                }
            });
        }
        eventually("all wait", || (waiting(&keeps) == 8).then_some(()));
        assert_eq!(own.answer([Ok(())]), Ok(()));
    });

    // So does one that panics before.
    let before = catch_unwind(AssertUnwindSafe(|| {
        let _turn = keeps.join(frozen(1, 1));
        panic!("before it writes");
    }));
    before.unwrap_err();
    assert_eq!(keep(&keeps, frozen(2, 1), |_| {}), Ok(()));
    assert_eq!(waiting(&keeps), 0);
}
