//! Reasons for failed requests to Redis. There are few enough for a label of a metric.

use std::time::Instant;

use parking_lot::Mutex;

use super::Counter;

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $label:literal,)*) => {
        /// The reason for a failed request to Redis.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum RedisFault {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl RedisFault {
            /// All reasons.
            pub const ALL: [Self; [$($label),*].len()] = [$(Self::$variant),*];

            /// Returns the label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }

            /// Returns the name of its counter in `stats()`.
            #[must_use]
            pub const fn stat(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("redis_errors_", $label),)*
                }
            }
        }
    };
}

faults! {
    /// The connection failed or broke.
    Unreachable = "unreachable",
    /// Redis is loading its data, busy, or failing over.
    Unavailable = "unavailable",
    /// `maxmemory` is reached.
    Full = "full",
    /// Redis could not save its data.
    NotSaved = "not_saved",
    /// Redis has too few replicas.
    TooFewReplicas = "too_few_replicas",
    /// Redis is a replica.
    ReadOnly = "read_only",
    /// The user lacks a right.
    Forbidden = "forbidden",
    /// The login or the database is wrong.
    Login = "login",
    /// Redis is too old.
    TooOld = "too_old",
    /// Redis is in cluster mode, or a Sentinel.
    WrongMode = "wrong_mode",
    /// Redis refuses scripts.
    Scripts = "scripts",
    /// Another program has written a key under the prefix with another type.
    WrongType = "wrong_type",
    /// The data belongs to another cluster or has a newer schema.
    Mismatch = "mismatch",
    /// Redis rejected a call for another reason.
    Rejected = "rejected",
}

/// The failures for one reason.
#[derive(Debug, Default)]
pub(super) struct Failures {
    count: Counter,
    last: Mutex<Option<Instant>>,
}

impl Failures {
    pub(super) fn add(&self, now: Instant) {
        self.count.add(1);
        *self.last.lock() = Some(now);
    }

    /// Returns their number and the time of the last one.
    pub(super) fn snapshot(&self) -> (u64, Option<Instant>) {
        (self.count.get(), *self.last.lock())
    }
}
