//! Random operations on the real node state, claimer and scripts with a real Redis, compared with a small model.
//! After each operation, the events in the outbox must be those of the [`reference`], and must keep the [`rules`]
//! independently of it. A failure shrinks to a short list of operations, prints how to repeat it, and is kept in
//! `proptest-regressions/`.
//!
//! No step waits. A lease lapses because the test writes its score, an epoch settles because the test sets its time,
//! and a node renews its lease because the test passes a later time.
//!
//! `MODEL_SECONDS=600 cargo test --lib presence::model` tries more cases.

mod exhaustive;
mod kinds;
mod names;
mod operations;
mod protocol;
mod reference;
mod rules;
mod saved;
mod scenarios;
mod script_conformance;
mod stage;

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use proptest::test_runner::{Config, FailurePersistence, FileFailurePersistence, RngSeed, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use crate::support::redis::RedisServer;
use operations::Operation;
use reference::Reference;
use stage::Stage;

/// Time for new cases (s), unless `MODEL_SECONDS` is set.
const SECONDS: u64 = 15;

/// Cases per seed.
const CASES: u32 = 100;

/// Number of operations in a case.
const LENGTH: std::ops::Range<usize> = 1..100;

thread_local! {
    /// One server for all cases of a test. Each case starts with an empty one.
    static SERVER: RefCell<Option<RedisServer>> = const { RefCell::new(None) };
    /// Number of operations so far.
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// The nodes and the reference, side by side.
struct SideBySide;

impl StateMachineTest for SideBySide {
    type SystemUnderTest = Stage;
    type Reference = Reference;

    fn init_test(reference: &Reference) -> Stage {
        SERVER.with_borrow_mut(|server| Stage::new(server.get_or_insert_with(RedisServer::start), reference))
    }

    fn apply(mut stage: Stage, reference: &Reference, operation: Operation) -> Stage {
        STEPS.set(STEPS.get() + 1);
        stage.apply(&operation, reference);
        stage
    }

    fn teardown(mut stage: Stage, mut reference: Reference) {
        let then = |stage: &mut Stage, reference: &mut Reference, operations: Vec<Operation>| {
            for operation in operations {
                *reference = Reference::apply(reference.clone(), &operation);
                stage.apply(&operation, reference);
            }
        };
        let rest = reference.operations_to_rest();
        then(&mut stage, &mut reference, rest);
        stage.at_rest(&reference);
        let leave = reference.operations_to_leave();
        then(&mut stage, &mut reference, leave);
        stage.at_rest(&reference);
        assert_eq!(
            stage.leftovers(),
            Vec::<String>::new(),
            "all clients have left, but Redis still has data about them"
        );
    }
}

/// Returns the store for cases that failed once.
fn kept_in(path: &'static str) -> Box<dyn FailurePersistence> {
    Box::new(FileFailurePersistence::Direct(path))
}

/// Reads a number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_edge_is_published_once_and_in_order_whatever_happens() {
    let began = Instant::now();
    let deadline = began + Duration::from_secs(number("MODEL_SECONDS").unwrap_or(SECONDS));
    let fixed = number("MODEL_SEED");
    let mut seed = fixed.unwrap_or_else(rand::random);
    loop {
        let config = Config {
            cases: CASES,
            failure_persistence: Some(kept_in("proptest-regressions/model/presence.txt")),
            rng_seed: RngSeed::Fixed(seed),
            max_shrink_iters: 20_000,
            ..Config::default()
        };
        let cases = Reference::sequential_strategy(LENGTH);
        let result = TestRunner::new(config.clone()).run(&cases, |(reference, operations, seen)| {
            SideBySide::test_sequential(config.clone(), reference, operations, seen);
            Ok(())
        });
        if let Err(failure) = result {
            panic!("{failure}\nreplay: MODEL_SEED={seed} cargo test --lib presence::model");
        }
        if fixed.is_some() || Instant::now() >= deadline {
            break;
        }
        seed = seed.wrapping_add(1);
    }
    println!("{} operations in {:.1?}", STEPS.get(), began.elapsed());
}
