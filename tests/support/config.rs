//! Configurations, accepted or refused.

use resonate_webhooks::config::Config;
use serde_json::Value;

/// What this is read as.
///
/// # Panics
/// When it is refused.
pub(crate) fn accepted(value: Value) -> Config {
    Config::from_value(value).unwrap_or_else(|error| panic!("refused: {error}"))
}

/// Why this is refused.
///
/// # Panics
/// When it is accepted.
pub(crate) fn refusal(value: Value) -> String {
    match Config::from_value(value) {
        Ok(config) => panic!("should have been refused: {config:?}"),
        Err(error) => error.to_string(),
    }
}
