//! The call that appends a custom event from a process that is not a node.

use redis::{Connection, ErrorKind, RedisResult};

use super::{PARTITIONS, SEND};
use crate::event::{AppId, CustomEvent};
use crate::redis::{Mismatch, OwnShard};

/// Why nothing was appended.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::outbox::redis) enum Exclusion {
    /// This process may not work on the data.
    Mismatch(Mismatch),
    /// There is no data.
    Absent,
}

impl OwnShard {
    /// Appends a custom event on `channel`, which may be empty, to an outbox with these `limits`. It may be the first data of
    /// the shard if `may_begin`.
    pub(in crate::outbox::redis) fn send(
        &self,
        redis: &mut Connection,
        limits: &str,
        may_begin: bool,
        app: &AppId,
        channel: &[u8],
        event: &CustomEvent,
    ) -> RedisResult<Result<(), Exclusion>> {
        let mut call = SEND.call(&self.prefix);
        call.key(self.key("epoch")).key(self.key("owners")).arg(&self.prefix);
        self.add_to(&mut call);
        call.arg(PARTITIONS).arg(limits).arg(app.as_bytes()).arg(channel).arg(event.as_text()).arg(u8::from(may_begin));
        let (status, detail): (String, String) = call.invoke(redis)?;
        match status.as_str() {
            "ok" => Ok(Ok(())),
            "absent" => Ok(Err(Exclusion::Absent)),
            mismatch @ ("foreign" | "schema" | "shards") => {
                Ok(Err(Exclusion::Mismatch(self.mismatch(mismatch, &detail))))
            }
            other => {
                Err((ErrorKind::UnexpectedReturnType, "send.lua answered with an unknown status", other.to_owned())
                    .into())
            }
        }
    }
}
