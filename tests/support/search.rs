//! A breadth-first search through all states of a model.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

/// Result of a search.
#[derive(Debug)]
pub(crate) struct Found<A> {
    pub(crate) states: usize,
    /// Shortest path to a broken rule, and the rule.
    pub(crate) counterexample: Option<(Vec<A>, String)>,
}

/// Searches all states that are reachable from `first`.
///
/// `actions` returns the steps of the nodes and the faults. `take` carries one out, and fails if it breaks a rule. `rest`
/// fails if the state, once all faults are over, comes to break a rule. It gets `true` if no step changes the state.
pub(crate) fn search<S: Clone, A: Copy>(
    first: S,
    fingerprint: impl Fn(&S) -> u64,
    actions: impl Fn(&S) -> (Vec<A>, Vec<A>),
    take: impl Fn(&mut S, A) -> Result<(), String>,
    rest: impl Fn(&S, bool) -> Result<(), String>,
) -> Found<A> {
    // For each state, its first predecessor (a fingerprint) and the action that led from there.
    let mut seen: HashMap<u64, Option<(u64, A)>> = HashMap::from([(fingerprint(&first), None)]);
    let mut frontier = VecDeque::from([first]);
    while let Some(state) = frontier.pop_front() {
        let from = fingerprint(&state);
        let broken = |last: Option<A>, seen: &HashMap<u64, Option<(u64, A)>>, rule: String| {
            let before = std::iter::successors(seen[&from], |(state, _)| seen[state]);
            let mut way: Vec<A> = last.into_iter().chain(before.map(|(_, action)| action)).collect();
            way.reverse();
            Found { states: seen.len(), counterexample: Some((way, rule)) }
        };
        let (steps, faults) = actions(&state);
        let mut is_quiet = true;
        for (number, action) in steps.iter().chain(&faults).copied().enumerate() {
            let mut next = state.clone();
            if let Err(rule) = take(&mut next, action) {
                return broken(Some(action), &seen, rule);
            }
            let reached = fingerprint(&next);
            is_quiet &= reached == from || number >= steps.len();
            if let Entry::Vacant(new) = seen.entry(reached) {
                new.insert(Some((from, action)));
                frontier.push_back(next);
            }
        }
        if let Err(rule) = rest(&state, is_quiet) {
            return broken(None, &seen, rule);
        }
    }
    Found { states: seen.len(), counterexample: None }
}
