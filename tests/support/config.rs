//! Parses configurations that must be accepted or rejected.

use resonate_webhooks::config::Config;
use serde_json::Value;

/// Returns the configuration.
///
/// # Panics
/// If it is rejected.
pub(crate) fn accepted(value: Value) -> Config {
    Config::from_value(value).unwrap_or_else(|error| panic!("refused: {error}"))
}

/// Returns the reason of the rejection.
///
/// # Panics
/// If it is accepted.
pub(crate) fn refusal(value: Value) -> String {
    match Config::from_value(value) {
        Ok(config) => panic!("should have been refused: {config:?}"),
        Err(error) => error.to_string(),
    }
}
