//! Suspension of applications that have a key of a foreign type.

use std::collections::BTreeMap;

use redis::{Commands, Connection, RedisResult};

use super::{PresenceScripts, RESUME};
use crate::cluster::{Refusal, accepted};
use crate::event::{AppId, NodeId};
use crate::redis::ForeignKey;

/// Progress of rebuilding the hold sets of a suspended application: a node, the kind of its holds, and a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    node: String,
    kind: u64,
    cursor: u64,
}

/// Result of rebuilding one portion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// There is more to do.
    More(Progress),
    /// The application still has a key of a foreign type.
    Foreign,
    /// The application is no longer suspended.
    Done,
}

impl PresenceScripts {
    /// Returns the suspended applications, each with its key of a foreign type.
    pub(crate) fn suspended(&self, redis: &mut Connection) -> RedisResult<BTreeMap<AppId, ForeignKey>> {
        let found: Vec<(Vec<u8>, Vec<u8>)> = redis.hgetall(self.key("suspended"))?;
        Ok(found.into_iter().map(|(app, entry)| (AppId::new(&app), ForeignKey::suspending(&entry))).collect())
    }

    /// Rebuilds one portion of the hold sets of a suspended application.
    pub(crate) fn resume(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        epoch: &str,
        app: &AppId,
        progress: &Progress,
    ) -> RedisResult<Result<Resumed, Refusal>> {
        let mut call = self.call(&RESUME, node.as_str());
        call.arg(epoch).arg(app.as_bytes()).arg(&progress.node).arg(progress.kind).arg(progress.cursor);
        let (status, node, kind, cursor): (String, String, u64, u64) = call.invoke(redis)?;
        match status.as_str() {
            "more" => Ok(Ok(Resumed::More(Progress { node, kind, cursor }))),
            "foreign" => Ok(Ok(Resumed::Foreign)),
            _ => accepted(&status, 0).map(|result| result.map(|()| Resumed::Done)),
        }
    }
}
