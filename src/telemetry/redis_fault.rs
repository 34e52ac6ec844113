//! Reasons for failed requests to Redis. There are few enough for a label of a metric.

use strum::{EnumCount, IntoStaticStr, VariantArray};

/// The reason for a failed request to Redis. Converts to the name of its counter in `stats()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", prefix = "redis_errors_")]
#[repr(u8)]
pub enum RedisFault {
    /// The connection failed or broke.
    Unreachable,
    /// Redis is loading its data, busy, or failing over.
    Unavailable,
    /// `maxmemory` is reached.
    Full,
    /// Redis could not save its data.
    NotSaved,
    /// Redis has too few replicas.
    TooFewReplicas,
    /// Redis is a replica.
    ReadOnly,
    /// The user lacks a right.
    Forbidden,
    /// The login or the database is wrong.
    Login,
    /// Redis is too old.
    TooOld,
    /// Redis is in cluster mode, or a Sentinel.
    WrongMode,
    /// Redis refuses scripts.
    Scripts,
    /// Another program has written a key under the prefix with another type.
    WrongType,
    /// The data belongs to another cluster or has a newer schema.
    Mismatch,
    /// Redis rejected a call for another reason.
    Rejected,
}

impl RedisFault {
    /// Returns the label: the name of the counter without its prefix.
    pub(crate) fn label(self) -> &'static str {
        <&str>::from(self).trim_start_matches("redis_errors_")
    }
}
