//! The dashboard in the Laravel application: `dashboard`. The PHP package reads these settings itself. They are parsed
//! here only to refuse misspelt keys.

use serde::Deserialize;

use super::endpoint::chosen;
use super::scalar::Switch;
use super::value::{List, unless_empty};

/// The settings of the dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// `true` if the dashboard is served.
    pub enabled: bool,
    /// Path of the dashboard.
    pub path: String,
    /// Host name of the dashboard. `None` for all of the application's.
    pub domain: Option<String>,
    /// Middleware of its routes.
    pub middleware: Vec<String>,
}

/// `dashboard` before it is resolved.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with enabled, path, domain or middleware")]
pub(super) struct WrittenDashboard {
    enabled: Option<Switch>,
    #[serde(default, deserialize_with = "unless_empty")]
    path: Option<String>,
    #[serde(default, deserialize_with = "unless_empty")]
    domain: Option<String>,
    middleware: Option<List<String>>,
}

impl WrittenDashboard {
    pub(super) fn resolve(self) -> Dashboard {
        Dashboard {
            enabled: chosen(self.enabled, true),
            path: self.path.unwrap_or_else(|| "resonate-webhooks".to_owned()),
            domain: self.domain,
            middleware: self.middleware.map_or_else(
                || vec!["web".to_owned()],
                |List(entries)| entries.into_iter().map(|(_, name)| name).collect(),
            ),
        }
    }
}
