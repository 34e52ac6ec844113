//! One connection to Redis, kept by a thread that must never wait for it longer than it wants to.
//!
//! A [`Link`] connects when it is first used and again after every failure, at a growing distance. It never sleeps: while
//! it may not try again it says until when, and its owner waits in its own way, so that a shutdown can wake it.
//!
//! Every new connection is asked what it leads to, and judged once for all callers: [`Unfit`] names what cannot serve.
//!
//! `scripts/` also has the fragments that the scripts of several modules include: `append.lua` is the way into the outbox.

mod backoff;
mod client;
mod failure;
mod foreign;
mod identity;
mod link;
mod script;
mod sentinel;
mod server;
mod settings;
mod survey;
mod tls;

use std::time::Duration;

pub(crate) use client::Client;
pub use client::ClientError;
pub use failure::{LinkError, WriteRefusal};
pub use foreign::ForeignKey;
pub(crate) use foreign::{find as find_foreign_keys, find_of_apps as find_foreign_keys_of_apps};
pub(crate) use identity::{Mismatch, SCHEMA, Stamp, as_argument as identity_argument};
pub use link::Link;
pub(crate) use script::{Script, ScriptCall, must_send_code};
pub use server::Unfit;
pub(crate) use server::{field, mode};
pub use settings::Settings;
pub(crate) use survey::answered;

/// A time in ms, as scripts take it and streams count it.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The limits of the outbox, as scripts take them: events in a partition, and bytes in all if there is such a limit.
pub(crate) fn outbox_limits(partition_max: usize, max_bytes: Option<usize>) -> String {
    max_bytes.map_or_else(|| partition_max.to_string(), |bytes| format!("{partition_max}:{bytes}"))
}
