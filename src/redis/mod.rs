//! One connection to Redis, kept by a thread that must never wait for it longer than it wants to.
//!
//! A [`Link`] connects when it is first used and again after every failure, at a growing distance. It never sleeps: while
//! it may not try again it says until when, and its owner waits in its own way, so that a shutdown can wake it.

mod backoff;
mod failure;
mod link;
mod script;
mod sentinel;
mod settings;
mod tls;

use std::time::Duration;

pub use failure::{LinkError, WriteRefusal};
pub use link::Link;
pub(crate) use script::{Script, ScriptCall, must_send_code};
pub use settings::Settings;

/// A time in ms, as scripts take it and streams count it.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
