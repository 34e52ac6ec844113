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
mod failure;
mod foreign;
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

pub use client::ClientError;
pub(crate) use client::ShardClients;
pub use failure::{LinkError, WriteRefusal};
pub use foreign::ForeignKey;
pub(crate) use foreign::{find as find_foreign_keys, find_of_apps as find_foreign_keys_of_apps};
pub(crate) use identity::{Mismatch, OwnCluster, Stamp};
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

/// Encodes the limits of the outbox as a script argument: events per partition, then total bytes if that is limited.
pub(crate) fn outbox_limits(partition_max: usize, max_bytes: Option<usize>) -> String {
    max_bytes.map_or_else(|| partition_max.to_string(), |bytes| format!("{partition_max}:{bytes}"))
}
