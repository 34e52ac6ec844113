//! Other endpoints, while the engine runs.

use super::demand::Demands;
use super::{Engine, Threads};
use crate::config::{Config, ConfigError};
use crate::telemetry::Level;

impl Engine {
    /// Delivers to the endpoints of `config` from now on; the rest of it is not looked at. Waits for nobody.
    ///
    /// One with the id of another is that one, changed: its events wait where they waited, and a batch that was frozen keeps
    /// its id and body and goes to where the endpoint is now. What waits for one that is not there any more is given up.
    ///
    /// # Errors
    /// When one of them cannot be used; the message names the key. Then nothing has changed.
    pub fn set_endpoints(&self, config: Config) -> Result<(), ConfigError> {
        let mut current = self.endpoints.lock();
        if self.is_inert() || *current == config.endpoints {
            return Ok(());
        }
        if let Threads::Running(root) = &*self.threads.lock() {
            let endpoints = config.endpoints.clone();
            root.with(None, move |running| running.delivery.set_endpoints(endpoints)).unwrap_or(Ok(()))?;
        }
        // The others were logged when the engine was booted.
        for warning in config.warnings.iter().filter(|warning| !self.config.warnings.contains(warning)) {
            self.shared.telemetry.log(Level::Warning, warning);
        }
        // What is gathered was settled when the first hook came.
        if !self.demands.superset_of(&Demands::of(&config.endpoints)) {
            let message = "An endpoint asks for connection_*, subscription_count, cache_miss or the extended payload of \
                           applications for which none did when the server started: it gets them after a restart";
            self.shared.telemetry.log(Level::Warning, message);
        }
        *current = config.endpoints;
        Ok(())
    }
}
