//! Judges a run by the receiver's log and by what really happened, and by nothing else.
//!
//! | file | what must hold |
//! |---|---|
//! | `wire` | a request with a known id has the body and the signature that it had |
//! | `sequence`, `world` | there is an order of all that happened to a channel or user in which exactly the received events follow |
//! | `nesting` | nobody is on a channel that is not occupied |
//!
//! What is asked of the second: an operation that was judged did happen, between being asked for and being judged; one
//! that was not judged before its node was killed happened or did not; what a dead node held is let go of at some time
//! after its lease has lapsed. Edges follow from that, at the time that their batch tells, in the order in which the receiver got
//! them, each once.

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

/// In which way something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An event arrived that did not happen, or not again.
    Duplicate,
    /// An event that happened did not arrive.
    Missing,
    /// An event arrived before one that it came after.
    OutOfOrder,
    /// A request has the id of another one, but not its body; or its body is not what was signed.
    Altered,
    /// Too much may have happened to tell in time.
    Undecided,
}

/// Something that must not be.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) fault: Fault,
    /// Where, what, and what was around it.
    pub(crate) story: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fault, self.story)
    }
}

/// What the checker found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Edges that arrived at the first endpoint, each counted once.
    pub(crate) edges: usize,
    /// Requests with an id that was known.
    pub(crate) repeats: usize,
    pub(crate) violations: Vec<Violation>,
}

impl Report {
    /// The verdict in a line.
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

/// Checks every endpoint on its own, by `deadline`.
pub(crate) fn check(history: &History, requests: &[Request], deadline: Instant) -> Report {
    let mut report = Report::default();
    for (endpoint, path) in crate::receiver::PATHS.iter().enumerate() {
        let arrived = wire::read(path, requests, &history.clock, &mut report);
        if endpoint == 0 {
            report.edges = arrived.values().flatten().filter(|occurrence| occurrence.symbol.is_edge()).count();
        }
        nesting::check(path, &arrived, &mut report);
        sequence::check(path, history, &arrived, deadline, &mut report);
    }
    report
}
