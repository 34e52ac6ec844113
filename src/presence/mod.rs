//! Presence: from intents to edges.
//!
//! ```text
//! intents ─▶ intake ─▶ ledger (local table, pending claims) ─▶ claimer ─▶ scripts in Redis ─▶ events
//! ```
//! The [`table`] knows this node's sockets and turns intents into [`claim`]s, local firsts and lasts. The [`pending`]
//! queue keeps them until Redis has answered. The [`claimer`] sends them in batches, one [`scripts`] call a batch, and
//! looks after the node's [`session`]: its lease, its epoch, the dead.

mod audit;
mod batch;
mod claim;
mod claimer;
mod clock;
mod grace;
mod intake;
mod ledger;
#[cfg(test)]
mod model;
mod pending;
mod scripts;
mod session;
mod standing;
mod table;

pub(crate) use audit::Audit;
pub(crate) use claimer::{Claimer, Cluster, Sink, StopFlag};
pub(crate) use clock::{RedisClock, system_ms};
pub(crate) use intake::Intake;
pub(crate) use ledger::SharedLedger;
pub(crate) use scripts::{Keys, put_together as put_scripts_together};
pub(crate) use standing::{Place, Standing};
