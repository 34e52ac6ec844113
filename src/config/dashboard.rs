//! The dashboard in the Laravel application: `dashboard`. The PHP package reads these settings itself. They are parsed
//! here only to refuse misspelt keys.

use serde::Deserialize;

use super::scalar::Switch;
use super::value::List;

/// The settings of the dashboard.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an array with enabled, path, domain or middleware")]
pub(super) struct Dashboard {
    enabled: Switch,
    path: Option<String>,
    domain: Option<String>,
    middleware: List<String>,
}
