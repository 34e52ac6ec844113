//! Exhaustive search: every interleaving of two nodes and one lane, with a few events in two partitions.
//! A breadth-first search over single script calls. Between any two of them, events arrive, leases lapse, partitions
//! move, nodes die, calls are late or lost, replies get lost, the endpoint fails, and Redis loses its last seconds. In
//! every state D1, D2, D3 and the fencing must hold as far as that state shows. From every state in which no node has
//! anything left to do, each event must reach its end once all faults are over. A [`Budget`] bounds the number of
//! faults; within it, the search is complete.
//!
//! The search itself is tested: each [`Flaw`] has a counterexample.

mod actions;
mod caller;
mod state;

use std::time::Instant;

use super::protocol::Flaw;
use crate::support::search::{self, Found};
use actions::Action;
use caller::Step;
use state::State;

/// Bounds of a search: how often each fault may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Budget {
    /// Events in addition to the first one of each partition.
    events: u8,
    lapses: u8,
    crashes: u8,
    /// Calls that get lost or arrive late.
    delays: u8,
    /// Attempts that fail, or whose replies get lost.
    failures: u8,
    /// Batches that are too large for the endpoint.
    halves: u8,
    /// Dead letters.
    dead_letters: u8,
    /// Batches that are sent although Redis refuses to persist them.
    unpersisted: u8,
    /// Restarts in which Redis loses what happened since its last save.
    restores: u8,
}

/// Searches from the state after the actions `before`.
fn search(budget: Budget, before: &[Action], flaw: Option<Flaw>) -> Found<Action> {
    let mut first = State::new(budget);
    for action in before {
        first.take(*action, flaw).expect("an action that breaks no rule");
    }
    let rest = |state: &State, is_quiet| if is_quiet { state.comes_to_rest(flaw) } else { Ok(()) };
    let actions = |state: &State| (state.steps(), state.faults());
    search::search(first, State::fingerprint, actions, |state, action| state.take(action, flaw), rest)
}

fn assert_correct(budget: Budget, before: &[Action]) {
    let began = Instant::now();
    let found = search(budget, before, None);
    println!("{budget:?}: {} states in {:.1?}", found.states, began.elapsed());
    if let Some((way, broken)) = found.counterexample {
        panic!("{broken} after {way:?}");
    }
}

const NONE: Budget = Budget {
    events: 0,
    lapses: 0,
    crashes: 0,
    delays: 0,
    failures: 0,
    halves: 0,
    dead_letters: 0,
    unpersisted: 0,
    restores: 0,
};

/// A dead node owned the second partition. Redis has not saved its next owner yet.
const DEAD_OWNER: [Action; 6] = [
    Action::Join(1),
    Action::Call(0, Step::Assign),
    Action::Call(0, Step::Release),
    Action::Call(1, Step::Assign),
    Action::Crash(1),
    Action::Save,
];

/// Each node owns one partition.
const TWO_OWNERS: [Action; 5] = [
    Action::Join(1),
    Action::Call(0, Step::Assign),
    Action::Call(0, Step::Release),
    Action::Call(1, Step::Assign),
    Action::TakeOver(1),
];

/// One partition has enough events for a batch of its own.
const SAME_PARTITION: [Action; 2] = [Action::Append(0), Action::Append(0)];

/// Returns `wide` when there is time (`MODEL_SECONDS=600`), else `narrow`.
fn budget(narrow: Budget, wide: Budget) -> Budget {
    if super::number("MODEL_SECONDS").is_some_and(|seconds| seconds >= 600) { wide } else { narrow }
}

#[test]
fn every_event_reaches_its_end_in_order_when_calls_are_late() {
    let narrow = Budget { delays: 1, failures: 1, ..NONE };
    assert_correct(budget(narrow, Budget { events: 1, dead_letters: 1, ..narrow }), &[]);
}

#[test]
fn every_event_reaches_its_end_in_order_when_a_node_dies() {
    let narrow = Budget { crashes: 1, failures: 1, ..NONE };
    assert_correct(budget(narrow, Budget { events: 1, dead_letters: 1, unpersisted: 1, ..narrow }), &[]);
}

#[test]
fn every_event_reaches_its_end_in_order_when_a_call_is_late_while_partitions_move() {
    let before = [&TWO_OWNERS[..], &[Action::Crash(0)]].concat();
    let narrow = Budget { delays: 1, ..NONE };
    assert_correct(budget(Budget { crashes: 1, ..narrow }, Budget { crashes: 2, failures: 1, ..narrow }), &before);
}

#[test]
fn every_event_reaches_its_end_in_order_when_a_lease_lapses() {
    let narrow = Budget { lapses: 1, ..NONE };
    assert_correct(budget(narrow, Budget { delays: 1, failures: 1, ..narrow }), &TWO_OWNERS);
}

#[test]
fn every_event_reaches_its_end_in_order_when_redis_loses_its_last_seconds() {
    let narrow = Budget { restores: 1, ..NONE };
    assert_correct(budget(narrow, Budget { events: 1, failures: 1, ..narrow }), &[]);
}

#[test]
fn a_batch_that_loses_one_of_its_partitions_loses_no_event() {
    let narrow = Budget { crashes: 1, restores: 1, ..NONE };
    assert_correct(budget(narrow, Budget { failures: 1, dead_letters: 1, ..narrow }), &DEAD_OWNER);
}

#[test]
fn every_event_reaches_its_end_in_order_when_a_batch_is_halved_and_a_node_dies() {
    let narrow = Budget { crashes: 1, halves: 1, ..NONE };
    assert_correct(budget(narrow, Budget { events: 2, failures: 1, dead_letters: 1, ..narrow }), &[]);
}

#[test]
fn the_halves_of_a_batch_of_one_partition_stay_in_order() {
    let narrow = Budget { events: 2, halves: 1, ..NONE };
    assert_correct(budget(narrow, Budget { crashes: 1, ..narrow }), &SAME_PARTITION);
}

#[test]
fn every_event_reaches_its_end_in_order_when_a_batch_is_halved_while_partitions_move() {
    let narrow = Budget { lapses: 1, halves: 1, ..NONE };
    assert_correct(budget(narrow, Budget { delays: 1, failures: 1, ..narrow }), &TWO_OWNERS);
}

#[test]
fn the_search_finds_every_flaw_it_is_given() {
    let halved = Budget { halves: 1, ..NONE };
    let late = Budget { events: 1, delays: 1, ..NONE };
    let dead = Budget { crashes: 1, failures: 1, ..NONE };
    let given_up = Budget { events: 1, crashes: 1, dead_letters: 1, ..NONE };
    let lost_partition = Budget { crashes: 1, failures: 1, restores: 1, ..NONE };
    for (flaw, budget, before) in [
        (Flaw::NoFencing, Budget { crashes: 1, ..late }, &[][..]),
        (Flaw::ExpiredTokens, Budget { crashes: 1, ..late }, &[]),
        (Flaw::CursorsGoBack, late, &[]),
        (Flaw::LateFreeze, late, &[]),
        (Flaw::NoFloor, late, &[]),
        (Flaw::SplitTakeover, dead, &[]),
        (Flaw::NotPersisted, dead, &[]),
        (Flaw::InFlightNotRead, dead, &[]),
        (Flaw::CursorsNotRead, Budget { events: 1, crashes: 1, ..NONE }, &[]),
        (Flaw::PersistedFirst, given_up, &[]),
        (Flaw::TrimmedFirst, given_up, &[]),
        (Flaw::CursorsOvertake, given_up, &[]),
        (Flaw::InheritedOvertaken, given_up, &TWO_OWNERS),
        (Flaw::DroppedWhole, lost_partition, &DEAD_OWNER),
        (Flaw::SameId, lost_partition, &DEAD_OWNER),
        (Flaw::HalvesSwapped, Budget { events: 2, ..halved }, &SAME_PARTITION),
        (Flaw::SameIdForHalves, halved, &[]),
        (Flaw::RefusalForgotten, Budget { restores: 1, ..NONE }, &[]),
        (Flaw::UnpersistedBeforeDeadLetter, Budget { unpersisted: 1, ..given_up }, &[]),
    ] {
        let began = Instant::now();
        let found = search(budget, before, Some(flaw));
        let (way, broken) =
            found.counterexample.unwrap_or_else(|| panic!("the search does not find {flaw:?} with {budget:?}"));
        println!("{flaw:?}: {broken} after {way:?} ({} states, {:.1?})", found.states, began.elapsed());
    }
}
