//! Judges whether a server can serve, by what it says of itself. Pure: [`survey`](super::survey) asks it.

use std::fmt;

use thiserror::Error;

/// The oldest Redis with all commands that the scripts use (`XTRIM MINID`).
const OLDEST: Version = Version(6, 2);

/// Servers that speak Redis' protocol, by the field of `INFO` that has their own version. `redis_version` is there the
/// version to which they are compatible.
const COMPATIBLE: [(&str, &str); 4] = [
    ("valkey_version", "Valkey"),
    ("dragonfly_version", "Dragonfly"),
    ("kvrocks_version", "Kvrocks"),
    ("garnet_version", "Garnet"),
];

/// What Dragonfly says of a script that uses a key which is not among its KEYS.
const UNDECLARED_KEY: &str = "undeclared key";

/// Why a server cannot be used, and what the operator can do about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It lacks commands.
    #[error("it is {0}, and Redis 6.2 is the oldest that serves: update it, or replace it by Valkey")]
    TooOld(String),
    /// It is a node of a Redis Cluster.
    #[error(
        "it is in cluster mode, in which keys are spread over servers: use a single server, or one behind Sentinels"
    )]
    Cluster,
    /// It is a Sentinel, and no server.
    #[error("it is a Sentinel, which keeps no data: list it in {root}.connection.sentinels", root = crate::config::ROOT)]
    Sentinel,
    /// It follows another server. A proxy, or a failover, may lead to that one the next time.
    #[error(
        "it is a replica, which takes no writes: connect to its master, or list its Sentinels in \
         {root}.connection.sentinels",
        root = crate::config::ROOT
    )]
    Replica,
    /// It refuses scripts that use keys which they have not declared.
    #[error("it refuses our scripts ({0}): allow them, in Dragonfly with --default_lua_flags=allow-undeclared-keys")]
    UndeclaredKeys(String),
    /// It refuses scripts for another reason.
    #[error("it refuses our scripts ({0}): use Redis 6.2 or later, or Valkey, without a proxy that takes no scripts")]
    Scripts(String),
}

impl Unfit {
    /// Whether it may be over with the next connection, without an operator.
    pub(super) const fn passes(&self) -> bool {
        matches!(self, Self::Replica)
    }
}

/// What a server does with what is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It takes writes.
    Master,
    /// It gets them from its master.
    Replica,
    /// It is none that keeps data.
    Sentinel,
}

impl Role {
    /// Reads what `ROLE`, or `role` of `INFO`, says.
    pub(super) fn read(name: &str) -> Option<Self> {
        match name {
            "master" => Some(Self::Master),
            "slave" | "replica" => Some(Self::Replica),
            "sentinel" => Some(Self::Sentinel),
            _ => None,
        }
    }

    /// Whether a server in this role can serve.
    pub(super) const fn judge(self) -> Result<(), Unfit> {
        match self {
            Self::Master => Ok(()),
            Self::Replica => Err(Unfit::Replica),
            Self::Sentinel => Err(Unfit::Sentinel),
        }
    }
}

/// What became of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scripts {
    /// It ran.
    Run,
    /// The server does not run it now, or not for this user: the first call that matters says so.
    Unknown,
    /// It may not write here.
    ReadOnly,
    /// The server does not run it at all.
    Refused(String),
}

impl Scripts {
    /// Whether a server that does so with scripts can serve.
    pub(super) fn judge(&self) -> Result<(), Unfit> {
        match self {
            Self::Run | Self::Unknown => Ok(()),
            Self::ReadOnly => Err(Unfit::Replica),
            Self::Refused(reason) if reason.contains(UNDECLARED_KEY) => Err(Unfit::UndeclaredKeys(reason.clone())),
            Self::Refused(reason) => Err(Unfit::Scripts(reason.clone())),
        }
    }
}

/// What is known of a server. What it may not tell this user is unknown, and nothing is held against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// The reply to `INFO`.
    pub(super) info: Option<String>,
    /// By the reply to `ROLE`.
    pub(super) role: Option<Role>,
    /// Whether scripts run.
    pub(super) scripts: Scripts,
}

impl Server {
    /// Whether it can serve.
    ///
    /// # Errors
    /// Why it cannot. What explains the most comes first: a cluster refuses scripts, too.
    pub(super) fn judge(&self) -> Result<(), Unfit> {
        let info = self.info.as_deref().unwrap_or_default();
        let mode = mode(info);
        if mode == Some("sentinel") {
            return Err(Unfit::Sentinel);
        }
        let version = field(info, "redis_version");
        if version.and_then(Version::read).is_some_and(|version| version < OLDEST) {
            return Err(Unfit::TooOld(name(info)));
        }
        if mode == Some("cluster") {
            return Err(Unfit::Cluster);
        }
        // INFO is what remains where ROLE is forbidden.
        self.role.or_else(|| field(info, "role").and_then(Role::read)).map_or(Ok(()), Role::judge)?;
        self.scripts.judge()
    }
}

/// Major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

/// A field of the reply to `INFO`.
pub(crate) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = info.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
}

/// `standalone`, `sentinel` or `cluster`, by the reply to `INFO`.
pub(crate) fn mode(info: &str) -> Option<&str> {
    // So Valkey 9 calls it.
    field(info, "redis_mode").or_else(|| field(info, "server_mode"))
}

/// Name and version of the server, by its reply to `INFO`: `Redis 8.0.6`.
fn name(info: &str) -> String {
    let redis = Named { name: "Redis", version: field(info, "redis_version").unwrap_or_default() };
    let own = COMPATIBLE.iter().find_map(|(key, name)| Some(Named { name, version: field(info, key)? }));
    own.map_or_else(|| redis.to_string(), |own| format!("{own}, compatible with {redis}"))
}

struct Named<'a> {
    name: &'a str,
    version: &'a str,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version.trim_start_matches(|c: char| !c.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A master that runs scripts and says this of itself.
    fn server(info: &str) -> Server {
        Server { info: Some(info.to_owned()), role: Some(Role::Master), scripts: Scripts::Run }
    }

    #[test]
    fn a_redis_below_six_two_is_refused_by_name() {
        for version in ["2.8.24", "5.0.6", "6.0.20"] {
            let info = format!("# Server\r\nredis_version:{version}\r\nredis_mode:standalone\r\n");
            assert_eq!(server(&info).judge(), Err(Unfit::TooOld(format!("Redis {version}"))));
        }
        for version in ["6.2.0", "6.2.14", "7.0.15", "8.0.6", "10.0.0", "255.255.255"] {
            assert_eq!(server(&format!("redis_version:{version}\r\n")).judge(), Ok(()), "{version}");
        }
    }

    #[test]
    fn a_compatible_server_is_judged_by_the_redis_that_it_speaks_for_and_called_by_its_own_name() {
        let valkey = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n";
        assert_eq!(server(valkey).judge(), Ok(()));
        let old = "redis_version:4.0.0\r\nkvrocks_version:2.1.0\r\n";
        let expected = Unfit::TooOld("Kvrocks 2.1.0, compatible with Redis 4.0.0".to_owned());
        assert_eq!(server(old).judge(), Err(expected));
        assert_eq!(
            name("redis_version:7.4.0\r\ndragonfly_version:df-v1.21.4\r\n"),
            "Dragonfly 1.21.4, compatible with Redis 7.4.0"
        );
    }

    #[test]
    fn a_mode_is_understood_by_its_name_in_redis_and_in_valkey() {
        for mode in ["redis_mode", "server_mode"] {
            let told = |what: &str| server(&format!("redis_version:7.2.4\r\n{mode}:{what}\r\n")).judge();
            assert_eq!(told("standalone"), Ok(()));
            assert_eq!(told("sentinel"), Err(Unfit::Sentinel));
            assert_eq!(told("cluster"), Err(Unfit::Cluster));
        }
    }

    #[test]
    fn a_server_that_may_not_be_asked_is_not_refused() {
        let silent = Server { info: None, role: None, scripts: Scripts::Unknown };
        assert_eq!(silent.judge(), Ok(()));
        assert_eq!(server("redis_version:nightly\r\n").judge(), Ok(()));
    }

    #[test]
    fn the_mode_explains_why_scripts_are_refused() {
        let refused = Scripts::Refused("CROSSSLOT Keys in request don't hash to the same slot".to_owned());
        let cluster = Server { scripts: refused.clone(), ..server("redis_version:8.0.6\r\nredis_mode:cluster\r\n") };
        assert_eq!(cluster.judge(), Err(Unfit::Cluster));
        let sentinel = Server { scripts: refused, ..server("redis_version:8.0.6\r\nredis_mode:sentinel\r\n") };
        assert_eq!(sentinel.judge(), Err(Unfit::Sentinel));
    }

    #[test]
    fn a_replica_is_known_by_its_role_by_info_or_by_a_refused_write() {
        let by_role = Server { role: Some(Role::Replica), ..server("role:master\r\n") };
        let by_info = Server { role: None, ..server("role:slave\r\n") };
        let by_write = Server { role: None, scripts: Scripts::ReadOnly, ..server("") };
        for replica in [by_role, by_info, by_write] {
            assert_eq!(replica.judge(), Err(Unfit::Replica));
        }
    }

    #[test]
    fn refused_scripts_are_told_with_the_servers_reason_and_the_remedy() {
        let told = |reason: &str| {
            let refusing = Server { scripts: Scripts::Refused(reason.to_owned()), ..server("redis_version:7.4.0\r\n") };
            refusing.judge().unwrap_err().to_string()
        };
        let dragonfly = told("ERR script tried accessing undeclared key");
        assert!(dragonfly.ends_with("--default_lua_flags=allow-undeclared-keys"), "{dragonfly}");
        let proxy = told("ERR unknown command 'EVALSHA'");
        assert!(proxy.starts_with("it refuses our scripts (ERR unknown command 'EVALSHA'): use Redis"), "{proxy}");
    }
}
