//! Where the roster keeps its keys.

use std::time::Duration;

use serde::Deserialize;

use super::scalar::Seconds;

const MONTH_MS: u32 = 30 * 24 * 3_600_000;

/// The keys of the roster, `{key_prefix}:{app id}:{channel}:{process}` and before its release 0.3 without the application, in
/// the same database as ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// Starts every key.
    pub key_prefix: String,
    /// How long a key lives from when it was last refreshed.
    pub ttl: Duration,
}

/// `roster` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with a key_prefix and a ttl")]
pub(super) struct Written {
    key_prefix: Option<String>,
    ttl: Option<Seconds<1_000, MONTH_MS>>,
}

impl Written {
    pub(super) fn resolve(self) -> Roster {
        Roster {
            key_prefix: self.key_prefix.unwrap_or_else(|| "roster".to_owned()),
            ttl: self.ttl.map_or(Duration::from_secs(90), Seconds::duration),
        }
    }
}
