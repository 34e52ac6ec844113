//! The keys of the status, and the script that writes a record.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Connection, RedisResult, Script};

use crate::delivery::Pauses;
use crate::redis::millis;

static REPORT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("../redis/scripts/cluster.lua"), include_str!("scripts/report.lua")))
});

/// Puts the script together, before there are threads: a child of this process might inherit it half-done.
pub(super) fn put_together() {
    LazyLock::force(&REPORT);
}

/// The keys of the status behind one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    /// The keys behind `prefix`.
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// Who has written when.
    pub(super) fn nodes(&self) -> String {
        format!("{}:status", self.prefix)
    }

    /// What a node has written.
    pub(super) fn record(&self, node: &str) -> String {
        format!("{}:status:{node}", self.prefix)
    }

    /// When the nodes' leases lapse; a key of presence.
    pub(super) fn leases(&self) -> String {
        format!("{}:nodes", self.prefix)
    }

    /// The occupied channels of an application; a key of presence.
    pub(super) fn occupied(&self, app: &str) -> Vec<u8> {
        [self.prefix.as_bytes(), b":occ:", app.as_bytes()].concat()
    }

    /// The endpoints that are paused.
    pub(super) fn paused(&self) -> String {
        format!("{}:paused", self.prefix)
    }

    /// Writes down `record` of `node`, to be kept for `time`; an empty one is not. Returns Redis' time in ms, and which
    /// endpoints are paused.
    pub(super) fn report(
        &self,
        redis: &mut Connection,
        node: &str,
        record: &[u8],
        time: Duration,
    ) -> RedisResult<(u64, Pauses)> {
        let mut call = REPORT.key(self.nodes());
        call.key(self.record(node)).key(self.paused()).arg(node).arg(record).arg(millis(time));
        call.invoke(redis)
    }
}
