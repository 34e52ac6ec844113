//! How to reach Redis.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::address;
use super::address::{Host, RedisUrl};
use super::context::Context;
use super::error::{ConfigError, ROOT};
use super::scalar::{Number, Whole};
use super::sentinels::{DEFAULT_SERVICE, Hosts, Sentinels};
use super::tls_files::TlsFiles;
use super::value::unless_empty;
use crate::secret::Secret;

/// The shortest timeout: a read waits up to 100 ms for events, and its answer takes time.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(200);

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
            address: Address::Tcp { host: address::DEFAULT_HOST.to_owned(), port: address::DEFAULT_PORT },
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

/// `connection.scheme`.
#[derive(Clone, Copy, PartialEq, Eq)]
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
            // Taking it for tcp, as others do, could send a password in clear.
            _ => Err("is an unknown scheme, known are tcp, tls and unix"),
        }
    }
}

/// `connection` as it is written.
#[derive(Default, Deserialize)]
#[serde(rename = "connection", deny_unknown_fields, expecting = "an array with a url or a host")]
pub(super) struct Written {
    #[serde(default, deserialize_with = "unless_empty")]
    url: Option<RedisUrl>,
    #[serde(default, deserialize_with = "unless_empty")]
    scheme: Option<Scheme>,
    #[serde(default, deserialize_with = "unless_empty")]
    host: Option<Host>,
    port: Option<Number>,
    #[serde(default, deserialize_with = "unless_empty")]
    path: Option<PathBuf>,
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
    timeout: Option<Number>,
    #[serde(default, deserialize_with = "unless_empty")]
    ca_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "unless_empty")]
    client_cert: Option<PathBuf>,
    #[serde(default, deserialize_with = "unless_empty")]
    client_key: Option<PathBuf>,
    #[serde(alias = "ssl")]
    context: Option<Context>,
}

impl Written {
    /// A `url` stands for itself: it replaces scheme, host, port, path, username, password and database, also those that it
    /// does not mention. The roster reads the same keys the same way, and both must end up in the same database. Sentinels
    /// replace host and port.
    pub(super) fn resolve(mut self, warnings: &mut Vec<String>) -> Result<Connection, ConfigError> {
        let defaults = Connection::default();
        let sentinels = self.sentinels.take().filter(|sentinels| !sentinels.hosts.is_empty());
        if sentinels.is_some() && self.url.is_some() {
            return Err(ConfigError::at(
                "connection.url",
                "names one server, and connection.sentinels name another: leave one of them out",
            ));
        }
        let files = self.files(warnings)?;
        let is_tls = self.scheme == Some(Scheme::Tls);
        let (mut address, login, database) = match self.url.take() {
            Some(url) => {
                url.warn(is_tls, warnings);
                (url.address, url.login, url.database)
            }
            None => (
                match sentinels {
                    Some(Hosts { hosts, with_tls }) => Address::Sentinels(Sentinels {
                        hosts,
                        service: self.service.take().unwrap_or_else(|| DEFAULT_SERVICE.to_owned()),
                        tls: (with_tls || is_tls).then(TlsFiles::default),
                        login: Login::new(self.sentinel_username.take(), self.sentinel_password.take()),
                    }),
                    None => self.address(warnings)?,
                },
                Login::new(self.username, self.password),
                self.database.map_or(defaults.database, Whole::get),
            ),
        };
        match &mut address {
            Address::Tls { files: unset, .. } | Address::Sentinels(Sentinels { tls: Some(unset), .. }) => {
                *unset = files;
            }
            _ if files != TlsFiles::default() => warnings.push(format!(
                "{ROOT}.connection has TLS files, but the connection to {address} is not encrypted: set \
                 {ROOT}.connection.scheme to \"tls\", or write the url as rediss://…"
            )),
            Address::Tcp { .. } | Address::Unix(_) | Address::Sentinels(_) => {}
        }
        // Other clients take 0 for no limit.
        let mut timeout = self.timeout.map_or(defaults.timeout, |timeout| {
            let (range, default) = (0.001..=3_600.0, defaults.timeout.as_secs_f64());
            timeout.clamped_seconds("connection.timeout", &range, default, warnings)
        });
        if timeout < SHORTEST_TIMEOUT {
            warnings.push(format!(
                "{ROOT}.connection.timeout: {} s are too short for a read that waits for events, and {} s are used instead",
                timeout.as_secs_f64(),
                SHORTEST_TIMEOUT.as_secs_f64(),
            ));
            timeout = SHORTEST_TIMEOUT;
        }
        Ok(Connection { address, login, database, timeout })
    }

    /// Where `scheme`, `host`, `port` and `path` lead. TLS is what either scheme or host ask for.
    fn address(&mut self, warnings: &mut Vec<String>) -> Result<Address, ConfigError> {
        let written_port = self.port.take();
        let host = self.host.take();
        if self.scheme == Some(Scheme::Unix) {
            let ((Some(path), _) | (None, Some(Host::Unix(path)))) = (self.path.take(), host) else {
                return Err(ConfigError::at("connection.path", "is missing beside the scheme unix"));
            };
            if path.is_relative() {
                return Err(ConfigError::at("connection.path", "is no absolute path"));
            }
            return Ok(Address::Unix(path));
        }
        if self.path.is_some() {
            warnings.push(format!("{ROOT}.connection.path has no effect without the scheme unix"));
        }
        let host = match host.unwrap_or_else(|| Host::Tcp(address::DEFAULT_HOST.to_owned())) {
            Host::Tcp(name) if self.scheme == Some(Scheme::Tls) => Host::Tls(name),
            host => host,
        };
        // Laravel writes a port of 0 beside the path of a socket.
        let port = match written_port {
            Some(number) if !matches!(host, Host::Unix(_)) => port(&number, warnings)?,
            _ => address::DEFAULT_PORT,
        };
        Ok(host.with_port(port))
    }

    /// The TLS files, by our own keys or by those of PHP.
    fn files(&mut self, warnings: &mut Vec<String>) -> Result<TlsFiles, ConfigError> {
        let Context { cafile, local_cert, local_pk, without_effect } = self.context.take().unwrap_or_default();
        warnings.extend(without_effect.iter().map(|option| {
            format!("{ROOT}.connection.context.{option} has no effect: known are cafile, local_cert and local_pk")
        }));
        let ca = self.ca_file.take().or(cafile);
        let (cert, key) = match (self.client_cert.take(), self.client_key.take()) {
            // Where PHP has no key of its own, it is in the file of the certificate.
            (None, None) => (local_cert.clone(), local_pk.or(local_cert)),
            own => own,
        };
        TlsFiles::at("connection", ca, cert, key)
    }
}

/// What is to be said when a call may take so long that a node loses its lease by it.
pub(super) fn check_against_lease(connection: &Connection, ttl: Duration) -> Option<String> {
    let most = ttl / 3;
    (connection.timeout > most).then(|| {
        format!(
            "{ROOT}.connection.timeout: {} s are more than a third of {ROOT}.ttl ({} s), so that one call to a Redis that \
             hangs may cost a node its lease: set it to {:.1} or less",
            connection.timeout.as_secs_f64(),
            ttl.as_secs_f64(),
            most.as_secs_f64(),
        )
    })
}

/// The number as a port; 0 and -1, by which other clients mean none, are the default.
fn port(number: &Number, warnings: &mut Vec<String>) -> Result<u16, ConfigError> {
    let Number { value, written } = number;
    if [0.0, -1.0].contains(value) {
        let port = address::DEFAULT_PORT;
        warnings.push(format!("{ROOT}.connection.port: {written} is no port, and {port} is used instead"));
        return Ok(port);
    }
    if value.fract() != 0.0 {
        return Err(ConfigError::at("connection.port", format_args!("{written} is not a whole number")));
    }
    #[allow(clippy::cast_possible_truncation, reason = "what is too large for a port is refused below")]
    let port = u16::try_from(*value as i64).ok().filter(|port| *port > 0);
    port.ok_or_else(|| {
        ConfigError::at("connection.port", format_args!("{written} is out of range, allowed are 1 to 65535"))
    })
}
