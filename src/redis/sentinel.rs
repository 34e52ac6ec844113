//! Finds the master through Sentinels.
//!
//! Every new connection asks them: after a failover the old connection is broken or returns `READONLY`, which closes
//! it. A Sentinel may be out of date, and a demoted master may not have noticed its demotion, so the server's role is
//! checked before it is used, as on every connection.

use std::time::Duration;

use redis::Connection;

use super::failure::LinkError;
use super::server::Unfit;
use super::settings::open;
use crate::config::{Address, Login, Sentinels};

/// Opens a connection to the master. `admit` logs in and examines the server; its result is returned too.
pub(super) fn open_master<T>(
    sentinels: &Sentinels,
    timeout: Duration,
    admit: impl Fn(&mut Connection) -> Result<T, LinkError>,
) -> Result<(Connection, T), LinkError> {
    let mut failure = LinkError::Unreachable("no Sentinel is configured".to_owned());
    for sentinel in &sentinels.hosts {
        match ask(sentinels, sentinel, timeout).and_then(|master| open_as_master(&master, timeout, &admit)) {
            Ok(admitted) => return Ok(admitted),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Asks one Sentinel for the address of the master.
fn ask(sentinels: &Sentinels, sentinel: &(String, u16), timeout: Duration) -> Result<Address, LinkError> {
    let (host, port) = sentinel;
    let unknown = |reason: String| LinkError::Unreachable(format!("Sentinel {host}:{port}: {reason}"));
    let sort = |error| match LinkError::sort(&error, timeout) {
        LinkError::Unreachable(reason) => unknown(reason),
        LinkError::Refused { reason, .. } => LinkError::Refused { reason, key: "sentinel_password" },
        other => other,
    };
    let mut connection = open(&address(sentinels, host, *port), timeout).map_err(sort)?;
    if let Some(login) = &sentinels.login {
        authenticate(&mut connection, login).map_err(|error| sort(error).blame("sentinel_password"))?;
    }
    let mut query = redis::cmd("SENTINEL");
    query.arg("GET-MASTER-ADDR-BY-NAME").arg(&sentinels.service);
    match query.query::<Option<(String, u16)>>(&mut connection).map_err(sort)? {
        Some((host, port)) => Ok(address(sentinels, &host, port)),
        None => Err(LinkError::Refused {
            reason: format!("Sentinel {host}:{port} does not monitor {:?}", sentinels.service),
            key: "service",
        }),
    }
}

fn open_as_master<T>(
    address: &Address,
    timeout: Duration,
    admit: impl Fn(&mut Connection) -> Result<T, LinkError>,
) -> Result<(Connection, T), LinkError> {
    let mut connection = open(address, timeout).map_err(|error| LinkError::sort(&error, timeout))?;
    match admit(&mut connection) {
        Ok(admitted) => Ok((connection, admitted)),
        Err(LinkError::Unfit(Unfit::Replica)) => {
            Err(LinkError::Unavailable(format!("{address} is not the master yet")))
        }
        Err(error) => Err(error),
    }
}

pub(super) fn authenticate(connection: &mut Connection, login: &Login) -> redis::RedisResult<()> {
    let mut auth = redis::cmd("AUTH");
    auth.arg(&login.username).arg(login.password.expose());
    auth.exec(connection)
}

fn address(sentinels: &Sentinels, host: &str, port: u16) -> Address {
    let host = host.to_owned();
    match &sentinels.tls {
        Some(files) => Address::Tls { host, port, files: files.clone() },
        None => Address::Tcp { host, port },
    }
}
