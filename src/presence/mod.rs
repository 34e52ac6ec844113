//! Presence: from intents to edges.
//!
//! ```text
//! intents ─▶ intake ─▶ node state (local table, pending claims) ─▶ claimer ─▶ scripts in Redis ─▶ events
//! ```
//! Each shard has a node state and a claimer. The [`table`] tracks this node's sockets. It turns intents into [`claim`]s:
//! the local firsts and lasts. The [`pending`] queue keeps claims until Redis has answered. The [`claimer`] sends them in
//! batches, one [`scripts`] call per batch. It also maintains the node's [session](crate::cluster::Session): its lease,
//! its epoch and the reaping of dead nodes.

mod batch;
mod claim;
mod claimer;
mod grace;
mod intake;
mod intent;
#[cfg(test)]
#[path = "../../tests/model/presence/mod.rs"]
mod model;
mod node_state;
mod node_states;
mod pending;
mod scripts;
mod table;

pub(crate) use claimer::{Claimer, ClaimerParts, OtherData, StopFlag};
pub(crate) use intake::Intake;
pub(crate) use intent::{Intent, IntentQueue, Packed};
pub(crate) use node_state::SharedNodeState;
pub(crate) use node_states::NodeStates;
pub(crate) use scripts::PresenceScripts;
