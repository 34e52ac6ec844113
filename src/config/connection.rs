//! How to reach Redis.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::address::{Host, RedisUrl};
use super::error::{ConfigError, ROOT};
use super::scalar::Whole;
use super::sentinels::{DEFAULT_SERVICE, Hosts, Sentinels};
use super::tls_files::TlsFiles;
use super::value::unless_empty;
use super::{Timeout, address};
use crate::secret::Secret;

/// How to reach Redis: the same server and database as the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Where it listens.
    pub address: Address,
    /// Who we are, when it wants to know.
    pub login: Option<Login>,
    /// The number of the database.
    pub database: u32,
    /// Longest time to connect, and then for each read and each write.
    pub timeout: Duration,
}

impl Default for Connection {
    /// `127.0.0.1:6379`, database 0, no password, 5 seconds.
    fn default() -> Self {
        Self {
            address: Address::Tcp { host: "127.0.0.1".to_owned(), port: address::DEFAULT_PORT },
            login: None,
            database: 0,
            timeout: Duration::from_secs(5),
        }
    }
}

/// Where Redis listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `host:port`
    Tcp {
        /// A name or an IP address, IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// `host:port`, encrypted.
    Tls {
        /// A name or an IP address, IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
        /// What proves who is who.
        files: TlsFiles,
    },
    /// A socket file.
    Unix(PathBuf),
    /// Wherever Sentinels say.
    Sentinels(Sentinels),
}

/// For logs. It holds no secret: a login is never part of an address.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } | Self::Tls { host, port, .. } if host.contains(':') => {
                write!(f, "[{host}]:{port}")
            }
            Self::Tcp { host, port } | Self::Tls { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Sentinels(sentinels) => sentinels.fmt(f),
        }
    }
}

/// What Redis' AUTH takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// An ACL user; `None` for the default one.
    pub username: Option<String>,
    /// The password.
    pub password: Secret,
}

impl Login {
    /// A username alone says nothing to Redis, and is no login.
    pub(super) fn new(username: Option<String>, password: Option<Secret>) -> Option<Self> {
        Some(Self { username, password: password? })
    }
}

/// `connection` as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with a url or a host")]
pub(super) struct Written {
    #[serde(default, deserialize_with = "unless_empty")]
    url: Option<RedisUrl>,
    #[serde(default, deserialize_with = "unless_empty")]
    host: Option<Host>,
    port: Option<Whole<1, 65_535>>,
    #[serde(default, deserialize_with = "unless_empty")]
    username: Option<String>,
    #[serde(default, deserialize_with = "unless_empty")]
    password: Option<Secret>,
    sentinels: Option<Hosts>,
    #[serde(default, deserialize_with = "unless_empty")]
    service: Option<String>,
    #[serde(default, deserialize_with = "unless_empty")]
    sentinel_username: Option<String>,
    #[serde(default, deserialize_with = "unless_empty")]
    sentinel_password: Option<Secret>,
    database: Option<Whole<0, { i32::MAX as u32 }>>,
    timeout: Option<Timeout>,
    #[serde(default, deserialize_with = "unless_empty")]
    ca_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "unless_empty")]
    client_cert: Option<PathBuf>,
    #[serde(default, deserialize_with = "unless_empty")]
    client_key: Option<PathBuf>,
}

impl Written {
    /// A `url` stands for itself: it replaces host, port, username, password and database, also those that it does not
    /// mention. The roster reads the same keys the same way, and both must end up in the same database. Sentinels replace
    /// host and port.
    pub(super) fn resolve(self, warnings: &mut Vec<String>) -> Result<Connection, ConfigError> {
        let defaults = Connection::default();
        let sentinels = self.sentinels.filter(|sentinels| !sentinels.hosts.is_empty());
        if sentinels.is_some() && self.url.is_some() {
            return Err(ConfigError::at(
                "connection.url",
                "names one server, and connection.sentinels name another: leave one of them out",
            ));
        }
        let (mut address, login, database) = match self.url {
            Some(RedisUrl { address, login, database }) => (address, login, database),
            None => (
                match self.host {
                    _ if sentinels.is_some() => defaults.address,
                    Some(host) => host.with_port(self.port.map_or(address::DEFAULT_PORT, port)),
                    None => match (defaults.address, self.port) {
                        (Address::Tcp { host, .. }, Some(number)) => Address::Tcp { host, port: port(number) },
                        (address, _) => address,
                    },
                },
                Login::new(self.username, self.password),
                self.database.map_or(defaults.database, Whole::get),
            ),
        };
        let written = TlsFiles::at("connection", self.ca_file, self.client_cert, self.client_key)?;
        if let Some(Hosts { hosts, with_tls }) = sentinels {
            address = Address::Sentinels(Sentinels {
                hosts,
                service: self.service.unwrap_or_else(|| DEFAULT_SERVICE.to_owned()),
                tls: with_tls.then(TlsFiles::default),
                login: Login::new(self.sentinel_username, self.sentinel_password),
            });
        }
        match &mut address {
            Address::Tls { files, .. } | Address::Sentinels(Sentinels { tls: Some(files), .. }) => *files = written,
            _ if written != TlsFiles::default() => warnings.push(format!(
                "{ROOT}.connection has TLS files, but the connection to {address} is not encrypted: write the host as \
                 tls://… or the url as rediss://…"
            )),
            Address::Tcp { .. } | Address::Unix(_) | Address::Sentinels(_) => {}
        }
        Ok(Connection { address, login, database, timeout: self.timeout.map_or(defaults.timeout, Timeout::duration) })
    }
}

/// The number as a port. The bounds of the type make it one.
fn port(number: Whole<1, 65_535>) -> u16 {
    u16::try_from(number.get()).unwrap_or(u16::MAX)
}
