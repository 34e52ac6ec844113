//! Connections to Redis, each owned by a thread that must not block on it beyond its timeout.
//!
//! A [`Link`] connects on first use and again after every failure, with backoff. It never sleeps: during a backoff it
//! returns when the next attempt is allowed, and its owner waits in a way that a shutdown can interrupt.
//!
//! Every new connection is examined once, for all callers: [`Unfit`] lists the servers that cannot be used.
//!
//! `scripts/` also has the fragments that scripts of several modules include, such as `append.lua`, which appends to
//! the outbox.

mod backoff;
mod client;
mod code;
mod failure;
mod foreign;
#[cfg(test)]
mod fuzz;
mod identity;
mod link;
mod pool;
mod script;
mod sentinel;
mod server;
mod settings;
mod slots;
mod survey;
mod tls;

use std::time::Duration;

use redis::{Connection, RedisResult};

use crate::config::Config;

pub use client::ClientError;
pub(crate) use client::{Fault, ShardClients};
pub(crate) use code::{code, code_as_text, code_length, code_of};
pub use failure::{LinkError, WriteRefusal};
pub use foreign::ForeignKey;
pub(crate) use foreign::{find as find_foreign_keys, find_of_apps as find_foreign_keys_of_apps};
pub(crate) use identity::{Mismatch, OwnShard, Stamp};
pub use link::Link;
pub(crate) use pool::Pool;
pub(crate) use script::{Script, ScriptCall, key_of_unmoved_slot, must_send_code};
pub use server::Unfit;
pub(crate) use server::{field, mode};
pub use settings::Settings;
pub(crate) use slots::slot_of;
pub(crate) use survey::answered;

/// Converts to ms, the unit of scripts and stream ids.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the time by Redis' clock, in Unix ms.
pub(crate) fn server_time_ms(redis: &mut Connection) -> RedisResult<u64> {
    let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(redis)?;
    Ok(seconds * 1000 + micros / 1000)
}

/// Encodes the limits of a shard's outbox as a script argument: events that a partition may hold before it refuses client
/// events; then bytes of client and custom events in all partitions, if they are limited.
///
/// The owner of a partition keeps reading and drops what its lanes cannot hold, so a partition holds twice as many as the
/// lanes only if its owner is dead or cannot keep up.
pub(crate) fn outbox_limits(config: &Config) -> String {
    let events = config.connection.part_of(config.outbox_max_events).saturating_mul(2);
    let bytes = config.outbox_max_bytes.map(|bytes| config.connection.part_of(bytes));
    bytes.map_or_else(|| events.to_string(), |bytes| format!("{events}:{bytes}"))
}
