//! Cluster membership: how a node joins, stays in the cluster and leaves.
//!
//! A node has a [`Session`]: an id, the epoch of the data and a lease. After a loss of data, a settling waits for all
//! nodes. Other threads of the node read the membership from [`SharedMembership`]. Redis' clock and the roster audit
//! are here too. Renewals and reaping change holds and departures, so they are in [`crate::presence`].

mod answers;
mod audit;
mod clock;
mod membership;
mod scripts;
mod session;

pub(crate) use answers::{Acknowledged, Closed, Entered, Refusal, accepted};
pub(crate) use audit::Audit;
pub(crate) use clock::{RedisClock, system_ms};
pub(crate) use membership::{Membership, SharedMembership};
pub(crate) use scripts::MembershipScripts;
#[cfg(test)]
pub(crate) use session::Past;
pub(crate) use session::Session;
