//! Checks whether Redis allows this user every command that servers need.

use redis::{Connection, RedisResult};
use serde::Serialize;

use crate::redis::{LinkError, Script, code};

static RIGHTS: Script = Script::new(&[code!("../scripts/rights.lua")]);

/// The commands and writes that Redis refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// Commands that this user may not call.
    pub forbidden: Vec<String>,
    /// Reason why Redis refuses all writes, with the remedy. `None` if it accepts them.
    pub writes: Option<String>,
}

impl Refusals {
    /// Runs every command that servers need, without changing any data.
    ///
    /// # Errors
    /// If Redis cannot be reached or runs no scripts.
    pub(super) fn ask(redis: &mut Connection, key_prefix: &str) -> RedisResult<Self> {
        let refused: Vec<(String, String)> =
            RIGHTS.call(key_prefix).key(format!("{key_prefix}:probe")).invoke(redis)?;
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

    /// Adds those of another server.
    pub(super) fn and(mut self, other: Self) -> Self {
        for command in other.forbidden {
            if !self.forbidden.contains(&command) {
                self.forbidden.push(command);
            }
        }
        self.writes = self.writes.or(other.writes);
        self
    }
}
