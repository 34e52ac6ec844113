//! From the settings of an endpoint to the HTTP client that serves it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ureq::Proxy;
use ureq::http::Uri;
use ureq::tls::TlsConfig;

use super::retry::retry_after;
use crate::config::{ConfigError, Endpoint};
use crate::net::Names;
use crate::net::http1::{Client, Head, Settings};

/// The way to `uri`, by the settings of `endpoint`.
///
/// # Errors
/// When the proxy is none to go through; the message names the key.
pub(super) fn client(endpoint: &Endpoint, uri: Uri, tls: TlsConfig, names: Arc<Names>) -> Result<Client, ConfigError> {
    let proxy = endpoint.proxy.as_ref().map(|proxy| Proxy::new(proxy.full().expose())).transpose();
    let settings = Settings {
        uri,
        proxy: proxy.map_err(|error| ConfigError::at(&format!("{}.proxy", endpoint.key), error))?,
        tls,
        rules: endpoint.addresses,
        timeout: endpoint.timeout,
        connect_timeout: endpoint.connect_timeout,
    };
    Ok(Client::new(settings, names))
}

/// The wait that an answer asks for, which a success does not.
pub(super) fn asked_wait(head: &Head) -> Option<Duration> {
    if matches!(head.status(), 200..=299) {
        return None;
    }
    retry_after(head.header("Retry-After")?, SystemTime::now())
}
