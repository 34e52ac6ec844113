//! The Sentinels that name the Redis master: `connection.sentinels`.

use derive_more::Display;

use super::{Login, TlsFiles, hosts};

/// The default port of a Sentinel.
pub(super) const DEFAULT_PORT: u16 = 26_379;

/// The service name in Sentinel's example config.
pub(super) const DEFAULT_SERVICE: &str = "mymaster";

/// The Sentinels and their service.
#[derive(Clone, Debug, PartialEq, Eq, Display)]
#[display("{service} (Sentinel at {})", hosts::joined(hosts))]
pub struct Sentinels {
    /// Host and port of each Sentinel, in the order of the queries.
    pub hosts: Vec<(String, u16)>,
    /// Service name of the master.
    pub service: String,
    /// TLS files, if the Sentinels and the servers use TLS.
    pub tls: Option<TlsFiles>,
    /// Credentials for the Sentinels themselves, if they require them.
    pub login: Option<Login>,
}
