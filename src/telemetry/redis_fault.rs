//! Why requests to Redis failed, in few enough words for a label of a metric.

use std::time::Instant;

use parking_lot::Mutex;

use super::Counter;

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $label:literal,)*) => {
        /// Why a request to Redis failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum RedisFault {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl RedisFault {
            /// All of them.
            pub const ALL: [Self; [$($label),*].len()] = [$(Self::$variant),*];

            /// The label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }

            /// What counts it in `stats()`.
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
    /// No connection could be made, or it broke.
    Unreachable = "unreachable",
    /// Redis loads its data, is busy, or fails over.
    Unavailable = "unavailable",
    /// `maxmemory` is reached.
    Full = "full",
    /// It could not save its data.
    NotSaved = "not_saved",
    /// It has too few replicas.
    TooFewReplicas = "too_few_replicas",
    /// It is a replica.
    ReadOnly = "read_only",
    /// The user lacks a right.
    Forbidden = "forbidden",
    /// The login is wrong, or the database.
    Login = "login",
    /// It is too old.
    TooOld = "too_old",
    /// It is in cluster mode, or a Sentinel.
    WrongMode = "wrong_mode",
    /// It refuses scripts.
    Scripts = "scripts",
    /// A key of ours is of a foreign type.
    WrongType = "wrong_type",
    /// The data is another cluster's, or in a newer schema.
    Mismatch = "mismatch",
    /// It rejected a call for another reason.
    Rejected = "rejected",
}

/// Failures of one kind.
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

    /// How many there were, and when the last one was.
    pub(super) fn told(&self) -> (u64, Option<Instant>) {
        (self.count.get(), *self.last.lock())
    }
}
