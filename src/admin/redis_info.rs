//! Server information about Redis, as far as the ACL allows it.

use redis::{Connection, RedisResult};
use serde::Serialize;

use super::redis_cluster::RedisCluster;
use crate::redis::{answered, field, mode};

/// The parts of `INFO` that matter for waiting events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RedisInfo {
    /// Version of Redis, or the version that a fork is compatible with. `None` if `INFO` is forbidden, as are all other
    /// fields then.
    pub version: Option<String>,
    /// `standalone`, `sentinel` or `cluster`.
    pub mode: Option<String>,
    /// The Redis Cluster, if the keys are on one.
    pub cluster: Option<RedisCluster>,
    /// `master` or `slave`.
    pub role: Option<String>,
    /// Number of connected replicas.
    pub replicas: Option<u64>,
    /// Uptime in seconds.
    pub uptime_s: Option<u64>,
    /// `true` if it writes an append-only file.
    pub aof: Option<bool>,
    /// `true` if it saves scheduled snapshots. `None` if `CONFIG GET` is forbidden.
    pub rdb: Option<bool>,
    /// Time of the last snapshot, in Unix ms.
    pub last_save_ms: Option<u64>,
    /// Eviction policy.
    pub maxmemory_policy: Option<String>,
    /// Memory limit in bytes; 0 for no limit.
    pub maxmemory: Option<u64>,
    /// Used memory in bytes.
    pub used_memory: Option<u64>,
    /// Number of evicted keys.
    pub evicted_keys: Option<u64>,
    /// `true` if a Redis Cluster stops completely when one slot has no master. `None` for other servers, and if `CONFIG GET` is
    /// forbidden.
    pub full_coverage: Option<bool>,
}

impl RedisInfo {
    /// Queries Redis, except for `cluster`. Fields are `None` if the ACL forbids the command for them.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(crate) fn ask(redis: &mut Connection) -> RedisResult<Self> {
        let Some(info) = answered(redis::cmd("INFO").query::<Vec<u8>>(redis))? else {
            return Ok(Self::default());
        };
        let save = answered(redis::cmd("CONFIG").arg("GET").arg("save").query::<(String, String)>(redis))?;
        Ok(Self::read(&String::from_utf8_lossy(&info), save.as_ref().map(|(_, schedule)| schedule.as_str())))
    }

    /// Queries Redis, and the cluster that keys with these prefixes are on. Fields are `None` if the ACL forbids the command
    /// for them. Also returns the slot of each prefix; none if they are on no Redis Cluster, or the ACL forbids to ask.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(super) fn ask_all(redis: &mut Connection, key_prefixes: &[&str]) -> RedisResult<(Self, Vec<RedisCluster>)> {
        let info = Self::ask(redis)?;
        if info.mode.as_deref() != Some("cluster") {
            return Ok((info, Vec::new()));
        }
        let slots = RedisCluster::ask(redis, key_prefixes)?;
        let mut coverage = redis::cmd("CONFIG");
        coverage.arg("GET").arg("cluster-require-full-coverage");
        let full_coverage = answered(coverage.query::<(String, String)>(redis))?.map(|(_, required)| required == "yes");
        Ok((Self { cluster: slots.first().cloned(), full_coverage, ..info }, slots))
    }

    /// Returns the reasons why this Redis may lose waiting events, each with a remedy.
    pub(crate) fn dangers(&self) -> Vec<String> {
        let mut dangers = Vec::new();
        if let Some(policy) = self.maxmemory_policy.as_deref().filter(|policy| *policy != "noeviction") {
            dangers.push(format!(
                "it evicts keys when its memory is full ({policy}): set \"maxmemory-policy noeviction\" in its config"
            ));
        }
        if self.aof == Some(false) {
            let kept = if self.rdb == Some(false) { "keeps nothing on disk" } else { "saves snapshots only" };
            dangers.push(format!("it {kept}: set \"appendonly yes\" in its config"));
        }
        dangers
    }

    /// Parses the reply to `INFO`, and the one to `CONFIG GET save`, if there is one.
    fn read(info: &str, save: Option<&str>) -> Self {
        let text = |name: &str| field(info, name).map(str::to_owned);
        let number = |name: &str| text(name).and_then(|value| value.parse::<u64>().ok());
        Self {
            version: text("redis_version"),
            mode: mode(info).map(str::to_owned),
            cluster: None,
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
            full_coverage: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relevant_fields_are_parsed() {
        let info = "# Server\r\nredis_version:8.0.6\r\nredis_mode:standalone\r\n\r\n# Memory\r\nused_memory:1024\r\n\
                    used_memory_human:1K\r\nmaxmemory_policy:noeviction\r\naof_enabled:0\r\n";
        let read = RedisInfo::read(info, Some("3600 1"));
        assert_eq!((read.version.as_deref(), read.used_memory, read.aof), (Some("8.0.6"), Some(1024), Some(false)));
        assert_eq!((read.rdb, read.maxmemory_policy.as_deref()), (Some(true), Some("noeviction")));
        assert_eq!(RedisInfo::read("", None), RedisInfo::default());
        assert_eq!(RedisInfo::read("", Some("")).rdb, Some(false));
    }

    #[test]
    fn each_danger_has_a_remedy() {
        let of = |info: &str, save| RedisInfo::read(info, save).dangers();
        assert_eq!(of("aof_enabled:1\r\nmaxmemory_policy:noeviction\r\n", Some("")), Vec::<String>::new());
        assert_eq!(of("", None), Vec::<String>::new(), "unknown fields are no danger");
        let both = of("aof_enabled:0\r\nmaxmemory_policy:allkeys-lru\r\n", Some(""));
        assert!(both[0].contains("(allkeys-lru): set \"maxmemory-policy noeviction\""), "{both:?}");
        assert_eq!(both[1], "it keeps nothing on disk: set \"appendonly yes\" in its config");
        let snapshots = of("aof_enabled:0\r\n", Some("3600 1"));
        assert_eq!(snapshots, ["it saves snapshots only: set \"appendonly yes\" in its config"]);
    }
}
