//! Finds the master through Sentinels.
//!
//! Every new connection asks them: after a failover the old connection is broken or returns `READONLY`, which closes
//! it. A Sentinel may be out of date, and a demoted master may not have noticed its demotion, so the server's role is
//! checked before it is used, as on every connection.

use std::time::Duration;

use redis::Connection;

use super::failure::LinkError;
use super::settings::{authenticate, open, open_as_master};
use crate::config::{Address, Sentinels};

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
    let ((host, port), tls) = (sentinel, sentinels.tls.as_ref());
    let unknown = |reason: String| LinkError::Unreachable(format!("Sentinel {host}:{port}: {reason}"));
    let sort = |error| match LinkError::sort(&error, timeout) {
        LinkError::Unreachable(reason) => unknown(reason),
        LinkError::Refused { reason, .. } => LinkError::Refused { reason, key: "sentinel_password" },
        other => other,
    };
    let mut connection = open(&Address::of_server(sentinel, tls), timeout).map_err(sort)?;
    if let Some(login) = &sentinels.login {
        authenticate(&mut connection, login).map_err(|error| sort(error).blame("sentinel_password"))?;
    }
    let mut query = redis::cmd("SENTINEL");
    query.arg("GET-MASTER-ADDR-BY-NAME").arg(&sentinels.service);
    match query.query::<Option<(String, u16)>>(&mut connection).map_err(sort)? {
        Some(master) => Ok(Address::of_server(&master, tls)),
        None => Err(LinkError::Refused {
            reason: format!("Sentinel {host}:{port} does not monitor {:?}", sentinels.service),
            key: "service",
        }),
    }
}
