//! The page in the Laravel application: `dashboard`. That reads these settings itself; here they are only checked, so that
//! a misspelt one is refused like any other.

use serde::Deserialize;

use super::endpoint::chosen;
use super::scalar::Switch;
use super::value::{List, unless_empty};

/// Where the page is, and who comes to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// Whether it is there.
    pub enabled: bool,
    /// Its path.
    pub path: String,
    /// Its host, where not all of the application's have it.
    pub domain: Option<String>,
    /// What a request passes through before it.
    pub middleware: Vec<String>,
}

/// The settings as they are written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with enabled, path, domain or middleware")]
pub(super) struct Written {
    enabled: Option<Switch>,
    #[serde(default, deserialize_with = "unless_empty")]
    path: Option<String>,
    #[serde(default, deserialize_with = "unless_empty")]
    domain: Option<String>,
    middleware: Option<List<String>>,
}

impl Written {
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
