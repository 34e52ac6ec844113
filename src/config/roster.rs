//! The keys of the roster: `roster`.

use std::time::Duration;

use serde::Deserialize;

use super::scalar::Seconds;

const MONTH_MS: u32 = 30 * 24 * 3_600_000;

/// The keys of the roster: `{key_prefix}:{app id}:{channel}:{process}`, before its release 0.3 without the application.
/// They are in the same database as this package's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// Prefix of every key.
    pub key_prefix: String,
    /// Expiry of a key after its last refresh.
    pub ttl: Duration,
}

/// `roster` before it is resolved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with a key_prefix and a ttl")]
pub(super) struct WrittenRoster {
    key_prefix: Option<String>,
    ttl: Option<Seconds<1_000, MONTH_MS>>,
}

impl WrittenRoster {
    pub(super) fn resolve(self) -> Roster {
        Roster {
            key_prefix: self.key_prefix.unwrap_or_else(|| "roster".to_owned()),
            ttl: self.ttl.map_or(Duration::from_secs(90), Seconds::duration),
        }
    }
}
