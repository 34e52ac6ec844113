//! What a node forgets that was taken for dead.
//!
//! It claims what it serves when it notices, and nothing of what it had yet to claim: a visit that began and ended while it
//! could not reach Redis leaves no edge. Once such visits are claimed too, this file goes, and a node that comes back holds
//! what Redis had last heard of it.

use super::world::{Program, Progress};
use crate::Ms;

/// What a node may hold that comes back after it was taken for dead, and the earliest times at which it may: what it held
/// when it noticed, or holds by now.
pub(super) fn returns(program: &Program, node: Progress, horizon: Ms) -> impl Iterator<Item = (Ms, Progress)> {
    let asked = move |holds: usize| program.asked(node.holds..holds);
    (node.holds..=program.holds())
        .map(move |holds| (asked(holds), holds))
        .take_while(move |(at, _)| *at <= horizon)
        .map(move |(at, holds)| (at, Progress { holds, held: program.wants(holds), lost: false, ..node }))
}

/// Whether the next claim of a node that held nothing was given up in an absence: it was asked for before the node
/// noticed, at the end of the absence, and not judged by then.
pub(super) fn gives_up(program: &Program, node: Progress, (_, noticed): (Ms, Ms)) -> bool {
    program.next_hold(node).is_some_and(|(from, latest)| from <= noticed && noticed <= latest)
}
