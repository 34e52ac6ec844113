//! Builds an HTTP client from the settings of an endpoint.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ureq::Proxy;
use ureq::http::Uri;

use super::retry::retry_after;
use crate::config::{ConfigError, Endpoint};
use crate::net::DnsCache;
use crate::net::http1::{ClientSettings, Connector, Idle, PostClient, ResponseHead};

/// Parts that the clients of endpoints share.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) connector: Arc<Connector>,
    pub(super) dns: Arc<DnsCache>,
    pub(super) idle: Arc<Idle>,
}

/// A client for `uri` with the settings of `endpoint`.
///
/// # Errors
/// When the proxy is invalid; the message names the key.
pub(super) fn client(endpoint: &Endpoint, uri: Uri, common: Common) -> Result<PostClient, ConfigError> {
    let Common { connector, dns, idle } = common;
    let proxy = endpoint.proxy.as_ref().map(|proxy| Proxy::new(proxy.full().expose())).transpose();
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

/// The wait that a response requests, `None` for a success.
pub(super) fn requested_wait(head: &ResponseHead) -> Option<Duration> {
    if matches!(head.status(), 200..=299) {
        return None;
    }
    retry_after(head.header("Retry-After")?, SystemTime::now())
}
