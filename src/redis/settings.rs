//! Opens connections to Redis.

use std::io;
use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisResult};

use super::failure::LinkError;
use super::sentinel::open_master;
use super::server::Unfit;
use super::slots::{KnownServers, open_slot_master, slot_of};
use super::{survey, tls};
use crate::config::{Address, Config, ConfigError, Connection, Login};
use crate::event::Shard;
use crate::net::tls::install_provider;

/// Idle time before TCP probes the peer. A firewall between a node and its Redis may drop silent connections after a
/// few minutes.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Checks of the server's role per lease, on each connection. A demoted master behind a proxy keeps its connections
/// and keeps replying to reads.
const ROLE_ASKED_PER_LEASE: u32 = 3;

/// Name of our connections in `CLIENT LIST`.
const CLIENT_NAME: &str = "resonate-webhooks";

/// Everything needed to connect.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) connection: Connection,
    pub(super) key_prefix: String,
    shard: Shard,
    pub(super) role_every: Duration,
}

impl Settings {
    /// Takes the settings from `config`, for the data of `shard`.
    ///
    /// # Errors
    /// If a TLS file cannot be read or is not a PEM file. The files are read again for every connection, since they
    /// may be renewed while the process runs.
    pub fn of(config: &Config, shard: Shard) -> Result<Self, ConfigError> {
        let (connection, role_every) = (config.connection.clone(), config.ttl / ROLE_ASKED_PER_LEASE);
        check_files(&connection.address)?;
        Ok(Self { connection, key_prefix: config.prefix_of(shard), shard, role_every })
    }

    /// Returns the settings for the data of another shard of the cluster in `config`. Reads no file again.
    pub(crate) fn for_shard(&self, config: &Config, shard: Shard) -> Self {
        Self { key_prefix: config.prefix_of(shard), shard, ..self.clone() }
    }

    /// Returns the name of this Redis in messages: its address, and the shard if there are several.
    pub(crate) fn name(&self) -> String {
        let address = &self.connection.address;
        if self.connection.shards == 1 { address.to_string() } else { format!("{address}, shard {}", self.shard) }
    }

    /// Returns the shard of the data as the end of a message, such as ` in shard 3`. Empty if there is only one.
    pub(crate) fn in_shard(&self) -> String {
        if self.connection.shards == 1 { String::new() } else { format!(" in shard {}", self.shard) }
    }

    /// Returns the reason that fits these settings: a Redis Cluster finds the master itself.
    pub(super) fn explain(&self, unfit: Unfit) -> Unfit {
        match (unfit, &self.connection.address) {
            (Unfit::Replica, Address::Cluster(_)) => Unfit::Demoted,
            (unfit, _) => unfit,
        }
    }

    /// Connects to the server and examines it. Also returns the `run_id` of its process, if known. `known` has what the link has
    /// learned of a Redis Cluster.
    pub(super) fn connect(&self, known: &mut KnownServers) -> Result<(redis::Connection, Option<String>), LinkError> {
        let (timeout, prefix) = (self.connection.timeout, &self.key_prefix);
        let in_cluster = matches!(self.connection.address, Address::Cluster(_));
        let examine = |redis: &mut redis::Connection| survey::examine(redis, prefix, in_cluster, timeout);
        connect(&self.connection, slot_of(prefix), known, timeout, examine)
    }
}

/// Connects, logs in, calls `admit`, selects the database and names the connection. In a Redis Cluster, connects to the master
/// of `slot`. The client library could log in and select, but it hides the reason when the server refuses.
pub(super) fn connect<T>(
    Connection { address, login, database, .. }: &Connection,
    slot: u16,
    known: &mut KnownServers,
    timeout: Duration,
    admit: impl Fn(&mut redis::Connection) -> Result<T, LinkError>,
) -> Result<(redis::Connection, T), LinkError> {
    let sort = |error| LinkError::sort(&error, timeout);
    let login = |redis: &mut redis::Connection| match login {
        Some(login) => authenticate(redis, login).map_err(|error| sort(error).blame("password")),
        None => Ok(()),
    };
    let admit = |redis: &mut redis::Connection| login(redis).and_then(|()| admit(redis));
    let (mut redis, admitted) = match address {
        Address::Sentinels(sentinels) => open_master(sentinels, timeout, admit)?,
        Address::Cluster(seeds) => open_slot_master(seeds, slot, known, timeout, login, admit)?,
        address => {
            let mut redis = open(address, timeout).map_err(sort)?;
            let admitted = admit(&mut redis)?;
            (redis, admitted)
        }
    };
    if *database != 0 {
        let select = redis::cmd("SELECT").arg(*database).exec(&mut redis);
        select.map_err(|error| sort(error).blame("database"))?;
    }
    // Only for readers of CLIENT LIST; an ACL may forbid it.
    match redis::cmd("CLIENT").arg("SETNAME").arg(CLIENT_NAME).exec(&mut redis).map_err(sort) {
        Err(broken @ LinkError::Unreachable(_)) => Err(broken),
        _ => Ok((redis, admitted)),
    }
}

/// Checks the TLS files of an address.
///
/// # Errors
/// If a file cannot be read or is not a PEM file.
pub(super) fn check_files(address: &Address) -> Result<(), ConfigError> {
    let files = match address {
        Address::Tcp { tls, .. } => tls.as_ref(),
        Address::Sentinels(sentinels) => sentinels.tls.as_ref(),
        Address::Cluster(seeds) => seeds.tls.as_ref(),
        Address::Unix(_) => None,
    };
    if let Some(files) = files {
        install_provider();
        tls::certificates(files)?;
    }
    Ok(())
}

/// Opens a connection on which no read or write takes longer than `timeout`.
pub(super) fn open(address: &Address, timeout: Duration) -> RedisResult<redis::Connection> {
    let connection = client(address)?.get_connection_with_timeout(timeout)?;
    connection.set_read_timeout(Some(timeout))?;
    connection.set_write_timeout(Some(timeout))?;
    Ok(connection)
}

/// Opens a connection to a server that should be a master. Also returns the result of `admit`.
pub(super) fn open_as_master<T>(
    address: &Address,
    timeout: Duration,
    admit: impl Fn(&mut redis::Connection) -> Result<T, LinkError>,
) -> Result<(redis::Connection, T), LinkError> {
    let at = |error| match error {
        LinkError::Unfit(Unfit::Replica) => LinkError::Unavailable(format!("{address} is not the master yet")),
        LinkError::Unreachable(reason) => LinkError::Unreachable(format!("the master {address}: {reason}")),
        other => other,
    };
    let mut connection = open(address, timeout).map_err(|error| at(LinkError::sort(&error, timeout)))?;
    let admitted = admit(&mut connection).map_err(at)?;
    Ok((connection, admitted))
}

pub(super) fn authenticate(connection: &mut redis::Connection, login: &Login) -> RedisResult<()> {
    redis::cmd("AUTH").arg(&login.username).arg(login.password.expose()).exec(connection)
}

fn client(address: &Address) -> RedisResult<Client> {
    let (place, files) = match address {
        Address::Tcp { host, port, tls: None } => (ConnectionAddr::Tcp(host.clone(), *port), None),
        Address::Tcp { host, port, tls } => {
            let place = ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None };
            (place, tls.as_ref())
        }
        Address::Unix(path) => (ConnectionAddr::Unix(path.clone()), None),
        Address::Sentinels(_) | Address::Cluster(_) => {
            return Err(io::Error::other("several servers are not one with data").into());
        }
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
