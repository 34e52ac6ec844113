//! Builds an HTTP client from the settings of an endpoint.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ureq::Proxy;
use ureq::http::Uri;

use super::retry::retry_after;
use crate::config::{ConfigError, Endpoint};
use crate::net::DnsCache;
use crate::net::http1::{ClientSettings, Connector, Idle, PostClient, ResponseHead};

/// The parts that all clients share.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) connector: Arc<Connector>,
    pub(super) dns: Arc<DnsCache>,
    pub(super) idle: Arc<Idle>,
}

/// Creates a client for `uri` with the settings of `endpoint`.
///
/// # Errors
/// Returns an error that names the config key if the proxy is invalid.
pub(super) fn client(endpoint: &Endpoint, uri: Uri, common: Common) -> Result<PostClient, ConfigError> {
    let Common { connector, dns, idle } = common;
    let proxy = endpoint.proxy.as_ref().map(|proxy| Proxy::new(proxy.full.expose())).transpose();
    let settings = ClientSettings {
        uri,
        proxy: proxy.map_err(|error| ConfigError::at(&format!("{}.proxy", endpoint.key), error))?,
        connector,
        rules: endpoint.addresses,
        timeout: endpoint.timeout,
        connect_timeout: endpoint.connect_timeout,
    };
    Ok(PostClient::new(settings, dns, idle))
}

/// Returns the wait that a response requests. `None` for a 2xx.
pub(super) fn requested_wait(head: &ResponseHead) -> Option<Duration> {
    if matches!(head.status, 200..=299) {
        return None;
    }
    retry_after(head.header("Retry-After")?, SystemTime::now())
}
