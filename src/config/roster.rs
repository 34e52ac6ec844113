//! The keys of the roster: `roster`.

use std::time::Duration;

use serde::Deserialize;

use super::scalar::Seconds;

const MONTH_MS: u32 = 30 * 24 * 3_600_000;

/// The keys of the roster: `{key_prefix}:{app id}:{channel}:{process}`, before its release 0.3 without the application.
/// They are in the same database as this package's keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenRoster")]
pub struct Roster {
    /// Prefix of every key.
    pub key_prefix: String,
    /// Expiry of a key after its last refresh.
    pub ttl: Duration,
}

/// `roster` before it is resolved.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an array with a key_prefix and a ttl")]
struct WrittenRoster {
    key_prefix: Option<String>,
    ttl: Seconds<1_000, MONTH_MS, 90_000>,
}

impl From<WrittenRoster> for Roster {
    fn from(WrittenRoster { key_prefix, ttl }: WrittenRoster) -> Self {
        Self { key_prefix: key_prefix.unwrap_or_else(|| "roster".to_owned()), ttl: ttl.duration() }
    }
}
