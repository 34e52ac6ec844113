//! Makes connections.

use std::io;
use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisResult};

use super::failure::LinkError;
use super::tls;
use crate::config::{Address, ConfigError, Connection, Login};
use crate::tls::install_provider;

/// Idle time after which TCP asks whether the peer is still there. Between a node and its Redis may stand a firewall
/// that forgets silent connections after a few minutes.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// By this name `CLIENT LIST` shows our connections.
const CLIENT_NAME: &str = "resonate-webhooks";

/// Everything that is needed to connect.
#[derive(Clone, Debug)]
pub struct Settings {
    connection: Connection,
}

impl Settings {
    /// Takes what is configured.
    ///
    /// # Errors
    /// When a TLS file cannot be read or holds something else. The files are read again for every connection: they may
    /// be renewed while the process runs.
    pub fn new(connection: Connection) -> Result<Self, ConfigError> {
        if let Address::Tls { files, .. } = &connection.address {
            install_provider();
            tls::certificates(files)?;
        }
        Ok(Self { connection })
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

    /// Connects, logs in and selects the database. The client library could do the latter two, but hides the server's
    /// reason when it refuses.
    pub(super) fn connect(&self) -> Result<redis::Connection, LinkError> {
        let sort = |error| LinkError::sort(&error, self.timeout());

        let mut connection = self.open().map_err(sort)?;
        if let Some(Login { username, password }) = &self.connection.login {
            let mut auth = redis::cmd("AUTH");
            auth.arg(username).arg(password.expose());
            auth.exec(&mut connection).map_err(|error| sort(error).blame("password"))?;
        }
        if self.connection.database != 0 {
            let mut select = redis::cmd("SELECT");
            select.arg(self.connection.database);
            select.exec(&mut connection).map_err(|error| sort(error).blame("database"))?;
        }
        // A courtesy to whoever reads CLIENT LIST, which an ACL may forbid.
        match redis::cmd("CLIENT").arg("SETNAME").arg(CLIENT_NAME).exec(&mut connection).map_err(sort) {
            Err(broken @ LinkError::Unreachable(_)) => Err(broken),
            _ => Ok(connection),
        }
    }

    /// Opens a connection on which nothing waits longer than the timeout.
    fn open(&self) -> RedisResult<redis::Connection> {
        let connection = self.client()?.get_connection_with_timeout(self.timeout())?;
        connection.set_read_timeout(Some(self.timeout()))?;
        connection.set_write_timeout(Some(self.timeout()))?;
        Ok(connection)
    }

    fn client(&self) -> RedisResult<Client> {
        let address = match &self.connection.address {
            Address::Tcp { host, port } => ConnectionAddr::Tcp(host.clone(), *port),
            Address::Tls { host, port, .. } => {
                ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
            }
            Address::Unix(path) => ConnectionAddr::Unix(path.clone()),
        };
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
        let info = address
            .into_connection_info()?
            .set_tcp_settings(TcpSettings::default().set_nodelay(true).set_keepalive(keepalive))
            .set_redis_settings(RedisConnectionInfo::default().set_skip_set_lib_name());
        match &self.connection.address {
            Address::Tls { files, .. } => {
                Client::build_with_tls(info, tls::certificates(files).map_err(io::Error::other)?)
            }
            Address::Tcp { .. } | Address::Unix(_) => Client::open(info),
        }
    }
}
