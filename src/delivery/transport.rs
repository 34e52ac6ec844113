//! From the settings of an endpoint to the HTTP client that serves it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ureq::Proxy;
use ureq::http::Uri;

use super::retry::retry_after;
use crate::config::{ConfigError, Endpoint};
use crate::net::Names;
use crate::net::http1::{Client, Connector, Head, Idle, Settings};

/// Parts that the clients of endpoints share.
#[derive(Clone, Debug)]
pub(super) struct Common {
    /// Makes the connections.
    pub(super) connector: Arc<Connector>,
    /// The cache of names.
    pub(super) names: Arc<Names>,
    /// Schedules the closing of idle connections.
    pub(super) idle: Arc<Idle>,
}

/// The way to `uri`, by the settings of `endpoint`.
///
/// # Errors
/// When the proxy is none to go through; the message names the key.
pub(super) fn client(endpoint: &Endpoint, uri: Uri, common: Common) -> Result<Client, ConfigError> {
    let Common { connector, names, idle } = common;
    let proxy = endpoint.proxy.as_ref().map(|proxy| Proxy::new(proxy.full().expose())).transpose();
    let settings = Settings {
        uri,
        proxy: proxy.map_err(|error| ConfigError::at(&format!("{}.proxy", endpoint.key), error))?,
        connector,
        rules: endpoint.addresses,
        timeout: endpoint.timeout,
        connect_timeout: endpoint.connect_timeout,
    };
    Ok(Client::new(settings, names, idle))
}

/// The wait that an answer asks for, which a success does not.
pub(super) fn asked_wait(head: &Head) -> Option<Duration> {
    if matches!(head.status(), 200..=299) {
        return None;
    }
    retry_after(head.header("Retry-After")?, SystemTime::now())
}
