//! Whether Redis does for this user all that servers ask of it.

use std::sync::LazyLock;

use redis::{Connection, RedisResult};
use serde::Serialize;

use crate::redis::{LinkError, Script};

static RIGHTS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("../scripts/rights.lua")));

/// What Redis refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// The commands that this user may not call.
    pub forbidden: Vec<String>,
    /// Why Redis takes no writes of anybody, with what can be done about it; none when it does.
    pub writes: Option<String>,
}

impl Refusals {
    /// Has Redis run every command that servers call, without a trace.
    ///
    /// # Errors
    /// When it cannot be asked, or runs no script.
    pub(super) fn ask(redis: &mut Connection, key_prefix: &str) -> RedisResult<Self> {
        let refused: Vec<(String, String)> = RIGHTS.call().key(format!("{key_prefix}:probe")).invoke(redis)?;
        let mut refusals = Self::default();
        for (command, reason) in refused {
            match LinkError::of_reply(&reason) {
                error @ (LinkError::TakesNoWrites { .. } | LinkError::Unavailable(_)) => {
                    refusals.writes.get_or_insert(error.to_string());
                }
                _ => refusals.forbidden.push(command),
            }
        }
        Ok(refusals)
    }
}
