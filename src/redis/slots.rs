//! Finds the master of a slot of a Redis Cluster.
//!
//! Every new connection asks a server of the cluster: after a failover, or when the slot has moved, the old connection is
//! broken or its server returns `MOVED` or `READONLY`, which closes it. A server may be out of date, so the named one is
//! checked before it is used, as on every connection, and another is asked if it does not serve.

use std::time::Duration;

use redis::{Connection, Value};

use super::failure::LinkError;
use super::server::Unfit;
use super::settings::{open, open_as_master};
use crate::config::{Address, Seeds};

/// Number of slots of every Redis Cluster.
const SLOTS: u16 = 16_384;

/// Address of a server.
type HostAndPort = (String, u16);

/// The servers of the cluster that a link has learned of: the one that answered last, then those that it named.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownServers(Vec<HostAndPort>);

impl KnownServers {
    /// Returns the servers in the order of the queries, and the seeds after them.
    fn with(&self, seeds: &Seeds) -> Vec<HostAndPort> {
        let mut servers = Vec::new();
        for server in self.0.iter().chain(&seeds.hosts) {
            if !servers.contains(server) {
                servers.push(server.clone());
            }
        }
        servers
    }

    fn learn(&mut self, answered: &HostAndPort, named: Vec<HostAndPort>) {
        self.0 = vec![answered.clone()];
        self.0.extend(named.into_iter().filter(|server| server != answered));
    }
}

/// Opens a connection to the master of `slot`. Also returns the result of `admit`, which logs in and examines the server.
pub(super) fn open_slot_master<T>(
    seeds: &Seeds,
    slot: u16,
    known: &mut KnownServers,
    timeout: Duration,
    login: impl Fn(&mut Connection) -> Result<(), LinkError>,
    admit: impl Fn(&mut Connection) -> Result<T, LinkError>,
) -> Result<(Connection, T), LinkError> {
    let mut failure = LinkError::Unreachable("no server of the cluster is configured".to_owned());
    // Each costs a timeout if its machine is gone, and others may name it again.
    let mut failed: Vec<HostAndPort> = Vec::new();
    for server in known.with(seeds) {
        if failed.contains(&server) {
            continue;
        }
        let (master, named) = match ask(seeds, &server, slot, timeout, &login) {
            Ok(found) => found,
            Err(error) => {
                if failed.is_empty() || !matches!(error, LinkError::Unreachable(_)) {
                    failure = error;
                }
                failed.push(server);
                continue;
            }
        };
        known.learn(&server, named);
        if failed.contains(&master) {
            continue;
        }
        match open_as_master(&Address::of_server(&master, seeds.tls.as_ref()), timeout, &admit) {
            Ok(admitted) => return Ok(admitted),
            Err(error) => failure = error,
        }
        failed.push(master);
    }
    Err(failure)
}

/// Asks one server for the master of the slot, and for all servers with slots.
fn ask(
    seeds: &Seeds,
    server: &HostAndPort,
    slot: u16,
    timeout: Duration,
    login: impl Fn(&mut Connection) -> Result<(), LinkError>,
) -> Result<(HostAndPort, Vec<HostAndPort>), LinkError> {
    let address = Address::of_server(server, seeds.tls.as_ref());
    let sort = |error| match LinkError::sort(&error, timeout) {
        LinkError::Unreachable(reason) => LinkError::Unreachable(format!("{address}: {reason}")),
        LinkError::Rejected(reason) if reason.contains("cluster support disabled") => {
            LinkError::Unfit(Unfit::NoCluster)
        }
        other => other,
    };
    let mut connection = open(&address, timeout).map_err(sort)?;
    login(&mut connection)?;
    let ranges: Vec<Vec<Value>> = redis::cmd("CLUSTER").arg("SLOTS").query(&mut connection).map_err(sort)?;
    let master = ranges.iter().find(|range| includes(range, slot)).and_then(|range| server_at(range.get(2)?, server));
    let named = ranges.iter().flat_map(|range| range.iter().skip(2)).filter_map(|entry| server_at(entry, server));
    master.map(|master| (master, named.collect())).ok_or_else(|| {
        LinkError::Unavailable(format!("{address} knows no server of slot {slot}: see its CLUSTER INFO"))
    })
}

/// Returns `true` if a range of `CLUSTER SLOTS`, which begins with its first and its last slot, includes `slot`.
pub(super) fn includes(range: &[Value], slot: u16) -> bool {
    matches!(range, [Value::Int(first), Value::Int(last), ..] if (*first..=*last).contains(&slot.into()))
}

/// Parses a server in the reply to `CLUSTER SLOTS`: host, port, id. A server that does not know its own address leaves the
/// host empty, or out: then it is the host at which it was asked.
pub(super) fn server_at(entry: &Value, asked: &HostAndPort) -> Option<HostAndPort> {
    let Value::Array(fields) = entry else { return None };
    let [host, Value::Int(port), ..] = fields.as_slice() else { return None };
    let host = match host {
        Value::BulkString(host) => String::from_utf8_lossy(host).into_owned(),
        Value::Nil => String::new(),
        _ => return None,
    };
    // Redis shows a host name that is not configured as `?`.
    (host != "?").then_some(())?;
    Some((if host.is_empty() { asked.0.clone() } else { host }, u16::try_from(*port).ok()?))
}

/// Returns the slot of a key, or of the keys with this prefix: the CRC-16 of its hash tag, the first text in braces (Redis
/// Cluster specification, "Key distribution model").
pub(crate) fn slot_of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let tag = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    let crc = tag.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())])
    }

    #[test]
    fn the_slot_is_that_of_the_hash_tag() {
        // From the specification.
        assert_eq!(slot_of("123456789"), 0x31c3);
        assert_eq!(slot_of("{123456789}"), 0x31c3);
        assert_eq!(slot_of("app:queues:{123456789}:notify"), 0x31c3);
        assert_ne!(slot_of("{}123456789"), 0x31c3);
        assert_ne!(slot_of("{wh:0}"), slot_of("{wh:1}"));
    }

    #[test]
    fn a_range_includes_its_first_and_its_last_slot() {
        let range = [Value::Int(5), Value::Int(7)];
        assert_eq!((4..9).filter(|slot| includes(&range, *slot)).collect::<Vec<_>>(), [5, 6, 7]);
    }

    #[test]
    fn a_server_without_a_host_is_at_the_host_that_was_asked() {
        let asked = ("10.0.0.1".to_owned(), 7000);
        let text = |host: &str| Value::BulkString(host.as_bytes().to_vec());
        for host in [Value::Nil, text("")] {
            assert_eq!(server_at(&entry(host, 7001), &asked), Some(("10.0.0.1".to_owned(), 7001)));
        }
        assert_eq!(server_at(&entry(text("::1"), 7001), &asked), Some(("::1".to_owned(), 7001)));
        assert_eq!(server_at(&entry(text("?"), 7001), &asked), None);
    }

    #[test]
    fn the_server_that_answered_is_asked_first_and_the_seeds_last() {
        let server = |port| ("a".to_owned(), port);
        let seeds = Seeds { hosts: vec![server(1), server(2)], tls: None };
        let mut known = KnownServers::default();
        assert_eq!(known.with(&seeds), [server(1), server(2)]);
        known.learn(&server(2), vec![server(3), server(2), server(4)]);
        assert_eq!(known.with(&seeds), [server(2), server(3), server(4), server(1)]);
    }
}
