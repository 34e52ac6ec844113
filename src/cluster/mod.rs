//! The cluster: which nodes are in it, and how a node joins it, stays and leaves.
//!
//! A node has a [`Session`]: an id, the epoch of the data, a lease. After a loss of data a settling waits for all nodes. The
//! [`SharedMembership`] tells the other threads of the node where it stands. Redis' clock and the audit of the roster are here as
//! well. Renewals and reaping change holds and departures, and are [`crate::presence`]'s.

mod answers;
mod audit;
mod clock;
mod membership;
mod scripts;
mod session;

pub(crate) use answers::{Closed, Entered, Known, Refusal, accepted};
pub(crate) use audit::Audit;
pub(crate) use clock::{RedisClock, system_ms};
pub(crate) use membership::{Membership, SharedMembership};
pub(crate) use scripts::{MembershipScripts, put_together as put_scripts_together};
#[cfg(test)]
pub(crate) use session::Past;
pub(crate) use session::Session;
