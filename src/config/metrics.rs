//! The address of the metrics listener: `metrics_listen` and `metrics_public`.

use std::net::SocketAddr;

use serde::Deserialize;

use super::ConfigError;
use crate::net::is_public;

/// An address with a port, or `None` for `''`, the value of an unset environment variable.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Listen(Option<SocketAddr>);

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address: SocketAddr =
            text.parse().map_err(|_| format!("{text:?} is not an IP address with a port, such as 127.0.0.1:9405"))?;
        if address.port() == 0 {
            return Err(format!("{text:?} has no port from 1 to 65535"));
        }
        Ok(Self(Some(address)))
    }
}

impl Listen {
    /// Returns the address. Refuses a public one, including the wildcard address, unless `public` allows it.
    pub(super) fn resolve(written: Option<Self>, public: bool) -> Result<Option<SocketAddr>, ConfigError> {
        let Some(address) = written.and_then(|Self(address)| address) else { return Ok(None) };
        let open = address.ip().is_unspecified() || is_public(address.ip());
        if open && !public {
            return Err(ConfigError::at(
                "metrics_listen",
                format_args!("{address} may be reachable from the internet: set metrics_public to true to allow that"),
            ));
        }
        Ok(Some(address))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::config::Config;

    fn listens(config: Value) -> Result<Option<String>, String> {
        let config = Config::from_value(config).map_err(|error| error.to_string())?;
        Ok(config.metrics_listen.map(|address| address.to_string()))
    }

    #[test]
    fn a_private_address_is_accepted() {
        for address in ["127.0.0.1:9405", "[::1]:9405", "10.0.0.7:9405", "[fd00::7]:9405"] {
            assert_eq!(listens(json!({ "metrics_listen": address })), Ok(Some(address.to_owned())));
        }
        assert_eq!(listens(json!({ "metrics_listen": "" })), Ok(None));
        assert_eq!(listens(json!({ "metrics_listen": null })), Ok(None));
    }

    #[test]
    fn a_public_address_requires_metrics_public() {
        for address in ["0.0.0.0:9405", "[::]:9405", "8.8.8.8:9405", "[2600::7]:9405"] {
            let refusal = listens(json!({ "metrics_listen": address })).unwrap_err();
            assert!(refusal.starts_with("resonate-webhooks.metrics_listen: "), "{refusal}");
            assert!(refusal.contains("set metrics_public to true"), "{refusal}");
            let meant = json!({ "metrics_listen": address, "metrics_public": "true" });
            assert_eq!(listens(meant), Ok(Some(address.to_owned())));
        }
    }

    #[test]
    fn an_invalid_address_is_refused_with_its_key() {
        for text in ["9405", "localhost:9405", "127.0.0.1", "127.0.0.1:0", "/run/metrics.sock"] {
            let refusal = listens(json!({ "metrics_listen": text })).unwrap_err();
            assert!(refusal.starts_with("resonate-webhooks.metrics_listen: \""), "{refusal}");
        }
    }
}
