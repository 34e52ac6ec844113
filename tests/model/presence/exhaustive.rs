//! Exhaustive search: every interleaving of a few nodes, with one channel and one user on it.
//! A breadth-first search over single script calls. Between any two of them, clients come and go, leases lapse, nodes
//! die, calls are late or lost, replies get lost, and Redis loses all data. In every state the events published so far
//! must keep E1 and E3. From every state, once all faults are over, they must come to match the truth (E2). A
//! [`Budget`] bounds the number of faults; within it, the search is complete.
//!
//! The search itself is tested: each [`Flaw`] has a counterexample.

mod caller;
mod state;

use std::time::Instant;

use super::protocol::Flaw;
use crate::support::search::{self, Found};
use state::{Action, State};

/// Bounds of a search: how often each thing may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Budget {
    /// Clients that come or go.
    hooks: u8,
    lapses: u8,
    crashes: u8,
    /// Calls that get lost or arrive late.
    delays: u8,
    wipes: u8,
    /// Restarts of Redis. It loses what happened since its last save, or nothing.
    restores: u8,
    /// Steps of Redis' clock into the future.
    steps: u8,
    /// Deletions of single keys.
    lost_keys: u8,
    /// Nodes of another cluster.
    foreigners: u8,
}

impl Budget {
    const NOTHING: Self = Self {
        hooks: 0,
        lapses: 0,
        crashes: 0,
        delays: 0,
        wipes: 0,
        restores: 0,
        steps: 0,
        lost_keys: 0,
        foreigners: 0,
    };
}

fn search(nodes: usize, budget: Budget, flaw: Option<Flaw>) -> Found<Action> {
    // A state in which a node has a call to make is not at rest: that call is one of its actions.
    let rest = |state: &State, _| if state.is_quiet(flaw) { state.comes_to_rest(flaw) } else { Ok(()) };
    let actions = |state: &State| (Vec::new(), state.actions(flaw));
    let take = |state: &mut State, action| state.take(action, flaw);
    search::search(State::new(nodes, budget), State::fingerprint, actions, take, rest)
}

fn assert_correct(nodes: usize, budget: Budget) {
    let began = Instant::now();
    let found = search(nodes, budget, None);
    println!("{nodes} nodes, {budget:?}: {} states in {:.1?}", found.states, began.elapsed());
    assert!(found.counterexample.is_none(), "{:#?}", found.counterexample);
}

/// Budget of the search for counterexamples.
const SMALL: Budget = Budget { hooks: 3, lapses: 1, delays: 1, ..Budget::NOTHING };

/// Returns `wide` when there is time (`MODEL_SECONDS=600`), else `narrow`.
fn budget(narrow: Budget, wide: Budget) -> Budget {
    if super::number("MODEL_SECONDS").is_some_and(|seconds| seconds >= 600) { wide } else { narrow }
}

#[test]
fn edges_of_two_nodes_are_right_when_calls_are_late_and_leases_lapse() {
    let wide = Budget { hooks: 4, lapses: 2, delays: 1, ..Budget::NOTHING };
    assert_correct(2, budget(Budget { hooks: 3, lapses: 1, ..wide }, wide));
}

#[test]
fn edges_of_two_nodes_are_right_when_a_node_dies() {
    let wide = Budget { hooks: 4, lapses: 1, crashes: 1, delays: 1, ..Budget::NOTHING };
    assert_correct(2, budget(Budget { hooks: 2, ..wide }, wide));
}

#[test]
fn edges_of_two_nodes_are_right_when_redis_loses_everything() {
    let wide = Budget { hooks: 4, lapses: 1, delays: 1, wipes: 1, ..Budget::NOTHING };
    assert_correct(2, budget(Budget { hooks: 3, lapses: 0, ..wide }, wide));
}

#[test]
fn edges_of_two_nodes_are_right_when_redis_loses_its_last_seconds() {
    let wide = Budget { hooks: 4, delays: 1, restores: 2, ..Budget::NOTHING };
    assert_correct(2, budget(Budget { hooks: 3, delays: 0, restores: 1, ..wide }, wide));
}

#[test]
fn edges_of_two_nodes_are_right_when_the_clock_is_set_forward_during_a_settling() {
    let wide = Budget { hooks: 3, wipes: 1, restores: 1, steps: 1, ..Budget::NOTHING };
    assert_correct(2, budget(Budget { hooks: 2, ..wide }, wide));
}

#[test]
fn edges_of_two_nodes_are_right_when_a_single_key_is_deleted() {
    let wide = Budget { hooks: 3, lapses: 1, delays: 1, lost_keys: 2, ..Budget::NOTHING };
    assert_correct(2, budget(Budget { lapses: 0, lost_keys: 1, ..wide }, wide));
}

#[test]
fn the_nodes_of_another_cluster_publish_nothing() {
    let wide = Budget { hooks: 3, wipes: 1, lapses: 1, foreigners: 1, ..Budget::NOTHING };
    assert_correct(2, budget(Budget { wipes: 0, ..wide }, wide));
}

#[test]
fn edges_of_three_nodes_are_right() {
    let wide = Budget { hooks: 4, lapses: 1, crashes: 1, ..Budget::NOTHING };
    assert_correct(3, budget(Budget { hooks: 3, crashes: 0, ..wide }, wide));
}

#[test]
fn the_search_finds_every_flaw_it_is_given() {
    for (flaw, budget) in [
        (Flaw::NoStoredReply, SMALL),
        (Flaw::NoFencing, SMALL),
        (Flaw::LateBatches, SMALL),
        (Flaw::LateReassertion, Budget { lapses: 0, lost_keys: 1, ..SMALL }),
        (Flaw::LateOpening, SMALL),
        (Flaw::NoSettling, Budget { lapses: 0, delays: 0, wipes: 1, ..SMALL }),
        (Flaw::NotAwaited, Budget { lapses: 0, delays: 0, wipes: 1, ..SMALL }),
        (Flaw::NotRegistered, Budget { hooks: 2, wipes: 1, ..Budget::NOTHING }),
        (Flaw::LapseEnds, Budget { hooks: 2, wipes: 1, steps: 1, ..Budget::NOTHING }),
        (Flaw::SameProcess, Budget { hooks: 2, restores: 1, ..Budget::NOTHING }),
        (Flaw::RestoredUnchecked, Budget { hooks: 2, restores: 2, ..Budget::NOTHING }),
        (Flaw::NoIdentity, Budget { hooks: 2, foreigners: 1, ..Budget::NOTHING }),
        (Flaw::NotNoticed, Budget { lapses: 0, delays: 0, restores: 1, ..SMALL }),
        (Flaw::NotForgotten, Budget { lapses: 0, delays: 0, restores: 1, ..SMALL }),
        (Flaw::ForgottenEpoch, Budget { delays: 0, wipes: 1, ..SMALL }),
        (Flaw::ClaimsDropped, SMALL),
        (Flaw::ReplyNotLookedUp, SMALL),
        (Flaw::ReapingNotAwaited, SMALL),
    ] {
        let found = search(2, budget, Some(flaw));
        let (way, broken) =
            found.counterexample.unwrap_or_else(|| panic!("the search does not find {flaw:?} with {budget:?}"));
        println!("{flaw:?}: {broken} after {way:?} ({} states)", found.states);
    }
}
