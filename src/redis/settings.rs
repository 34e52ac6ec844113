//! Makes connections.

use std::io;
use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisResult};

use super::failure::LinkError;
use super::sentinel::{authenticate, open_master};
use super::{survey, tls};
use crate::config::{Address, Config, ConfigError, Connection};
use crate::net::tls::install_provider;

/// Idle time after which TCP asks whether the peer is still there. Between a node and its Redis may stand a firewall
/// that forgets silent connections after a few minutes.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A demoted master behind a proxy keeps its connections, and answers reads for as long as it likes. So often in a lease
/// each connection asks for the role.
const ROLE_ASKED_PER_LEASE: u32 = 3;

/// By this name `CLIENT LIST` shows our connections.
const CLIENT_NAME: &str = "resonate-webhooks";

/// Everything that is needed to connect.
#[derive(Clone, Debug)]
pub struct Settings {
    connection: Connection,
    key_prefix: String,
    role_every: Duration,
}

impl Settings {
    /// Takes what is configured.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        let settings = Self::new(config.connection.clone())?;
        Ok(Self { key_prefix: config.key_prefix.clone(), role_every: config.ttl / ROLE_ASKED_PER_LEASE, ..settings })
    }

    /// Takes a connection, and for the rest what an empty config gives.
    ///
    /// # Errors
    /// When a TLS file cannot be read or holds something else. The files are read again for every connection: they may
    /// be renewed while the process runs.
    pub fn new(connection: Connection) -> Result<Self, ConfigError> {
        let files = match &connection.address {
            Address::Tls { files, .. } => Some(files),
            Address::Sentinels(sentinels) => sentinels.tls.as_ref(),
            Address::Tcp { .. } | Address::Unix(_) => None,
        };
        if let Some(files) = files {
            install_provider();
            tls::certificates(files)?;
        }
        survey::put_together();
        let Config { key_prefix, ttl, .. } = Config::default();
        Ok(Self { connection, key_prefix, role_every: ttl / ROLE_ASKED_PER_LEASE })
    }

    /// Where Redis listens.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.connection.address
    }

    /// The longest time to connect, and then for each read and each write.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.connection.timeout
    }

    /// After which time a connection is asked again whether it leads to a master.
    pub(super) const fn role_every(&self) -> Duration {
        self.role_every
    }

    /// Starts every key.
    pub(super) fn key_prefix(&self) -> &str {
        &self.key_prefix
    }

    /// Connects, logs in, looks whether the server can serve, and selects the database. The client library could do the latter
    /// two, but hides the server's reason when it refuses. Returns the id of the server's process, too, if that is known.
    pub(super) fn connect(&self) -> Result<(redis::Connection, Option<String>), LinkError> {
        let timeout = self.timeout();
        let sort = |error| LinkError::sort(&error, timeout);
        let login = |connection: &mut redis::Connection| match &self.connection.login {
            Some(login) => authenticate(connection, login).map_err(|error| sort(error).blame("password")),
            None => Ok(()),
        };

        let admit = |connection: &mut redis::Connection| {
            login(connection)?;
            survey::look_at(connection, &self.key_prefix, timeout)
        };

        let (mut connection, server) = match self.address() {
            Address::Sentinels(sentinels) => open_master(sentinels, timeout, admit)?,
            address => {
                let mut connection = open(address, timeout).map_err(sort)?;
                let server = admit(&mut connection)?;
                (connection, server)
            }
        };
        if self.connection.database != 0 {
            let mut select = redis::cmd("SELECT");
            select.arg(self.connection.database);
            select.exec(&mut connection).map_err(|error| sort(error).blame("database"))?;
        }
        // A courtesy to whoever reads CLIENT LIST, which an ACL may forbid.
        match redis::cmd("CLIENT").arg("SETNAME").arg(CLIENT_NAME).exec(&mut connection).map_err(sort) {
            Err(broken @ LinkError::Unreachable(_)) => Err(broken),
            _ => Ok((connection, server)),
        }
    }
}

/// Opens a connection on which nothing waits longer than `timeout`.
pub(super) fn open(address: &Address, timeout: Duration) -> RedisResult<redis::Connection> {
    let connection = client(address)?.get_connection_with_timeout(timeout)?;
    connection.set_read_timeout(Some(timeout))?;
    connection.set_write_timeout(Some(timeout))?;
    Ok(connection)
}

fn client(address: &Address) -> RedisResult<Client> {
    let (place, files) = match address {
        Address::Tcp { host, port } => (ConnectionAddr::Tcp(host.clone(), *port), None),
        Address::Tls { host, port, files } => {
            let place = ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None };
            (place, Some(files))
        }
        Address::Unix(path) => (ConnectionAddr::Unix(path.clone()), None),
        Address::Sentinels(_) => return Err(io::Error::other("a Sentinel says where Redis is").into()),
    };
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    let info = place
        .into_connection_info()?
        .set_tcp_settings(TcpSettings::default().set_nodelay(true).set_keepalive(keepalive))
        .set_redis_settings(RedisConnectionInfo::default().set_skip_set_lib_name());
    match files {
        Some(files) => Client::build_with_tls(info, tls::certificates(files).map_err(io::Error::other)?),
        None => Client::open(info),
    }
}
