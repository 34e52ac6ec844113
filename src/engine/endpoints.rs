//! Replaces the endpoints while the engine runs.

use super::demand::Demands;
use super::{Engine, Threads};
use crate::config::{Config, ConfigError};

impl Engine {
    /// Replaces the endpoints with those of `config`, and ignores the rest of `config`. Does not wait for deliveries.
    ///
    /// An endpoint with a known id replaces the old one. Its lanes keep their events, and an in-flight batch keeps its
    /// id and body but goes to the new target. Events for an endpoint that no longer exists become dead letters.
    ///
    /// # Errors
    /// If an endpoint is invalid. The message names the key, and nothing changes.
    pub fn set_endpoints(&self, config: Config) -> Result<(), ConfigError> {
        let mut current = self.endpoints.lock();
        if self.is_inert() || *current == config.endpoints {
            return Ok(());
        }
        if let Threads::Running(root) = &*self.threads.lock() {
            let endpoints = config.endpoints.clone();
            root.with(None, move |running| running.delivery.set_endpoints(endpoints)).unwrap_or(Ok(()))?;
        }
        // The other warnings were logged at boot.
        for warning in config.warnings.iter().filter(|warning| !self.config.warnings.contains(warning)) {
            self.shared.telemetry.log_warning(warning);
        }
        // Optional data is gathered from the first hook on, for the endpoints that existed then.
        if !self.demands.superset_of(&Demands::of(&config.endpoints)) {
            let message = "An endpoint newly requires connection_*, subscription_count, cache_miss or the extended payload, \
                           which this server does not gather for its application: restart the server";
            self.shared.telemetry.log_warning(message);
        }
        *current = config.endpoints;
        Ok(())
    }
}
