//! The call that appends a custom event from a process that is not a node.

use redis::{Connection, ErrorKind, RedisResult};

use super::{OutboxScripts, PARTITIONS, SEND};
use crate::event::{AppId, CustomEvent};
use crate::redis::SCHEMA;

/// Why nothing was appended.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::outbox::redis) enum Exclusion {
    /// The data belongs to this cluster.
    Foreign(String),
    /// The data has this schema, which is newer than ours.
    Schema(u64),
}

impl OutboxScripts {
    /// Appends a custom event on `channel`, which may be empty, to an outbox with these `limits`.
    pub(in crate::outbox::redis) fn send(
        &self,
        redis: &mut Connection,
        limits: &str,
        app: &AppId,
        channel: &[u8],
        event: &CustomEvent,
    ) -> RedisResult<Result<(), Exclusion>> {
        let mut call = SEND.call(&self.prefix);
        call.key(format!("{}:epoch", self.prefix)).key(self.owners());
        call.arg(&self.prefix).arg(&self.identity).arg(SCHEMA).arg(PARTITIONS).arg(limits);
        call.arg(app.as_bytes()).arg(channel).arg(event.as_text());
        let (status, detail): (String, String) = call.invoke(redis)?;
        match status.as_str() {
            "ok" => Ok(Ok(())),
            "foreign" => Ok(Err(Exclusion::Foreign(detail))),
            "schema" => Ok(Err(Exclusion::Schema(detail.parse().unwrap_or(u64::MAX)))),
            other => {
                Err((ErrorKind::UnexpectedReturnType, "send.lua answered with an unknown status", other.to_owned())
                    .into())
            }
        }
    }
}
