//! Judges whether a server can be used, by its replies. Pure: [`survey`](super::survey) collects the replies.

use thiserror::Error;

/// Oldest Redis with all commands that the scripts use (`XTRIM MINID`).
const OLDEST: Version = Version(6, 2);

/// Servers that speak Redis' protocol, by the `INFO` field with their own version. Their `redis_version` is the Redis
/// version that they are compatible with.
const COMPATIBLE: [(&str, &str); 4] = [
    ("valkey_version", "Valkey"),
    ("dragonfly_version", "Dragonfly"),
    ("kvrocks_version", "Kvrocks"),
    ("garnet_version", "Garnet"),
];

/// Longest version that is shown, in characters.
const LONGEST_VERSION: usize = 40;

/// Part of Dragonfly's error for a script that uses a key outside its KEYS.
const UNDECLARED_KEY: &str = "undeclared key";

/// Why a server cannot be used, with the remedy for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unfit {
    /// The server lacks commands.
    #[error("it is {0}, and Redis 6.2 or later is required: update it, or replace it with Valkey")]
    TooOld(String),
    /// The server is a node of a Redis Cluster, which the config does not say.
    #[error("it is in cluster mode: list servers of its cluster in {root}.connection.cluster", root = crate::config::ROOT)]
    Cluster,
    /// The server is not a node of a Redis Cluster, although the config says so.
    #[error("it is not in cluster mode: remove {root}.connection.cluster", root = crate::config::ROOT)]
    NoCluster,
    /// The server is a Sentinel.
    #[error("it is a Sentinel, which keeps no data: list it in {root}.connection.sentinels", root = crate::config::ROOT)]
    Sentinel,
    /// The server is a replica. Behind a proxy, or after a failover, the next connection may lead to the master.
    #[error(
        "it is a replica, which accepts no writes: connect to its master, or list its Sentinels in \
         {root}.connection.sentinels",
        root = crate::config::ROOT
    )]
    Replica,
    /// The server of a Redis Cluster has become a replica. The next connection goes to the new master.
    #[error("it is not the master of our slot any more: looking for the new one")]
    Demoted,
    /// The server refuses scripts that use undeclared keys.
    #[error("it refuses our scripts ({0}): allow them, in Dragonfly with --default_lua_flags=allow-undeclared-keys")]
    UndeclaredKeys(String),
    /// The server refuses scripts for another reason.
    #[error("it refuses our scripts ({0}): use Redis 6.2 or later, or Valkey, without a proxy that takes no scripts")]
    Scripts(String),
}

impl Unfit {
    /// Returns `true` if the next connection may succeed without an operator.
    pub(super) const fn is_temporary(&self) -> bool {
        matches!(self, Self::Replica | Self::Demoted)
    }

    /// Returns why a server that refuses the probe script for this `reason` cannot be used.
    pub(super) fn refusing_scripts(reason: String) -> Self {
        if reason.contains(UNDECLARED_KEY) { Self::UndeclaredKeys(reason) } else { Self::Scripts(reason) }
    }
}

/// Judges the role in the reply to `ROLE`, or in the field `role` of `INFO`. Returns `None` for an unknown one.
pub(super) fn judge_role(name: &str) -> Option<Result<(), Unfit>> {
    match name {
        "master" => Some(Ok(())),
        "slave" | "replica" => Some(Err(Unfit::Replica)),
        "sentinel" => Some(Err(Unfit::Sentinel)),
        _ => None,
    }
}

/// The known facts about a server. Facts that it hides from this user do not disqualify it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// The reply to `INFO`.
    pub(super) info: Option<String>,
    /// The judgement of the role in the reply to `ROLE`, if that is known.
    pub(super) role: Option<Result<(), Unfit>>,
    /// The judgement of the answer to the probe script.
    pub(super) scripts: Result<(), Unfit>,
}

impl Server {
    /// Checks that the server can be used. `in_cluster` is `true` if the config lists servers of a Redis Cluster.
    ///
    /// # Errors
    /// Why it cannot. The most general reason comes first: a cluster refuses scripts too.
    pub(super) fn judge(&self, in_cluster: bool) -> Result<(), Unfit> {
        let info = self.info.as_deref().unwrap_or_default();
        let mode = mode(info);
        if mode == Some("sentinel") {
            return Err(Unfit::Sentinel);
        }
        let version = field(info, "redis_version");
        if version.and_then(Version::read).is_some_and(|version| version < OLDEST) {
            return Err(Unfit::TooOld(name(info)));
        }
        if mode == Some("cluster") && !in_cluster {
            return Err(Unfit::Cluster);
        }
        // INFO is the fallback where ROLE is forbidden.
        self.role.clone().or_else(|| judge_role(field(info, "role")?)).unwrap_or(Ok(()))?;
        self.scripts.clone()
    }
}

/// Major and minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

/// Returns a field of the reply to `INFO`.
pub(crate) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = info.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
}

/// Returns `standalone`, `sentinel` or `cluster` from the reply to `INFO`.
pub(crate) fn mode(info: &str) -> Option<&str> {
    // The field's name in Valkey 9.
    field(info, "redis_mode").or_else(|| field(info, "server_mode"))
}

/// Returns name and version of the server from the reply to `INFO`, such as `Redis 8.0.6`.
fn name(info: &str) -> String {
    let redis = format!("Redis {}", plain(field(info, "redis_version").unwrap_or_default()));
    let own = COMPATIBLE.iter().find_map(|(key, name)| Some((name, plain(field(info, key)?))));
    own.map_or_else(|| redis.clone(), |(name, version)| format!("{name} {version}, compatible with {redis}"))
}

/// Returns a version without what may stand before and after its numbers.
fn plain(version: &str) -> String {
    let numbers = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    numbers.chars().take_while(char::is_ascii_graphic).take(LONGEST_VERSION).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A master that runs scripts, with this reply to `INFO`.
    fn server(info: &str) -> Server {
        Server { info: Some(info.to_owned()), role: judge_role("master"), scripts: Ok(()) }
    }

    #[test]
    fn a_redis_below_six_two_is_refused_by_name() {
        for version in ["2.8.24", "5.0.6", "6.0.20"] {
            let info = format!("# Server\r\nredis_version:{version}\r\nredis_mode:standalone\r\n");
            assert_eq!(server(&info).judge(false), Err(Unfit::TooOld(format!("Redis {version}"))));
        }
        for version in ["6.2.0", "6.2.14", "7.0.15", "8.0.6", "10.0.0", "255.255.255"] {
            assert_eq!(server(&format!("redis_version:{version}\r\n")).judge(false), Ok(()), "{version}");
        }
    }

    #[test]
    fn a_compatible_server_is_judged_by_its_redis_version_and_named_by_its_own() {
        let valkey = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n";
        assert_eq!(server(valkey).judge(false), Ok(()));
        let old = "redis_version:4.0.0\r\nkvrocks_version:2.1.0\r\n";
        let expected = Unfit::TooOld("Kvrocks 2.1.0, compatible with Redis 4.0.0".to_owned());
        assert_eq!(server(old).judge(false), Err(expected));
        assert_eq!(
            name("redis_version:7.4.0\r\ndragonfly_version:df-v1.21.4\r\n"),
            "Dragonfly 1.21.4, compatible with Redis 7.4.0"
        );
    }

    #[test]
    fn the_mode_is_read_under_the_field_names_of_redis_and_valkey() {
        for mode in ["redis_mode", "server_mode"] {
            let judge = |name: &str| server(&format!("redis_version:7.2.4\r\n{mode}:{name}\r\n")).judge(false);
            assert_eq!(judge("standalone"), Ok(()));
            assert_eq!(judge("sentinel"), Err(Unfit::Sentinel));
            assert_eq!(judge("cluster"), Err(Unfit::Cluster));
        }
    }

    #[test]
    fn a_server_that_forbids_info_and_role_is_accepted() {
        let silent = Server { info: None, role: None, scripts: Ok(()) };
        assert_eq!(silent.judge(false), Ok(()));
        assert_eq!(server("redis_version:nightly\r\n").judge(false), Ok(()));
    }

    #[test]
    fn the_mode_explains_why_scripts_are_refused() {
        let refused = Err(Unfit::refusing_scripts("CROSSSLOT Keys in request don't hash to the same slot".to_owned()));
        let cluster = Server { scripts: refused.clone(), ..server("redis_version:8.0.6\r\nredis_mode:cluster\r\n") };
        assert_eq!(cluster.judge(false), Err(Unfit::Cluster));
        let sentinel = Server { scripts: refused, ..server("redis_version:8.0.6\r\nredis_mode:sentinel\r\n") };
        assert_eq!(sentinel.judge(false), Err(Unfit::Sentinel));
    }

    #[test]
    fn a_replica_is_recognised_by_its_role_by_info_or_by_a_refused_write() {
        let by_role = Server { role: judge_role("slave"), ..server("role:master\r\n") };
        let by_info = Server { role: None, ..server("role:slave\r\n") };
        let by_write = Server { role: None, scripts: Err(Unfit::Replica), ..server("") };
        for replica in [by_role, by_info, by_write] {
            assert_eq!(replica.judge(false), Err(Unfit::Replica));
        }
    }

    #[test]
    fn refused_scripts_are_reported_with_the_servers_reason_and_the_remedy() {
        let message = |reason: &str| {
            let scripts = Err(Unfit::refusing_scripts(reason.to_owned()));
            Server { scripts, ..server("redis_version:7.4.0\r\n") }.judge(false).unwrap_err().to_string()
        };
        let dragonfly = message("ERR script tried accessing undeclared key");
        assert!(dragonfly.ends_with("--default_lua_flags=allow-undeclared-keys"), "{dragonfly}");
        let proxy = message("ERR unknown command 'EVALSHA'");
        assert!(proxy.starts_with("it refuses our scripts (ERR unknown command 'EVALSHA'): use Redis"), "{proxy}");
    }
}
