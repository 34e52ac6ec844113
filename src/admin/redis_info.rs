//! What Redis says of itself, as far as it may be asked.

use redis::{Connection, RedisResult};
use serde::Serialize;

use crate::redis::{answered, field, mode};

/// The parts of `INFO` that matter to events that wait there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RedisInfo {
    /// The version of Redis that it is, or is compatible with; none where `INFO` is forbidden, and then nothing else is known
    /// either.
    pub version: Option<String>,
    /// `standalone`, `sentinel` or `cluster`.
    pub mode: Option<String>,
    /// `master` or `slave`.
    pub role: Option<String>,
    /// Replicas that follow it.
    pub replicas: Option<u64>,
    /// How long it has been up, in seconds.
    pub uptime_s: Option<u64>,
    /// Whether it writes an append-only file.
    pub aof: Option<bool>,
    /// Whether it saves snapshots by a schedule; none where that may not be asked.
    pub rdb: Option<bool>,
    /// When it last saved one, in Unix ms.
    pub last_save_ms: Option<u64>,
    /// What it does when its memory is full.
    pub maxmemory_policy: Option<String>,
    /// How much it may use, in bytes; 0 for no limit.
    pub maxmemory: Option<u64>,
    /// How much it uses.
    pub used_memory: Option<u64>,
    /// Keys that it has thrown away for want of memory.
    pub evicted_keys: Option<u64>,
}

impl RedisInfo {
    /// Asks Redis. What it may not tell is missing.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(crate) fn ask(redis: &mut Connection) -> RedisResult<Self> {
        let Some(info) = answered(redis::cmd("INFO").query::<Vec<u8>>(redis))? else {
            return Ok(Self::default());
        };
        let save = answered(redis::cmd("CONFIG").arg("GET").arg("save").query::<(String, String)>(redis))?;
        Ok(Self::read(&String::from_utf8_lossy(&info), save.as_ref().map(|(_, schedule)| schedule.as_str())))
    }

    /// Why this Redis may lose what waits in it, with what can be done about it.
    pub(crate) fn dangers(&self) -> Vec<String> {
        let mut dangers = Vec::new();
        if let Some(policy) = self.maxmemory_policy.as_deref().filter(|policy| *policy != "noeviction") {
            dangers.push(format!(
                "it throws keys away when its memory is full ({policy}): set \"maxmemory-policy noeviction\" in its config"
            ));
        }
        if self.aof == Some(false) {
            let kept = if self.rdb == Some(false) { "keeps nothing on disk" } else { "saves snapshots only" };
            dangers.push(format!("it {kept}: set \"appendonly yes\" in its config"));
        }
        dangers
    }

    /// Reads the answer to `INFO`, and that to `CONFIG GET save`, if there was one.
    fn read(info: &str, save: Option<&str>) -> Self {
        let text = |name: &str| field(info, name).map(str::to_owned);
        let number = |name: &str| text(name).and_then(|value| value.parse::<u64>().ok());
        Self {
            version: text("redis_version"),
            mode: mode(info).map(str::to_owned),
            role: text("role"),
            replicas: number("connected_slaves"),
            uptime_s: number("uptime_in_seconds"),
            aof: number("aof_enabled").map(|enabled| enabled == 1),
            rdb: save.map(|schedule| !schedule.trim().is_empty()),
            last_save_ms: number("rdb_last_save_time").map(|seconds| seconds * 1000),
            maxmemory_policy: text("maxmemory_policy"),
            maxmemory: number("maxmemory"),
            used_memory: number("used_memory"),
            evicted_keys: number("evicted_keys"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_found_among_the_rest() {
        let info = "# Server\r\nredis_version:8.0.6\r\nredis_mode:standalone\r\n\r\n# Memory\r\nused_memory:1024\r\n\
                    used_memory_human:1K\r\nmaxmemory_policy:noeviction\r\naof_enabled:0\r\n";
        let read = RedisInfo::read(info, Some("3600 1"));
        assert_eq!((read.version.as_deref(), read.used_memory, read.aof), (Some("8.0.6"), Some(1024), Some(false)));
        assert_eq!((read.rdb, read.maxmemory_policy.as_deref()), (Some(true), Some("noeviction")));
        assert_eq!(RedisInfo::read("", None), RedisInfo::default());
        assert_eq!(RedisInfo::read("", Some("")).rdb, Some(false));
    }

    #[test]
    fn a_redis_that_may_lose_what_waits_is_told_what_to_change() {
        let of = |info: &str, save| RedisInfo::read(info, save).dangers();
        assert_eq!(of("aof_enabled:1\r\nmaxmemory_policy:noeviction\r\n", Some("")), Vec::<String>::new());
        assert_eq!(of("", None), Vec::<String>::new(), "nothing is known of it");
        let both = of("aof_enabled:0\r\nmaxmemory_policy:allkeys-lru\r\n", Some(""));
        assert!(both[0].contains("(allkeys-lru): set \"maxmemory-policy noeviction\""), "{both:?}");
        assert_eq!(both[1], "it keeps nothing on disk: set \"appendonly yes\" in its config");
        let snapshots = of("aof_enabled:0\r\n", Some("3600 1"));
        assert_eq!(snapshots, ["it saves snapshots only: set \"appendonly yes\" in its config"]);
    }
}
