//! Checks a run. The input is the receiver's log and the history of the run, nothing else.
//!
//! | file | what must hold |
//! |---|---|
//! | `wire` | a request with a known id has the same body as before, and its own signature |
//! | `sequence`, `world` | some order of all that happened to a channel or user explains exactly the received events |
//! | `nesting` | no user is on a channel that is not occupied |
//!
//! The second check uses these rules. An operation that Redis has decided did happen, between its order and that
//! decision. One that was not decided before its node was killed may have happened. The holds of a dead node are
//! removed at some time after its lease has lapsed. The edges follow from that. Each must arrive once, in the order of
//! the receiver's log, and with a time that fits. An event also happened after its partition of the outbox was last seen
//! without one.

mod nesting;
mod sequence;
#[cfg(test)]
mod tests;
mod wire;
mod world;

use std::fmt;
use std::time::Instant;

use crate::history::History;
use crate::receiver::Request;

pub(crate) use wire::{Occurrence, Symbol};

/// Kind of a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An event arrived that did not happen, or arrived once more than it happened.
    Duplicate,
    /// An event that happened did not arrive.
    Missing,
    /// An event arrived before an earlier one.
    OutOfOrder,
    /// A request has the id of another one with a different body, or its signature does not match.
    Altered,
    /// The check ran out of time or of memory for alternatives.
    Undecided,
}

/// A broken rule.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) fault: Fault,
    /// Place, event and context.
    pub(crate) details: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fault, self.details)
    }
}

/// Result of a check.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Edges that arrived at the first endpoint, without repeats.
    pub(crate) edges: usize,
    /// Requests with a known id.
    pub(crate) repeats: usize,
    pub(crate) violations: Vec<Violation>,
}

impl Report {
    /// Returns the verdict as one line.
    pub(crate) fn verdict(&self) -> String {
        let count = |fault| self.violations.iter().filter(|violation| violation.fault == fault).count();
        let others = [(Fault::Altered, "altered"), (Fault::Undecided, "undecided")];
        let others = others.map(|(fault, name)| match count(fault) {
            0 => String::new(),
            some => format!(", {some} {name}"),
        });
        format!(
            "{} duplicate, {} missing, {} out of order{}",
            count(Fault::Duplicate),
            count(Fault::Missing),
            count(Fault::OutOfOrder),
            others.concat(),
        )
    }
}

/// Checks each endpoint separately. Stops at `deadline`.
pub(crate) fn check(history: &History, requests: &[Request], deadline: Instant) -> Report {
    let mut report = Report::default();
    for (endpoint, path) in crate::receiver::PATHS.iter().enumerate() {
        let arrived = wire::read(path, requests, history, &mut report);
        if endpoint == 0 {
            report.edges = arrived.values().flatten().filter(|occurrence| occurrence.symbol.is_edge()).count();
        }
        nesting::check(path, &arrived, &mut report);
        sequence::check(path, history, &arrived, deadline, &mut report);
    }
    report
}
