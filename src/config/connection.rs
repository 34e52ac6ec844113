//! The connection to Redis: `connection`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::address::{Host, RedisUrl};
use super::context::Context;
use super::hosts::Hosts;
use super::scalar::Number;
use super::sentinels::DEFAULT_SERVICE;
use super::{ConfigError, ROOT, Seeds, Sentinels, TlsFiles, Whole, address, seeds, sentinels};
use crate::event::{MAX_SHARDS, Shard};
use crate::secret::Secret;

const WITH_SENTINELS: &str = "cannot be combined with connection.sentinels: remove one of them";

/// The minimum timeout. A read blocks up to 100 ms for events, and the reply takes time.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(200);

/// Number of shards on a Redis Cluster, unless configured: enough to spread over the masters of most clusters.
const CLUSTER_SHARDS: u8 = 16;

/// The connection to Redis: the same server and database as the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Address of the server.
    pub address: Address,
    /// Credentials, if the server requires them.
    pub login: Option<Login>,
    /// Number of the database.
    pub database: u32,
    /// Timeout of connecting, and then of each read and each write.
    pub timeout: Duration,
    /// Number of shards, a power of two.
    pub shards: u8,
}

impl Default for Connection {
    /// `127.0.0.1:6379`, database 0, no password, 5 seconds.
    fn default() -> Self {
        Self {
            address: Address::Tcp { host: address::DEFAULT_HOST.to_owned(), port: address::DEFAULT_PORT, tls: None },
            login: None,
            database: 0,
            timeout: Duration::from_secs(5),
            shards: 1,
        }
    }
}

impl Connection {
    /// Returns the prefix of every key of a shard, from the configured prefix.
    pub(crate) fn prefix_of(&self, shard: Shard, configured: &str) -> String {
        // Redis Cluster keeps all keys with one tag in one slot, and a script may use keys of one slot only.
        if self.is_tagged() { format!("{{{configured}:{shard}}}") } else { configured.to_owned() }
    }

    /// Returns `true` if the keys of each shard have a hash tag.
    fn is_tagged(&self) -> bool {
        self.shards > 1 || matches!(self.address, Address::Cluster(_))
    }

    /// Returns the prefix under which the same server would have the data of one shard, if that is not one of ours.
    pub(crate) fn untagged_prefix(&self, configured: &str) -> Option<String> {
        let several = self.shards > 1 && !matches!(self.address, Address::Cluster(_));
        several.then(|| configured.to_owned())
    }

    /// Checks the configured prefix.
    ///
    /// # Errors
    /// If it has a brace, and the keys have a hash tag.
    pub(super) fn check_prefix(&self, configured: &str) -> Result<(), ConfigError> {
        if self.is_tagged() && configured.contains(['{', '}']) {
            return Err(ConfigError::at(
                "key_prefix",
                "must not contain a brace on a Redis Cluster or with several shards: the package puts it in a hash tag of its \
                 own",
            ));
        }
        Ok(())
    }

    /// Returns a shard's part of a limit of all shards.
    pub(crate) fn part_of(&self, limit: usize) -> usize {
        limit.div_ceil(usize::from(self.shards))
    }
}

/// The address of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `host:port`
    Tcp {
        /// Name or IP address; IPv6 without brackets.
        host: String,
        /// TCP port.
        port: u16,
        /// TLS files, if the server uses TLS.
        tls: Option<TlsFiles>,
    },
    /// Path of a Unix socket.
    Unix(PathBuf),
    /// The master that Sentinels name.
    Sentinels(Sentinels),
    /// The masters of our slots in a Redis Cluster.
    Cluster(Seeds),
}

impl Address {
    /// Returns the address of one of several servers.
    pub(crate) fn of_server((host, port): &(String, u16), tls: Option<&TlsFiles>) -> Self {
        Self::Tcp { host: host.clone(), port: *port, tls: tls.cloned() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Sentinels(sentinels) => sentinels.fmt(f),
            Self::Cluster(seeds) => seeds.fmt(f),
        }
    }
}

/// The credentials for Redis' `AUTH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// ACL user; `None` for the default user.
    pub username: Option<String>,
    /// The password.
    pub password: Secret,
}

impl Login {
    /// Returns `None` without a password, because Redis accepts no user name alone.
    pub(super) fn new(username: Option<String>, password: Option<Secret>) -> Option<Self> {
        Some(Self { username, password: password? })
    }
}

/// `connection.scheme`.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Scheme {
    Tcp,
    Tls,
    Unix,
}

impl TryFrom<String> for Scheme {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.trim().to_ascii_lowercase().as_str() {
            "tcp" | "redis" => Ok(Self::Tcp),
            "tls" | "rediss" | "ssl" => Ok(Self::Tls),
            "unix" => Ok(Self::Unix),
            // Other clients fall back to tcp, which could send a password unencrypted.
            _ => Err("is not a supported scheme: use tcp, tls or unix"),
        }
    }
}

/// `connection` before it is resolved.
#[derive(Default, Deserialize)]
#[serde(default, rename = "connection", deny_unknown_fields, expecting = "an array with a url or a host")]
pub(super) struct WrittenConnection {
    url: Option<RedisUrl>,
    scheme: Option<Scheme>,
    host: Option<Host>,
    port: Option<Number>,
    path: Option<PathBuf>,
    username: Option<String>,
    password: Option<Secret>,
    cluster: Option<seeds::WrittenSeeds>,
    shards: Option<Whole<1, { MAX_SHARDS as u32 }>>,
    sentinels: Option<Hosts<{ sentinels::DEFAULT_PORT }>>,
    service: Option<String>,
    sentinel_username: Option<String>,
    sentinel_password: Option<Secret>,
    database: Option<Whole<0, { i32::MAX as u32 }>>,
    timeout: Option<Number>,
    ca_file: Option<PathBuf>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
    #[serde(alias = "ssl")]
    context: Option<Context>,
}

impl WrittenConnection {
    /// Resolves the keys. A `url` replaces scheme, host, port, path, username, password and database, including those
    /// that it does not mention. The roster reads the same keys in the same way, so both use the same database.
    /// Sentinels and the seeds of a Redis Cluster replace host and port.
    pub(super) fn resolve(mut self, warnings: &mut Vec<String>) -> Result<Connection, ConfigError> {
        let defaults = Connection::default();
        self.check_combination()?;
        let files = self.files(warnings)?;
        let shards = self.shards.take().map(number_of_shards).transpose()?;
        let is_cluster = self.cluster == Some(seeds::WrittenSeeds::On);
        let key_of_database = if self.url.is_some() { "connection.url" } else { "connection.database" };
        let (address, login, database) = match self.url.take() {
            Some(url) => {
                url.warn(self.scheme == Some(Scheme::Tls), warnings);
                (url.address, url.login, url.database)
            }
            None => (
                self.servers(warnings)?,
                Login::new(self.username, self.password),
                self.database.map_or(defaults.database, Whole::get),
            ),
        };
        let mut address = if is_cluster { Address::Cluster(Seeds::at(address)?) } else { address };
        if matches!(address, Address::Cluster(_)) && database != 0 {
            return Err(ConfigError::at(key_of_database, "must name database 0: a Redis Cluster has no other"));
        }
        match &mut address {
            Address::Tcp { tls: Some(unset), .. }
            | Address::Sentinels(Sentinels { tls: Some(unset), .. })
            | Address::Cluster(Seeds { tls: Some(unset), .. }) => {
                *unset = files;
            }
            _ if files != TlsFiles::default() => warnings.push(format!(
                "{ROOT}.connection has TLS files, but the connection to {address} is not encrypted: set \
                 {ROOT}.connection.scheme to \"tls\", or use a rediss:// URL"
            )),
            Address::Tcp { .. } | Address::Unix(_) | Address::Sentinels(_) | Address::Cluster(_) => {}
        }
        // 0 means no limit in other clients. Here it gives the default, with a warning.
        let mut timeout = self.timeout.map_or(defaults.timeout, |timeout| {
            let (range, default) = (0.001..=3_600.0, defaults.timeout.as_secs_f64());
            Duration::from_secs_f64(timeout.clamped("connection.timeout", &range, default, warnings))
        });
        if timeout < SHORTEST_TIMEOUT {
            warnings.push(format!(
                "{ROOT}.connection.timeout: {} s is too short, because reads block while they wait for events; using {} s",
                timeout.as_secs_f64(),
                SHORTEST_TIMEOUT.as_secs_f64(),
            ));
            timeout = SHORTEST_TIMEOUT;
        }
        let shards = shards.unwrap_or(if matches!(address, Address::Cluster(_)) { CLUSTER_SHARDS } else { 1 });
        Ok(Connection { address, login, database, timeout, shards })
    }

    /// Checks that the keys name the servers in one way only.
    fn check_combination(&mut self) -> Result<(), ConfigError> {
        self.sentinels = self.sentinels.take().filter(|sentinels| !sentinels.hosts.is_empty());
        let is_listed = matches!(self.cluster, Some(seeds::WrittenSeeds::Listed(_)));
        let is_cluster = is_listed || self.cluster == Some(seeds::WrittenSeeds::On);
        if self.sentinels.is_some() && is_cluster {
            return Err(ConfigError::at("connection.cluster", WITH_SENTINELS));
        }
        if self.url.is_some() && self.sentinels.is_some() {
            return Err(ConfigError::at("connection.url", WITH_SENTINELS));
        }
        if self.url.is_some() && is_listed {
            return Err(ConfigError::at(
                "connection.url",
                "cannot be combined with a list in connection.cluster: remove one of them, or set connection.cluster to true",
            ));
        }
        Ok(())
    }

    /// Returns the address, when there is no `url`.
    fn servers(&mut self, warnings: &mut Vec<String>) -> Result<Address, ConfigError> {
        let is_tls = self.scheme == Some(Scheme::Tls);
        let tls = |with_tls: bool| (with_tls || is_tls).then(TlsFiles::default);
        if let Some(Hosts { hosts, with_tls }) = self.sentinels.take() {
            return Ok(Address::Sentinels(Sentinels {
                hosts,
                service: self.service.take().unwrap_or_else(|| DEFAULT_SERVICE.to_owned()),
                tls: tls(with_tls),
                login: Login::new(self.sentinel_username.take(), self.sentinel_password.take()),
            }));
        }
        if let Some(seeds::WrittenSeeds::Listed(Hosts { hosts, with_tls })) = self.cluster.take() {
            return Ok(Address::Cluster(Seeds { hosts, tls: tls(with_tls) }));
        }
        self.address(warnings)
    }

    /// Returns the address that `scheme`, `host`, `port` and `path` describe. TLS is used if the scheme or the host
    /// requires it.
    fn address(&mut self, warnings: &mut Vec<String>) -> Result<Address, ConfigError> {
        let written_port = self.port.take();
        let host = self.host.take();
        if self.scheme == Some(Scheme::Unix) {
            let ((Some(path), _) | (None, Some(Host::Unix(path)))) = (self.path.take(), host) else {
                return Err(ConfigError::at("connection.path", "is required when the scheme is unix"));
            };
            if path.is_relative() {
                return Err(ConfigError::at("connection.path", "is not an absolute path"));
            }
            return Ok(Address::Unix(path));
        }
        if self.path.is_some() {
            warnings.push(format!("{ROOT}.connection.path has no effect unless the scheme is unix"));
        }
        let local = || Host::Tcp { name: address::DEFAULT_HOST.to_owned(), with_tls: false };
        let mut host = host.unwrap_or_else(local);
        if let Host::Tcp { with_tls, .. } = &mut host {
            *with_tls |= self.scheme == Some(Scheme::Tls);
        }
        // Laravel's config has port 0 together with a socket path.
        let port = match written_port {
            Some(number) if !matches!(host, Host::Unix(_)) => port(&number, warnings)?,
            _ => address::DEFAULT_PORT,
        };
        Ok(host.with_port(port))
    }

    /// Returns the TLS files, from this package's keys or from PHP's context options.
    fn files(&mut self, warnings: &mut Vec<String>) -> Result<TlsFiles, ConfigError> {
        let Context { cafile, local_cert, local_pk, without_effect } = self.context.take().unwrap_or_default();
        warnings.extend(without_effect.iter().map(|option| {
            format!(
                "{ROOT}.connection.context.{option} has no effect: only cafile, local_cert and local_pk are supported"
            )
        }));
        let ca = self.ca_file.take().or(cafile);
        let (cert, key) = match (self.client_cert.take(), self.client_key.take()) {
            // PHP reads the private key from the certificate file if `local_pk` is not set.
            (None, None) => (local_cert.clone(), local_pk.or(local_cert)),
            own => own,
        };
        TlsFiles::at("connection", ca, cert, key)
    }
}

/// Returns a warning if a single call to Redis can outlast a node's lease.
pub(super) fn check_against_lease(connection: &Connection, ttl: Duration) -> Option<String> {
    let most = ttl / 3;
    (connection.timeout > most).then(|| {
        format!(
            "{ROOT}.connection.timeout: {} s is more than a third of {ROOT}.ttl ({} s). If Redis hangs, one call can cost a \
             node its lease: set it to {:.1} or less",
            connection.timeout.as_secs_f64(),
            ttl.as_secs_f64(),
            most.as_secs_f64(),
        )
    })
}

/// Checks a number of shards. A power of two divides the channels evenly.
fn number_of_shards(written: Whole<1, { MAX_SHARDS as u32 }>) -> Result<u8, ConfigError> {
    let number = written.get();
    u8::try_from(number).ok().filter(|number| number.is_power_of_two()).ok_or_else(|| {
        let message = format_args!("{number} is not a power of two: must be 1, 2, 4, 8, 16, 32 or 64");
        ConfigError::at("connection.shards", message)
    })
}

/// Returns the number as a port. 0 and -1, which mean no port to other clients, give the default.
fn port(number: &Number, warnings: &mut Vec<String>) -> Result<u16, ConfigError> {
    let Number { value, written } = number;
    if [0.0, -1.0].contains(value) {
        let port = address::DEFAULT_PORT;
        warnings.push(format!("{ROOT}.connection.port: {written} is not a port; using {port}"));
        return Ok(port);
    }
    if value.fract() != 0.0 {
        return Err(ConfigError::at("connection.port", format_args!("{written} is not a whole number")));
    }
    #[allow(clippy::cast_possible_truncation, reason = "a value too large for a port is refused below")]
    let port = u16::try_from(*value as i64);
    port.map_err(|_| {
        ConfigError::at("connection.port", format_args!("{written} is out of range: must be from 1 to 65535"))
    })
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
