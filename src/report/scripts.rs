//! The keys of the status, and the script that writes a record.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::streams::StreamMaxlen;
use redis::{Commands, Connection, RedisResult};

use super::history::{BITS, HistoryWrite, expiry_of, hour_of};
use super::record::{EndpointStates, NodeRecord, Pauses};
use crate::redis::{OwnShard, Script, code, millis};

/// The age of a record after which its node counts as silent: three missed records.
pub(crate) const SILENT_AFTER_MS: u64 = 6_000;

/// The maximum number of attempts in the stream for watchers.
const SIGHTS_AT_MOST: usize = 1000;

/// The time (ms) after the last attempt when the stream expires.
const SIGHTS_KEPT_MS: i64 = 60_000;

static REPORT: Script = Script::new(&[code!("../redis/scripts/cluster.lua"), code!("scripts/report.lua")]);

static HISTORY: Script = Script::new(&[code!("../redis/scripts/cluster.lua"), code!("scripts/history.lua")]);

/// The time (ms) for which the number of a node's last write to the history is kept.
const COUNTED_KEPT_MS: u64 = 3_600_000;

/// The scripts of the status. Its keys are in the first shard:
///
/// | key | content |
/// |---|---|
/// | `status` | the nodes, by the time of their last record |
/// | `status:{node}` | a node's record |
/// | `paused` | the paused endpoints |
/// | `disabled` | the endpoints that have answered 410 |
/// | `watch` | exists while an operator watches deliveries |
/// | `watched` | the attempts for watchers |
///
/// `history` describes its keys. `nodes`, `epoch`, `suspended` and `channels:{app}` belong to presence.
impl OwnShard {
    /// Adds numbers of `node` to the history. Returns the error if Redis refuses that, and an empty string otherwise.
    pub(crate) fn add_to_history(
        &self,
        redis: &mut Connection,
        node: &str,
        write: &HistoryWrite,
    ) -> RedisResult<String> {
        let mut call = HISTORY.call(&self.prefix);
        call.key(self.key_of("counted", node));
        call.arg(&self.prefix).arg(write.number).arg(COUNTED_KEPT_MS).arg(BITS);
        for ((minute, series), numbers) in &write.rows {
            let (hour, row) = hour_of(*minute);
            let changes: Vec<(usize, u64)> =
                numbers.iter().copied().enumerate().filter(|(_, number)| *number > 0).collect();
            call.arg(series.key(hour)).arg(series.key_bytes()).arg(expiry_of(hour)).arg(changes.len());
            for (place, number) in changes {
                let sign = if series.is_most(place) { ">" } else { "+" };
                call.arg(sign).arg(row * series.width() as u64 + place as u64).arg(number);
            }
        }
        call.invoke(redis)
    }

    /// Appends attempts for watchers. Returns `true` if there still is a watcher.
    pub(crate) fn show_to_watchers(&self, redis: &mut Connection, sights: &[Vec<u8>]) -> RedisResult<bool> {
        let mut shown = redis::pipe();
        for sight in sights {
            let cut = StreamMaxlen::Approx(SIGHTS_AT_MOST);
            shown.xadd_maxlen(self.key("watched"), cut, "*", &[("s", sight)]).ignore();
        }
        if !sights.is_empty() {
            shown.pexpire(self.key("watched"), SIGHTS_KEPT_MS).ignore();
        }
        let (watched,): (bool,) = shown.exists(self.key("watch")).query(redis)?;
        Ok(watched)
    }

    /// Returns the records written since `since_ms`. Only the node with the first name gets them; all others get none.
    pub(crate) fn records(&self, redis: &mut Connection, node: &str, since_ms: u64) -> RedisResult<Vec<NodeRecord>> {
        let mut names: Vec<String> = redis.zrangebyscore(self.key("status"), since_ms, "+inf")?;
        names.sort_unstable();
        if names.first().is_none_or(|first| first != node) {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = names.iter().map(|name| self.key_of("status", name)).collect();
        let records: Vec<Option<Vec<u8>>> = redis::cmd("MGET").arg(keys).query(redis)?;
        Ok(records.into_iter().flatten().filter_map(|record| NodeRecord::read(&record)).collect())
    }

    /// Writes the `record` of `node` with an expiry of `time`, unless it is empty, and the changes in `disabled`: the
    /// URL of a disabled endpoint, or `None` for an enabled one. Returns Redis' time in ms, the states of endpoints,
    /// and `true` if there is a watcher.
    pub(crate) fn write_record(
        &self,
        redis: &mut Connection,
        node: &str,
        record: &[u8],
        time: Duration,
        disabled: &BTreeMap<String, Option<String>>,
    ) -> RedisResult<(u64, EndpointStates, bool)> {
        let mut call = REPORT.call(&self.prefix);
        call.key(self.key("status")).key(self.key_of("status", node));
        call.key(&["paused", "watch", "disabled"].map(|name| self.key(name)));
        call.arg(node).arg(record).arg(millis(time));
        for (endpoint, url) in disabled {
            call.arg(endpoint).arg(url.as_deref().unwrap_or_default());
        }
        let (time_ms, paused, watched, disabled): (u64, Pauses, bool, BTreeMap<String, String>) = call.invoke(redis)?;
        let url = |(id, since): (String, String)| Some((id, since.split_once(' ')?.1.to_owned()));
        Ok((time_ms, EndpointStates { paused, disabled: disabled.into_iter().filter_map(url).collect() }, watched))
    }
}
