//! Where events wait: `outbox`.

use serde::Deserialize;

/// Where events wait until every endpoint has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum OutboxKind {
    /// In Redis: a process that is killed loses nothing.
    Redis,
    /// In the memory of the process: what has not been delivered dies with it.
    Memory,
}

impl TryFrom<String> for OutboxKind {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "redis" => Ok(Self::Redis),
            "memory" => Ok(Self::Memory),
            _ => Err(format!("{name:?} is neither \"redis\" nor \"memory\"")),
        }
    }
}
